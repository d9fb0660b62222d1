"""Grammars: eager and lazy rules, groups, canonical text."""

from __future__ import annotations

import hashlib
import threading

import pytest

from ruvllm_grammar import ir
from ruvllm_grammar.errors import GrammarError

ITEM = ir.alt(ir.literal("x"), ir.seq(ir.literal("["), ir.ref("list"), ir.literal("]")))
LIST = ir.repeat(ir.ref("item"), 0)
EAGER = {"list": LIST, "item": ITEM, "unused": ir.literal("u")}


def test_text_lists_reachable_rules_start_first():
    grammar = ir.Grammar("list", EAGER)
    assert grammar.text() == 'list ::= $item*\nitem ::= "x" | "[" $list "]"'
    assert grammar.key == grammar.text().encode()
    assert grammar.fingerprint == hashlib.sha256(grammar.key).hexdigest()
    assert list(grammar.force()) == ["list", "item"]


def test_a_provider_is_asked_once_per_group_and_only_when_needed():
    asked: list[str] = []

    def provide(name: str) -> ir.Group:
        asked.append(name)
        return {"list": LIST} if name == "list" else {"item": ITEM, "helper": ir.literal("h")}

    grammar = ir.Grammar("list", provider=provide, key=b"lazy")
    assert asked == []
    assert not grammar.known("list")
    assert grammar.rule("list") is LIST
    assert asked == ["list"]
    assert grammar.group("item") == {"item": ITEM, "helper": ir.literal("h")}
    assert grammar.known("helper")
    assert grammar.rule("helper") is ir.literal("h")
    assert grammar.rule("item") is ITEM
    assert asked == ["list", "item"]


def test_known_rules_come_one_by_one():
    assert ir.Grammar("list", EAGER).group("item") == {"item": ITEM}


def test_threads_ask_the_provider_once():
    asked: list[str] = []
    grammar = ir.Grammar("a", provider=lambda name: asked.append(name) or {name: ir.literal(name)}, key=b"k")
    threads = [threading.Thread(target=grammar.rule, args=("a",)) for _ in range(8)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert asked == ["a"]


def test_lazy_and_eager_grammars_have_the_same_text():
    lazy = ir.Grammar("list", provider=lambda name: {name: EAGER[name]}, key=b"any")
    assert lazy.text() == ir.Grammar("list", EAGER).text()


@pytest.mark.parametrize(
    ("make", "message"),
    [
        (
            lambda: ir.Grammar("a", {"a": ir.ref("b")}, key=b"k").force(),
            "rule 'b' is not defined; define it or correct the reference",
        ),
        (
            lambda: ir.Grammar("a", provider=lambda _: {}, key=b"k").rule("a"),
            "rule 'a' is not defined; define it or correct the reference",
        ),
        (
            lambda: ir.Grammar("a", provider=lambda _: {}),
            "a grammar with a provider needs a key that identifies its source",
        ),
    ],
)
def test_what_goes_wrong(make, message):
    with pytest.raises(GrammarError) as caught:
        make()
    assert str(caught.value) == message
