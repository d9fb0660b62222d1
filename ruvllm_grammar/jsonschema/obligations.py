"""Obligations: what one value must satisfy, as a set of cells, and the conjunctions it comes apart into.

A value is judged by an *obligation*: the hash-consed tuple of cells that apply to it. Following `$ref` and `allOf`
closes it; a choice (`anyOf`, a provably disjoint `oneOf`, a dependency by cases) splits it. What remains is a list of
*conjunctions*, tuples of cells of which only the local assertions still count, and the value satisfies the
obligation exactly when it satisfies one of them. A conjunction merges by kind: types intersect, intervals and lengths
narrow, members and items collect the obligations of their children. So `allOf` and the siblings of `$ref` cost
nothing extra and are exact.

Worked example: `{"$ref": "#/$defs/p", "anyOf": [{"required": ["a"]}, {"required": ["b"]}]}` closes to the cells of
the root and of `p`, and splits into two conjunctions, `(p, first)` and `(p, second)`; the root says nothing itself.

A conjunction that meets `enum` or `const` is finite: its values are filtered by evaluation, and nothing more splits.

Cost: a choice multiplies; more than `MAX_CONJUNCTIONS` in one place is refused with the pointer. Lineage: tableaux,
as in description logics (Baader and Sattler, "An Overview of Tableau Algorithms", 2001), with lazy children.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field, replace
from typing import Any

from ruvllm_grammar import ir
from ruvllm_grammar.errors import UnsupportedKeyword
from ruvllm_grammar.jsonschema.cells import Cells
from ruvllm_grammar.jsonschema.clauses import Cell, Choice, Claim, Place, Refusal
from ruvllm_grammar.jsonschema.document import Node
from ruvllm_grammar.jsonschema.evaluate import Evaluator
from ruvllm_grammar.jsonschema.unevaluated import Scope, Unevaluated, Watch
from ruvllm_grammar.jsonschema.values import ALL_KINDS, SCALARS, canonical, kind
from ruvllm_grammar.limits import Limits

#: Combinations of branches that one value may be judged by.
MAX_CONJUNCTIONS = 4096


@dataclass(slots=True, eq=False)
class Obligation:
    """The cells one value is judged by; the empty tuple lets every value pass. Compared by identity.

    Attributes:
        name: of its rule.
        cells: none of them vacuous.
    """

    name: str
    cells: tuple[Cell, ...]

    @property
    def pointer(self) -> str:
        """Where its first cell stands."""
        return self.cells[0].pointer if self.cells else ""

    @property
    def plain(self) -> bool:
        """Visibly a scalar of which nothing can be refused: nothing to split, no children."""
        if len(self.cells) != 1:
            return False
        cell = self.cells[0]
        return cell.kinds <= SCALARS and not (
            cell.must
            or cell.choices
            or cell.refused
            or cell.values
            or cell.multiples
            or cell.patterns
            or cell.not_values
            or cell.not_multiples
            or cell.not_patterns
        )


@dataclass(slots=True, eq=False)
class Conjunction:
    """Cells whose local assertions must all hold. Compared by identity.

    Attributes:
        name: of its rule.
        cells: in the order in which the schema writes their properties.
        kinds: kinds of value that are not excluded by type.
        values: the only values, where `enum` or `const` lists them; already filtered.
        shapes: merged assertions by kind, filled on demand by the modules of the kinds.
        scopes: what `unevaluated*` asks of members and items that nothing evaluates.
    """

    name: str
    cells: tuple[Cell, ...]
    kinds: frozenset[str]
    values: tuple[Any, ...] | None = None
    shapes: dict[str, Any] = field(default_factory=dict)
    scopes: tuple[Scope, ...] = ()

    @property
    def pointer(self) -> str:
        """Where its first cell stands."""
        return self.cells[0].pointer if self.cells else ""


#: Where something stands in the order of the schema text: positions of keywords and branches from the top down.
_Place = tuple[int, ...]
#: Choices that listed values were filtered by, with the branches that were forced.
_Decided = tuple[tuple[Choice, tuple[int, ...]], ...]
#: What a choice adds comes after what its siblings say.
_AFTER = 1 << 32
_NOTHING: frozenset[str] = frozenset()
#: Ends the name of a rule of which nothing is asked.
_ANY = "_any"
_OBJECT = frozenset(("object",))


def denied_names(cell: Cell) -> frozenset[str]:
    """Names that a claim says an object does not have; of schemas, only emptiness asks."""
    if not isinstance(cell.place, Claim) or not cell.properties:
        return _NOTHING
    return frozenset(
        name for name, place in cell.properties.items() if isinstance(place, Node) and place.schema is False
    )


@dataclass(slots=True)
class _Branch:
    """A conjunction in the making: cells closed so far with their places, and choices still open with their owners.

    Attributes:
        required: names that cells require of an object.
        forbidden: names that claims deny to an object.
    """

    cells: dict[Cell, _Place]
    kinds: frozenset[str]
    open: tuple[tuple[Cell, Choice, _Place], ...]
    required: frozenset[str] = _NOTHING
    forbidden: frozenset[str] = _NOTHING

    def copy(self) -> _Branch:
        """Another one to add cells to."""
        return replace(self, cells=dict(self.cells))

    def adds_up(self, cell: Cell) -> bool:
        """Note the names that a cell requires or denies; whether an object can still have them all.

        The cases of dependencies and negations say little but this, so most of what they multiply to ends here.
        """
        if cell.required:
            self.required |= frozenset(cell.required)
        self.forbidden |= denied_names(cell)
        return not self.forbidden or self.required.isdisjoint(self.forbidden)

    def holds(self, cells: tuple[Cell, ...]) -> bool:
        """Whether these cells are known to hold already."""
        return all(cell in self.cells or cell.vacuous for cell in cells)


class Obligations:
    """Makes obligations and conjunctions, each once, and collects or raises refusals.

    Args:
        refusals: where refusals are collected (`check`); None: the first one is raised.
        overlaps: pairs of branches that a value may match together. In an exclusive choice each of the two is then
            joined with the negation of the other; below an owner of `unevaluated*` both may be known to hold.
    """

    def __init__(
        self,
        cells: Cells,
        *,
        algebra: ir.Algebra,
        limits: Limits,
        refusals: list[Refusal] | None = None,
        overlaps: Mapping[Choice, frozenset[tuple[int, int]]] | None = None,
    ) -> None:
        self.overlaps = overlaps or {}
        self.cells = cells
        self.algebra = algebra
        self.limits = limits
        self.refusals = refusals
        self.evaluator = Evaluator(cells, algebra)
        self.unevaluated = Unevaluated(cells, self.overlaps)
        self._obligations: dict[tuple[Cell, ...], Obligation] = {}
        self._obligation_by_name: dict[str, Obligation] = {}
        self._conjunctions: dict[tuple[tuple[Cell, ...], _Decided, tuple[Scope, ...]], Conjunction] = {}
        self._conjunction_by_name: dict[str, Conjunction] = {}
        self._parts: dict[Obligation, tuple[tuple[Conjunction, ...], Mapping[Choice, frozenset[str]]]] = {}

    def obligation(self, *cells: Cell) -> Obligation:
        """The obligation of these cells.

        References stand for their targets; repetitions and cells that assert nothing are dropped.
        """
        found_cells = [self.cells.target(cell) if cell.must else cell for cell in cells]
        if len(cells) == 1:
            key = () if found_cells[0].vacuous else tuple(found_cells)
        else:
            key = tuple(dict.fromkeys(cell for cell in found_cells if not cell.vacuous))
        found = self._obligations.get(key)
        if found is None:
            name = self._name("v", key, len(self._obligation_by_name))
            found = self._obligations[key] = self._obligation_by_name[name] = Obligation(name, key)
        return found

    def _name(self, letter: str, cells: tuple[Cell, ...], made: int) -> str:
        """The name of a rule. It does not depend on when the rule is asked for.

        Plain schemas are numbered when they are found; what else there is is made before the first rule is written, so
        it is numbered in order.
        """
        numbers = []
        for cell in cells:
            number = self.cells.plain.found.get(id(cell.schema))
            if number is None:
                return f"{letter}{len(self.cells.plain) + made}"
            numbers.append(str(number))
        return letter + ("_".join(numbers) or _ANY)

    def named_obligation(self, name: str) -> Obligation | None:
        """The obligation whose rule has this name; plain ones may not have been asked for yet."""
        if name not in self._obligation_by_name:
            self._enter(name)
        return self._obligation_by_name.get(name)

    def named_conjunction(self, name: str) -> Conjunction | None:
        """The conjunction whose rule has this name; plain ones may not have been asked for yet."""
        if name not in self._conjunction_by_name:
            self._enter(name)
        return self._conjunction_by_name.get(name)

    def _enter(self, name: str) -> None:
        """Make the plain obligation that a rule's name speaks of, as somebody who comes from outside asks for it."""
        if name[1:] == _ANY:
            self.conjunctions(self.obligation())
            return
        first = name[1:].partition("_")[0]
        node = self.cells.plain_node(int(first)) if first.isdecimal() else None
        if node is not None:
            self.conjunctions(self.obligation(self.cells.cell(node)))

    def is_plain(self, obligation: Obligation) -> bool:
        """Whether nothing about it, or about what it reaches, can be refused, guarded or compared (`plain`)."""
        return len(obligation.cells) == 1 and self.cells.plain.has(obligation.cells[0].schema)

    def rank(self, obligation: Obligation) -> int | None:
        """Below 0 where some value visibly satisfies the obligation: the rank that `plain` gives it."""
        cells = obligation.cells
        if len(cells) == 1:
            return self.cells.plain.rank(cells[0].schema)
        return None if cells else self.cells.plain.rank(True)

    def together(self, one: Obligation, other: Obligation) -> Obligation:
        """The obligation of a value that satisfies both."""
        return self.obligation(*one.cells, *other.cells)

    def child(self, owner: Cell, place: Place) -> Cell:
        """The cell of a place that `owner` names."""
        return self.cells.child(owner, place)

    def refuse(self, refusal: Refusal) -> None:
        """Raise a refusal, or note it where refusals are collected.

        Raises:
            UnsupportedKeyword: refusals are not collected.
        """
        if self.refusals is None:
            raise UnsupportedKeyword(
                f"{refusal.keyword} is not supported here: {refusal.reason}",
                pointer=refusal.pointer,
                keyword=refusal.keyword,
            )
        if refusal not in self.refusals:
            self.refusals.append(refusal)

    # -------------------------------------------------------------------------------------------- conjunctions

    def conjunctions(self, obligation: Obligation) -> tuple[Conjunction, ...]:
        """What the obligation comes apart into; a value satisfies it exactly when it satisfies one of them.

        Raises:
            UnsupportedKeyword: a keyword that is refused matters here, or the choices multiply too far.
        """
        return self._split_once(obligation)[0]

    def compared(self, obligation: Obligation) -> Mapping[Choice, frozenset[str]]:
        """The choices for which it matters which branches a value may match together, with the kinds of value."""
        return self._split_once(obligation)[1]

    def _split_once(
        self, obligation: Obligation
    ) -> tuple[tuple[Conjunction, ...], Mapping[Choice, frozenset[str]]]:
        found = self._parts.get(obligation)
        if found is None:
            found = self._parts[obligation] = self.split(obligation.cells, {})
        return found

    def reach(self, obligation: Obligation) -> tuple[tuple[Cell, ...], tuple[Choice, ...]]:
        """The cells that must hold whatever is chosen, and the choices, for messages."""
        seen: dict[Cell, None] = {}
        stack = list(reversed(obligation.cells))
        while stack:
            cell = stack.pop()
            if cell not in seen:
                seen[cell] = None
                stack.extend(self.child(cell, node) for _, node in reversed(cell.must))
        return tuple(seen), tuple(choice for cell in seen for choice in cell.choices)

    def split(
        self, cells: tuple[Cell, ...], forced: dict[Choice, tuple[int, ...]]
    ) -> tuple[tuple[Conjunction, ...], Mapping[Choice, frozenset[str]]]:
        """Close and split a tuple of cells: (conjunctions, choices whose branches must be compared, for which kinds).

        Args:
            cells: what the value is judged by.
            forced: choices of which the given branches have to hold together, to ask whether they can. Then what
                `unevaluated*` asks is left out, since other branches may evaluate the rest.
        """
        start = self._close(_Branch({}, ALL_KINDS, ()), cells, ())
        if start is None:
            return (), {}
        watched = self.unevaluated.watched(cells)
        compared: dict[Choice, frozenset[str]] = {}
        found: dict[Conjunction, None] = {}
        stack = [start]
        while stack:
            branch = stack.pop()
            if not branch.open or any(cell.values for cell in branch.cells):
                finished = self._finish(branch, forced)
                if finished is not None:
                    found[finished] = None
                if len(found) > MAX_CONJUNCTIONS:
                    owner = next((cell for cell in branch.cells if cell.choices), None)
                    self._too_many(owner.choices[0] if owner is not None else None)
                    break
                continue
            owner, choice, _ = branch.open[0]
            together = forced.get(choice)
            if owner in watched and together is None and not (choice.exclusive or choice.cases):
                grown, kinds = self._known(branch, watched[owner])
            else:
                grown, kinds = self._decide(branch, together), ALL_KINDS if choice.exclusive else _NOTHING
            if kinds:
                compared[choice] = compared.get(choice, _NOTHING) | kinds
            stack.extend(reversed(grown))
        return tuple(found), compared

    def _too_many(self, choice: Choice | None) -> None:
        self.refuse(
            Refusal(
                choice.keyword if choice else "anyOf",
                choice.pointer if choice else "",
                f"the branches multiply to more than {MAX_CONJUNCTIONS} combinations; "
                "write fewer choices beside each other",
            )
        )

    def _known(self, branch: _Branch, watch: Watch) -> tuple[list[_Branch], frozenset[str]]:
        """The conjunctions in the making after the first open choice, which lies below an owner of `unevaluated*`.

        One per non-empty set of branches known to hold, as far as these evaluate anything and may hold together. Where
        the owner is denied, the others are known to fail (see `unevaluated`). Also the kinds of value for which it
        matters what may hold together.
        """
        (owner, choice, place), rest = branch.open[0], branch.open[1:]
        start = replace(branch, open=rest)
        settled = False  # a branch holds already
        mute: list[tuple[Cell, ...]] = []  # branches that evaluate nothing
        pairs = self.overlaps.get(choice, frozenset())
        asked: frozenset[str] = _NOTHING
        several: frozenset[str] = _NOTHING
        empty: tuple[int, ...] = ()
        sets = [(start, empty)]  # the conjunction per set of the others
        for number, pick in enumerate(self._picks(owner, choice)):
            here = (*place, number)
            kinds = _NOTHING.union(*map(self.unevaluated.contributes, pick)) & watch.kinds
            several, asked = several | (asked & kinds), asked | kinds
            if start.holds(pick):
                settled = True
            elif watch.signed and kinds:
                denied = (self.unevaluated.denied(owner, choice, choice.branches[number]),)
                sets = [
                    (grown, chosen)
                    for one, before in sets
                    for cells, chosen in ((denied, before), (pick, (*before, number)))
                    if (grown := self._close(one.copy(), cells, here)) is not None
                ]
            elif (alone := self._close(start.copy(), pick, here)) is not None:
                if not kinds & alone.kinds:
                    mute.append(pick)
                    continue
                sets += [
                    (grown, (*before, number))
                    for one, before in sets
                    if all((i, number) in pairs for i in before)
                    if (grown := self._close(one.copy(), pick, here)) is not None
                ]
            if len(sets) > MAX_CONJUNCTIONS:
                self._too_many(choice)
                break
        found = [one for one, chosen in sets if chosen or settled]
        if not settled:
            found += [
                grown
                for one, chosen in sets
                for pick in mute
                if not chosen and (grown := self._close(one.copy(), pick, place)) is not None
            ]
        return found, _NOTHING if watch.signed else several

    def _decide(self, branch: _Branch, together: tuple[int, ...] | None) -> list[_Branch]:
        """The conjunctions in the making after the first open choice is decided."""
        (owner, choice, place), rest = branch.open[0], branch.open[1:]
        picks = self._picks(owner, choice)
        if together is not None:
            picks = [tuple(cell for i in together for cell in picks[i])]
        elif not choice.exclusive and any(branch.holds(cells) for cells in picks):
            return [replace(branch, open=rest)]  # one branch holds already
        else:
            for i, j in self.overlaps.get(choice, ()):
                for one, other in ((i, j), (j, i)):
                    (schema,) = choice.branches[other]  # a branch of oneOf is one schema
                    denied = self.cells.deny(schema, choice.keyword, choice.pointer)
                    picks[one] = (*picks[one], self.child(owner, denied))
        grown = (
            self._close(replace(branch, cells=dict(branch.cells), open=rest), pick, place) for pick in picks
        )
        return [one for one in grown if one is not None]

    def _picks(self, owner: Cell, choice: Choice) -> list[tuple[Cell, ...]]:
        """The cells of every branch of a choice."""
        return [
            tuple(self.cells.target(self.child(owner, place)) for place in places)
            for places in choice.branches
        ]

    def _close(self, branch: _Branch, todo: tuple[Cell, ...], place: _Place) -> _Branch | None:
        """Add cells and everything their `$ref` and `allOf` reach, in order; None when no kind of value is left."""
        stack = [(cell, (*place, i)) for i, cell in enumerate(todo)]
        stack.reverse()
        kinds, open_ = branch.kinds, list(branch.open)
        while stack:
            cell, here = stack.pop()
            if cell in branch.cells or cell.vacuous:
                continue
            branch.cells[cell] = (*here, cell.position)
            if cell.verdict is False:
                return None
            kinds &= cell.kinds
            if not branch.adds_up(cell):
                kinds -= _OBJECT
            if not kinds:
                return None
            open_.extend((cell, choice, (*here, _AFTER + choice.position)) for choice in cell.choices)
            if cell.must:
                stack.extend(
                    (self.child(cell, node), (*here, position, i))
                    for i, (position, node) in enumerate(cell.must)
                )
        branch.kinds, branch.open = kinds, tuple(open_)
        return branch

    def _finish(self, branch: _Branch, forced: Mapping[Choice, tuple[int, ...]]) -> Conjunction | None:
        """The hash-consed conjunction of a branch; listed values are evaluated here, refusals come up here.

        None where a denied `unevaluated*` has nothing left over that could fail.
        """
        cells = tuple(cell for cell in branch.cells if not cell.silent)
        if len(cells) > 1:
            cells = tuple(sorted(cells, key=branch.cells.__getitem__))
        listed = any(cell.values for cell in cells)
        # Listed values are filtered by the choices that are still open, so these belong to the identity.
        decided = tuple((choice, forced.get(choice, ())) for _, choice, _ in branch.open) if listed else ()
        scopes: tuple[Scope, ...] = ()
        if self.cells.annotations and not listed and not forced:
            violations = self.unevaluated.violations(branch.cells)
            if violations is None:
                return None
            cells += violations
            scopes = self.unevaluated.scopes(branch.cells)
        key = (cells, decided, scopes)
        found = self._conjunctions.get(key)
        if found is None:
            values = self._values(cells, branch.open, forced) if listed else None
            # Of listed values several conjunctions may have the same cells, each filtered by other choices.
            alone = not decided and not scopes
            made = len(self._conjunctions)
            name = self._name("c", cells, made) if alone else f"c{len(self.cells.plain) + made}"
            found = Conjunction(name, cells, branch.kinds, values, scopes=scopes)
            self._conjunction_by_name.setdefault(name, found)
            self._conjunctions[key] = found
            for cell in cells if values is None else ():
                for refusal in cell.refused:
                    if refusal.applies == "any" or refusal.applies in branch.kinds:
                        self.refuse(refusal)
        return found

    def _values(
        self,
        cells: tuple[Cell, ...],
        open_: tuple[tuple[Cell, Choice, _Place], ...],
        forced: Mapping[Choice, tuple[int, ...]],
    ) -> tuple[Any, ...]:
        """The listed values that satisfy every cell and every choice still open."""
        lists = [listed.values for cell in cells for listed in cell.values]
        candidates = min(lists, key=len)
        keys = [{canonical(value) for value in values} for values in lists if values is not candidates]
        found: dict[Any, Any] = {}
        kinds = frozenset.intersection(*(cell.kinds for cell in cells))
        for value in candidates:
            key = canonical(value)
            if kind(value) not in kinds or key in found or not all(key in other for other in keys):
                continue
            try:
                fits = (
                    all(self.evaluator.local(cell, value) for cell in cells)
                    and all(
                        self._decided(owner, choice, forced.get(choice), value) for owner, choice, _ in open_
                    )
                    and all(self.evaluator.unevaluated(cell, value) for cell in cells)
                )
            except UnsupportedKeyword as error:
                if self.refusals is None:
                    raise
                self.refuse(Refusal(error.keyword, error.pointer, str(error)))
                fits = True
            if fits:
                found[key] = value
        return tuple(found.values())

    def _decided(self, owner: Cell, choice: Choice, together: tuple[int, ...] | None, value: Any) -> bool:
        """Whether a listed value satisfies a choice; a forced one, whether it satisfies the given branches."""
        if together is None:
            return self.evaluator.choice(owner, choice, value)
        return all(
            self.evaluator.place(owner, place, value) for i in together for place in choice.branches[i]
        )
