"""Schemas that hurt, one by one: CPU time of compiling, of the first mask and of every mask, with verdicts checked.

    python bench/pathological.py
    python bench/pathological.py --only enum_10000 --dry

The cases are those that engines are known to stumble over: long strings and lists, large enums, patterns with nested
repetitions, hundreds of properties or branches, keywords that ask for counting, negation or comparison, and more than a
hundred tools in one grammar. Every case is built by this script, with documents that are valid and documents that are
not. Each document is walked token by token with Llama 3's 128,256 ids, a mask before every token; a valid one must be
legal and accepted, an invalid one must fail somewhere. A wrong verdict is printed and recorded, and the script fails.

CPU time of this thread, collector frozen, everything that belongs to the vocabulary warm, everything of the case cold.
"""

from __future__ import annotations

import argparse
import gc
import json
import os
import platform
import sys
import time
from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from importlib.metadata import version
from pathlib import Path
from typing import Any

import numpy as np

import ruvllm_grammar as rg
from ruvllm_runtime.model.encode import LongestMatchEncoder
from ruvllm_runtime.model.installed import llama3

ROOT = Path(__file__).resolve().parent
WARM: tuple[Any, ...] = (
    True,
    {"type": "object", "properties": {"a": {"type": "string", "maxLength": 9}}},
    {"pattern": "^[a-z]+$"},
)


class Text(str):
    """A document as it is spelled, JSON or not."""

    __slots__ = ()


@dataclass(frozen=True, slots=True)
class Case:
    """A schema with documents that it accepts, and documents that it does not."""

    name: str
    schema: Any
    valid: tuple[Any, ...]
    invalid: tuple[Any, ...] = ()


def main() -> int:
    """Run the cases, print a table, and write results/pathological.json; 1 where a verdict is wrong."""
    parser = argparse.ArgumentParser(description=__doc__.partition("\n")[0])
    parser.add_argument("--only", action="append", help="names of cases")
    parser.add_argument("--dry", action="store_true", help="print only")
    arguments = parser.parse_args()
    vocabulary = llama3()
    if vocabulary is None:
        sys.exit("needs the package llama-models")
    encoder = LongestMatchEncoder(vocabulary)
    mask = rg.allocate_bitmask(1, vocabulary.size)[0]
    for schema in WARM:
        rg.compile(rg.JsonSchema(schema), vocabulary).matcher().fill_mask(mask)
    gc.collect()
    gc.freeze()
    gc.disable()
    rows = []
    for case in cases():
        if not arguments.only or case.name in arguments.only:
            row = measured(case, vocabulary, encoder, mask)
            rows.append(row)
            print(
                f"{row['case']:28} compile {row['compile ms']:8.2f} ms  first mask {row['first mask ms']:7.2f} ms  "
                f"mask p50 {row['mask us']['p50']:7.1f}  max {row['mask us']['max']:8.1f} us  "
                f"{'; '.join(row['wrong']) or 'ok'}"
            )
    found = {
        "what": "CPU time of schemas that hurt; verdicts checked",
        "command": " ".join(["python", "bench/pathological.py", *sys.argv[1:]]),
        "machine": {
            "python": platform.python_version(),
            "cores": os.cpu_count(),
            "system": platform.platform(),
            "load": round(os.getloadavg()[0], 1),
        },
        "versions": {name: version(name) for name in ("ruvllm", "numba", "numpy")},
        "vocabulary": {"name": "llama3", "ids": vocabulary.size},
        "cases": rows,
    }
    if not arguments.dry and not arguments.only:
        text = json.dumps(found, indent=1)
        (ROOT / "results" / "pathological.json").write_text(text + "\n", encoding="utf-8")
    return any(row["wrong"] for row in rows)


