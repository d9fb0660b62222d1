"""The tokenizer: 2,048 tokens of byte-level BPE in which words, digits, blanks and punctuation never merge.

What a small model does most is copy, from a request or a text into a JSON string. With ordinary pre-tokenisation
`Oslo` after a blank is another token than `Oslo` after a quotation mark, and the model has to learn the pair. Here
the text is cut first into letter runs, single digits, single blanks and runs of punctuation, so a value has the same
tokens wherever it stands:

    in Oslo, 42        in | ' ' | Os lo | , | ' ' | 4 | 2
    {"in": "Oslo"}     {" | in | ": | ' ' | " | Os lo | "}

It is trained on the training side only, so that no held-out word has become a token of its own.
"""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path
from random import Random
from typing import Any

from tokenizers import AddedToken, Regex, Tokenizer
from tokenizers.decoders import ByteLevel as ByteLevelDecoder
from tokenizers.models import BPE
from tokenizers.pre_tokenizers import ByteLevel, Sequence, Split
from tokenizers.trainers import BpeTrainer

from bench.embedded_model.chat_format import END, MARKS, PAD, SPECIAL, START, TEMPLATE, render
from bench.embedded_model.lists import runs, table
from bench.embedded_model.mixture import example
from bench.embedded_model.split import on_side, trained_stems, values_of

SIZE = 2048
CONTEXT = 4096
EXAMPLES = 6000
# Letter runs with their marks, single digits, single blanks, runs of anything else.
PIECES = r"\p{L}[\p{L}\p{M}]*|\p{N}|\s|[^\p{L}\p{N}\s]+"


def train(*, seed: int = 0, examples: int = EXAMPLES) -> Tokenizer:
    """Train the tokenizer from the generator's data; the same for the same seed."""
    tokenizer = Tokenizer(BPE())
    tokenizer.pre_tokenizer = Sequence(
        [Split(Regex(PIECES), behavior="isolated"), ByteLevel(add_prefix_space=False, use_regex=False)]
    )
    tokenizer.decoder = ByteLevelDecoder()
    trainer = BpeTrainer(
        vocab_size=SIZE - len(SPECIAL) - len(MARKS),
        initial_alphabet=ByteLevel.alphabet(),
        show_progress=False,
        min_frequency=2,
    )
    tokenizer.train_from_iterator(_texts(seed, examples), trainer)
    if tokenizer.get_vocab_size() != SIZE - len(SPECIAL) - len(MARKS):
        raise ValueError(f"{examples} examples give only {tokenizer.get_vocab_size()} tokens: use more")
    tokenizer.add_special_tokens([AddedToken(text, normalized=False, special=True) for text in SPECIAL])
    # Not special: a grammar of tool calls has to be able to spell them.
    tokenizer.add_tokens([AddedToken(text, normalized=False, special=False) for text in MARKS])
    return tokenizer


def _texts(seed: int, examples: int) -> Iterator[str]:
    """Examples of all stages, and every word of the training side a few times so that rare ones get pieces too."""
    for at in range(examples):
        made = example(("base", "wide")[at % 2], Random(f"{seed}/tokenizer/{at}"))
        yield "".join(text for text, _ in render(made.messages, made.tools))
    words = {word for name in table("values") for entry in values_of(name, "train") for word in runs(entry)}
    for word in sorted(words | set(trained_stems())):
        if on_side(word, "train"):
            yield f" {word}" * 20


def pieces(tokenizer: Tokenizer) -> tuple[str, ...]:
    """The tokens that are letters only; made-up words consist of them."""
    found = (tokenizer.decode([token]) for token in range(tokenizer.get_vocab_size()))
    return tuple(sorted({text for text in found if text.isalpha()}))


def id_of(tokenizer: Tokenizer, token: str) -> int:
    """The id of a token that has to exist.

    Raises:
        LookupError: it does not.
    """
    found: int | None = tokenizer.token_to_id(token)
    if found is None:
        raise LookupError(f"the tokenizer has no {token}: train it anew")
    return found


def save(tokenizer: Tokenizer, folder: Path) -> None:
    """Write the tokenizer as transformers reads it, chat template included."""
    wrapped(tokenizer).save_pretrained(str(folder))


def wrapped(tokenizer: Tokenizer) -> Any:
    """The tokenizer for transformers."""
    from transformers import PreTrainedTokenizerFast

    return PreTrainedTokenizerFast(
        tokenizer_object=tokenizer,
        eos_token=END,
        pad_token=PAD,
        extra_special_tokens=[START],
        chat_template=TEMPLATE.read_text(encoding="utf-8"),
        model_max_length=CONTEXT,
        clean_up_tokenization_spaces=False,
    )


def load(folder: Path) -> Tokenizer:
    """Read a saved tokenizer."""
    return Tokenizer.from_file(str(folder / "tokenizer.json"))
