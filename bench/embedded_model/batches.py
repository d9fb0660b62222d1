"""Examples to batches of tokens: shards, buckets by length, and a place to resume from.

A shard is a fixed number of examples, made from (stage, seed, index) alone, so shards may be made in any order, by
any number of processes, and again after a restart. Inside a shard examples are sorted by length and cut into batches
of at most `tokens` tokens, padding counted; then the batches are shuffled. Padding stands at the end, where a causal
model never looks back from, so no attention mask is needed; the loss mask leaves it out.

    lengths 300 310 900 | 3 x 900 = 2,700 <= 3,072, so the three are one batch
"""

from __future__ import annotations

from collections import deque
from collections.abc import Iterator, Sequence
from concurrent.futures import Future, ProcessPoolExecutor
from dataclasses import dataclass
from functools import cache
from pathlib import Path
from random import Random

import numpy as np
from numpy.typing import NDArray
from tokenizers import Tokenizer

from bench.embedded_model import tokenizer as tokenizers
from bench.embedded_model.chat_format import PAD, render
from bench.embedded_model.mixture import Example, example

SHARD = 1024
TOKENS = 3072
LONGEST = 3072  # longer examples are left out: they would be a batch alone and more


@dataclass(frozen=True, slots=True)
class Batch:
    """Tokens of several examples.

    Attributes:
        ids: int64[B, T], padded at the end.
        learn: bool[B, T], True at tokens that the model is to predict.
    """

    ids: NDArray[np.int64]
    learn: NDArray[np.bool_]


@dataclass(frozen=True, slots=True)
class Place:
    """Where a stage's stream stands: the next batch of a shard."""

    shard: int = 0
    batch: int = 0


START = Place()


def encode(tokenizer: Tokenizer, made: Example) -> tuple[list[int], list[bool]]:
    """Tokens of an example, and which of them are the model's own."""
    return encode_all(tokenizer, [made])[0]


def encode_all(tokenizer: Tokenizer, many: Sequence[Example]) -> list[tuple[list[int], list[bool]]]:
    """`encode` for many, with one call of the tokenizer. Pieces end where tokens end, so each is encoded alone."""
    rendered = [render(made.messages, made.tools) for made in many]
    encoded = iter(tokenizer.encode_batch_fast([text for pieces in rendered for text, _ in pieces]))
    found = []
    for pieces in rendered:
        ids: list[int] = []
        learn: list[bool] = []
        for _, own in pieces:
            new = next(encoded).ids
            ids += new
            learn += [own] * len(new)
        found.append((ids, learn))
    return found


@cache
def _opened(folder: Path) -> tuple[Tokenizer, tuple[str, ...]]:
    tokenizer = tokenizers.load(folder)
    return tokenizer, tokenizers.pieces(tokenizer)


def shard(
    folder: Path, stage: str, seed: int, index: int, *, size: int = SHARD, tokens: int = TOKENS
) -> list[Batch]:
    """The batches of one shard, in the order of training.

    Args:
        folder: of the tokenizer.
        stage: of the mixture.
        seed: of the data.
        index: of the shard.
        size: examples in it.
        tokens: in a batch at most, padding counted.
    """
    tokenizer, pieces = _opened(folder)
    made = [example(stage, Random(f"{seed}/{stage}/{index}/{at}"), pieces=pieces) for at in range(size)]
    pad = tokenizers.id_of(tokenizer, PAD)
    encoded = sorted(
        (pair for pair in encode_all(tokenizer, made) if len(pair[0]) <= LONGEST),
        key=lambda pair: len(pair[0]),
    )
    batches, start = [], 0
    for end in range(1, len(encoded) + 1):
        if end == len(encoded) or len(encoded[end][0]) * (end + 1 - start) > tokens:
            batches.append(_batch(encoded[start:end], pad))
            start = end
    Random(f"{seed}/{stage}/{index}/order").shuffle(batches)
    return batches


def _batch(encoded: Sequence[tuple[list[int], list[bool]]], pad: int) -> Batch:
    width = max(len(ids) for ids, _ in encoded)
    ids = np.full((len(encoded), width), pad, dtype=np.int64)
    learn = np.zeros((len(encoded), width), dtype=np.bool_)
    for row, (one, own) in enumerate(encoded):
        ids[row, : len(one)] = one
        learn[row, : len(own)] = own
    return Batch(ids, learn)


def stream(
    folder: Path, stage: str, seed: int, *, place: Place = START, workers: int = 0, size: int = SHARD
) -> Iterator[tuple[Batch, Place]]:
    """Batches without end from a place on, each with the place behind it.

    Args:
        folder: of the tokenizer.
        stage: of the mixture.
        seed: of the data.
        place: where to start.
        workers: processes that make shards ahead; 0 makes them here. The batches are the same.
        size: examples in a shard.
    """
    for index, batches in _shards(folder, stage, seed, place.shard, workers=workers, size=size):
        first = place.batch if index == place.shard else 0
        for at in range(first, len(batches)):
            last = at + 1 == len(batches)
            yield batches[at], Place(index + 1, 0) if last else Place(index, at + 1)


def _shards(
    folder: Path, stage: str, seed: int, first: int, *, workers: int, size: int
) -> Iterator[tuple[int, list[Batch]]]:
    index = first
    if not workers:
        while True:
            yield index, shard(folder, stage, seed, index, size=size)
            index += 1
    with ProcessPoolExecutor(workers) as pool:
        ahead: deque[Future[list[Batch]]] = deque()
        try:
            while True:
                while len(ahead) < 2 * workers:
                    ahead.append(pool.submit(shard, folder, stage, seed, index + len(ahead), size=size))
                yield index, ahead.popleft().result()
                index += 1
        finally:
            for waiting in ahead:
                waiting.cancel()
