"""xgrammar: pushdown automata whose masks are mostly computed when compiling."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

import torch
import xgrammar

from bench import vocabulary
from bench.engines import Grammar, Logits, Matcher, Refused, Words, bit

_SETTINGS = {
    "xgrammar": (True, False, "any whitespace, undeclared members as the schema says, one thread, caches on"),
    "xgrammar-strict": (False, True, "fixed whitespace, no undeclared members, one thread, caches on"),
}


class _Sequence:
    idle: Callable[[], None] | None = None

    def __init__(self, matcher: xgrammar.GrammarMatcher, mask: torch.Tensor, words: Words) -> None:
        self._matcher = matcher
        self._mask = mask
        self._words = words

    def mask(self) -> None:
        self._matcher.fill_next_token_bitmask(self._mask)

    def legal(self, token: int) -> bool:
        return bit(self._words, token)

    def advance(self, token: int) -> None:
        self._matcher.accept_token(token)


class _Compiled:
    def __init__(self, grammar: xgrammar.CompiledGrammar, mask: torch.Tensor, words: Words) -> None:
        self._grammar = grammar
        self._mask = mask
        self._words = words

    def matcher(self) -> Matcher:
        return _Sequence(xgrammar.GrammarMatcher(self._grammar), self._mask, self._words)


class XGrammar:
    """In one of two settings: as like for like as there is, or strict (another, smaller language)."""

    package = "xgrammar"

    def __init__(self, tokens: vocabulary.Tokens, name: str) -> None:
        self.name = name
        self._any_whitespace, self._strict, self.settings = _SETTINGS[name]
        torch.set_num_threads(1)
        texts = [*tokens.ordinary, *(b"" for _ in tokens.special)]  # specials are no text
        info = xgrammar.TokenizerInfo(texts, vocab_size=vocabulary.SIZE, stop_token_ids=list(vocabulary.EOS))
        self._compiler = xgrammar.GrammarCompiler(info, max_threads=1)
        self._mask = xgrammar.allocate_token_bitmask(1, vocabulary.SIZE)
        self._words: Words = self._mask.numpy()[0]

    def compile(self, schema: str) -> Grammar:
        """Everything: grammar, automata, masks of all their states."""
        try:
            made = self._compiler.compile_json_schema(
                schema, any_whitespace=self._any_whitespace, strict_mode=self._strict
            )
        except (RuntimeError, ValueError) as error:
            raise Refused(str(error)) from error
        return _Compiled(made, self._mask, self._words)

    def applier(self, logits: Logits) -> Callable[[Matcher], None]:
        """Its CPU kernel over packed bits."""
        rows = torch.from_numpy(logits).unsqueeze(0)

        def apply(_: Matcher) -> None:
            xgrammar.apply_token_bitmask_inplace(rows, self._mask)

        return apply


def make(folder: Path, name: str) -> XGrammar:
    """The engine over the prepared vocabulary."""
    return XGrammar(vocabulary.read(folder), name)