def measured(
    case: Case, vocabulary: rg.Vocabulary, encoder: LongestMatchEncoder, mask: np.ndarray
) -> dict[str, Any]:
    """One case: compile, first mask, every mask along every document, verdicts."""
    start = time.thread_time()
    grammar = rg.compile(rg.JsonSchema(case.schema), vocabulary)
    compiled = time.thread_time()
    grammar.matcher().fill_mask(mask)
    first = time.thread_time()
    spent: list[float] = []
    wrong = []
    for wanted, documents in ((True, case.valid), (False, case.invalid)):
        for document in documents:
            text = str(document) if isinstance(document, Text) else json.dumps(document, ensure_ascii=False)
            if walked(grammar, encoder.encode(text), mask, spent) is not wanted:
                wrong.append(f"{'valid refused' if wanted else 'invalid accepted'}: {text[:60]}")
            if grammar.accepts(text) is not wanted:
                wrong.append(f"accepts() is wrong about {text[:60]}")
    return {
        "case": case.name,
        "compile ms": round((compiled - start) * 1e3, 3),
        "first mask ms": round((first - compiled) * 1e3, 3),
        "masks": len(spent),
        "mask us": {
            name: round(float(np.percentile(spent, at)), 2)
            for name, at in (("p50", 50), ("p99", 99), ("max", 100))
        },
        "guards": len(grammar.guards),
        "wrong": wrong,
    }


def walked(grammar: rg.CompiledGrammar, tokens: Iterable[int], mask: np.ndarray, spent: list[float]) -> bool:
    """Whether a document is legal token by token; the time of every mask is added to `spent`."""
    matcher = grammar.matcher()
    for token in tokens:
        start = time.thread_time_ns()
        matcher.fill_mask(mask)
        spent.append((time.thread_time_ns() - start) / 1e3)
        if not mask[token >> 5] >> (token & 31) & 1:
            return False
        matcher.accept(token)
    return matcher.is_accepting


# ------------------------------------------------------------------------------------------------------------ cases


def _object(properties: dict[str, Any], *required: str, closed: bool = False, **more: Any) -> dict[str, Any]:
    schema: dict[str, Any] = {"type": "object", "properties": properties, **more}
    if required:
        schema["required"] = list(required)
    return schema | {"additionalProperties": False} if closed else schema


def cases() -> Iterator[Case]:
    """Every case."""
    yield from _strings()
    yield from _lists()
    yield from _objects()
    yield from _unions()
    yield from _keywords()


