from __future__ import annotations

import pytest

import ruvllm_grammar as rg
from ruvllm_runtime import RequestError, TokenBudgetError
from ruvllm_runtime.decode import Constraint
from ruvllm_runtime.model import byte_vocabulary

EOS = 257


def legal(constraint):
    return constraint.legal().ids.tolist()


@pytest.fixture(scope="module")
def words():
    return rg.compile(rg.Regex("^(yes|yesterday|no)$"), byte_vocabulary())


def test_the_budget_closes_the_document(words):
    wide, narrow = Constraint(words, 10), Constraint(words, 9)
    for constraint in (wide, narrow):
        for token in b"yes":
            constraint.accept(token)
    assert (legal(wide), legal(narrow)) == ([ord("t"), EOS], [EOS])
    narrow.accept(EOS)
    assert (narrow.is_finished, wide.is_finished, wide.is_accepting) == (True, False, True)


def test_a_budget_too_small_for_anything_is_refused(words):
    with pytest.raises(TokenBudgetError) as caught:
        Constraint(words, 2)
    assert str(caught.value) == "no valid document is shorter than max_tokens = 2; 3 would do"
    assert (caught.value.needed, caught.value.param) == (3, "max_tokens")
    assert isinstance(caught.value, RequestError)


def test_forced_tokens_spell_the_only_continuation(words):
    constraint = Constraint(words, 20)
    assert constraint.forced() == []
    constraint.accept(ord("n"))
    assert constraint.forced() == [ord("o")]
