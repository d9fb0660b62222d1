"""A grammar inside `model.generate`: greedy, sampling, beams, batches, assisted generation.

Problem. A logits processor is a function of token ids and scores. It is not told that beam 2 is now a copy of beam 0
with another last token, that three drafted tokens were thrown away, or that row 1 finished long ago. A matcher per
row that moves with each call is wrong in all these cases.

Idea. The state is derived from the ids. What a row has generated (its ids behind the prompt) is looked up in a table
from token prefixes to matchers; the usual case, one token more than a known prefix, forks that prefix's matcher and
accepts one token. Forks are two integers and share the grammar's tables, so nothing can be corrupted by reordering:

    step 4, beams    [12 7 9]       [12 7 30]                   known: both
    step 5, beams    [12 7 30 2]    [12 7 30 5]                 both fork the matcher of [12 7 30]
    drafted          [12 7 9 1 1 8] looked at position by position, then rejected: nothing to undo

Cost. A dictionary look-up by the raw bytes of the ids (hashing 8 bytes per generated token), one fork, one accept, one
mask. The table is bounded; a prefix that fell out is replayed from its longest known beginning.

Three kinds of rows need care. A finished row (its end token is in the ids) may only repeat the end token, which
`generate` replaces by padding. A row that left the grammar appears only in speculation, where a drafted token that the
mask forbids is followed by more positions that will be discarded: it may only end. A row without any token left is
an error, never rescued.
"""

from __future__ import annotations

from collections import OrderedDict
from collections.abc import Sequence
from typing import Any

import numpy as np
import numpy.typing as npt
import torch
from transformers import LogitsProcessor

import ruvllm_grammar as rg
from ruvllm_runtime.decode import masking
from ruvllm_runtime.decode.constraint import start_within
from ruvllm_runtime.errors import (
    GenerationDeadEnd,
    GuardedGrammarError,
    ModelMismatchError,
    RequestError,
)

Ids = npt.NDArray[np.int64]


