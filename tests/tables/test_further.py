"""Tokens by what they do to siblings, against a look at every token."""

from __future__ import annotations

import json

from hypothesis import given
from hypothesis import strategies as st

from ruvllm_grammar.tables.further import comma_tokens, further_tokens, plain_tokens, string_endings
from ruvllm_grammar.vocab import Vocabulary

TEXTS = st.text(alphabet='ab",[{ \\n0é1', min_size=1, max_size=6).map(str.encode)


def vocabulary(texts) -> Vocabulary:
    return Vocabulary.from_tokens([*texts, None], eos={len(texts)})


def _content(text: bytes) -> str | None:
    """What a JSON string holds whose inside and closing quote a text begins with."""
    for stop in range(1, len(text) + 1):
        try:
            found = json.loads(b'"' + text[:stop])
        except ValueError:
            continue
        return found
    return None


@given(st.lists(TEXTS, unique=True))
def test_endings_are_those_of_every_token(texts):
    endings = string_endings(vocabulary(texts))
    for known, skipped in ((endings.within, ""), (endings.whole, ' \t\r\n"')):
        expected = {}
        for token, text in enumerate(texts):
            rest = text
            if skipped:
                rest = text.lstrip(b" \t\r\n")
                if not rest.startswith(b'"'):
                    continue
                rest = rest[1:]
            content = _content(rest)
            if content is not None:
                expected.setdefault(content.encode(), set()).add(token)
        found = {
            content: {token for one in ends for token in one.tokens.tolist()}
            for content, ends in known.items()
        }
        assert found == expected
        for ends in known.values():
            for one in ends:
                assert all(texts[token].startswith(one.text) for token in one.tokens.tolist())
                assert one.text.endswith(b'"')


@given(st.lists(TEXTS, unique=True))
def test_marked_tokens(texts):
    tokens = vocabulary(texts)
    assert set(comma_tokens(tokens, in_string=False).order.tolist()) == {
        i for i, text in enumerate(texts) if b"," in text
    }
    assert all(not {*b",[{"}.isdisjoint(texts[i]) for i in further_tokens(tokens).order.tolist())
    plain = plain_tokens(tokens)
    assert [bool(flag) for flag in plain] == [
        *(
            text.isascii() and text.isprintable() and not {*'"\\'} & {*text}
            for text in map(bytes.decode, texts)
        ),
        False,
    ]
