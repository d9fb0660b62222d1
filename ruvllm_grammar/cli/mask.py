"""`ruvllm-grammar mask`: which tokens are legal after some text?"""

from __future__ import annotations

import os
from pathlib import Path
from typing import Annotated

import numpy as np
import typer

from ruvllm_grammar import api
from ruvllm_grammar.cli import sources
from ruvllm_grammar.cli.kernels import load_kernels
from ruvllm_grammar.cli.options import (
    AnyOrderOption,
    DebugOption,
    EosOption,
    JsonOption,
    KindOption,
    LimitOption,
    SizeOption,
    SourceArgument,
    VocabularyOption,
    WhitespaceChoice,
    WhitespaceOption,
    limits_from,
)
from ruvllm_grammar.cli.report import InputError, reported
from ruvllm_grammar.cli.screen import busy, cells, print_json, print_table, print_text, quoted, table
from ruvllm_grammar.cli.vocabularies import load
from ruvllm_grammar.errors import MatchError
from ruvllm_grammar.match import Matcher
from ruvllm_grammar.tables import allocate_bitmask
from ruvllm_grammar.vocab import Vocabulary

_LONGEST = 100  # bytes of text shown


def mask(
    source: SourceArgument,
    *,
    vocabulary: VocabularyOption,
    prefix: Annotated[str, typer.Option("--prefix", "-p", help="Text before the place in question.")] = "",
    first: Annotated[int, typer.Option("--first", "-n", min=0, help="Legal tokens to list.")] = 20,
    kind: KindOption = None,
    whitespace: WhitespaceOption = WhitespaceChoice.FLEXIBLE,
    any_order: AnyOrderOption = False,
    eos: EosOption = None,
    size: SizeOption = None,
    limit: LimitOption = None,
    as_json: JsonOption = False,
    debug: DebugOption = False,
) -> None:
    """Count and list the tokens that may follow a text, and the text that must."""
    with reported(as_json=as_json, debug=debug):
        limits = limits_from(limit)
        given = sources.read(sources.one(source, kind), whitespace, limits, any_order=any_order)
        load_kernels()
        with busy(f"reading the vocabulary {Path(vocabulary).name}"):
            tokens = load(vocabulary, eos=eos, size=size)
        grammar = api.compile(given, tokens, limits=limits)
        matcher = grammar.matcher()
        before = os.fsencode(prefix)
        try:
            matcher.accept_bytes(before)
        except MatchError as error:
            msg = f"--prefix is not the beginning of any document: {error}; `ruvllm-grammar test` says what is legal"
            raise InputError(msg) from error
        legal = _legal(matcher, tokens)
        forced = matcher.forced()
        if as_json:
            print_json(
                {
                    "vocabulary": {"size": tokens.size, "fingerprint": tokens.fingerprint},
                    "prefix": prefix,
                    "legal": legal,
                    "end": matcher.is_accepting,
                    "forced": {"text": _text(tokens.decode(forced)), "tokens": forced},
                }
            )
        else:
            print_text(f"{len(legal)} of {tokens.size} tokens may follow {_shown(before)}")
            print_text(f"the text may {'' if matcher.is_accepting else 'not '}end here")
            if forced:
                spelled = "token" if len(forced) == 1 else "tokens"
                print_text(
                    f"the next text can only be {_shown(tokens.decode(forced))} ({len(forced)} {spelled})"
                )
            _list(legal[:first], tokens, more=len(legal) - first)


def _legal(matcher: Matcher, vocabulary: Vocabulary) -> list[int]:
    row = allocate_bitmask(1, vocabulary.size)[0]
    matcher.fill_mask(row)
    bits = np.unpackbits(row.view(np.uint8), bitorder="little")[: vocabulary.size]
    return [int(token) for token in np.flatnonzero(bits)]


def _list(legal: list[int], vocabulary: Vocabulary, *, more: int) -> None:
    if not legal:
        return
    names = {i: name for name, i in vocabulary.names.items()}
    out = table("token", "text", right=("token",))
    for token in legal:
        text = vocabulary.token_bytes(token)
        out.add_row(*cells(token, names.get(token, "the end") if text is None else quoted(text)))
    print_text("")
    print_table(out)
    if more > 0:
        print_text(f"... and {more} more; --first N lists N, --json all")


def _shown(data: bytes) -> str:
    return quoted(data[:_LONGEST]) + (" ..." if len(data) > _LONGEST else "")


def _text(data: bytes) -> str:
    return data.decode("utf-8", "backslashreplace")
