"""`LLM`: a model, its vocabulary, and the grammars compiled for it."""

from __future__ import annotations

import json
from collections import OrderedDict
from collections.abc import Iterator, Mapping
from collections.abc import Sequence as Rows
from dataclasses import dataclass, fields
from decimal import Decimal
from math import isinf
from pathlib import Path
from threading import Lock
from typing import Any

import ruvllm_grammar as rg
from ruvllm_runtime.decode import Constraint, Sampler, Sequence, TextStream, decode
from ruvllm_runtime.decode.masking import free_row
from ruvllm_runtime.decode.stop import StopStrings
from ruvllm_runtime.errors import ContextLengthError, ModelMismatchError, RequestError, StrictModeError
from ruvllm_runtime.model import CausalModel, Encoder, TokenizerEncoder, toy_model
from ruvllm_runtime.model.adapter import end_tokens, logits_width
from ruvllm_runtime.request import Finished, GenerateRequest, GenerateResult, TextDelta, Timings, Usage, check

DEFAULT_MAX_TOKENS = 1024


@dataclass(frozen=True, slots=True)
class _Job:
    """A request made ready: its grammar, and its state in the decode loop."""

    request: GenerateRequest
    grammar: rg.CompiledGrammar | None
    is_json: bool
    sequence: Sequence


