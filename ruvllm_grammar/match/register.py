"""The register: what a matcher knows beside its super-state, and what it decides with it.

Problem. Whether a member's name is new in its object, an item new in its array, or a value passes a test, no
automaton can say. The program marks the places (`ir.check`); super-states are computed as if every check passed, and
one that was reached across a check says so (`layout.CROSSED`). Whoever follows them must decide.

Idea. A matcher keeps a position in the text (`Scan`) beside its super-state. A token that crosses no check never
looks at it. One that does is followed byte by byte from the crossing: the check is decided on the value that ended
there, and where it fails the super-state is replaced by the one in which it failed.

Masks. A row is computed once per super-state, as if checks passed, and shared; most masks are their row. Which may
not be is found out once per super-state and kept with its place (`Place.gate`): where no token of the row can cross a
check, none can fail. Which crossings there are follows from the super-state alone, so these are listed once, too.
Nearly all of them are ends of strings and digits of numbers, which are not walked but looked up: `tables.further`
knows which tokens finish a string as which text, and an earlier sibling says which text that would have to be. What
is left (tokens that finish a second sibling, or a container with a string) is a handful and followed byte by byte.

Tokens that leave nothing but repetitions, as `t` after `[true, `, are dead ends; `match.ahead` finds them, and they
are not offered. They would be accepted. They are looked for only inside a container of which a check was asked
before.

Example. In `{"ab": 1, "a` one earlier name begins with `a`, and what is missing is `b`. Tokens that begin with `b"`
are taken from the row: one lookup, whatever the size of the vocabulary. In `{"ab": 1, "x` no name is left, and the
mask is the row.

Lineage: lazy predicates beside a deterministic automaton are ANTLR's (Parr and Fisher, "LL(*)", 2011).
"""

from __future__ import annotations

import weakref
from collections.abc import Callable, Sequence
from functools import cached_property
from typing import Final, NamedTuple

import numpy as np

from ruvllm_grammar.kernels import layout
from ruvllm_grammar.match.ahead import Ahead
from ruvllm_grammar.match.canonical import Canonical, Pool, plain
from ruvllm_grammar.match.place import ASK, ASK_ANOTHER, QUIET, UNTIL_CROSSED, Crossing, Place
from ruvllm_grammar.match.rivals import repeating, threatened
from ruvllm_grammar.match.scanner import DONE, ESCAPE, NUMBER, OUT, STRING, Scan, Scanner
from ruvllm_grammar.match.search import Search
from ruvllm_grammar.program import Machine
from ruvllm_grammar.tables import Row, VocabularyTables
from ruvllm_grammar.tables.tree import TokenTree
from ruvllm_grammar.vocab import Trie, Vocabulary

_BYTES: Final = tuple(bytes([b]) for b in range(256))
_REMEMBERED: Final = 1 << 16  # entries of each memo
_CROSSINGS: Final = 4096
_NO_NODES: Final[frozenset[int]] = frozenset()
_IN_STRING: Final = frozenset({STRING, ESCAPE})
_OPENERS: Final = frozenset(b",[{")


