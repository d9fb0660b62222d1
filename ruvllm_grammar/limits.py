"""Budgets: every potentially unbounded thing has a number here, and a `LimitError` that names it."""

from __future__ import annotations

from dataclasses import dataclass


@dataclass(frozen=True, slots=True, kw_only=True)
class Limits:
    """Budgets of one compilation. Exceeding one raises `LimitError` naming the field.

    Attributes:
        leaf_states: states of one leaf automaton, during and after construction.
        program: instructions of one grammar's byte program.
        super_states: super-states held at once; when full they are dropped and rebuilt (as RE2 does).
        configurations: configurations in one super-state: the width of an ambiguity.
        stack_nodes: graph-structured stack nodes held at once.
        row_bytes: bytes of mask rows a grammar remembers, shared rows counted each time; when full they are forgotten.
        schema_nodes: sub-schemas of one JSON Schema document.
        depth: nesting of a source text or schema, in levels.
        text: length of a source text, in characters.
    """

    leaf_states: int = 200_000
    program: int = 4_000_000
    super_states: int = 131_072
    configurations: int = 16_384
    stack_nodes: int = 4_000_000
    row_bytes: int = 512 << 20
    schema_nodes: int = 200_000
    depth: int = 500
    text: int = 8_000_000
