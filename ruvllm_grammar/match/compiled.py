"""A compiled grammar: the program, its rows for one vocabulary, and matchers over them."""

from __future__ import annotations

import hashlib

from ruvllm_grammar import ir
from ruvllm_grammar.errors import MatchError, UnsatisfiableGrammar
from ruvllm_grammar.limits import Limits
from ruvllm_grammar.match.matcher import Matcher
from ruvllm_grammar.match.token_machine import TokenMachine
from ruvllm_grammar.vocab import Vocabulary

_PIECE = 4096  # bytes between two chances to drop super-states


class CompiledGrammar:
    """A grammar ready to constrain one vocabulary. Immutable to its users and shared between threads.

    Attributes:
        vocabulary: the tokens it constrains.
        source: what it was compiled from, or None for a grammar built by hand.
        guards: places where liveness is not proved; () means every legal prefix can be completed.
        tokens: the running program, for tools of this package.

    Raises:
        UnsatisfiableGrammar: nothing can match.
    """

    def __init__(
        self, grammar: ir.Grammar, vocabulary: Vocabulary, limits: Limits, *, source: object = None
    ) -> None:
        self.vocabulary = vocabulary
        self.source = source
        self.guards = grammar.guards + _spelling_guards(vocabulary)
        self.tokens = TokenMachine(grammar, vocabulary, limits)
        self._key = grammar.key
        if self.tokens.machine.start < 0:
            raise UnsatisfiableGrammar("no document has a first character")

    @property
    def fingerprint(self) -> str:
        """SHA-256 (hexadecimal) of the grammar's source, its options and the vocabulary."""
        digest = hashlib.sha256(b"ruvllm-grammar-1\0")
        digest.update(self._key)
        digest.update(b"\0")
        digest.update(self.vocabulary.fingerprint.encode())
        return digest.hexdigest()

    def matcher(self) -> Matcher:
        """A cursor before the first token."""
        return Matcher(self.tokens)

    def accepts(self, text: str | bytes) -> bool:
        """Whether the whole text is a document of the grammar, whatever tokens would spell it."""
        data = text.encode("utf-8", "surrogatepass") if isinstance(text, str) else text
        matcher = self.matcher()
        try:
            for start in range(0, len(data), _PIECE):
                matcher.accept_bytes(data[start : start + _PIECE])
        except MatchError:
            return False
        return matcher.is_accepting


def _spelling_guards(vocabulary: Vocabulary) -> tuple[ir.Guard, ...]:
    """A vocabulary without some single-byte tokens may be unable to spell what the grammar asks for."""
    missing = vocabulary.missing_bytes
    if not missing:
        return ()
    shown = ", ".join(f"0x{byte:02x}" for byte in missing[:8]) + (", ..." if len(missing) > 8 else "")
    reason = f"the vocabulary has no single-byte tokens for {len(missing)} bytes of UTF-8 ({shown})"
    return (ir.Guard("vocabulary", reason),)
