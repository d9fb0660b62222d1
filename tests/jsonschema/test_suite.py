"""The official JSON Schema Test Suite: every required test of five drafts, as a ratchet.

Outcomes from best to worst: *right and exact*, *right and guarded* (`compiled.guards` says so), *refused* (with a
pointer), *valid refused*, *invalid accepted* (never). Each instance is written compact and with blanks. A valid one
counts when both texts are accepted in the order as written or in one of up to 24 orders of the members of all its
objects; an invalid one only when no text of any of these orders is accepted. With `any_order=True` a valid one counts
only when every one of these orders is accepted. Formats are annotations, remote documents come from the registry.

`tests/golden/suite*/` record what is not right and exact, by draft, and count it by keyword file. A test may get
better, and then the record has to follow; it must not get worse. After a merge, too, one command refreshes all:

    RUVLLM_REWRITE_GOLDEN=1 python -m pytest tests/jsonschema/test_suite.py
"""

import pytest
from support import ratchet, suite
from support.orders import orders, spellings

import ruvllm_grammar as rg

REFRESH = "RUVLLM_REWRITE_GOLDEN=1 python -m pytest tests/jsonschema/test_suite.py"


@pytest.fixture(scope="module")
def registry(conformance):
    return suite.registry(conformance)


def compiled(group, registry, vocabulary, *, any_order):
    """The compiled schema, None where nothing can match, or why it is refused."""
    source = rg.JsonSchema(
        group.schema, draft=group.draft, formats="annotate", registry=registry, any_order=any_order
    )
    try:
        return rg.compile(source, vocabulary)
    except rg.UnsatisfiableGrammar:
        return None
    except rg.UnsupportedKeyword as error:
        assert error.keyword in error.pointer
        return f"{ratchet.REFUSED}: {error.keyword}"
    except rg.LimitError as error:
        return f"{ratchet.REFUSED}: Limits.{error.limit}"


def judged(grammar, instance, *, valid, wanted):
    """The outcome of one instance; `wanted(verdicts of the orders)` says whether a valid one counts."""
    right = ratchet.GUARDED if grammar is not None and grammar.guards else ratchet.EXACT
    verdicts = (
        [grammar is not None and grammar.accepts(text) for text in spellings(one)] for one in orders(instance)
    )
    if valid:
        return right if wanted(all(one) for one in verdicts) else ratchet.VALID_REFUSED
    return ratchet.INVALID_ACCEPTED if any(any(one) for one in verdicts) else right


def compare(conformance, registry, vocabulary, draft, *, record, any_order, wanted):
    found, files = {}, {}
    for group in suite.groups(conformance, draft):
        grammar = compiled(group, registry, vocabulary, any_order=any_order)
        for case in group.tests:
            name = f"{group.file} | {group.name} | {case['description']}"
            files[name] = group.file
            found[name] = (
                grammar
                if isinstance(grammar, str)
                else judged(grammar, case["data"], valid=case["valid"], wanted=wanted)
            )
    ratchet.compare(f"{record}/{draft}", found, files, command=REFRESH)


@pytest.mark.parametrize("draft", suite.DRAFTS)
def test_required_tests(conformance, registry, bytes_vocabulary, draft):
    compare(conformance, registry, bytes_vocabulary, draft, record="suite", any_order=False, wanted=any)


@pytest.mark.parametrize("draft", suite.DRAFTS)
def test_required_tests_in_any_order(conformance, registry, bytes_vocabulary, draft):
    compare(
        conformance, registry, bytes_vocabulary, draft, record="suite-any-order", any_order=True, wanted=all
    )
