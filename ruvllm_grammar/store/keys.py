"""What a file is called, and whose files are taken: the address of a grammar's tables, and the compiler's digest.

Tables depend on the source, the budgets, the vocabulary and on the compiler itself. The last is the dangerous one: a
changed lowering and an old file make a mask that is wrong and looks right. A version number raised by hand would be
forgotten sooner or later, and a golden test that forces it sees only what the goldens cover. So the compiler is
identified by its own source text: the SHA-256 of every module of this package but the command line. That takes 2 to 6
ms (a million bytes), once per process, when a cache is made and not when it is asked. What a change of a comment costs
is a cold cache.

Beside the source text count the versions of what decides about characters: Python's own tables of Unicode, and the
`regex` package, whose property classes become automata.
"""

from __future__ import annotations

import hashlib
import os
import sys
from collections.abc import Iterator
from dataclasses import astuple
from functools import cache, lru_cache
from pathlib import Path

import numpy as np
import regex

from ruvllm_grammar.limits import Limits

_PACKAGE = Path(__file__).resolve().parent.parent
_APART = frozenset({"cli", "repair", "__pycache__"})  # folders that no table depends on


@cache
def compiler_digest() -> bytes:
    """SHA-256 of everything that decides what tables hold, but for source, budgets and vocabulary."""
    digest = hashlib.sha256(b"ruvllm compiler 1\0")
    facts = (*sys.version_info[:3], sys.byteorder, regex.__version__, np.dtype(np.intp).itemsize)
    digest.update(repr(facts).encode())
    for name, text in _modules():
        digest.update(f"\0{name}\0{len(text)}\0".encode())
        digest.update(text)
    return digest.digest()


def _modules() -> Iterator[tuple[str, bytes]]:
    """Names and texts of the package's modules, in an order that does not depend on the file system."""
    for folder, folders, files in os.walk(_PACKAGE):
        folders[:] = sorted(name for name in folders if name not in _APART)
        for name in sorted(files):
            if name.endswith(".py"):
                path = os.path.join(folder, name)  # noqa: PTH118  a Path per file doubles the time of this loop
                with open(path, "rb") as file:  # noqa: PTH123  the same
                    yield os.path.relpath(path, _PACKAGE), file.read()


@lru_cache(maxsize=16)
def _limits_text(limits: Limits) -> bytes:
    return repr(astuple(limits)).encode()


def grammar_key(identity: bytes, limits: Limits, vocabulary: str) -> str:
    """The name of a grammar's file: SHA-256, hexadecimal.

    Args:
        identity: the source with all its options, as the reader understands them.
        limits: budgets; a larger one may decide differently where rules are laid out.
        vocabulary: its fingerprint.
    """
    digest = hashlib.sha256(compiler_digest())
    digest.update(_limits_text(limits))
    digest.update(vocabulary.encode())
    digest.update(identity)
    return digest.hexdigest()
