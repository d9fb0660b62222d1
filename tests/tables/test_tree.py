from __future__ import annotations

from hypothesis import given
from hypothesis import strategies as st

from ruvllm_grammar.tables.further import comma_tokens, further_tokens, inside_tokens
from ruvllm_grammar.tables.tree import TokenTree
from ruvllm_grammar.vocab import Trie, Vocabulary


@given(st.lists(st.binary(min_size=1, max_size=4), unique=True, max_size=30))
def test_branches_hold_the_tokens_of_their_texts(texts):
    tree = TokenTree(Trie.from_strings(texts, range(len(texts))))
    for token, text in enumerate(texts):
        branch = tree.root
        for cut, byte in enumerate(text):
            branch = branch.children[byte]
            expected = {t for t, other in enumerate(texts) if other.startswith(text[: cut + 1])}
            assert set(branch.below.tolist()) == expected
        assert branch.tokens.tolist() == [token]


def test_tokens_that_may_finish_a_sibling_of_their_own():
    texts = ['","a"', "[],[", ",1", ", true", ",-", "a,b", '","', "[ {}", '{"a"', "x", ",", "[[1", ',"\\""']  # fmt: skip
    vocabulary = Vocabulary.from_tokens([*(t.encode() for t in texts), None], eos={len(texts)})
    chosen = {kind: {texts[t] for t in trie.order.tolist()} for kind, trie in
              [("further", further_tokens(vocabulary)), ("commas", comma_tokens(vocabulary, in_string=False)),
               ("behind", comma_tokens(vocabulary, in_string=True)),
               ("inside", inside_tokens(vocabulary, in_string=False))]}  # fmt: skip
    assert chosen == {
        "further": {'","a"', ",1", ", true", "[ {}", '{"a"', "[[1", ',"\\""'},
        "commas": {'","a"', "[],[", ",1", ", true", ",-", "a,b", '","', ",", ',"\\""'},
        "behind": {'","a"', '","'},
        "inside": {'","a"', "[],[", ",1", ", true", ",-", "a,b", ',"\\""'},
    }
