"""Forced text: bytes that must follow, spelled in the tokens the model would have written them in.

Problem. Whether text is forced is decided on *bytes* (exactly one byte lives), never on masks: behind `{"na` only `me`
can follow, although several tokens (`m`, `me`, `me"`) are legal. Such text needs no model, but it needs tokens, and a
model reads its own past: a spelling it would never have written puts it where it was never trained. Two borders matter.

    answer so far   {"na              the model's tokens stand: nothing of them is changed
    forced          me": "            spelled as the tokenizer spells it behind  {"na
    then            free text         the model must keep its choice of a token that begins before the border

*Front.* The tokenizer is given the last few tokens' bytes and the forced text together. What it cuts behind the border
is taken as it is; a token of its that lies across the border (` "` behind a space that was written alone) is out of
reach, and the part of it that is forced is spelled by itself.

*Back.* At most four tokens at the end are given up where a longer token of the vocabulary starts at one of them, runs
past the forced text, and is allowed there by the grammar: `"` is kept back when `"A` might have been the model's word.
A token that starts *within* one of them counts when the tokenizer says so: behind `":[` the word `["` may follow, and
then the cut is `":`, `["`.

Without a tokenizer (a vocabulary that is a mere table) the longest token at each place is taken, with the same back.

Cost. One call of the tokenizer for each new pair of forced text and context (20 to 50 us), then a dictionary hit. The
back costs a walk of the vocabulary's trie below the last bytes, as far as the grammar lives, once per super-state, and
a few dozen calls of the tokenizer on a word each, once per last token and vocabulary.

Lineage: forced text as jumps is SGLang's (Zheng et al., 2024, "SGLang: Efficient Execution of Structured Language Model
Programs"), token healing at borders is guidance's; healing on bytes with the tokenizer itself in between is ours.
"""

from __future__ import annotations

from collections import deque
from collections.abc import Callable, Iterator, Sequence
from itertools import islice

from ruvllm_grammar.errors import VocabularyError
from ruvllm_grammar.tables.tree import TokenTree
from ruvllm_grammar.vocab import Vocabulary

#: Tokens at the end of forced text that may be given up, and tokens before it that the tokenizer is shown.
LOOK_BACK = 4
_REMEMBERED = 16_384
_TRIED = 64  # longer tokens at one place that the tokenizer is asked about


