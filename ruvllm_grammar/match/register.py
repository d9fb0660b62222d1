"""The register: what a matcher knows beside its super-state, and what it decides with it.

Problem. Whether a member's name is new in its object, an item new in its array, or a value passes a test, no
automaton can say. The program marks the places (`ir.check`); super-states are computed as if every check passed, and
one that was reached across a check says so (`layout.CROSSED`). Whoever follows them must decide.

Idea. A matcher keeps a position in the text (`Scan`) beside its super-state. A token that crosses no check never
looks at it. One that does is followed byte by byte from the crossing: the check is decided on the value that ended
there, and where it fails the super-state is replaced by the one in which it failed.

Masks. A row is computed once per super-state, as if checks passed, and shared. What the register takes away from it is
found by a walk of the vocabulary's trie that is cut off wherever nothing threatens any more (`match.rivals`): at most
places at once. Only tokens that finish a second sibling (`tables.further`) and tests of values need more; tests are
tried where the super-state's crossings are, which are listed once per super-state.

Looking ahead. Where a token leaves only repetitions, as `t` after `[true, `, it would be a dead end. So behind every
token that stays threatened a bounded search looks for any way out of danger, and a token that has none is not
offered. It would be accepted; and where the search is too long, it is offered.

Example. In `{"ab": 1, "a` the names that begin with `a` are threatened by `ab`. The walk tries `b` and what follows it
in the trie: `b`, `b"` (dead), `b":` (dead), `bc` (out of danger, nothing below it is looked at).

Lineage: lazy predicates beside a deterministic automaton are ANTLR's (Parr and Fisher, "LL(*)", 2011).
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from typing import Final

import numpy as np

from ruvllm_grammar.kernels import layout
from ruvllm_grammar.match.canonical import Canonical, Pool, plain
from ruvllm_grammar.match.rivals import key, next_bytes, threatened
from ruvllm_grammar.match.scanner import Scan, Scanner
from ruvllm_grammar.program import Machine
from ruvllm_grammar.tables import VocabularyTables
from ruvllm_grammar.tables.tree import Branch
from ruvllm_grammar.vocab import Trie, Vocabulary

_BYTES: Final = tuple(bytes([b]) for b in range(256))
_STEPS: Final = 2000  # bytes a search for a way out may try
_REMEMBERED: Final = 1 << 16  # entries of each memo
_CROSSINGS: Final = 4096
_FEW: Final = 4  # children of a branch worth trying without asking which bytes are possible


class StaleScanError(Exception):
    """A check about values was met, and the scan kept only names: scan again with `Register.scanner`."""


class Register:
    """Decides the checks of one grammar, for all its matchers. Used under the machine's lock.

    Args:
        machine: the running program.
        vocabulary: whose tokens masks are about.
        tables: of the same vocabulary.
    """

    def __init__(self, machine: Machine, vocabulary: Vocabulary, tables: VocabularyTables) -> None:
        self._machine = machine
        self._vocabulary = vocabulary
        self._tables = tables
        self._pool = Pool()
        self._scanner = Scanner(self._pool, values=False)
        self._n_checks = 0
        self._tests = False
        self._tested: dict[tuple[int, Canonical], bool] = {}
        self._every_byte = Trie.from_strings(_BYTES, range(256))
        self._path = np.zeros(vocabulary.trie.max_depth + 2, np.int32)
        self._crossings = np.zeros(_CROSSINGS, np.int32)
        self._scratch = np.zeros(8, np.int32)
        self._forget()

    def _forget(self) -> None:
        """Nothing is known about super-states (any more)."""
        self._epoch = self._machine.epoch
        self._crossed: dict[int, tuple[int, ...]] = {}
        self._failing: dict[tuple[int, int, tuple[int, ...]], int] = {}
        self._live: dict[int, frozenset[int]] = {}
        self._tests_from: dict[int, frozenset[int]] = {}

    @property
    def scanner(self) -> Scanner:
        """Reads text; replaced once, when the first check about values becomes part of the program."""
        checks = self._machine.checks
        if len(checks) != self._n_checks:
            new = checks[self._n_checks :]
            self._n_checks = len(checks)
            self._tests = self._tests or any(check.kind == "value" for check in new)
            if not self._scanner.values and any(check.kind != "name" for check in new):
                self._scanner = Scanner(self._pool, values=True)
        return self._scanner

    # --- following a text

    def follow(self, state: int, scan: Scan, data: bytes) -> tuple[int, Scan, int]:
        """The super-state and position behind `data`, checks decided.

        Returns:
            (super-state, scan, len(data)); or (DEAD, scan, i) where byte `i` is not allowed.

        Raises:
            StaleScanError: see there.
        """
        self._check_epoch()
        machine, scanner = self._machine, self.scanner
        view = np.frombuffer(data, np.uint8)
        at, n = 0, len(data)
        while at < n:
            target = machine.call(machine.kernels.advance_to_check, state, view, at, n)
            if target < 0:
                return layout.DEAD, scan, self._legal(state, data, at)
            stop = int(machine.arena.head[layout.AT])
            before = int(machine.arena.head[layout.BEFORE])
            if stop == n:
                return target, scanner.feed(scan, data[at:]), n
            scan = scanner.feed(scan, data[at : stop + 1])
            state = self._decided(before, data[stop], target, scan)
            if state < 0:
                return layout.DEAD, scan, stop
            at = stop + 1
        return state, scan, n

    def _legal(self, state: int, data: bytes, at: int) -> int:
        """Index of the first byte from `at` on that leads nowhere, given that one does before the next check."""
        while at < len(data) - 1:
            state = self._target(state, data[at])
            if state < 0:
                break
            at += 1
        return at

    def _target(self, state: int, byte: int) -> int:
        """Super-state after a byte, checks passed."""
        target = int(self._machine.arena.table[state, byte])
        return self._machine.step_bytes(state, _BYTES[byte]) if target == layout.UNKNOWN else target

    def _step(self, state: int, scan: Scan, byte: int) -> tuple[int, Scan, bool]:
        """Super-state and position after a byte, and whether a check failed."""
        target = self._target(state, byte)
        if target < 0:
            return target, scan, False
        scan = self._scanner.feed(scan, _BYTES[byte])
        if not self._machine.arena.states[target, 2] & layout.CROSSED:
            return target, scan, False
        decided = self._decided(state, byte, target, scan)
        return decided, scan, decided != target

    def _decided(self, before: int, byte: int, target: int, scan: Scan) -> int:
        """The super-state after a byte that crossed checks to `target`, the text before them read into `scan`."""
        crossed = self._crossed.get(target)
        if crossed is None:
            crossed = self._crossed[target] = self._machine.crossed(target)
        failing = tuple(number for number in crossed if not self._passes(number, scan))
        if not failing:
            return target
        at = (before, byte, failing)
        found = self._failing.get(at)
        if found is None:
            if len(self._failing) >= _REMEMBERED:
                self._failing.clear()
            found = self._failing[at] = self._machine.step_failing(before, byte, failing)
        return found

    def _passes(self, number: int, scan: Scan) -> bool:
        check = self._machine.checks[number]
        if check.kind != "name" and not scan.values:
            raise StaleScanError
        value = scan.ended()
        here = scan.open
        if check.kind == "value":
            return check.test is None or self._test(number, value)
        if here is None or here.is_object != (check.kind == "name"):
            return True
        return not here.holds(value)

    def _test(self, number: int, value: Canonical) -> bool:
        found = self._tested.get((number, value))
        if found is None:
            test = self._machine.checks[number].test
            if len(self._tested) >= _REMEMBERED:
                self._tested.clear()
            found = self._tested[number, value] = test is None or bool(test(plain(value)))
        return found

    def _check_epoch(self) -> None:
        if self._epoch != self._machine.epoch:
            self._forget()

    # --- masks

    def withheld(self, state: int, scan: Scan, *, meets: bool, limit: int | None) -> Sequence[layout.I32]:
        """Tokens of a super-state's row that are not legal, or not worth offering, at this position.

        Args:
            state: the super-state.
            scan: the position, made by `scanner`.
            meets: whether tokens of the row cross a check (`tables.build.Found`).
            limit: tokens may leave at most this distance to acceptance; None without a budget.

        Returns:
            Arrays of token ids, not disjoint; the row need not hold all of them.

        Raises:
            StaleScanError: see there.
        """
        self._check_epoch()
        out: list[layout.I32] = []
        if threatened(scan):
            self._threatened_tokens(state, scan, limit, out)
        if meets:
            self._tried_tokens(self._tables.further.root, None, state, scan, limit, out)
            if self._tests:
                within = self._tests_met_from(state)
                self._tried_tokens(self._tables.tree.root, within, state, scan, limit, out)
        if out and self._machine.has_tokens(state):
            found = np.unique(np.concatenate(out))
            edges = [t for t in found.tolist() if self._machine.step_token(state, t) >= 0]
            return [np.setdiff1d(found, np.array(edges, np.int32))]
        return out

    def _threatened_tokens(self, state: int, scan: Scan, limit: int | None, out: list[layout.I32]) -> None:
        """Walk the trie where the text stays threatened."""
        todo = [(self._tables.tree.root, state, scan)]
        while todo:
            branch, here, position = todo.pop()
            children = branch.children
            bytes_: Iterable[int] = children
            if len(children) > _FEW:
                hints, live = next_bytes(position), self._live_bytes(here)
                bytes_ = live if hints is None else live & hints
            for byte in bytes_:
                child = children.get(byte)
                if child is None:
                    continue
                following, after, failed = self._step(here, position, byte)
                if following < 0:
                    if failed:
                        out.append(child.below)
                elif failed:
                    self._failed_below(child, following, after, limit, out)
                elif threatened(after):
                    tokens = child.tokens
                    if len(tokens) and not self._alive(following, after):
                        out.append(tokens)
                    todo.append((child, following, after))

    def _tried_tokens(
        self,
        root: Branch,
        within: frozenset[int] | None,
        state: int,
        scan: Scan,
        limit: int | None,
        out: list[layout.I32],
    ) -> None:
        """Walk a trie, or those of its nodes that are `within`, and decide whatever check comes."""
        todo = [(root, state, scan)]
        while todo:
            branch, here, position = todo.pop()
            for byte, child in branch.children.items():
                if within is not None and child.node not in within:
                    continue
                following, after, failed = self._step(here, position, byte)
                if following < 0:
                    if failed:
                        out.append(child.below)
                elif failed:
                    self._failed_below(child, following, after, limit, out)
                else:
                    todo.append((child, following, after))

    def _failed_below(
        self, branch: Branch, state: int, scan: Scan, limit: int | None, out: list[layout.I32]
    ) -> None:
        """Below a check that failed and left something alive, every token is tried."""
        todo = [(branch, state, scan)]
        while todo:
            branch, state, scan = todo.pop()
            tokens = branch.tokens
            if len(tokens) and (
                (limit is not None and self._machine.distance(state) > limit) or not self._alive(state, scan)
            ):
                out.append(tokens)
            for byte, child in branch.children.items():
                following, after, _ = self._step(state, scan, byte)
                if following < 0:
                    out.append(child.below)
                else:
                    todo.append((child, following, after))

    def _tests_met_from(self, state: int) -> frozenset[int]:
        """Nodes of the trie on the way from `state` to where tests of values are crossed; remembered."""
        found = self._tests_from.get(state)
        if found is None:
            if len(self._tests_from) >= _REMEMBERED:
                self._tests_from.clear()
            found = self._tests_from[state] = frozenset(self._list_tests(state))
        return found

    def _list_tests(self, state: int) -> set[int]:
        machine, trie = self._machine, self._vocabulary.trie
        count = machine.call(machine.kernels.crossings, state, trie.nodes, self._path, self._crossings)
        while count > len(self._crossings):
            self._crossings = np.zeros(2 * count, np.int32)
            count = machine.call(machine.kernels.crossings, state, trie.nodes, self._path, self._crossings)
        nodes = trie.nodes
        found: set[int] = set()
        for node in self._crossings[:count].tolist():
            depth = int(nodes[node, 0]) >> 8
            text = self._vocabulary.token_bytes(int(trie.order[nodes[node, 2]])) or b""
            branch, here = self._tables.tree.root, state
            path = []
            for byte in text[: depth + 1]:
                branch = branch.children[byte]
                path.append(branch.node)
                here = self._target(here, byte)
            if any(machine.checks[k].kind == "value" for k in machine.crossed(here)):
                found.update(path)
        return found

    # --- looking ahead

    def _alive(self, state: int, scan: Scan) -> bool:
        """Whether some text leads from here out of danger; True where finding out takes too long."""
        seen: dict[object, Scan] = {}
        todo = [(state, scan)]
        steps = _STEPS
        while todo:
            state, scan = todo.pop()
            if not threatened(scan) or self._machine.accepting(state) or self._machine.has_tokens(state):
                return True
            at = (state, key(scan))
            if at in seen:
                continue
            seen[at] = scan
            live = self._live_bytes(state)
            hints = next_bytes(scan)
            if hints is not None and not live <= hints:
                return True
            steps -= len(live)
            if steps < 0:
                return True
            for byte in live:
                following, after, _ = self._step(state, scan, byte)
                if following >= 0:
                    todo.append((following, after))
        return False

    def _live_bytes(self, state: int) -> frozenset[int]:
        """Bytes that may follow a super-state; remembered."""
        found = self._live.get(state)
        if found is None:
            machine, trie = self._machine, self._every_byte
            machine.call(
                machine.kernels.walk, state, trie.nodes, trie.order, self._path, layout.FAR, self._scratch
            )
            found = frozenset(np.flatnonzero(machine.arena.table[state] >= 0).tolist())
            if len(self._live) >= _REMEMBERED:
                self._live.clear()
            self._live[state] = found
        return found