class GrammarLogitsProcessor(LogitsProcessor):
    """Keeps the output of `model.generate` inside a grammar.

    >>> processor = GrammarLogitsProcessor(grammar, max_new_tokens=200)            # doctest: +SKIP
    >>> out = model.generate(**inputs, max_new_tokens=200, logits_processor=[processor])  # doctest: +SKIP
    >>> processor.accepts(out)                                                     # doctest: +SKIP
    [True]

    Works with greedy search, sampling, beam search, `num_return_sequences`, left-padded batches, and assisted
    generation (a draft model with the same vocabulary, prompt lookup). One instance serves one `generate` call at a
    time; a call with another prompt starts it afresh.
    """

    def __init__(
        self,
        grammar: Any,
        *,
        prompt_length: int | Sequence[int] | None = None,
        max_new_tokens: int | None = None,
        allow_guarded: bool = False,
        max_prefixes: int = 4096,
    ) -> None:
        """Constrain every row to a grammar.

        Args:
            grammar: one compiled grammar for all rows, or a list with one per batch item. Beams and return
                sequences of an item share its grammar.
            prompt_length: ids that are prompt, padding included; one number, or one per batch item when part of the
                answer was already written. None: all ids of the first call.
            max_new_tokens: give `generate` the same; documents are then steered to be complete within it.
            allow_guarded: accept grammars with guards. Their dead ends are errors: `generate` cannot back up.
            max_prefixes: states to keep.

        Raises:
            GuardedGrammarError: a grammar has guards and `allow_guarded` is False.
            ModelMismatchError: the grammars are of different vocabularies.
            TokenBudgetError: no document is as short as `max_new_tokens`.
            RequestError: no grammar, or something that is none.
        """
        grammars = list(grammar) if isinstance(grammar, list | tuple) else [grammar]
        self._grammars = [_checked(item, allow_guarded=allow_guarded) for item in grammars]
        if not grammars:
            raise RequestError("give at least one compiled grammar", param="grammar")
        self._vocabulary = self._grammars[0].vocabulary
        for item in self._grammars[1:]:
            if item.vocabulary.fingerprint != self._vocabulary.fingerprint:
                raise ModelMismatchError(
                    logits=self._vocabulary.size,
                    vocabulary=item.vocabulary.size,
                    remedy="all grammars of a batch must be compiled for the one vocabulary of the model",
                )
        self._fixed_lengths = _lengths(prompt_length, len(self._grammars))
        self._prefixes = _Prefixes([_root(item, max_new_tokens) for item in self._grammars], max_prefixes)
        self._prompt: Ids | None = None
        self._end_row = masking.row_of(self._vocabulary.eos, self._vocabulary.size)

    def __call__(self, input_ids: torch.Tensor, scores: torch.Tensor) -> torch.Tensor:
        """Forbid every token the grammars do not allow.

        Args:
            input_ids: int64 `[B, L]`, prompt and what was generated.
            scores: `[B, V]`, logits or log-probabilities; not changed.

        Returns:
            `[B, V]`, minus infinity where forbidden.

        Raises:
            ModelMismatchError: `V` is not the size of the grammars' vocabulary.
            RequestError: the number of rows is no multiple of the number of grammars; or the ids behind the prompt
                were not generated under this processor and are not in the grammar.
            GenerationDeadEnd: a row has no legal token left.
        """
        if scores.shape[-1] != self._vocabulary.size:
            raise ModelMismatchError(logits=scores.shape[-1], vocabulary=self._vocabulary.size)
        ids: Ids = input_ids.detach().cpu().numpy()
        self._begin(ids)
        rows = []
        for item, answer in self._answers(ids):
            matcher = self._prefixes.find(item, answer)
            if matcher is None or matcher.is_finished:
                rows.append(self._end_row)
            else:
                rows.append(matcher.legal())
                if not rows[-1].count:
                    raise self._dead_end(item, answer)
        masked = scores.clone(memory_format=torch.contiguous_format)
        masking.apply_rows(masked, rows)
        self._check_alive(masked)
        return masked

    def drafts(self, input_ids: torch.Tensor, *, most: int) -> list[int]:
        """Tokens that must follow a row of ids as far as the grammar can tell, for `GrammarDrafting`; often none.

        Args:
            input_ids: int64 `[1, L]`, prompt and what was generated.
            most: how many at most.

        Raises:
            RequestError: as a call of the processor.
        """
        ids: Ids = input_ids.detach().cpu().numpy()
        self._begin(ids)
        ((item, answer),) = self._answers(ids)
        matcher = self._prefixes.find(item, answer)
        if matcher is None or matcher.is_finished:
            return []
        ahead = matcher.fork()
        found: list[int] = []
        while len(found) < most:
            tokens = ahead.forced()
            if not tokens:
                row = ahead.legal()
                if row.count != 1 or int(row.ids[0]) in self._vocabulary.eos:
                    break
                tokens = [int(row.ids[0])]
            for token in tokens[: most - len(found)]:
                try:
                    ahead.accept(token)
                except rg.MatchError:  # a guarded grammar may refuse even what it forces
                    return found
                found.append(token)
        return found

    def documents(self, sequences: torch.Tensor) -> list[bytes]:
        """The generated part of each output row of `generate`, up to its end token, as bytes."""
        eos = self._vocabulary.eos
        found = []
        for _, answer in self._answers(sequences.detach().cpu().numpy()):
            tokens = answer.tolist()
            end = next((at for at, token in enumerate(tokens) if token in eos), len(tokens))
            found.append(self._vocabulary.decode(tokens[:end]))
        return found

    def accepts(self, sequences: torch.Tensor) -> list[bool]:
        """Whether each output row of `generate` is a complete document of its grammar.

        False for rows cut by the token limit (give `max_new_tokens`), for those another processor pushed out of the
        grammar, and for the surplus when more beams are returned than the grammar has documents.
        """
        per_item = self._per_item(len(sequences))
        texts = self.documents(sequences)
        return [self._grammars[row // per_item].accepts(text) for row, text in enumerate(texts)]

    def _begin(self, ids: Ids) -> None:
        """Take all ids as prompt when they do not continue the prompt of the last call."""
        prompt = self._prompt
        if (
            prompt is None
            or len(prompt) != len(ids)
            or prompt.shape[1] > ids.shape[1]
            or not np.array_equal(prompt, ids[:, : prompt.shape[1]])
        ):
            self._per_item(len(ids))
            self._prompt = ids.copy()
            self._prefixes.clear()

    def _per_item(self, rows: int) -> int:
        """Rows per grammar."""
        per_item, rest = divmod(rows, len(self._grammars))
        if rest or not per_item:
            raise RequestError(
                f"{len(self._grammars)} grammars for {rows} rows: give one grammar, or one per batch item",
                param="grammar",
            )
        return per_item

    def _answers(self, ids: Ids) -> list[tuple[int, Ids]]:
        """Item and generated ids of each row."""
        per_item = self._per_item(len(ids))
        start = 0 if self._prompt is None else self._prompt.shape[1]
        lengths = self._fixed_lengths or [start] * len(self._grammars)
        return [
            (row // per_item, np.ascontiguousarray(line[lengths[row // per_item] :]))
            for row, line in enumerate(ids)
        ]

    def _dead_end(self, item: int, answer: Ids) -> GenerationDeadEnd:
        text = self._vocabulary.decode(answer.tolist()).decode("utf-8", errors="replace")
        return GenerationDeadEnd(
            f"no token may follow {text[-60:]!r}: the grammar's guards ({self._grammars[item].guards[:3]}) forbid them "
            "all, and generate() cannot back up; use ruvllm_runtime.LLM, or a schema without these keywords",
            text=text,
        )

    def _check_alive(self, scores: torch.Tensor) -> None:
        """Every row keeps a token that is neither forbidden here nor by a processor that ran before."""
        alive = scores.max(dim=-1).values > float("-inf")
        if not bool(alive.all()):
            row = int((~alive).nonzero()[0])
            raise GenerationDeadEnd(
                f"row {row} has no token left: those the grammar allows are minus infinity in the scores already; "
                "another logits processor (bad words, no-repeat n-grams, minimum length) contradicts the grammar"
            )


class _Prefixes:
    """Matchers by grammar and generated ids; None for ids that left the grammar. Bounded, least recently used out."""

    def __init__(self, roots: list[Any], capacity: int) -> None:
        self._roots = roots
        self._capacity = capacity
        self._known: OrderedDict[tuple[int, bytes], Any] = OrderedDict()

    def clear(self) -> None:
        """Forget all prefixes."""
        self._known.clear()

    def find(self, item: int, answer: Ids) -> Any:
        """The matcher after `answer`, not to be moved; None when it left the grammar with its last token or before.

        Raises:
            RequestError: several unknown tokens at once, not in the grammar: they were not generated here.
        """
        size, data = answer.itemsize, answer.tobytes()
        known = len(answer)
        while known and (item, data[: known * size]) not in self._known:
            known -= 1
        matcher = self._known[item, data[: known * size]] if known else self._roots[item]
        for at in range(known, len(answer)):
            matcher = self._moved(matcher, answer, at, known)
            self._known[item, data[: (at + 1) * size]] = matcher
        if len(answer):
            self._known.move_to_end((item, data))
        while len(self._known) > self._capacity:
            self._known.popitem(last=False)
        return matcher

    @staticmethod
    def _moved(matcher: Any, answer: Ids, at: int, known: int) -> Any:
        """A matcher one token further, or None."""
        if matcher is None or matcher.is_finished:
            return matcher
        token = int(answer[at])
        moved = matcher.fork()
        try:
            moved.accept(token)
        except rg.MatchError as error:
            if len(answer) - known == 1:
                return None  # one token past a known prefix: a rejected draft
            raise RequestError(
                f"token {token}, {at + 1} ids behind the prompt, is not in the grammar and was not generated under "
                "this processor; give prompt_length, or a new processor to each generate() call",
                param="prompt_length",
            ) from error
        return moved


def _checked(grammar: Any, *, allow_guarded: bool) -> Any:
    """A compiled grammar fit for a loop that cannot back up."""
    if not isinstance(grammar, rg.CompiledGrammar):
        raise RequestError(
            f"a compiled grammar is needed (rg.compile(source, vocabulary)), not {type(grammar).__name__}",
            param="grammar",
        )
    if grammar.guards and not allow_guarded:
        raise GuardedGrammarError(
            f"the grammar has {len(grammar.guards)} guards ({grammar.guards[:3]}): generation may meet a dead end, and "
            "generate() cannot back up; use ruvllm_runtime.LLM, or allow_guarded=True to take dead ends as errors",
            guards=tuple(grammar.guards),
        )
    return grammar


def _root(grammar: rg.CompiledGrammar, max_new_tokens: int | None) -> rg.Matcher:
    """The matcher before the first token."""
    if max_new_tokens is None:
        return grammar.matcher()
    return start_within(grammar, max_new_tokens, param="max_new_tokens")


def _lengths(prompt_length: int | Sequence[int] | None, items: int) -> list[int] | None:
    """Prompt lengths per batch item, or None when the first call tells."""
    if prompt_length is None:
        return None
    lengths = [prompt_length] * items if isinstance(prompt_length, int) else list(prompt_length)
    if len(lengths) != items or any(not isinstance(n, int) or n < 0 for n in lengths):
        raise RequestError(
            f"prompt_length must be one number, or one per grammar ({items}), none negative; got {prompt_length!r}",
            param="prompt_length",
        )
    return lengths