class Speller:
    """Spells text in tokens of one vocabulary. Shared between threads: racing threads find the same.

    Args:
        vocabulary: the tokens, and the tokenizer where it is known.
        tree: the vocabulary's trie.
    """

    def __init__(self, vocabulary: Vocabulary, tree: TokenTree) -> None:
        self._vocabulary = vocabulary
        self._tree = tree
        self._known: dict[tuple[bytes, bytes], tuple[int, ...]] = {}
        self._moved: dict[tuple[bytes, bytes], bool] = {}

    def spell(self, text: bytes, *, context: bytes = b"") -> tuple[int, ...]:
        """Tokens that spell a prefix of `text` (all of it, unless it ends within a character or a byte has no token).

        Args:
            text: what is to be spelled.
            context: what stands before it, as far as the tokenizer is to see it.
        """
        key = (context, text)
        found = self._known.get(key)
        if found is None:
            if len(self._known) >= _REMEMBERED:
                self._known.clear()
            found = self._known[key] = self._encoded(context, text) or self._longest(text)
        return found

    def _encoded(self, context: bytes, text: bytes) -> tuple[int, ...] | None:
        """As the tokenizer spells `text` behind `context`; None where it cannot be asked."""
        cut = _cut(context, text)
        if cut is None:
            return None
        before, whole = cut
        pieces = self._pieces(before + whole)
        if pieces is None:
            return None
        shared = 0  # bytes of the text that the tokenizer puts into one token with the context
        out: list[int] = []
        for start, token in pieces:
            if start < len(before):
                end = start + len(self._vocabulary.token_bytes(token) or b"")
                shared = max(0, end - len(before))
            else:
                out.append(token)
        if not shared:
            return tuple(out)
        alone = self._pieces(whole[:shared])
        if alone is None or (alone and alone[0][0] < 0):
            return (*self._longest(whole[:shared]), *out)
        return (*(token for _, token in alone), *out)

    def _pieces(self, data: bytes) -> list[tuple[int, int]] | None:
        """(start, token) of the tokenizer's tokens for `data`; starts at -1 where it puts a space before it."""
        vocabulary = self._vocabulary
        if vocabulary.encode is None or not data:
            return None
        try:
            tokens = list(vocabulary.encode(data.decode()))
            spelled = vocabulary.decode(tokens)
        except (UnicodeDecodeError, VocabularyError):  # not text, or ids the model does not have
            return None
        if spelled not in {data, b" " + data}:  # rewritten, or a special token: not what stands there
            return None
        at = len(data) - len(spelled)
        found = []
        for token in tokens:
            found.append((at, token))
            at += len(vocabulary.token_bytes(token) or b"")
        return found

    def _longest(self, text: bytes) -> tuple[int, ...]:
        """The longest token at each place."""
        out: list[int] = []
        at = 0
        while at < len(text):
            branch, longest, token = self._tree.root, 0, -1
            for i in range(at, len(text)):
                following = branch.children.get(text[i])
                if following is None:
                    break
                branch = following
                if len(branch.tokens):
                    longest, token = i + 1 - at, int(branch.tokens[0])
            if token < 0:
                break
            out.append(token)
            at += longest
        return tuple(out)

    def heal(self, tokens: Sequence[int], text: bytes, lives: Callable[[bytes], bool]) -> tuple[int, ...]:
        """The tokens less those at the end, at most four, that a longer one might have replaced.

        Args:
            tokens: spell a prefix of `text`.
            text: the forced text.
            lives: whether the grammar allows these bytes behind the text, if it allows all but the last of them.
        """
        first = max(0, len(tokens) - LOOK_BACK)
        begin = at = sum(self._size(token) for token in tokens[:first])
        for kept in range(first, len(tokens)):
            if next(self._beyond(text[at:], lives), None) is not None:
                return tuple(tokens[:kept])
            end = at + self._size(tokens[kept])
            if self._vocabulary.encode is not None:
                more = self._recut(tokens[kept], text[at:], end - at, lives)
                if more is not None:  # earlier cuts may move with this one
                    return tuple(tokens[: min(kept, self._kept(tokens, first, text[begin:] + more))])
            at = end
        return tuple(tokens)

    def _recut(self, token: int, text: bytes, size: int, lives: Callable[[bytes], bool]) -> bytes | None:
        """Bytes behind `text` with which its first token, of `size` bytes, is another one.

        Only those are tried that a token brings which begins within the first one, runs past the text, and lives.
        """
        for start in range(1, size):
            for more in islice(self._beyond(text[start:], lives), _TRIED):
                key = (text, more)
                moved = self._moved.get(key)
                if moved is None:
                    if len(self._moved) >= _REMEMBERED:
                        self._moved.clear()
                    pieces = self._pieces(text + more)
                    moved = self._moved[key] = pieces is not None and pieces[0] != (0, token)
                if moved:
                    return more
        return None

    def _kept(self, tokens: Sequence[int], first: int, data: bytes) -> int:
        """How many of `tokens` the tokenizer confirms, those from `first` on by the text that begins there."""
        pieces = self._pieces(data) or []
        for kept, (_, token) in enumerate(pieces, first):
            if kept >= len(tokens) or token != tokens[kept]:
                return kept
        return first + len(pieces)

    def _beyond(self, tail: bytes, lives: Callable[[bytes], bool]) -> Iterator[bytes]:
        """What tokens that begin with `tail` append to it, shortest first, as far as it lives."""
        branch = self._tree.root
        for byte in tail:
            following = branch.children.get(byte)
            if following is None:
                return
            branch = following
        waiting = deque([(b"", branch)])
        while waiting:
            more, branch = waiting.popleft()
            for byte, child in branch.children.items():
                longer = more + bytes([byte])
                if lives(longer):
                    if len(child.tokens):
                        yield longer
                    waiting.append((longer, child))

    def _size(self, token: int) -> int:
        return len(self._vocabulary.token_bytes(token) or b"")


def _cut(context: bytes, text: bytes) -> tuple[bytes, bytes] | None:
    """Context and text in whole characters: what the context begins and the text ends within a character is left off.

    None where the border itself lies within a character, or nothing is left of the text.
    """
    start = 0
    while start < len(context) and context[start] & 0xC0 == 0x80:
        start += 1
    end = len(text)
    for back in range(1, min(4, end) + 1):
        lead = text[end - back]
        if lead & 0xC0 == 0x80:
            continue
        if lead >= 0xC0 and back < (2 if lead < 0xE0 else 3 if lead < 0xF0 else 4):
            end -= back
        break
    if not end or text[0] & 0xC0 == 0x80:
        return None
    return context[start:], text[:end]
