"""From a regular expression to a non-deterministic automaton, built from the end towards the start.

`build(e, next)` returns the node from which `e` and then everything after `next` can be read. Working backwards, a
node's continuation exists before the node does, so a character is one node `(set, next)` with no plumbing around it,
and equal nodes are the same node: ten thousand literals with common endings share them.

```text
a(b|c)   accept=0;  1: [c] -> 0;  2: [b] -> 0;  3: skip to 2, 1;  4: [a] -> 3
x{1,3}   0;  1: [x] -> 0;  2: skip to 1, 0;  3: [x] -> 2;  4: skip to 3, 0;  5: [x] -> 4
```

A counted loop is unrolled, but nested (`x(x(x)?)?`), so every node skips to at most two others and the size is linear
in the count. Counts multiply when nested; the size is worked out before anything is built, and refused if it is
beyond the budget. Boolean operators inside have been compiled already and are pasted in state by state.

Cost: one node per character of the unrolled expression. No recursion: an explicit stack holds the work.

Lineage: Thompson, "Regular expression search algorithm" (1968), in continuation-passing form.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping

from ruvllm_grammar import ir
from ruvllm_grammar.automata.alphabet import Alphabet, SetId
from ruvllm_grammar.automata.symbolic import SymbolicDfa
from ruvllm_grammar.errors import LimitError

Node = int
ACCEPT: Node = 0
_SKIP = -1
#: All subsets together may hold this many times `Limits.leaf_states` nodes, so that memory and time are bounded too.
NODES_PER_STATE = 16


def states_limit(needed: int, limit: int) -> LimitError:
    """The one error of this package for automata that grow too large."""
    return LimitError(
        f"a pattern needs {needed:,} states or more, and Limits.leaf_states allows {limit:,}; "
        "raise the limit, or shorten its counted repetitions",
        limit="leaf_states",
        needed=needed,
    )


def unrolled_size(e: ir.Expr, fragments: Mapping[ir.Expr, SymbolicDfa]) -> int:
    """Nodes that `build` would make at most, with every count multiplied out."""
    sizes: dict[ir.Expr, int] = {}
    stack = [e]
    while stack:
        node = stack[-1]
        if node in sizes:
            stack.pop()
            continue
        if node in fragments:
            sizes[node] = len(fragments[node].rows) + sum(map(len, fragments[node].rows))
            continue
        missing = [child for child in ir.children(node) if child not in sizes]
        if missing:
            stack.extend(missing)
            continue
        match node:
            case ir.Literal():
                sizes[node] = len(node.data)
            case ir.Seq():
                sizes[node] = sum(sizes[p] for p in node.parts)
            case ir.Alt():
                sizes[node] = sum(sizes[p] for p in node.parts) + 1
            case ir.Repeat():
                copies = max(node.low, 1) if node.high is None else node.high
                sizes[node] = (sizes[node.body] + 1) * copies
            case _:
                sizes[node] = 1
    return sizes[e]


class Nfa:
    """Nodes as parallel lists; see the module's essay.

    Attributes:
        symbol: the label of a node that reads a character; negative for `ACCEPT` and for nodes that only skip.
        target: where that node leads.

    `limit` is `Limits.leaf_states`.
    """

    def __init__(self, alphabet: Alphabet, limit: int) -> None:
        self.alphabet = alphabet
        self.symbol: list[SetId] = [_SKIP]
        self.target: list[Node] = [ACCEPT]
        self._skips: list[tuple[Node, ...]] = [()]
        self._closures: dict[Node, tuple[Node, ...]] = {ACCEPT: (ACCEPT,)}
        self._readers: dict[tuple[SetId, Node], Node] = {}
        self._built: dict[tuple[ir.Expr, Node], Node] = {}
        self._chain: dict[Node, Node] = {}
        self._anything: Node = -1
        self._limit = limit
        self._held = 0

    def pruned(self, nodes: set[Node]) -> tuple[Node, ...]:
        """The nodes without those whose every word another of them reads too; ascending.

        A copy of a counted loop that may still be followed by more copies reads whatever a later copy reads from the
        same place. Without this, `x{1,200}y` found anywhere in a text would track up to 200 places at once. And
        where any text may follow, nothing else matters.
        """
        chain = self._chain
        if self._anything in nodes and ACCEPT in nodes:
            return ACCEPT, self._anything
        if len(nodes) == 1 or not chain:
            return tuple(sorted(nodes))
        best: dict[Node, Node] = {}
        for node in sorted(nodes):  # within a chain, more copies to come means a higher number
            best[chain.get(node, node)] = node
        return tuple(sorted(best.values()))

    def closure(self, node: Node) -> tuple[Node, ...]:
        """The nodes that read a character, and `ACCEPT`, that `node` reaches by skipping; ascending."""
        found = self._closures.get(node)
        if found is None:
            if self.symbol[node] >= 0:
                found = (node,)
            else:
                seen = {node}
                stack = [node]
                reached = []
                while stack:
                    for one in self._skips[stack.pop()]:
                        if one not in seen:
                            seen.add(one)
                            if one == ACCEPT or self.symbol[one] >= 0:
                                reached.append(one)
                            else:
                                stack.append(one)
                found = self.pruned(set(reached)) if reached else ()
                self._held += len(reached)
                if self._held > self._limit * NODES_PER_STATE:
                    raise states_limit(self._held // NODES_PER_STATE, self._limit)
            self._closures[node] = found
        return found

    def _reader(self, symbol: SetId, target: Node) -> Node:
        key = (symbol, target)
        found = self._readers.get(key)
        if found is None:
            found = self._readers[key] = len(self.symbol)
            self.symbol.append(symbol)
            self.target.append(target)
            self._skips.append(())
        return found

    def _skip(self, *targets: Node) -> Node:
        self.symbol.append(_SKIP)
        self.target.append(ACCEPT)
        self._skips.append(targets)
        return len(self.symbol) - 1

    def build(self, e: ir.Expr, fragments: Mapping[ir.Expr, SymbolicDfa]) -> Node:
        """The entry node of `e`; what follows it is `ACCEPT`.

        Args:
            e: a regular expression other than `NEVER`.
            fragments: the compiled form of every boolean operator and machine inside.

        Raises:
            LimitError: the unrolled expression is larger than the limit.
        """
        needed = unrolled_size(e, fragments)
        if needed > self._limit:
            raise states_limit(needed, self._limit)
        current: Node = ACCEPT
        work: list[Callable[[Node], Node] | ir.Expr] = [e]
        while work:
            item = work.pop()
            if not isinstance(item, ir.Expr):
                current = item(current)
            elif isinstance(item, ir.Chars):
                current = self._reader(self.alphabet.intern(item.set), current)
            elif isinstance(item, ir.Literal):
                for char in reversed(item.text or ""):
                    current = self._reader(self.alphabet.char(char), current)
            elif isinstance(item, ir.Seq):
                work.extend(item.parts)
            elif item in fragments:
                current = self._paste(fragments[item], current)
            elif isinstance(item, (ir.Alt, ir.Repeat)):
                key = (item, current)
                known = self._built.get(key)
                if known is not None:
                    current = known
                    continue
                work.append(self._remember(key))
                if isinstance(item, ir.Alt):
                    self._branch(item, current, work)
                else:
                    current = self._loop(item, current, work)
        return current

    def _remember(self, key: tuple[ir.Expr, Node]) -> Callable[[Node], Node]:
        def run(entry: Node) -> Node:
            self._built[key] = entry
            return entry

        return run

    def _branch(self, e: ir.Alt, follow: Node, work: list[Callable[[Node], Node] | ir.Expr]) -> None:
        """Queue: build each part in front of `follow`, then one node that skips to all of them."""
        entries: list[Node] = []

        def collect(entry: Node) -> Node:
            entries.append(entry)
            return follow

        def finish(_: Node) -> Node:
            return self._skip(*entries)

        work.append(finish)
        for part in e.parts:
            work.append(collect)
            work.append(part)

    def _loop(self, e: ir.Repeat, follow: Node, work: list[Callable[[Node], Node] | ir.Expr]) -> Node:
        """Queue the copies of the body, the last one first."""
        body = e.body
        if e.high is None:
            around = self._skip()

            def close(entry: Node) -> Node:
                self._skips[around] = (entry, follow)
                if e is ir.ANY_TEXT and follow == ACCEPT:
                    self._anything = entry
                return entry if e.low else around

            compulsory = e.low - 1
            queued: list[Callable[[Node], Node] | ir.Expr] = [body, close]
            start = around
        else:
            compulsory = e.low

            copies = _Copies(self.symbol, self._chain)

            def may_stop(entry: Node) -> Node:
                return self._skip(copies.end(entry), follow)

            queued = [copies.begin, body, may_stop] * (e.high - e.low)
            if len(queued) > 3 and compulsory:
                queued += [copies.begin, body, copies.end]
                compulsory -= 1
            start = follow
        queued.extend([body] * compulsory)
        work.extend(reversed(queued))
        return start

    def _paste(self, fragment: SymbolicDfa, follow: Node) -> Node:
        entries = [self._skip() for _ in fragment.rows]
        for state, row in enumerate(fragment.rows):
            readers = [self._reader(self.alphabet.intern(label), entries[target]) for label, target in row]
            if fragment.accepting[state]:
                readers.append(follow)
            self._skips[entries[state]] = tuple(readers)
        return entries[0]


class _Copies:
    """Chains the nodes at one place of the optional copies of a loop, from the copy with no other behind it upwards.

    Only copies after the first are sure to share no node with anything else; they are built alike, node by node. The
    innermost loop that holds a node decides its chain.
    """

    def __init__(self, symbols: list[SetId], chain: dict[Node, Node]) -> None:
        self._symbols = symbols
        self._chain = chain
        self._count = 0
        self._start = 0
        self._previous = range(0)

    def begin(self, entry: Node) -> Node:
        """Before a copy is built."""
        self._start = len(self._symbols)
        return entry

    def end(self, entry: Node) -> Node:
        """After a copy is built."""
        nodes = range(self._start, len(self._symbols))
        self._count += 1
        if self._count > 2 and len(nodes) == len(self._previous):
            chain = self._chain
            for node, below in zip(nodes, self._previous, strict=True):
                if node not in chain:
                    chain[node] = chain.setdefault(below, below)
        self._previous = nodes
        return entry