class LLM:
    """A language model that answers within a grammar.

    >>> llm = LLM.load("toy")
    >>> llm.generate(GenerateRequest(prompt="?", json_schema={"const": "yes"})).parsed
    'yes'

    Attributes:
        model: the model, its vocabulary and its prompt encoder.
    """

    def __init__(self, model: CausalModel, *, grammar_cache: int = 128) -> None:
        """Serve requests on a model.

        Args:
            model: as `CausalModel.load` returns it.
            grammar_cache: how many compiled grammars to keep; the least recently used goes first.
        """
        self.model = model
        self._grammars: OrderedDict[str, rg.CompiledGrammar] = OrderedDict()
        self._grammar_cache = grammar_cache
        self._free_rows: dict[frozenset[int], rg.Row] = {}
        self._lock = Lock()

    @classmethod
    def load(cls, source: str | Path, *, device: str = "auto", dtype: str = "auto") -> LLM:
        """Load a model.

        Args:
            source: a folder written by `save_pretrained`, a name on the hub, or "toy" (a tiny Llama with random
                weights over bytes, built in memory).
            device: "auto" (CUDA where there is one), or a torch device.
            dtype: "auto" (as stored), or the name of a torch dtype.

        Raises:
            ModelLoadError: the model cannot be had.
            VocabularyError: the tokenizer's bytes cannot be known exactly.
        """
        if source == "toy":
            return cls(toy_model())
        return cls(CausalModel.load(source, device=device, dtype=dtype))

    @classmethod
    def from_model(
        cls, model: Any, tokenizer: Any, *, encoder: Encoder | None = None, context: int | None = None
    ) -> LLM:
        """Serve a transformers model that is already in memory.

        Args:
            model: a causal language model.
            tokenizer: its Hugging Face tokenizer, or an `rg.Vocabulary` as wide as its logits.
            encoder: prompt text to ids; None takes the tokenizer's, or longest matches for a bare vocabulary.
            context: tokens the model can hold; None reads its configuration.

        Raises:
            ModelMismatchError: the vocabulary is not as wide as the logits.
            VocabularyError: the tokenizer's bytes cannot be known exactly.
        """
        if isinstance(tokenizer, rg.Vocabulary):
            return cls(CausalModel(model, tokenizer, encoder, context=context))
        width = logits_width(model)
        vocabulary = rg.Vocabulary.from_tokenizer(
            tokenizer, size=width, eos=end_tokens(model, tokenizer, width)
        )
        return cls(CausalModel(model, vocabulary, encoder or TokenizerEncoder(tokenizer), context=context))

    @property
    def vocabulary(self) -> rg.Vocabulary:
        """The bytes of every token id."""
        return self.model.vocabulary

    def generate(self, request: GenerateRequest) -> GenerateResult:
        """Answer one request.

        Raises:
            RequestError: the request cannot be served: see `ruvllm_runtime.errors`.
            GrammarError: the schema or grammar is wrong.
            LimitError: the grammar exceeds a budget of the compiler.
            GenerationError: the generation failed, or strict mode refuses its output.
        """
        return self.generate_batch([request])[0]

    def generate_batch(self, requests: Rows[GenerateRequest], *, max_rows: int = 8) -> list[GenerateResult]:
        """Answer several requests, up to `max_rows` of them in each forward pass.

        All requests are checked and their grammars compiled before the first token. Results stand in the order of
        the requests, and a seeded request answers as it does alone.

        Raises:
            RuvllmError: as `generate`; the first error ends the call.
        """
        check.count("max_rows", max_rows, low=1)
        jobs = [self._prepare(request) for request in requests]
        for _ in decode(self.model, [job.sequence for job in jobs], max_rows=max_rows):
            pass
        return [self._result(job) for job in jobs]

    def stream(self, request: GenerateRequest) -> Iterator[TextDelta | Finished]:
        """Answer one request piece by piece; the last event is `Finished`.

        The request is checked before this returns. A grammar with guards may take tokens back (`max_backups`): its
        events are empty until the document is complete. In strict mode an invalid output raises in place of `Finished`.

        Raises:
            RuvllmError: as `generate`.
        """
        return self._stream(self._prepare(request))

    def _stream(self, job: _Job) -> Iterator[TextDelta | Finished]:
        for step in decode(self.model, [job.sequence]):
            yield TextDelta(text=step.text, token_ids=step.tokens, forced=step.forced)
        yield Finished(result=self._result(job))

    def compile(self, source: rg.Source) -> rg.CompiledGrammar:
        """Compile a grammar source for this model, or take it from the cache of recent ones.

        Raises:
            RequestError: not a grammar source.
            GrammarError: the source is wrong.
            LimitError: it exceeds a budget of the compiler.
        """
        if not isinstance(source, rg.Source):
            raise RequestError(
                f"a grammar is an rg source (rg.JsonSchema, rg.Json, rg.Regex), not {type(source).__name__}",
                param="grammar",
            )
        key = _key(source)
        if key is None:
            return rg.compile(source, self.vocabulary)
        with self._lock:
            grammar = self._grammars.get(key)
            if grammar is not None:
                self._grammars.move_to_end(key)
                return grammar
        grammar = rg.compile(source, self.vocabulary)
        with self._lock:
            self._grammars[key] = grammar
            while len(self._grammars) > self._grammar_cache:
                self._grammars.popitem(last=False)
        return grammar

    def _prepare(self, request: GenerateRequest) -> _Job:
        """Check a request against the model and make its sequence."""
        prompt = tuple(self._prompt_ids(request))
        max_tokens = self._budget(request, len(prompt))
        grammar, is_json = self._grammar(request)
        stops = frozenset(request.stop_token_ids)
        self._check_stops(request, stops)
        stops |= self.vocabulary.eos
        sequence = Sequence(
            prompt,
            vocabulary=self.vocabulary,
            cache=self.model.new_cache(),
            sampler=Sampler(request.sampling, seen=prompt),
            text=TextStream(StopStrings(tuple(request.stop))),
            max_tokens=max_tokens,
            stop_tokens=stops,
            constraint=None if grammar is None else Constraint(grammar, max_tokens),
            free_row=self._free_row(stops),
            force=request.force,
            max_backups=request.max_backups,
        )
        return _Job(request, grammar, is_json, sequence)

    def _prompt_ids(self, request: GenerateRequest) -> Rows[int]:
        ids = self.model.encode(request.prompt) if isinstance(request.prompt, str) else request.prompt
        if not ids:
            raise RequestError(
                "the prompt has no tokens; a model needs at least one to start from", param="prompt"
            )
        for token in ids:
            if token >= self.vocabulary.size:
                raise RequestError(
                    f"token id {token} of the prompt is outside the vocabulary of {self.vocabulary.size} ids",
                    param="prompt",
                )
        return ids

    def _budget(self, request: GenerateRequest, prompt_tokens: int) -> int:
        """Tokens the answer may have."""
        room = self.model.context - prompt_tokens
        if room < 1 or (request.max_tokens or 1) > room:
            raise ContextLengthError(
                prompt_tokens=prompt_tokens, max_tokens=request.max_tokens, context=self.model.context
            )
        return request.max_tokens or min(room, DEFAULT_MAX_TOKENS)

    def _check_stops(self, request: GenerateRequest, stops: frozenset[int]) -> None:
        """Refuse stop ids that do not exist, and those that would cut a document."""
        for token in sorted(stops):
            if token >= self.vocabulary.size:
                raise RequestError(
                    f"stop token id {token} is outside the vocabulary of {self.vocabulary.size} ids",
                    param="stop_token_ids",
                )
            if request.strict and request.constrained and self.vocabulary.token_bytes(token):
                raise RequestError(
                    f"stop token id {token} is ordinary text and could cut the document short; leave it out, "
                    "or set strict=False",
                    param="stop_token_ids",
                )

    def _grammar(self, request: GenerateRequest) -> tuple[rg.CompiledGrammar | None, bool]:
        """The request's grammar, compiled, and whether its documents are JSON."""
        if request.json_schema is not None:
            schema = (
                dict(request.json_schema) if isinstance(request.json_schema, Mapping) else request.json_schema
            )
            return self.compile(rg.JsonSchema(schema, whitespace=request.whitespace)), True
        if request.grammar is None:
            return None, False
        if not isinstance(request.grammar, rg.CompiledGrammar):
            return self.compile(request.grammar), isinstance(request.grammar, rg.JsonSchema | rg.Json)
        grammar = request.grammar
        if grammar.vocabulary.fingerprint != self.vocabulary.fingerprint:
            raise ModelMismatchError(
                logits=self.vocabulary.size,
                vocabulary=grammar.vocabulary.size,
                remedy="the grammar was compiled for another vocabulary; use LLM.compile, or pass its source",
            )
        return grammar, isinstance(getattr(grammar, "source", None), rg.JsonSchema | rg.Json)

    def _free_row(self, stops: frozenset[int]) -> rg.Row:
        """The row of unconstrained text; one per set of stop tokens, and such sets are few."""
        row = self._free_rows.get(stops)
        if row is None:
            if len(self._free_rows) >= 16:
                self._free_rows.clear()
            row = self._free_rows[stops] = free_row(self.vocabulary, stops)
        return row

    def _result(self, job: _Job) -> GenerateResult:
        """The result of a finished sequence, checked."""
        sequence, clock = job.sequence, job.sequence.clock
        reason = sequence.finish_reason
        if reason is None:
            raise RuntimeError("decode() ended before this sequence did")
        return GenerateResult(
            text=sequence.text.text,
            parsed=self._verified(job),
            finish_reason=reason,
            stop=sequence.text.stopped_by,
            usage=Usage(
                prompt_tokens=len(sequence.prompt),
                cached_tokens=0,
                completion_tokens=len(sequence.tokens),
                forced_tokens=sequence.forced,
                discarded_tokens=0 if sequence.backups is None else sequence.backups.discarded,
            ),
            token_ids=tuple(sequence.tokens),
            timings=Timings(
                prefill_s=clock.prefilled - clock.started,
                first_token_s=clock.first_token - clock.started,
                total_s=clock.ended - clock.started,
                forward_passes=clock.forward_passes,
            ),
        )

    def _verified(self, job: _Job) -> Any:
        """The parsed value of a JSON answer; in strict mode the answer's validity is checked from its bytes alone."""
        if job.grammar is None:
            return None
        strict, text = job.request.strict, job.sequence.text.text
        if strict and not job.grammar.accepts(self.vocabulary.decode(job.sequence.tokens)):
            raise StrictModeError("the grammar does not accept it", text=text)
        if not job.is_json:
            return None
        try:
            return json.loads(text, parse_int=_integer, parse_float=_number)
        except (ValueError, RecursionError) as error:
            if strict:
                raise StrictModeError(f"it cannot be read as JSON: {error}", text=text) from error
            return None


def _key(source: rg.Source) -> str | None:
    """What a source says, as text: the order of a schema's members counts. None when it holds more than JSON."""
    try:
        return json.dumps([type(source).__name__, *(getattr(source, item.name) for item in fields(source))])
    except TypeError:
        return None


def _number(digits: str) -> float | Decimal:
    """A float, or what a float cannot hold: a number beyond its range must not become infinity."""
    value = float(digits)
    return Decimal(digits) if isinf(value) else value


def _integer(digits: str) -> int | Decimal:
    """An integer of any length; Python refuses to make an int of more than 4,300 digits by default."""
    return int(digits) if len(digits) < 4300 else Decimal(digits)
