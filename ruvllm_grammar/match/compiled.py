"""A compiled grammar: the program, its rows for one vocabulary, and matchers over them."""

from __future__ import annotations

import hashlib
import threading
from collections.abc import Callable

from ruvllm_grammar import ir
from ruvllm_grammar.errors import MatchError, UnsatisfiableGrammar
from ruvllm_grammar.limits import Limits
from ruvllm_grammar.match.matcher import Matcher
from ruvllm_grammar.match.token_machine import TokenMachine
from ruvllm_grammar.program import Image
from ruvllm_grammar.tables import SavedRows
from ruvllm_grammar.vocab import Vocabulary

_PIECE = 4096  # bytes between two chances to drop super-states


class CompiledGrammar:
    """A grammar ready to constrain one vocabulary. Immutable to its users and shared between threads.

    Attributes:
        vocabulary: the tokens it constrains.
        source: what it was compiled from, or None for a grammar built by hand.
        guards: places where liveness is not proved; () means every legal prefix can be completed.
        tokens: the running program, for tools of this package.

        identity: the source with all its options as bytes, by which a cache finds it; None: not asked for.

    Raises:
        UnsatisfiableGrammar: nothing can match.
    """

    def __init__(
        self,
        grammar: ir.Grammar,
        vocabulary: Vocabulary,
        limits: Limits,
        *,
        source: object = None,
        identity: bytes | None = None,
        image: Image | None = None,
        saved: SavedRows | None = None,
    ) -> None:
        self.vocabulary = vocabulary
        self.source = source
        self.identity = identity
        self.guards = grammar.guards + _spelling_guards(vocabulary)
        self.tokens = TokenMachine(grammar, vocabulary, limits, image=image, saved=saved)
        self._lenient = grammar.lenient
        self._limits = limits
        self._lock = threading.Lock()
        self._acceptor: TokenMachine | None = None
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
        """Whether the whole text is a document of the grammar, whatever tokens would spell it.

        Also in spellings that masks do not offer: exponents beside bounds, escapes in names, and the like.
        """
        data = text.encode("utf-8", "surrogatepass") if isinstance(text, str) else text
        if _reads(self.tokens, data):
            return True
        return self._lenient is not None and _reads(self._accepting(self._lenient), data)

    def _accepting(self, lenient: Callable[[], ir.Grammar]) -> TokenMachine:
        """The machine of the lenient grammar, made when a text is first refused by the other one."""
        with self._lock:
            if self._acceptor is None:
                self._acceptor = TokenMachine(lenient(), self.vocabulary, self._limits)
            return self._acceptor


def _reads(tokens: TokenMachine, data: bytes) -> bool:
    matcher = Matcher(tokens)
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
