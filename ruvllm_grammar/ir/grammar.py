"""A grammar: named rules over expressions, some of them given only when asked for.

Laziness crosses the waist here. A reader may hand over all rules at once (`rules`), or a `provider` that is
called with the name of a rule nobody has asked for before and returns a *group*: that rule and any helpers
that belong to it. The program asks when it first enters the rule, so a schema of thousands of sub-schemas
costs what a document visits. A group is emitted together; what it refers to outside the group waits.
"""

from __future__ import annotations

import hashlib
import threading
from collections.abc import Callable, Mapping
from dataclasses import dataclass

from ruvllm_grammar.errors import GrammarError
from ruvllm_grammar.ir.expr import Expr, references
from ruvllm_grammar.ir.show import name_text, show

Group = Mapping[str, Expr]
Provider = Callable[[str], Group]
Read = Callable[[], "Grammar"]


@dataclass(frozen=True, slots=True)
class Guard:
    """A place where acceptance is exact but liveness is not proved: generation may have to back up.

    Attributes:
        pointer: JSON pointer or rule name.
        reason: why, in words.
    """

    pointer: str
    reason: str


class Grammar:
    """Rules by name, a start rule, and what identifies the grammar.

    Thread-safe: the provider is called at most once per name, under a lock.

    Args:
        start: name of the start rule.
        rules: rules known up front.
        provider: called with a name that is not known yet; returns a group that contains it.
        key: bytes that identify the source and its options; None: the printed rules (only without a
            provider).
        guards: places the reader could not prove live.
        lenient: gives the grammar that acceptance asks where this one says no: the same documents in every spelling,
            also those that generation does without.
    """

    def __init__(
        self,
        start: str,
        rules: Group | None = None,
        *,
        provider: Provider | None = None,
        key: bytes | None = None,
        guards: tuple[Guard, ...] = (),
        lenient: Callable[[], Grammar] | None = None,
    ) -> None:
        self.start = start
        self.lenient = lenient
        self.guards = guards
        self._rules: dict[str, Expr] = dict(rules or {})
        self._provider = provider
        self._lock = threading.RLock()
        if key is None:
            if provider is not None:
                msg = "a grammar with a provider needs a key that identifies its source"
                raise GrammarError(msg)
            key = self.text().encode()
        self.key = key

    def group(self, name: str) -> Group:
        """The rule `name` with the rules that are emitted with it.

        Rules given up front come one by one; the program follows references among known rules by itself.

        Raises:
            GrammarError: nobody defines the rule.
        """
        with self._lock:
            if name not in self._rules:
                group = self._provider(name) if self._provider is not None else {}
                if name not in group:
                    msg = f"rule {name!r} is not defined; define it or correct the reference"
                    raise GrammarError(msg)
                self._rules.update(group)
                return group
            return {name: self._rules[name]}

    def known(self, name: str) -> bool:
        """Whether the rule's expression is at hand without asking the provider."""
        return name in self._rules

    def rule(self, name: str) -> Expr:
        """The expression of a rule, asking the provider if need be."""
        return self.group(name)[name]

    def force(self) -> dict[str, Expr]:
        """All rules reachable from the start, breadth first; asks the provider for every one of them."""
        found: dict[str, Expr] = {}
        queue = [self.start]
        for name in queue:
            if name not in found:
                found[name] = self.rule(name)
                queue.extend(references(found[name]))
        return found

    def text(self) -> str:
        """Canonical text of all reachable rules, one per line, start first."""
        return "\n".join(f"{name_text(name)} ::= {show(body)}" for name, body in self.force().items())

    @property
    def fingerprint(self) -> str:
        """SHA-256 of the key, hexadecimal."""
        return hashlib.sha256(self.key).hexdigest()


class DeferredGrammar(Grammar):
    """A grammar known by name: its source is read when somebody asks for a rule.

    Args:
        start: name of the start rule.
        read: reads the source; called at most once.
        key: as of the grammar that `read` gives.
        guards: likewise.
        lenient: whether it has a lenient grammar.
    """

    def __init__(
        self, start: str, read: Read, *, key: bytes, guards: tuple[Guard, ...] = (), lenient: bool = False
    ) -> None:
        super().__init__(start, key=key, guards=guards, lenient=self._lenient if lenient else None)
        self._read = read
        self._whole: Grammar | None = None

    @property
    def whole(self) -> Grammar:
        """The grammar itself.

        Raises:
            GrammarError: whatever reading raises.
        """
        with self._lock:
            if self._whole is None:
                self._whole = self._read()
            return self._whole

    def _lenient(self) -> Grammar:
        lenient = self.whole.lenient
        return self.whole if lenient is None else lenient()

    def group(self, name: str) -> Group:
        """As of the grammar itself."""
        return self.whole.group(name)

    def known(self, name: str) -> bool:
        """As of the grammar itself."""
        return self.whole.known(name)
