"""Compiling kernels: with a cache, and where there can be none."""

from __future__ import annotations

import numba
import pytest
from numba import types

from ruvllm_grammar.kernels import jit

_UNCACHED = "cannot cache function 'twice': no locator available for file 'x.py'"


def twice(x):
    return 2 * x


@pytest.fixture
def without_a_folder(monkeypatch):
    def refusing(signature, **options):
        if options.pop("cache", False):
            raise RuntimeError(_UNCACHED)
        return numba.njit(signature, **options)

    monkeypatch.setattr(jit, "njit", refusing)
    jit._warn_uncached.cache_clear()


@pytest.mark.usefixtures("without_a_folder")
def test_without_a_writable_folder_kernels_compile_all_the_same(caplog):
    for _ in range(2):
        assert jit.kernel(types.int64(types.int64))(twice)(21) == 42
    assert [record.message for record in caplog.records] == [
        "no folder is writable for compiled kernels, so every process compiles them anew; "
        "set NUMBA_CACHE_DIR to one that is"
    ]


def test_other_failures_are_not_hidden(monkeypatch):
    def failing(signature, **options):
        raise RuntimeError(signature, options)

    monkeypatch.setattr(jit, "njit", failing)
    with pytest.raises(RuntimeError, match="int64"):
        jit.kernel("int64()")(twice)
