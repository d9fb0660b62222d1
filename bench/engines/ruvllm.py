"""This project. Reads the vocabulary from the package's own file, as a user would."""

from __future__ import annotations

import json
from collections.abc import Callable
from pathlib import Path

import ruvllm_grammar as rg
from bench import vocabulary
from bench.engines import Grammar, Logits, Matcher, Refused, Words, bit


class _Sequence:
    """Masks as packed bits, like everybody's."""

    def __init__(self, matcher: rg.Matcher, words: Words, *, prepared: bool) -> None:
        self._matcher = matcher
        self._words = words
        self.idle: Callable[[], None] | None = matcher.prepare if prepared else None

    def mask(self) -> None:
        self._matcher.fill_mask(self._words)

    def legal(self, token: int) -> bool:
        return bit(self._words, token)

    def advance(self, token: int) -> None:
        self._matcher.accept(token)


class _RowSequence:
    """Masks as rows, which the runtime applies by their shorter list of ids."""

    idle: Callable[[], None] | None = None

    def __init__(self, matcher: rg.Matcher) -> None:
        self._matcher = matcher
        self.row: rg.Row | None = None

    def mask(self) -> None:
        self.row = self._matcher.legal()

    def legal(self, token: int) -> bool:
        return self.row is not None and token in self.row

    def advance(self, token: int) -> None:
        self._matcher.accept(token)


class _Compiled:
    def __init__(self, grammar: rg.CompiledGrammar, words: Words | None, *, prepared: bool) -> None:
        self._grammar = grammar
        self._words = words
        self._prepared = prepared

    def matcher(self) -> Matcher:
        matcher = self._grammar.matcher()
        if self._words is None:
            return _RowSequence(matcher)
        return _Sequence(matcher, self._words, prepared=self._prepared)


class RuvLLM:
    """The engine of this repository.

    Args:
        tokens: the vocabulary.
        cache: compiled tables on disk; without one everything is compiled.
        prepared: whether rules that may come soon are emitted between an advance and the next mask.
    """

    package = "ruvllm"

    def __init__(
        self, tokens: rg.Vocabulary, *, cache: rg.TableCache | None = None, prepared: bool = False
    ) -> None:
        self.name = "ruvllm-prepared" if prepared else "ruvllm"
        self.settings = "defaults: flexible whitespace, members in the order of the schema, formats asserted"
        self.settings += "; Matcher.prepare after each advance" if prepared else ""
        self._prepared = prepared
        self._tokens = tokens
        self._cache = cache
        self._words: Words | None = rg.allocate_bitmask(1, tokens.size)[0]

    def compile(self, schema: str) -> Grammar:
        """Reading and checking; rules are lowered when a mask first enters them."""
        try:
            grammar = rg.compile(rg.JsonSchema(schema), self._tokens, cache=self._cache)
        except rg.RuvllmError as error:
            raise Refused(f"{type(error).__name__}: {error}") from error
        return _Compiled(grammar, self._words, prepared=self._prepared)

    def applier(self, logits: Logits) -> Callable[[Matcher], None]:
        """As the runtime's decode loop does; from now on matchers make rows, not bits."""
        import torch

        from ruvllm_runtime.decode.masking import apply_row

        self._words = None
        tensor = torch.from_numpy(logits)

        def apply(matcher: Matcher) -> None:
            assert isinstance(matcher, _RowSequence)
            assert matcher.row is not None
            apply_row(tensor, matcher.row)

        return apply


def read_vocabulary(folder: Path) -> rg.Vocabulary:
    """Llama 3's vocabulary from the file that ships with llama-models."""
    path = vocabulary.file()
    if path is None:
        msg = "needs the package llama-models"
        raise FileNotFoundError(msg)
    names = json.loads((folder / "vocabulary.json").read_text(encoding="utf-8"))["special"]
    return rg.Vocabulary.from_tiktoken_file(path, special_tokens=tuple(names))


def make(folder: Path, name: str) -> RuvLLM:
    """The engine over the prepared vocabulary."""
    return RuvLLM(read_vocabulary(folder), prepared=name == "ruvllm-prepared")
