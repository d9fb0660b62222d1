"""The obvious prefix tree: all prefixes of all tokens, sorted. Sorted prefixes are the pre-order."""

from collections.abc import Sequence


def naive_trie(strings: Sequence[bytes], ids: Sequence[int]) -> tuple[list[list[int]], list[int]]:
    """`nodes` and `order` as `Trie` defines them, as lists."""
    prefixes = sorted({text[:n] for text in strings for n in range(1, len(text) + 1)})
    nodes: list[list[int]] = []
    order: list[int] = []
    for at, prefix in enumerate(prefixes):
        end = at + 1
        while end < len(prefixes) and prefixes[end].startswith(prefix):
            end += 1
        here = sorted(i for i, text in zip(ids, strings, strict=True) if text == prefix)
        nodes.append([prefix[-1] | (len(prefix) - 1) << 8, end, len(order), len(order) + len(here)])
        order += here
    return nodes, order
