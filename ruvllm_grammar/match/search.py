"""Walks of a vocabulary's trie that decide checks: which tokens of a row does the register take away?

A row holds the tokens that are legal if every check passes. A walk follows the texts of tokens byte by byte, with a
super-state and a position, and notes the tokens below a check that fails. Where such a check leaves something alive
(the next digit of a number), both super-states are followed, the true one and the one of the row, until they are one
again: from there on the row is right.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable
from typing import Final

from ruvllm_grammar.kernels import layout
from ruvllm_grammar.match.ahead import Ahead, Step
from ruvllm_grammar.match.canonical import number, spellings
from ruvllm_grammar.match.rivals import next_bytes, repeating, threatened
from ruvllm_grammar.match.scanner import ESCAPE, NUMBER, STRING, Scan
from ruvllm_grammar.program import Machine
from ruvllm_grammar.tables import VocabularyTables
from ruvllm_grammar.tables.further import Ending
from ruvllm_grammar.tables.tree import Branch, TokenTree

_WALKED: Final = 256  # places a walk for dead ends may visit
_ENDLESS: Final = frozenset({STRING, ESCAPE, NUMBER})  #: scalars that mostly have too many ends to run out of
_OPEN: Final = frozenset(b".eE")  #: behind these a number has more spellings than are listed
_FEW: Final = 4  # children of a branch worth trying without asking which bytes are possible


class Search:
    """The walks for one mask.

    Args:
        machine: the running program.
        ahead: finds dead ends.
        target: super-state after a byte, checks passed.
        step: super-state and position after a byte, checks decided, and whether one failed.
        feed: position behind a text.
        limit: tokens may leave at most this distance to acceptance; None without a budget.

    Attributes:
        found: arrays of tokens that are not legal or not worth offering.
    """

    def __init__(
        self,
        machine: Machine,
        ahead: Ahead,
        target: Callable[[int, int], int],
        step: Step,
        feed: Callable[[Scan, bytes], Scan],
        *,
        limit: int | None,
    ) -> None:
        self._feed = feed
        self._machine = machine
        self._ahead = ahead
        self._target = target
        self._step = step
        self._limit = limit
        self.found: list[layout.I32] = []

    def dead_ends(self, root: Branch, state: int, scan: Scan) -> None:
        """Walk where the text stays threatened and there is little to choose from, for tokens that leave no way on.

        What is cut short here is offered and leads nowhere; it is never illegal.
        """
        todo = [(root, state, scan)]
        left = _WALKED
        while todo and left > 0:
            branch, here, position = todo.pop()
            if position.mode in _ENDLESS and not self._ahead.is_few(here, position):
                continue
            children = branch.children
            worth: Iterable[int] = children
            if len(children) > _FEW:
                hints, live = next_bytes(position), self._ahead.live_bytes(here)
                worth = live if hints is None else live & hints
            for byte in worth:
                child = children.get(byte)
                if child is not None:
                    left -= 1
                    following, after, _ = self._step(here, position, byte)
                    if following < 0 or not threatened(after):
                        continue
                    tokens = child.tokens
                    if len(tokens) and not self._ahead.alive(following, after):
                        self.found.append(tokens)
                    todo.append((child, following, after))

    def finished(self, tables: VocabularyTables, state: int, scan: Scan) -> None:
        """Try the tokens that finish a name, or string, as an earlier one of its container: they are looked up.

        Not for positions within an escape.
        """
        if scan.open is None:
            return
        begun = scan.mode == STRING
        known, head = (tables.endings.within, scan.head[0]) if begun else (tables.endings.whole, b"")
        for content in repeating(scan.open, head, known):
            for ending in known[content]:
                self._finish(tables.tree, ending, state, scan)

    def _finish(self, tree: TokenTree, ending: Ending, state: int, scan: Scan) -> None:
        *begin, quote = ending.text
        for byte in begin:
            state = self._target(state, byte)
            if state < 0:
                return
        following, after, failed = self._step(state, self._feed(scan, bytes(begin)), quote)
        if failed and following < 0:
            self.found.append(ending.tokens)
        elif failed:
            branch = tree.find(ending.text)
            self._below(branch, following, self._target(state, quote), after, all_below=False)

    def numbered(self, tables: VocabularyTables, state: int, scan: Scan) -> bool:
        """Try the digits that finish a number as an earlier item, where the number can go on no further.

        Returns:
            Whether that was possible; otherwise the ways to all digits must be tried.
        """
        here = scan.open
        if here is None:
            return True
        begun = scan.text if scan.mode == NUMBER else b""
        apart = tables.digits_apart and self._limit is None
        ends = self._ahead.last_digits(state) if apart else None
        if ends is not None:
            ends = tuple(end for end in ends if here.holds(number(begun + end)))
        elif not _OPEN.isdisjoint(begun):
            return False
        else:
            found = {text for run in here.runs for value in run.index.numbers for text in spellings(value)}
            ends = tuple(text[len(begun) :] for text in found if text.startswith(begun) and text != begun)
        for end in ends:
            self._finish_number(tables.tree.root, end, state, scan)
        return True

    def _finish_number(self, branch: Branch, text: bytes, state: int, scan: Scan) -> None:
        failed = False
        before = state
        for byte in text:
            child = branch.children.get(byte)
            if child is None or state < 0:
                return
            branch, before = child, state
            state, scan, failed = self._step(state, scan, byte)
        if failed and state < 0:
            self.found.append(branch.below)
        elif failed:
            self._below(branch, state, self._target(before, text[-1]), scan, all_below=False)

    def tried(self, root: Branch, within: frozenset[int] | None, state: int, scan: Scan) -> None:
        """Walk everywhere, or only to those nodes that are `within`, and decide whatever check comes."""
        if within is not None and not within:
            return
        todo = [(root, state, scan)]
        while todo:
            branch, here, position = todo.pop()
            children = branch.children
            worth: Iterable[int] = children
            if len(children) > _FEW:
                worth = self._ahead.live_bytes(here) if within is None else list(children)
            for byte in worth:
                child = children.get(byte)
                if child is not None and (within is None or child.node in within):
                    following, after = self._enter(child, here, position, byte, all_below=True)
                    if following >= 0:
                        todo.append((child, following, after))

    def _enter(
        self, branch: Branch, state: int, scan: Scan, byte: int, *, all_below: bool
    ) -> tuple[int, Scan]:
        """Step into a branch and judge the tokens that end there; those below a failed check, too.

        Returns:
            Super-state and position; DEAD where nothing is left to be seen below.
        """
        following, after, failed = self._step(state, scan, byte)
        if following < 0:
            if failed:
                self.found.append(branch.below)
            return layout.DEAD, after
        if failed:
            self._below(branch, following, self._target(state, byte), after, all_below=all_below)
            return layout.DEAD, after
        tokens = branch.tokens
        if len(tokens) and threatened(after) and not self._ahead.alive(following, after):
            self.found.append(tokens)
        return following, after

    def _below(self, branch: Branch, state: int, passed: int, scan: Scan, *, all_below: bool) -> None:
        """Judge the tokens below a check that failed and left something alive.

        Args:
            branch: where the check failed.
            state: the super-state there.
            passed: the super-state if the check had passed.
            scan: the position.
            all_below: go on where nothing threatens.
        """
        todo = [(branch, state, passed, scan)]
        while todo:
            branch, state, passed, scan = todo.pop()
            tokens = branch.tokens
            if len(tokens):
                far = self._limit is not None and self._machine.distance(state) > self._limit
                if far or not self._ahead.alive(state, scan):
                    self.found.append(tokens)
            for byte, child in branch.children.items():
                wished = self._target(passed, byte)
                if wished < 0:
                    continue
                following, after, _ = self._step(state, scan, byte)
                if following < 0:
                    self.found.append(child.below)
                elif following != wished or all_below or threatened(after):
                    todo.append((child, following, wished, after))