def _strings() -> Iterator[Case]:
    yield Case("string_plain", {"type": "string"}, ("plain words, é and 漢字",), (1, []))
    for high in (64, 512, 10_000, 100_000):
        full = "lorem ipsum " * (min(high, 10_000) // 12)
        yield Case(
            f"maxLength_{high}",
            {"type": "string", "maxLength": high},
            (full,),
            ("x" * (high + 1),) if high <= 512 else (7,),
        )
    yield Case(
        "minmaxLength_5000_10000",
        {"type": "string", "minLength": 5000, "maxLength": 10_000},
        ("lorem ipsum " * 420,),
        ("lorem",),
    )
    for size in (100, 1000, 10_000):
        words = [f"value {i * 7919 % 100_003:05d} of {size}" for i in range(size)]
        yield Case(
            f"enum_{size}",
            {"enum": words},
            (words[0], words[-1], words[size // 2]),
            ("value", words[0] + "x"),
        )
    yield Case(
        "pattern_unicode",
        {"type": "string", "pattern": r"^\w{1,40}( \w{1,40}){0,50}$"},
        ("some words " * 20 + "end",),
        ("naïve", "two  spaces"),
    )
    yield Case(
        "pattern_nested_rep",
        {"type": "string", "pattern": "^(([a-z]{1,8}-){1,5}[0-9]{2,6}[.]){1,10}$"},
        ("ab-cde-12.xyz-a-123456.",),
        ("ab-cde-1.", "ab12."),
    )
    yield Case(
        "pattern_plus_len",
        {"type": "string", "pattern": "^[a-z]+$", "minLength": 3, "maxLength": 10},
        ("abc", "abcdefghij"),
        ("ab", "abcdefghijk", "abC"),
    )
    escaped = Text('"' + r"\u00e9\u00e9\ud83d\ude00\n" + '"')
    yield Case(
        "escapes_in_maxLength",
        {"type": "string", "maxLength": 12},
        ('a"b\\c\nd\te', escaped),
        ("é" * 13, Text('"' + r"\u00e9" * 13 + '"')),
    )


def _lists() -> Iterator[Case]:
    numbers = {"type": "array", "items": {"type": "integer"}}
    yield Case(
        "array_min5_max1000",
        numbers | {"minItems": 5, "maxItems": 1000},
        (list(range(400)),),
        ([1, 2, 3, 4], list(range(1001))),
    )
    yield Case("maxItems_100000", numbers | {"maxItems": 100_000}, (list(range(1500)),), (["a"],))
    nested: Any = {"type": "number"}
    document: Any = 1.5
    for _ in range(5):
        nested = {"type": "array", "items": nested, "maxItems": 10}
        document = [document] * 2
    yield Case("nested_arrays_5_10", nested, (document,), ([[[[[[1]]]]]], [1]))
    item = _object(
        {"id": {"type": "integer"}, "name": {"type": "string"}, "ok": {"type": "boolean"}}, "id", "name"
    )
    many = [{"id": i, "name": f"name of {i}", "ok": i % 2 == 0} for i in range(1000)]
    yield Case("array_of_1000_objects", {"type": "array", "items": item}, (many,), ([{"id": 1}],))
    deep = "[" * 1000 + "]" * 1000
    yield Case(
        "brackets_1000",
        {"type": "array", "items": {"$ref": "#"}},
        (Text(deep),),
        (Text(deep + "]"), Text("[1]")),
    )
    tree = _object(
        {"value": {"type": "integer"}, "children": {"type": "array", "items": {"$ref": "#"}}},
        "value",
        closed=True,
    )
    leaf: Any = {"value": 0}
    for level in range(1, 12):
        leaf = {"value": level, "children": [leaf, {"value": -level}]}
    yield Case("recursive_tree", tree, (leaf,), ({"children": []}, {"value": 1, "children": [2]}))


def _objects() -> Iterator[Case]:
    for size in (50, 500):
        properties = {f"property_{i}": {"type": ("string", "integer", "boolean")[i % 3]} for i in range(size)}
        some = {f"property_{i}": ("text", i, True)[i % 3] for i in range(0, size, 7)}
        yield Case(
            f"optional_props_{size}",
            _object(properties, closed=True),
            (some, {}),
            ({"property_0": 1}, {"other": 1}, {"property_1": 1, f"property_{size}": 1}),
        )
    declared = {f"declared_{i}": {"type": "integer"} for i in range(100)}
    yield Case(
        "additional_with_100props",
        _object(declared, additionalProperties={"type": "string"}),
        ({"declared_1": 1, "declared_77": 2, "declare": "a", "other": "b"},),
        ({"declared_1": "a"}, {"other": 1}, Text('{"other": "a", "other": "b"}')),
    )
    yield Case(
        "minProperties_map",
        {
            "type": "object",
            "minProperties": 2,
            "maxProperties": 4,
            "additionalProperties": {"type": "integer"},
        },
        ({"a": 1, "b": 2}, {"a": 1, "b": 2, "c": 3, "d": 4}),
        ({"a": 1}, {"a": 1, "b": 2, "c": 3, "d": 4, "e": 5}),
    )
    yield Case(
        "propertyNames",
        {
            "type": "object",
            "propertyNames": {"pattern": "^[a-z]{2,8}$"},
            "additionalProperties": {"type": "integer"},
        },
        ({"ab": 1, "cdefg": 2},),
        ({"A": 1}, {"abcdefghi": 1}),
    )
    yield Case(
        "patternProps_overlap",
        {
            "type": "object",
            "patternProperties": {"^a": {"type": "integer"}, "z$": {"minimum": 10}},
            "additionalProperties": False,
        },
        ({"ab": 1, "az": 10, "bz": "text"},),
        ({"az": 9}, {"ab": "text"}, {"c": 1}),
    )


def _unions() -> Iterator[Case]:
    shapes = [
        _object(
            {f"field_{i}": {"type": "string"}, f"size_{i}": {"type": "integer"}}, f"field_{i}", closed=True
        )
        for i in range(200)
    ]
    yield Case(
        "anyOf_200_objects",
        {"anyOf": shapes},
        ({"field_0": "a"}, {"field_199": "b", "size_199": 3}),
        ({"field_1": 1}, {}),
    )
    yield Case("oneOf_200_objects", {"oneOf": shapes}, ({"field_100": "a", "size_100": 1},), ({"size_3": 1},))
    alike = [
        _object(
            {"kind": {"type": "string"}, "common": {"type": "integer"}, f"own_{i}": {"type": "string"}},
            f"own_{i}",
        )
        for i in range(40)
    ]
    yield Case(
        "anyOf_same_prefix_40",
        {"anyOf": alike},
        ({"kind": "a", "common": 1, "own_7": "x"}, {"own_39": "y"}),
        ({"kind": "a", "common": 1}, {"kind": 1, "own_3": "a"}),
    )
    tagged = [
        _object(
            {"kind": {"const": f"kind {i}"}, f"value_{i}": {"type": "integer"}},
            "kind",
            f"value_{i}",
            closed=True,
        )
        for i in range(100)
    ]
    yield Case(
        "oneOf_const_tag",
        {"oneOf": tagged},
        ({"kind": "kind 42", "value_42": 1},),
        ({"kind": "kind 42", "value_41": 1}, {"kind": "kind 100", "value_1": 1}),
    )
    for count in (128, 400):
        tools = [
            _object(
                {
                    "name": {"const": f"tool_{i}"},
                    "arguments": _object(
                        {
                            f"argument_{i}_{j}": {"type": ("string", "integer", "boolean")[j % 3]}
                            for j in range(5)
                        },
                        f"argument_{i}_0",
                    ),
                },
                "name",
                "arguments",
                closed=True,
            )
            for i in range(count)
        ]
        call = {"name": "tool_77", "arguments": {"argument_77_0": "text", "argument_77_1": 5}}
        yield Case(
            f"tools_{count}",
            {"anyOf": tools},
            (call,),
            ({"name": "tool_77", "arguments": {"argument_76_1": 5}}, {"name": "tool"}),
        )
    yield Case(
        "allOf_inherit",
        {
            "$defs": {"base": _object({"id": {"type": "integer"}, "name": {"type": "string"}}, "id")},
            "allOf": [
                {"$ref": "#/$defs/base"},
                _object({"extra": {"type": "string", "maxLength": 20}}, "extra"),
            ],
        },
        ({"id": 1, "extra": "x"}, {"id": 2, "name": "n", "extra": "y"}),
        ({"id": 1}, {"extra": "x"}, {"id": "1", "extra": "x"}),
    )


def _keywords() -> Iterator[Case]:
    yield Case(
        "not_pattern", {"type": "string", "not": {"pattern": "^(admin|root)"}}, ("user",), ("admin", "rooted")
    )
    yield Case("not_const", {"type": "string", "not": {"const": "no"}}, ("yes", "nope"), ("no",))
    yield Case(
        "if_then_else",
        _object(
            {"country": {"enum": ["us", "nl"]}, "code": {"type": "string"}},
            "country",
            "code",
        )
        | {
            "if": {"properties": {"country": {"const": "us"}}},
            "then": {"properties": {"code": {"pattern": "^[0-9]{5}$"}}},
            "else": {"properties": {"code": {"pattern": "^[0-9]{4} [A-Z]{2}$"}}},
        },
        ({"country": "us", "code": "12345"}, {"country": "nl", "code": "1234 AB"}),
        ({"country": "us", "code": "1234 AB"}, {"country": "nl", "code": "12345"}),
    )
    yield Case(
        "dependentRequired",
        _object(
            {"card": {"type": "integer"}, "address": {"type": "string"}},
            dependentRequired={"card": ["address"]},
        ),
        ({"card": 1, "address": "a"}, {"address": "a"}, {}),
        ({"card": 1},),
    )
    yield Case(
        "uniqueItems_enum",
        {"type": "array", "items": {"enum": ["red", "green", "blue"]}, "uniqueItems": True},
        (["red", "green", "blue"], []),
        (["red", "red"],),
    )
    yield Case(
        "contains",
        {"type": "array", "items": {"type": ["integer", "string"]}, "contains": {"type": "string"}},
        ([1, "a", 2],),
        ([1, 2], []),
    )
    yield Case(
        "multipleOf_7_range",
        {"type": "integer", "multipleOf": 7, "minimum": 0, "maximum": 1000},
        (0, 7, 994),
        (1, 1001),
    )
    yield Case(
        "multipleOf_0.01", {"type": "number", "multipleOf": 0.01}, (Text("3.14"), Text("2")), (Text("3.141"),)
    )
    yield Case("any_json", True, ({"a": [1, "x", None, {"b": True}]},), (Text("{1}"),))


if __name__ == "__main__":
    sys.exit(main())
