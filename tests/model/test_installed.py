from __future__ import annotations

import pytest

from ruvllm_runtime.model import installed


@pytest.mark.parametrize(
    ("read", "size", "stop"), [(installed.tekken, 131_072, "</s>"), (installed.llama3, 128_256, "<|eot_id|>")]
)
def test_vocabularies_of_other_packages(read, size, stop):
    vocabulary = read()
    if vocabulary is None:
        pytest.skip("needs the vocabulary packages of the test extra")
    assert (vocabulary.size, vocabulary.missing_bytes) == (size, ())
    assert vocabulary.names[stop] in vocabulary.eos


def test_absent_packages_and_files_are_none():
    assert installed._file("no_such_package", "x") is None
    assert installed._file("json", "no such file") is None
