"""The same schemas under other vocabularies, ours alone: masks, advances, compile plus first mask.

    python -m bench.vocabularies

The vocabularies are read where the packages of the `test` extra keep them. Instances are encoded by longest match,
which every vocabulary has, so figures compare across vocabularies, not with those of the big benchmark.
"""

from __future__ import annotations

import argparse
import gc
import json
import time
from collections.abc import Callable
from functools import partial
from importlib.util import find_spec
from pathlib import Path
from typing import Any

import ruvllm_grammar as rg
from bench import facts, maskbench, measure, sample, stats
from bench import vocabulary as llama
from bench.engines.ruvllm import RuvLLM, read_vocabulary
from bench.worker import WARM, rss_mb

RESULTS = Path(__file__).resolve().parent / "results" / "vocabularies.json"
_QWEN_SPECIAL = ("<|endoftext|>", "<|im_start|>", "<|im_end|>")
_SECONDS = 20.0


def installed(folder: Path) -> dict[str, Callable[[], rg.Vocabulary] | str]:
    """By name how to read each vocabulary, or why it cannot be read."""
    found: dict[str, Callable[[], rg.Vocabulary] | str] = {"Llama 3, 128k": lambda: read_vocabulary(folder)}
    readers: tuple[tuple[str, str, str, Callable[[Path], rg.Vocabulary]], ...] = (
        ("Tekken, 131k", "mistral_common", "data/tekken_240911.json", rg.Vocabulary.from_tekken_file),
        (
            "SentencePiece, 32k",
            "mistral_common",
            "data/mistral_instruct_tokenizer_240323.model.v3",
            rg.Vocabulary.from_sentencepiece_file,
        ),
        ("Qwen 2, 151k", "dashscope", "resources/qwen.tiktoken", _qwen),
    )
    for name, package, path, reader in readers:
        spec = find_spec(package)
        places = [] if spec is None else list(spec.submodule_search_locations or ())
        file = Path(places[0], path) if places else None
        if file is None or not file.is_file():
            found[name] = f"needs {path} of the package {package}"
        else:
            found[name] = partial(reader, file)
    return found


def _qwen(file: Path) -> rg.Vocabulary:
    return rg.Vocabulary.from_tiktoken_file(file, special_tokens=_QWEN_SPECIAL, size=151_936)


class LongestMatch:
    """The longest token that fits, at each place.

    Args:
        vocabulary: whose tokens; of several with the same bytes the one of lowest id.
    """

    def __init__(self, vocabulary: rg.Vocabulary) -> None:
        self._ids: dict[bytes, int] = {}
        for token in range(vocabulary.size):
            self._ids.setdefault(vocabulary.token_bytes(token) or b"", token)
        self._longest = max(map(len, self._ids))

    def __call__(self, text: bytes) -> list[int]:
        """The ids of a text, all of whose bytes must be tokens."""
        ids, at = [], 0
        while at < len(text):
            size = next(n for n in range(self._longest, 0, -1) if text[at : at + n] in self._ids)
            piece = text[at : at + size]
            ids.append(self._ids[piece])
            at += len(piece)
        return ids


def one(folder: Path, vocabulary: rg.Vocabulary, count: int) -> dict[str, Any]:
    """Figures under one vocabulary, over the first schemas of set B."""
    engine = RuvLLM(vocabulary)
    encode = LongestMatch(vocabulary)
    texts = llama.read(folder).texts
    for schema in WARM:
        engine.compile(schema).matcher().mask()
    numbers = sorted(sample.subset(sum(1 for _ in sample.cases(folder))))[:count]
    first, masks, advances, followed, wrong = [], [], [], 0, 0
    gc.collect()
    gc.freeze()
    gc.disable()
    for case in sample.cases(folder, only=frozenset(numbers)):
        grammar, spent = measure.compiled(engine, case.schema)
        first.append((spent + measure.timed_mask(grammar.matcher())) / 1e6)
        visits, budget = measure.Visits(), measure.Budget(_SECONDS)
        for instance in case.instances:
            tokens = encode(b"".join(texts[token] for token in instance.tokens))
            walk = measure.follow(grammar.matcher(), tokens, visits, budget, eos=vocabulary.eos)
            followed += 1
            if walk.accepted == instance.valid:
                masks += [mask / 1e3 for mask in walk.masks]
                advances += [advance / 1e3 for advance in walk.advances]
            else:
                wrong += 1
    gc.enable()
    gc.unfreeze()
    return {
        "ids": vocabulary.size,
        "schemas": len(first),
        "instances": followed,
        "wrong": wrong,
        "compile plus first mask ms": stats.figures(first),
        "mask us": stats.figures(masks, thresholds=True),
        "advance us": stats.figures(advances),
        "peak MB so far": rss_mb(),
    }


def execute(folder: Path, count: int = 100) -> dict[str, Any]:
    """Every vocabulary that is installed, one after another in this process."""
    sample.prepare(folder)
    load = facts.machine()
    found: dict[str, Any] = {}
    for name, reader in installed(folder).items():
        found[name] = {"absent": reader} if isinstance(reader, str) else one(folder, reader(), count)
    return {
        "what": "CPU time under other vocabularies: one grammar per schema, first visits and repeats together",
        "command": "python -m bench.vocabularies",
        "date": time.strftime("%Y-%m-%d"),
        "commit": facts.commit(),
        "machine": load,
        "versions": facts.versions(),
        "vocabularies": found,
    }


def main() -> None:
    """Measure and write the results."""
    parser = argparse.ArgumentParser(description=__doc__.partition("\n")[0])
    parser.add_argument("--folder", type=Path, default=facts.ROOT / "build" / "bench")
    parser.add_argument("--count", type=int, default=100, help="schemas (default 100)")
    parser.add_argument("--dry", action="store_true", help="print only")
    chosen = parser.parse_args()
    found = execute(chosen.folder, chosen.count)
    if chosen.dry:
        print(json.dumps(found["vocabularies"], indent=1))
    else:
        maskbench.write(found, RESULTS)


if __name__ == "__main__":
    main()
