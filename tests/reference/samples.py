"""Texts to try on an automaton: words drawn at random, and their neighbours, most of which are not words."""

from __future__ import annotations

import random

from ruvllm_grammar.automata import SymbolicDfa
from ruvllm_grammar.ir import CharSet

#: Characters on which engines like to differ.
STRANGE = "\n\r\u2028\u2029\u0085\ufeff\u00a0\x0b\x1c\x00 aZ0_-é\u017f\u212aÀ٣\U0001f600"


def words(dfa: SymbolicDfa, count: int, rng: random.Random, *, length: int = 24) -> list[str]:
    """Up to `count` words by random walks that turn home after about `length` characters."""
    if dfa.is_empty:
        return []
    homeward = _homeward(dfa)
    found = []
    for _ in range(count):
        state, text, patience = 0, [], rng.randrange(length)
        while True:
            if dfa.accepting[state] and (not dfa.rows[state] or rng.random() < 0.2 or len(text) >= patience):
                break
            if len(text) >= patience:
                label, state = dfa.rows[state][homeward[state]]
            else:
                label, state = rng.choice(dfa.rows[state])
            text.append(_member(label, rng))
        found.append("".join(text))
    return found


def neighbours(text: str, count: int, rng: random.Random) -> list[str]:
    """Texts one or two small edits away."""
    found = []
    for _ in range(count):
        chars = list(text)
        for _ in range(rng.choice([1, 1, 2])):
            place = rng.randrange(len(chars) + 1)
            kind = rng.randrange(4)
            if kind == 0 or not chars:
                chars.insert(place, rng.choice(STRANGE + text))
            elif kind == 1:
                del chars[min(place, len(chars) - 1)]
            elif kind == 2:
                chars[min(place, len(chars) - 1)] = rng.choice(STRANGE + text)
            else:
                chars = chars[:place] if rng.random() < 0.5 else chars[place:]
        found.append("".join(chars))
    return found


def texts(dfa: SymbolicDfa, count: int, rng: random.Random) -> list[str]:
    """Words, neighbours, and a few texts that have nothing to do with the automaton; no text twice."""
    found = words(dfa, count, rng)
    found += [n for text in found for n in neighbours(text, 3, rng)]
    found += [
        "",
        "a",
        " ",
        "\n",
        *("".join(rng.choices(STRANGE, k=rng.randrange(1, 5))) for _ in range(count)),
    ]
    return list(dict.fromkeys(found))


def _member(label: CharSet, rng: random.Random) -> str:
    low, high = rng.choice(label.ranges[:8] + label.ranges[-2:])
    if rng.random() < 0.5:
        return chr(rng.choice([low, high]))
    return chr(rng.randint(low, min(high, low + 60)))


def _homeward(dfa: SymbolicDfa) -> list[int]:
    """Per state the index of an edge that comes nearer to acceptance."""
    steps = [0 if yes else -1 for yes in dfa.accepting]
    before: list[list[int]] = [[] for _ in dfa.rows]
    for state, row in enumerate(dfa.rows):
        for _, target in row:
            before[target].append(state)
    queue = [state for state, yes in enumerate(dfa.accepting) if yes]
    for state in queue:
        for one in before[state]:
            if steps[one] < 0:
                steps[one] = steps[state] + 1
                queue.append(one)
    return [
        min(range(len(row)), key=lambda i: steps[row[i][1]] if steps[row[i][1]] >= 0 else 1 << 30, default=-1)
        for row in dfa.rows
    ]
