"""Small tokenizers of every kind, built in memory with the `tokenizers` package."""

from types import SimpleNamespace

from tokenizers import AddedToken, Tokenizer, decoders, models, normalizers, pre_tokenizers

SPECIALS = ["<unk>", "<s>", "</s>"]
ASCII = [chr(c) for c in range(0x21, 0x7F)]
MARK = "\N{LOWER ONE EIGHTH BLOCK}"

# The alphabet of GPT-2 as its authors wrote it: visible bytes are themselves, the others follow from U+0100.
_visible = [*range(ord("!"), ord("~") + 1), *range(ord("¡"), ord("¬") + 1), *range(ord("®"), ord("ÿ") + 1)]
_hidden = [b for b in range(256) if b not in _visible]
ALPHABET = {b: chr(b) for b in _visible} | {b: chr(256 + n) for n, b in enumerate(_hidden)}


def in_alphabet(text: bytes) -> str:
    return "".join(ALPHABET[b] for b in text)


def with_added(tokenizer, special, added):
    tokenizer.add_special_tokens([AddedToken(name, special=True) for name in special])
    tokenizer.add_tokens([AddedToken(name, special=False, normalized=False) for name in added])
    return tokenizer


def byte_level(*pieces, special=("</s>",), added=(), decoder=None, missing=()):
    """Byte-level BPE: ids 0 to 255 are the bytes (less `missing`), then `pieces`, then the added tokens."""
    vocabulary = [ALPHABET[b] for b in range(256) if b not in missing]
    vocabulary += [piece for piece in pieces if piece not in vocabulary]
    tokenizer = Tokenizer(models.BPE({piece: i for i, piece in enumerate(vocabulary)}, []))
    tokenizer.pre_tokenizer = pre_tokenizers.ByteLevel(add_prefix_space=False)
    tokenizer.decoder = decoders.ByteLevel() if decoder is None else decoder
    return with_added(tokenizer, special, added)


def byte_fallback(*pieces, special=SPECIALS, added=()):
    """SentencePiece-like BPE: three specials, 256 byte pieces (3 to 258), the space mark, ASCII, then `pieces`."""
    vocabulary = [*SPECIALS, *(f"<0x{b:02X}>" for b in range(256)), MARK, *ASCII]
    vocabulary += [piece for piece in pieces if piece not in vocabulary]
    tokenizer = Tokenizer(
        models.BPE(
            {piece: i for i, piece in enumerate(vocabulary)}, [], byte_fallback=True, unk_token=SPECIALS[0]
        )
    )
    tokenizer.normalizer = normalizers.Sequence([normalizers.Prepend(MARK), normalizers.Replace(" ", MARK)])
    tokenizer.decoder = decoders.Sequence(
        [decoders.Replace(MARK, " "), decoders.ByteFallback(), decoders.Fuse(), decoders.Strip(" ", 1, 0)]
    )
    return with_added(tokenizer, special, added)


def unigram(*pieces, byte_pieces=False, special=("</s>",), added=()):
    """Unigram with Metaspace, as T5 has it: <unk>, the space mark, ASCII, then `pieces`."""
    vocabulary = ["<unk>", MARK, *ASCII, *pieces]
    if byte_pieces:
        vocabulary += [f"<0x{b:02X}>" for b in range(256)]
    tokenizer = Tokenizer(models.Unigram([(p, -float(i)) for i, p in enumerate(vocabulary)], 0, byte_pieces))
    tokenizer.pre_tokenizer = pre_tokenizers.Metaspace()
    tokenizer.decoder = decoders.Metaspace()
    return with_added(tokenizer, special, added)


def word_piece(*pieces, special=("[UNK]", "[SEP]"), added=()):
    unknown, letters = "[UNK]", [chr(c) for c in range(ord("a"), ord("z") + 1)]
    vocabulary = [unknown, *letters, *(f"##{letter}" for letter in letters), *pieces]
    tokenizer = Tokenizer(models.WordPiece({p: i for i, p in enumerate(vocabulary)}, unk_token=unknown))
    tokenizer.normalizer = normalizers.BertNormalizer()
    tokenizer.pre_tokenizer = pre_tokenizers.BertPreTokenizer()
    tokenizer.decoder = decoders.WordPiece()
    return with_added(tokenizer, special, added)


def wrapped(tokenizer, **roles):
    """What transformers puts around it, as far as a reader looks."""
    known = {f"{role}_token": name for role, name in roles.items()}
    ids = {f"{role}_token_id": tokenizer.token_to_id(name) for role, name in roles.items()}
    return SimpleNamespace(backend_tokenizer=tokenizer, **known, **ids)
