"""The instructions of a program as text.

A rule is emitted when a run first enters it. To be read as a whole it is emitted as a whole here, up to a
bound. The states of a leaf automaton are one line, not one each.

```text
     3  CALL   5     $root
     4  RETURN
$root:
     5  BYTE   "["
     6  COUNT  9 {0,3}
```
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass

from ruvllm_grammar import ir
from ruvllm_grammar.cli.screen import quoted
from ruvllm_grammar.kernels import layout
from ruvllm_grammar.limits import Limits
from ruvllm_grammar.program.arena import new_arena
from ruvllm_grammar.program.emit import Emitter

_OPS = {
    getattr(layout, name): name
    for name in (
        "FAIL", "BYTE", "LEAF", "LEAF_END", "JUMP", "SPLIT", "CALL", "RETURN", "END", "LAZY", "COUNT", "TOKEN", "MARK",
        "CHECK", "FRAME", "STEP", "PICK",
    )
}  # fmt: skip
_LONGEST = 72  # characters of a name


@dataclass(frozen=True, slots=True)
class Instruction:
    """One line of a listing.

    Attributes:
        pc: address.
        op: name of the operation; "LEAVES" for a whole leaf automaton.
        operands: as text.
        note: what a target is called.
        name: the rule or leaf that begins here.
    """

    pc: int
    op: str
    operands: str = ""
    note: str = ""
    name: str = ""


@dataclass(frozen=True, slots=True)
class Listing:
    """A program.

    Attributes:
        instructions: in order of addresses.
        size: instructions emitted, leaf states included.
        pending: rules and leaves that were not emitted for the bound's sake.
    """

    instructions: tuple[Instruction, ...]
    size: int
    pending: int


def listing(grammar: ir.Grammar, limits: Limits, *, most: int) -> Listing:
    """Emit a grammar's rules until all are, or `most` instructions are reached.

    Raises:
        LimitError: a budget of `limits` was too small.
    """
    emitter = Emitter(grammar, limits, new_arena(limits))
    while (pending := emitter.pending) and emitter.size < most:
        for number in pending:
            emitter.emit_lazy(number)
            if emitter.size >= most:
                break
    return Listing(tuple(_instructions(emitter)), emitter.size, len(emitter.pending))


def text_of(program: Listing) -> str:
    """The listing for people."""
    lines = []
    for one in program.instructions:
        if one.name:
            lines.append(f"{one.name}:")
        lines.append(f"{one.pc:6}  {one.op:8} {one.operands:24} {one.note}".rstrip())
    lines.append(f"; {program.size} instructions")
    if program.pending:
        lines.append(f"; {program.pending} rules or leaves beyond them, see --instructions")
    return "\n".join(lines)


def _instructions(emitter: Emitter) -> Iterator[Instruction]:
    names = _names(emitter)
    leaves = {block.base: (number, block) for number, block in enumerate(emitter.leaves)}
    code = emitter.arena.code[: emitter.size].tolist()

    def called(pc: int) -> str:
        """What begins at an address, or behind the stub that stands there."""
        if pc not in names and pc >= 0 and code[pc][0] == layout.JUMP:
            pc = code[pc][1]
        return names.get(pc, "")

    pc = 0
    while pc < emitter.size:
        found = leaves.get(pc)
        if found is not None:
            number, block = found
            last = pc + block.dfa.n_states - 2
            note = f"automaton {number}: {block.dfa.n_states - 1} states, {block.dfa.n_classes} byte classes"
            yield Instruction(pc, "LEAVES", f"to {last}", note, names.get(pc, ""))
            pc = last + 1
            continue
        op, *operands = code[pc]
        text, target = _operands(emitter, op, *operands)
        yield Instruction(pc, _OPS[op], text, called(target), names.get(pc, ""))
        pc += 1


def _operands(emitter: Emitter, op: int, a: int, b: int, c: int) -> tuple[str, int]:
    """Operands as text, and the address whose name explains them (-1 for none)."""
    match op:
        case layout.BYTE:
            return quoted(bytes([a])), -1
        case layout.JUMP | layout.CALL:
            return str(a), a
        case layout.SPLIT | layout.PICK:
            return f"{a} {b}", -1
        case layout.COUNT:
            return f"{a} {{{b},{'' if c < 0 else c}}}", a
        case layout.TOKEN:
            return "<" + ",".join(map(str, sorted(emitter.token_sets[a]))) + ">", -1
        case layout.MARK:
            return f"{emitter.marks[a]} {'opens' if b else 'closes'}", -1
        case layout.CHECK:
            return f"{emitter.checks[a].kind} {emitter.checks[a].name}", -1
        case layout.FRAME:
            return f"{a} record {b}", a
        case layout.STEP:
            return f"@{a}", -1
        case layout.LAZY:
            return "not emitted", -1
        case _:
            return "", -1


def _names(emitter: Emitter) -> dict[int, str]:
    """Rules as `$name`, and leaves by what they match, by the address where they begin."""
    names = {}
    for key, pc in emitter.addresses.items():
        if isinstance(key, str):
            name = f"${key}"
        else:
            name = ir.show(key) if isinstance(key, ir.Expr) else "one character as JSON spells it"
        if not isinstance(key, str) and emitter.arena.code[pc, 0] == layout.JUMP:
            pc = int(emitter.arena.code[pc, 1])  # the stub of a leaf that was placed since
        names[pc] = name if len(name) <= _LONGEST else name[: _LONGEST - 3] + "..."
    return names
