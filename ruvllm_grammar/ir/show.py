"""Canonical text of expressions and grammars: for people, golden tests and fingerprints.

```text
root ::= "[" item ("," item){0,3} "]"
item ::= json_string([a-z]+ & ~("no")) | <128009>
```

Precedence, tightest first: repetition, complement `~`, sequence, intersection `&`, alternation `|`.
"""

from __future__ import annotations

from ruvllm_grammar.ir.expr import (
    Alt,
    Both,
    Chars,
    Complement,
    Empty,
    Expr,
    JsonString,
    Leaf,
    Literal,
    Machine,
    Mark,
    Never,
    Ref,
    Repeat,
    Seq,
    Token,
)

_ALT, _BOTH, _SEQ, _NOT, _ATOM = range(5)


def _quoted(node: Literal) -> str:
    if node.text is None:
        return "".join(f"\\x{byte:02x}" for byte in node.data).join(('b"', '"'))
    out = []
    for char in node.text:
        if char in '"\\':
            out.append("\\" + char)
        elif char.isprintable():
            out.append(char)
        else:
            out.append(f"\\u{{{ord(char):x}}}")
    return '"' + "".join(out) + '"'


def _bounds(node: Repeat) -> str:
    table = {(0, None): "*", (1, None): "+", (0, 1): "?"}
    plain = table.get((node.low, node.high))
    if plain is not None:
        return plain
    if node.low == node.high:
        return f"{{{node.low}}}"
    return f"{{{node.low},{'' if node.high is None else node.high}}}"


def _render(node: Expr) -> tuple[str, int]:
    """Text and precedence. Recurses as deep as the expression, which readers bound by `Limits.depth`."""
    match node:
        case Never():
            return "NEVER", _ATOM
        case Empty():
            return '""', _ATOM
        case Literal():
            return _quoted(node), _ATOM
        case Chars():
            return str(node.set), _ATOM
        case Seq():
            return " ".join(_wrap(p, _SEQ + 1) for p in node.parts), _SEQ
        case Alt():
            return " | ".join(_wrap(p, _ALT + 1) for p in node.parts), _ALT
        case Both():
            return " & ".join(_wrap(p, _BOTH + 1) for p in node.parts), _BOTH
        case Complement():
            return "~" + _wrap(node.body, _NOT), _NOT
        case Repeat():
            return _wrap(node.body, _ATOM) + _bounds(node), _NOT
        case Ref():
            return f"${node.name}", _ATOM
        case Leaf():
            return f"leaf({_render(node.body)[0]})", _ATOM
        case JsonString():
            return f"json_string({_render(node.body)[0]})", _ATOM
        case Token():
            return "<" + ",".join(str(i) for i in sorted(node.ids)) + ">", _ATOM
        case Mark():
            return f"{node.name}:({_render(node.body)[0]})", _ATOM
        case Machine():
            rows = "; ".join(
                f"{state}{'!' if state in node.accepting else ''}:"
                + ",".join(f"{low:x}-{high:x}>{target}" for low, high, target in row)
                for state, row in enumerate(node.rows)
            )
            return f"machine({rows})", _ATOM
        case _:
            return type(node).__name__, _ATOM


def _wrap(node: Expr, at_least: int) -> str:
    text, precedence = _render(node)
    return text if precedence >= at_least else f"({text})"


def show(node: Expr) -> str:
    """Canonical one-line text of an expression; equal texts mean equal expressions."""
    return _render(node)[0]


Expr.printer = show
