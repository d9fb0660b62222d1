"""The request for one generation."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any, Literal, get_args

import ruvllm_grammar as rg
from ruvllm_runtime.errors import RequestError
from ruvllm_runtime.request import check
from ruvllm_runtime.request.sampling import SamplingParams

Whitespace = Literal["flexible", "compact", "spaced", "pretty", "any"]


@dataclass(frozen=True, slots=True, kw_only=True)
class GenerateRequest:
    """One prompt, and what the answer must look like.

    Attributes:
        prompt: text, or token ids that are used as they are (no begin-of-text is added).
        json_schema: the answer is a JSON document of this schema: a dict, True or False, or its JSON text.
        grammar: the answer belongs to this grammar: a source such as `rg.Regex(...)`, or a compiled grammar of
            the model's vocabulary. At most one of `json_schema` and `grammar`.
        strict: check the finished answer again, independently of its tokens, and never return an invalid one.
        max_tokens: at most this many tokens, the end token included. A constrained answer is steered to be
            complete within them. None: 1,024, or what the context leaves if that is less.
        sampling: how tokens are chosen.
        stop: strings that end the answer and are not part of it. Not together with `strict` and a grammar,
            whose documents they would cut.
        stop_token_ids: tokens that end the answer, besides the vocabulary's own end tokens.
        whitespace: between JSON tokens, with `json_schema`: "flexible" (bounded), "compact", "spaced",
            "pretty" or "any".
        force: append tokens the grammar leaves no choice about without asking the model.
        max_backups: how often generation may take tokens back after a dead end of a grammar with guards, before
            `GenerationDeadEnd`. Such a grammar's text is streamed when it is complete; with 0 nothing is ever taken
            back, and text is streamed as it is written. Grammars without guards have no dead ends.

    Raises:
        RequestError: a field is wrong, or two contradict each other; `.param` names it.
    """

    prompt: str | Sequence[int]
    json_schema: Mapping[str, Any] | bool | str | None = None
    grammar: rg.Source | rg.CompiledGrammar | None = None
    strict: bool = True
    max_tokens: int | None = None
    sampling: SamplingParams = field(default_factory=SamplingParams)
    stop: Sequence[str] = ()
    stop_token_ids: Sequence[int] = ()
    whitespace: Whitespace = "flexible"
    force: bool = True
    max_backups: int = 64

    def __post_init__(self) -> None:
        if not isinstance(self.prompt, str | list | tuple):
            raise RequestError(
                f"prompt must be text or a sequence of token ids, not {check.kind(self.prompt)}",
                param="prompt",
            )
        if isinstance(self.prompt, str):
            check.text("prompt", self.prompt)
        else:
            object.__setattr__(self, "prompt", check.token_ids("prompt", self.prompt))
        if self.json_schema is not None and not isinstance(self.json_schema, Mapping | bool | str):
            raise RequestError(
                f"json_schema must be a dict, a boolean or JSON text, not {check.kind(self.json_schema)}",
                param="json_schema",
            )
        if self.json_schema is not None and self.grammar is not None:
            raise RequestError("json_schema and grammar exclude each other; give one", param="grammar")
        check.flag("strict", self.strict)
        check.flag("force", self.force)
        check.count("max_backups", self.max_backups, low=0)
        if self.max_tokens is not None:
            check.count("max_tokens", self.max_tokens, low=1)
        if not isinstance(self.sampling, SamplingParams):
            raise RequestError(
                f"sampling must be a SamplingParams, not {check.kind(self.sampling)}", param="sampling"
            )
        object.__setattr__(self, "stop", check.strings("stop", self.stop))
        object.__setattr__(self, "stop_token_ids", check.token_ids("stop_token_ids", self.stop_token_ids))
        if self.whitespace not in get_args(Whitespace):
            raise RequestError(
                f"whitespace must be one of {', '.join(get_args(Whitespace))}, not {self.whitespace!r}",
                param="whitespace",
            )
        if self.whitespace != "flexible" and self.json_schema is None:
            raise RequestError(
                "whitespace belongs to json_schema; with grammar=, give it to the source itself",
                param="whitespace",
            )
        if self.stop and self.strict and self.constrained:
            raise RequestError(
                "a stop string could cut the document short; leave out stop, or set strict=False",
                param="stop",
            )

    @property
    def constrained(self) -> bool:
        """Whether a grammar decides which tokens are legal."""
        return self.json_schema is not None or self.grammar is not None
