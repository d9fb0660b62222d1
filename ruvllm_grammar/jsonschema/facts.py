"""What a schema visibly says: its plain keywords, read from the JSON in one pass that raises nothing.

A keyword with a value that the metaschema does not allow, or whose meaning depends on what stands elsewhere, makes the
facts not *plain*; then `keywords` reads the schema and says what is wrong, or what it means. For what plain facts are
good for see `plain`.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from decimal import Decimal
from functools import lru_cache
from types import MappingProxyType
from typing import Any, Final
from urllib.parse import unquote

from ruvllm_grammar.jsonschema import formats as format_table
from ruvllm_grammar.jsonschema.document import Document
from ruvllm_grammar.jsonschema.drafts import Draft
from ruvllm_grammar.jsonschema.keywords import READERS
from ruvllm_grammar.jsonschema.support import TABLE
from ruvllm_grammar.jsonschema.values import ALL_KINDS, is_number, spellable

#: Powers of ten within which numbers need no second look.
_POWER: Final = 300
_LARGE: Final = 10**_POWER

_KIND_OF: Final = {"integer": "number", **{one: one for one in ALL_KINDS}}
_ONLY: Final = {name: frozenset((one,)) for name, one in _KIND_OF.items()}


class Facts:
    """What one schema says, as far as plain keywords say it. Fields stand in the class until something is said."""

    plain = True
    asserting = 0  #: keywords that assert something, `type` apart
    kinds = ALL_KINDS
    integer = False
    values: list[Any] | None = None
    bounds: tuple[tuple[str, int | Decimal], ...] = ()
    low = 0
    high: int | None = None
    pattern: str | None = None
    format: str | None = None
    properties: Mapping[str, Any] = MappingProxyType({})
    patterns: Mapping[str, Any] = MappingProxyType({})
    additional: Any = True
    required: Sequence[str] = ()
    min_members = 0
    max_members: int | None = None
    prefix: Sequence[Any] = ()
    items: Any = True
    min_items = 0
    max_items: int | None = None
    unique = False
    reference: Any = None
    branches: list[Any] | None = None
    exclusive = False
    parts: Sequence[Any] = ()  #: schemas that hold beside each other
    merged: Sequence[Facts] = ()  #: what they say, with what is said here
    shared: Sequence[str] = ()  #: names to which several of them give a schema


class FactReader:
    """Reads the schemas of one document.

    Attributes:
        children: schemas that the ones read so far have, or refer to; whoever reads on empties it.
        targets: references within the document, and the schemas they lead to (None: nowhere).
        annotated: some schema asks what others evaluate.
    """

    def __init__(self, document: Document, *, formats: bool, content: bool) -> None:
        self._root = document.root.schema
        self._draft = document.root.draft
        self._formats = formats
        self._content_asserted = content
        self._readers = _readers(self._draft)
        self.targets: dict[str, Any] = {}
        self.annotated = False
        self.children: list[Any] = []

    def read(self, schema: dict[str, Any]) -> Facts:
        """What one schema says; `children` grows by the schemas in it, and by what it refers to."""
        facts = Facts()
        if self._draft.ref_hides_siblings and isinstance(schema.get("$ref"), str):
            schema = {"$ref": schema["$ref"]}
        readers = self._readers
        for keyword, value in schema.items():
            reader = readers.get(keyword)
            if reader is not None:
                reader(self, facts, value, keyword)
        return facts

    def inner(self, schema: dict[str, Any]) -> Facts:
        """What one schema says; `children` stay as they are."""
        kept, self.children = self.children, []
        facts = self.read(schema)
        self.children = kept
        return facts

    def asserting(self, schema: dict[str, Any]) -> set[str]:
        """The keywords of a schema that mean something."""
        return self._readers.keys() & schema

    # ------------------------------------------------------------------------------------------------- keywords

    def _ref(self, facts: Facts, value: Any, _: str) -> None:
        facts.asserting += 1
        target = self._target(value) if isinstance(value, str) else None
        if target is None:
            facts.plain = False
        else:
            facts.reference = target
            self.children.append(target)

    def _target(self, reference: str) -> Any:
        """The schema within the document that a reference leads to; None for any other reference."""
        if reference not in self.targets:
            self.targets[reference] = self._walk(reference)
        return self.targets[reference]

    def _walk(self, reference: str) -> Any:
        if reference == "#":
            return self._root
        if not reference.startswith("#/"):
            return None
        current: Any = self._root
        try:
            steps = unquote(reference[2:], errors="strict").split("/")
        except UnicodeDecodeError:
            return None
        for step in steps:
            step = step.replace("~1", "/").replace("~0", "~")
            if isinstance(current, dict) and step in current:
                current = current[step]
            elif isinstance(current, list) and step.isascii() and step.isdigit() and int(step) < len(current):
                current = current[int(step)]
            else:
                return None
        return current if isinstance(current, (dict, bool)) else None

    def _union(self, facts: Facts, value: Any, keyword: str) -> None:
        facts.asserting += 1
        if (
            not isinstance(value, list)
            or not value
            or not all(isinstance(one, (dict, bool)) for one in value)
        ):
            facts.plain = False
            return
        self.children.extend(value)
        if keyword == "allOf" and len(value) > 1:
            facts.parts = value
        elif keyword != "allOf" and facts.branches is not None:
            facts.plain = False
        elif len(value) == 1:  # a must, like a reference
            facts.plain = facts.plain and facts.reference is None
            facts.reference = value[0]
        else:
            facts.branches = value
            facts.exclusive = keyword == "oneOf"

    def _type(self, facts: Facts, value: Any, _: str) -> None:
        if isinstance(value, str):
            found = _ONLY.get(value)
            facts.integer = value == "integer"
        elif (
            isinstance(value, list)
            and value
            and all(isinstance(one, str) and one in _KIND_OF for one in value)
        ):
            found = frozenset(_KIND_OF[one] for one in value)
            facts.integer = "integer" in value and "number" not in value
        else:
            found = None
        if found is None:
            facts.plain = False
        else:
            facts.kinds = found

    def _listed(self, facts: Facts, value: Any, keyword: str) -> None:
        facts.asserting += 1
        values = [value] if keyword == "const" else value
        if not isinstance(values, list) or facts.values is not None or not all(map(_harmless, values)):
            facts.plain = False
        else:
            facts.values = values

    def _bound(self, facts: Facts, value: Any, keyword: str) -> None:
        facts.asserting += 1
        if (
            isinstance(value, bool)
            and keyword.startswith("e")
            and (self._draft.number == 4 or self._draft.lenient)
        ):
            return  # it opens the bound beside it
        if (
            not is_number(value)
            or not _moderate(value)
            or (self._draft.number == 4 and keyword.startswith("e"))
        ):
            facts.plain = False
        else:
            facts.bounds += ((keyword, value),)

    def _size(self, facts: Facts, value: Any, keyword: str) -> None:
        facts.asserting += 1
        if not isinstance(value, int) or isinstance(value, bool) or value < 0:
            facts.plain = False
            return
        setattr(facts, _SIZES[keyword], value)

    def _pattern(self, facts: Facts, value: Any, _: str) -> None:
        facts.asserting += 1
        if isinstance(value, str):
            facts.pattern = value
        else:
            facts.plain = False

    def _format(self, facts: Facts, value: Any, _: str) -> None:
        if not isinstance(value, str):
            facts.plain = False
        elif self._formats and format_table.strings(value, self._draft.number) is not None:
            facts.asserting += 1
            facts.format = value

    def _content(self, facts: Facts, value: Any, keyword: str) -> None:
        wanted = (dict, bool) if keyword == "contentSchema" else str
        if self._content_asserted or not isinstance(value, wanted):
            facts.plain = False

    def _members(self, facts: Facts, value: Any, _: str) -> None:
        facts.asserting += 1
        if not isinstance(value, dict) or not all(isinstance(one, (dict, bool)) for one in value.values()):
            facts.plain = False
            return
        facts.properties = value
        self.children.extend(value.values())

    def _pattern_members(self, facts: Facts, value: Any, _: str) -> None:
        facts.asserting += 1
        if not isinstance(value, dict) or not all(isinstance(one, (dict, bool)) for one in value.values()):
            facts.plain = False
            return
        facts.patterns = value
        self.children.extend(value.values())

    def _additional(self, facts: Facts, value: Any, _: str) -> None:
        facts.asserting += 1
        facts.additional = value
        self._one(facts, value)

    def _required(self, facts: Facts, value: Any, _: str) -> None:
        facts.asserting += 1
        if not isinstance(value, list) or not all(isinstance(one, str) for one in value):
            facts.plain = False
        else:
            facts.required = value

    def _items(self, facts: Facts, value: Any, keyword: str) -> None:
        facts.asserting += 1
        if isinstance(value, list):
            if not value or not all(isinstance(one, (dict, bool)) for one in value):
                facts.plain = False
            elif keyword == "items" and self._draft.number >= 2020:
                facts.plain = False
                self.children.extend(value)
            else:
                facts.prefix = value
                self.children.extend(value)
        elif keyword == "items":
            facts.items = value
            self._one(facts, value)
        else:
            facts.plain = False

    def _unique(self, facts: Facts, value: Any, _: str) -> None:
        facts.asserting += 1
        if isinstance(value, bool):
            facts.unique = value
        else:
            facts.plain = False

    def _one(self, facts: Facts, value: Any) -> None:
        if isinstance(value, (dict, bool)):
            self.children.append(value)
        else:
            facts.plain = False

    def _branch(self, facts: Facts, value: Any, _: str) -> None:
        """`then` and `else`: without `if` they assert nothing, and `if` is not plain."""
        if isinstance(value, dict):
            self.children.append(value)
        elif not isinstance(value, bool):
            facts.plain = False

    def _other(self, facts: Facts, value: Any, keyword: str) -> None:
        """Not plain; what it holds may be."""
        facts.plain = False
        self.annotated = self.annotated or keyword in _ANNOTATED
        values = value.values() if isinstance(value, dict) and keyword in _MAPS else (value,)
        self.children.extend(one for one in values if isinstance(one, dict))


def _harmless(value: Any) -> bool:
    """Whether a listed value can be written as it is, scalars at least."""
    if isinstance(value, str):
        return value.isascii() or spellable(value)
    if isinstance(value, (int, Decimal)):
        return _moderate(value)
    if isinstance(value, list):
        return all(map(_harmless, value))
    if isinstance(value, dict):
        return all(map(spellable, value)) and all(map(_harmless, value.values()))
    return True


def _moderate(value: int | Decimal) -> bool:
    if isinstance(value, int):
        return -_LARGE < value < _LARGE
    return abs(value.adjusted()) < _POWER and len(value.as_tuple().digits) < _POWER


_SIZES: Final = {
    "minLength": "low", "maxLength": "high", "minItems": "min_items", "maxItems": "max_items",
    "minProperties": "min_members", "maxProperties": "max_members",
}  # fmt: skip
_ANNOTATED: Final = frozenset(("unevaluatedProperties", "unevaluatedItems"))
_MAPS: Final = frozenset(("dependentSchemas", "dependencies"))

_Reader = Callable[[FactReader, Facts, Any, str], None]
_PLAIN: Final[dict[str, _Reader]] = {
    "$ref": FactReader._ref,  # noqa: SLF001 - its own table
    "allOf": FactReader._union,  # noqa: SLF001
    "anyOf": FactReader._union,  # noqa: SLF001
    "oneOf": FactReader._union,  # noqa: SLF001
    "then": FactReader._branch,  # noqa: SLF001
    "else": FactReader._branch,  # noqa: SLF001
    "type": FactReader._type,  # noqa: SLF001
    "enum": FactReader._listed,  # noqa: SLF001
    "const": FactReader._listed,  # noqa: SLF001
    "minimum": FactReader._bound,  # noqa: SLF001
    "maximum": FactReader._bound,  # noqa: SLF001
    "exclusiveMinimum": FactReader._bound,  # noqa: SLF001
    "exclusiveMaximum": FactReader._bound,  # noqa: SLF001
    **dict.fromkeys(_SIZES, FactReader._size),  # noqa: SLF001
    "pattern": FactReader._pattern,  # noqa: SLF001
    "format": FactReader._format,  # noqa: SLF001
    "contentEncoding": FactReader._content,  # noqa: SLF001
    "contentMediaType": FactReader._content,  # noqa: SLF001
    "contentSchema": FactReader._content,  # noqa: SLF001
    "properties": FactReader._members,  # noqa: SLF001
    "patternProperties": FactReader._pattern_members,  # noqa: SLF001
    "additionalProperties": FactReader._additional,  # noqa: SLF001
    "required": FactReader._required,  # noqa: SLF001
    "items": FactReader._items,  # noqa: SLF001
    "prefixItems": FactReader._items,  # noqa: SLF001
    "uniqueItems": FactReader._unique,  # noqa: SLF001
}


@lru_cache(maxsize=64)
def _readers(draft: Draft) -> dict[str, _Reader]:
    """How to look at every keyword that means something in a draft."""
    return {word: _PLAIN.get(word, FactReader._other) for word in READERS if TABLE[word].active(draft)}  # noqa: SLF001