class _Ways(NamedTuple):
    """Where tokens cross checks from one super-state.

    Attributes:
        others: nodes on the way there, in the trie of quoted tokens within a string, else in that of all, but for:
        strings: whether the end of a string crosses one that has begun, or comes next.
        numbers: whether digits of a number do.
    """

    others: frozenset[int]
    strings: bool
    numbers: bool


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
        self._crossings = np.zeros(_CROSSINGS, np.int32)
        self._forget()

    @cached_property
    def _path(self) -> layout.I32:
        """Scratch of walks; made late, since a mask that is kept on disk needs no trie."""
        return np.zeros(self._vocabulary.trie.max_depth + 2, np.int32)

    def _forget(self) -> None:
        """Nothing is known about super-states (any more)."""
        self._epoch = self._machine.epoch
        self._crossed: dict[int, tuple[int, ...]] = {}
        self._failing: dict[tuple[int, int, tuple[int, ...]], int] = {}
        # Bound methods would make a circle: the arrays of a dropped grammar would wait for the collector.
        me = weakref.proxy(self)
        self._ahead = Ahead(
            self._machine,
            lambda state, byte: me.target(state, byte),  # noqa: PLW0108  asked through the proxy each time
            lambda state, scan, byte: me._step(state, scan, byte),  # noqa: PLW0108, SLF001  the same
        )
        self._sorted: dict[tuple[int, int], _Ways] = {}
        self._ways: dict[tuple[int, int], frozenset[int]] = {}

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
            scan = self._asked(self._crossed_at(target), scan)
            at = stop + 1
        return state, scan, n

    def cross(self, scan: Scan, crossing: Crossing) -> tuple[Place | None, Scan]:
        """The place and position behind a token that crosses one check; no place where that takes `follow`.

        Raises:
            StaleScanError: see there.
        """
        self._check_epoch()
        scanner, text, stop = self.scanner, crossing.text, crossing.stop + 1
        if crossing.onward is None:
            return None, scan
        here = scanner.feed(scan, text[:stop])
        numbers = self._crossed_at(crossing.target)
        if not all(self._passes(number, here) for number in numbers):
            return None, scan
        here = self._asked(numbers, here)
        return crossing.onward, scanner.feed(here, text[stop:]) if stop < len(text) else here

    def _asked(self, numbers: tuple[int, ...], scan: Scan) -> Scan:
        """The position behind these checks."""
        checks = self._machine.checks
        return scan.asked() if any(checks[number].kind != "value" for number in numbers) else scan

    def _crossed_at(self, target: int) -> tuple[int, ...]:
        found = self._crossed.get(target)
        if found is None:
            found = self._crossed[target] = self._machine.crossed(target)
        return found

    def _legal(self, state: int, data: bytes, at: int) -> int:
        """Index of the first byte from `at` on that leads nowhere, given that one does before the next check."""
        while at < len(data) - 1:
            state = self.target(state, data[at])
            if state < 0:
                break
            at += 1
        return at

    def target(self, state: int, byte: int) -> int:
        """Super-state after a byte, checks passed."""
        target = int(self._machine.arena.table[state, byte])
        return self._machine.step_bytes(state, _BYTES[byte]) if target == layout.UNKNOWN else target

    def _step(self, state: int, scan: Scan, byte: int) -> tuple[int, Scan, bool]:
        """Super-state and position after a byte, and whether a check failed."""
        target = self.target(state, byte)
        if target < 0:
            return target, scan, False
        scan = self._scanner.feed(scan, _BYTES[byte])
        if not self._machine.arena.states[target, 2] & layout.CROSSED:
            return target, scan, False
        decided = self._decided(state, byte, target, scan)
        return decided, scan, decided != target

    def _decided(self, before: int, byte: int, target: int, scan: Scan) -> int:
        """The super-state after a byte that crossed checks to `target`, the text before them read into `scan`."""
        crossed = self._crossed_at(target)
        failing = tuple([number for number in crossed if not self._passes(number, scan)])
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

    def judge(self, place: Place, scan: Scan, row: Row) -> None:
        """Find out `Place.gate` of a place of the present epoch whose row meets checks.

        Where all checks are about names, a token can fail one in two places: where it finishes a name of which the
        beginning stands there or is to come, and where it begins and finishes another. Which of these a position is
        follows from its super-state: what completes a JSON text tells which brackets and strings are open.
        """
        self._check_epoch()
        begun = self._tables.further_ids[scan.mode in _IN_STRING]
        if self.scanner.values or (any(token in row for token in begun) and self._another(place.state, row)):
            place.gate = ASK_ANOTHER
        else:
            place.gate = ASK if scan.is_name and scan.mode != DONE else UNTIL_CROSSED

    def _another(self, state: int, row: Row) -> bool:
        """Whether tokens of a row may cross a check of a sibling that they begin themselves."""
        trie = self._tables.further.trie
        for node in self._crossing_nodes(state, trie):
            _, end, low, _ = trie.nodes[node]
            if any(token in row for token in trie.order[low : trie.nodes[end - 1, 3]].tolist()):
                return True
        return False

    def withheld(self, place: Place, scan: Scan, *, meets: bool, limit: int | None) -> Sequence[layout.I32]:
        """Tokens of a place's row that are not legal, or not worth offering, at this position.

        Args:
            place: of the present epoch.
            scan: the position, made by `scanner`.
            meets: whether tokens of the row cross a check (`tables.build.Found`).
            limit: tokens may leave at most this distance to acceptance; None without a budget.

        Returns:
            Arrays of token ids, not disjoint; the row need not hold all of them.

        Raises:
            StaleScanError: see there.
        """
        self._check_epoch()
        if not scan.values and scan.is_name and place.gate != ASK_ANOTHER and self._is_new(place, scan):
            return ()
        self._ahead.begin()
        search = Search(self._machine, self._ahead, self.target, self._step, self._scanner.feed, limit=limit)
        if scan.values:
            self._withhold(search, place.state, scan, meets=meets)
        else:
            self._withhold_names(search, place, scan)
        out = search.found
        if out and self._machine.has_tokens(place.state):
            found = np.unique(np.concatenate(out))
            edges = [t for t in found.tolist() if self._machine.step_token(place.state, t) >= 0]
            return [np.setdiff1d(found, np.array(edges, np.int32))]
        return out

    def _is_new(self, place: Place, scan: Scan) -> bool:
        """Whether the name that is being written, or comes next, repeats no earlier one whatever token follows."""
        here = scan.open
        if here is None or not here.size or scan.mode == DONE:
            return True
        if scan.in_escape or (here.checked and self._ahead.is_few(place.state, scan)):
            return not threatened(scan)
        if place.gate == UNTIL_CROSSED:
            return True
        endings = self._tables.endings
        if scan.mode == STRING:
            return not repeating(here, scan.head[0], endings.within)
        return not repeating(here, b"", endings.whole)

    def _withhold_names(self, search: Search, place: Place, scan: Scan) -> None:
        """`withheld` where all checks are about names, which are few, and in few places."""
        state, tables, here = place.state, self._tables, scan.open
        if here is not None and here.size and scan.is_name:
            if place.gate != UNTIL_CROSSED:
                self._try_strings(search, state, scan)
            if here.checked and self._ahead.is_few(state, scan) and threatened(scan):
                search.dead_ends(tables.tree.root, state, scan)
        if place.gate == ASK_ANOTHER:
            within = self._within(state, tables.further, _behind_another)
            search.tried(tables.further.root, within, state, scan)
        if here is not None and here.marked and not scan.is_name:
            spare = self._ahead.spare_siblings(state, scan)
            if spare is not None:
                self._try_siblings(search, state, scan, spare)
            elif place.gate == UNTIL_CROSSED:
                place.gate = QUIET

    def _try_strings(self, search: Search, state: int, scan: Scan) -> None:
        """Tokens that finish the string which is being written, or comes next, and fail a check with that."""
        tables = self._tables
        if scan.in_escape:
            search.tried(tables.quoted.root, self._ways_of(state, scan).others, state, scan)
        else:
            search.finished(tables, state, scan)

    def _withhold(self, search: Search, state: int, scan: Scan, *, meets: bool) -> None:
        """`withheld` where checks are about values, too."""
        tables, here = self._tables, scan.open
        if meets:
            tree = tables.quoted if scan.mode in _IN_STRING else tables.tree
            ways = self._ways_of(state, scan)
            search.tried(tree.root, ways.others, state, scan)
            if here is not None and here.size:
                if ways.strings:
                    search.finished(tables, state, scan)
                if ways.numbers and not search.numbered(tables, state, scan):
                    nodes = tables.numeric.intersection(self._crossing_nodes(state, tree.trie))
                    digits = frozenset(node for end in nodes for node in self._way(tree, end))
                    search.tried(tree.root, digits, state, scan)
            if self._tests:
                search.tried(tree.root, self._within(state, tree, self._tests_at), state, scan)
        if here is None or not (here.marked or meets):  # a token may finish the first item and begin the next
            return
        if threatened(scan):
            search.dead_ends(tables.tree.root, state, scan)
        spare = self._ahead.spare_siblings(state, scan)
        if spare is not None:
            self._try_siblings(search, state, scan, spare)
        else:
            search.tried(tables.begun[scan.mode in _IN_STRING].root, None, state, scan)

    def _try_siblings(self, search: Search, state: int, scan: Scan, spare: int) -> None:
        """Tokens that begin a sibling of which there may be none left."""
        tables, in_string = self._tables, scan.mode in _IN_STRING
        # While some are left, one may still begin: only what is written of it in the same token can lead astray.
        chosen = tables.commas if spare <= 0 else tables.inside
        search.tried(chosen[in_string].root, None, state, scan)

    def _ways_of(self, state: int, scan: Scan) -> _Ways:
        """Where tokens cross checks from a super-state; remembered."""
        at = (state, scan.mode if not scan.in_escape else ESCAPE)
        found = self._sorted.get(at)
        if found is None:
            if len(self._sorted) >= _REMEMBERED:
                self._sorted.clear()
            found = self._sorted[at] = self._sort_ways(state, scan)
        return found

    def _sort_ways(self, state: int, scan: Scan) -> _Ways:
        tables, mode = self._tables, scan.mode
        tree = tables.quoted if mode in _IN_STRING else tables.tree
        strings = numbers = _NO_NODES
        if mode == STRING and not scan.in_escape:
            strings = tables.closing
        elif mode == OUT:
            strings, numbers = tables.strings, tables.numeric
        elif mode == NUMBER:
            numbers = tables.numeric
        nodes = self._crossing_nodes(state, tree.trie)
        others: set[int] = set()
        for node in nodes:
            if node not in strings and node not in numbers:
                others.update(self._way(tree, node))
        return _Ways(frozenset(others), not strings.isdisjoint(nodes), not numbers.isdisjoint(nodes))

    def _way(self, tree: TokenTree, node: int) -> list[int]:
        """The nodes from the root to a node."""
        nodes = tree.trie.nodes
        token = int(tree.trie.order[nodes[node, 2]])
        text = (self._vocabulary.token_bytes(token) or b"")[: (int(nodes[node, 0]) >> 8) + 1]
        branch = tree.root
        path = []
        for byte in text:
            branch = branch.children[byte]
            path.append(branch.node)
        return path

    def _within(self, state: int, tree: TokenTree, wanted: Callable[[bytes, int], bool]) -> frozenset[int]:
        """Nodes of a trie on the way from `state` to wanted places where checks are crossed; remembered.

        `wanted` is asked about the text up to the crossing and the super-state there; it is the same for each trie.
        """
        at = (state, id(tree))
        found = self._ways.get(at)
        if found is None:
            if len(self._ways) >= _REMEMBERED:
                self._ways.clear()
            found = self._ways[at] = frozenset(self._list_ways(state, tree, wanted))
        return found

    def _crossing_nodes(self, state: int, trie: Trie) -> list[int]:
        """Nodes of a trie at whose byte checks are crossed on the way from `state`."""
        machine, nodes = self._machine, trie.nodes
        count = machine.call(machine.kernels.crossings, state, nodes, self._path, self._crossings)
        if count > len(self._crossings):
            self._crossings = np.zeros(2 * count, np.int32)
            count = machine.call(machine.kernels.crossings, state, nodes, self._path, self._crossings)
        return self._crossings[:count].tolist() if count else []

    def _list_ways(self, state: int, tree: TokenTree, wanted: Callable[[bytes, int], bool]) -> set[int]:
        nodes = tree.trie.nodes
        found: set[int] = set()
        for node in self._crossing_nodes(state, tree.trie):
            depth = int(nodes[node, 0]) >> 8
            token = int(tree.trie.order[nodes[node, 2]])
            text = (self._vocabulary.token_bytes(token) or b"")[: depth + 1]
            branch, here = tree.root, state
            path = []
            for byte in text:
                branch = branch.children[byte]
                path.append(branch.node)
                here = self.target(here, byte)
            if wanted(text, here):
                found.update(path)
        return found

    def _tests_at(self, _: bytes, state: int) -> bool:
        return any(self._machine.checks[k].kind == "value" for k in self._machine.crossed(state))


def _behind_another(text: bytes, _: int) -> bool:
    """Whether what a token finishes may have begun in it, behind another sibling."""
    return not _OPENERS.isdisjoint(text[:-1])
