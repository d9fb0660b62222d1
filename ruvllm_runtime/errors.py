"""What can go wrong at run time; the tree continues the one of `ruvllm_grammar.errors`.

```text
RuvllmError                    (ruvllm_grammar)
  RequestError                 (ruvllm_grammar) the request cannot be served as it stands; has .param
    ContextLengthError         prompt and answer do not fit the context; has .prompt_tokens .max_tokens .context
    TokenBudgetError           max_tokens is too small for any valid document; has .needed
    GuardedGrammarError        a grammar with guards where nothing can back up; has .guards
    ModelLoadError             a model or tokenizer cannot be loaded; has .source
  VocabularyError              (ruvllm_grammar) the tokenizer cannot be read as bytes
    ModelMismatchError         logits and vocabulary differ in width; has .logits .vocabulary
  GenerationError              the request is fine, the generation of it failed; has .text, what was written so far
    GenerationDeadEnd          no token may follow; has .guards .backups
    StrictModeError            the finished text does not satisfy its grammar; has .because
```

A server answers a `RequestError` with 400 and the name of the parameter, a `GenerationError` with 500.
Every other error of the grammar package (`SchemaError`, `LimitError`, ...) passes through unchanged.
"""

from __future__ import annotations

import ruvllm_grammar as rg

RuvllmError = rg.RuvllmError
RequestError = rg.RequestError
VocabularyError = rg.VocabularyError

__all__ = [
    "ContextLengthError",
    "GenerationDeadEnd",
    "GenerationError",
    "GuardedGrammarError",
    "ModelLoadError",
    "ModelMismatchError",
    "RequestError",
    "RuvllmError",
    "StrictModeError",
    "TokenBudgetError",
    "VocabularyError",
]


class ContextLengthError(RequestError):
    """Prompt and answer together are longer than the model's context.

    Attributes:
        prompt_tokens: tokens of the prompt.
        max_tokens: tokens asked for, or None when the request left it open.
        context: tokens the model can hold.
    """

    def __init__(self, *, prompt_tokens: int, max_tokens: int | None, context: int) -> None:
        wanted = "" if max_tokens is None else f" and max_tokens is {max_tokens}"
        room = context - prompt_tokens
        remedy = (
            f"lower max_tokens to {room} or shorten" if max_tokens is not None and room > 0 else "shorten"
        )
        super().__init__(
            f"the prompt has {prompt_tokens} tokens{wanted}, but the model's context holds {context}; "
            f"{remedy} the prompt",
            param="prompt" if max_tokens is None or room <= 0 else "max_tokens",
        )
        self.prompt_tokens = prompt_tokens
        self.max_tokens = max_tokens
        self.context = context


class TokenBudgetError(RequestError):
    """No valid document is short enough for `max_tokens`.

    Attributes:
        needed: tokens that would suffice, the end token included, or None when unknown.
    """

    def __init__(self, message: str, *, needed: int | None) -> None:
        super().__init__(message, param="max_tokens")
        self.needed = needed


class GuardedGrammarError(RequestError):
    """A grammar whose liveness is not proved, given to a loop that cannot back up.

    Attributes:
        guards: the guards of the grammar, with their JSON pointers.
    """

    def __init__(self, message: str, *, guards: tuple[object, ...]) -> None:
        super().__init__(message, param="grammar")
        self.guards = guards


class ModelLoadError(RequestError):
    """A model folder or hub name that cannot be loaded.

    Attributes:
        source: the folder or name.
    """

    def __init__(self, message: str, *, source: str) -> None:
        super().__init__(message, param="model")
        self.source = source


class ModelMismatchError(VocabularyError):
    """The model's logits and the vocabulary do not have the same width.

    Attributes:
        logits: columns of the model's logits.
        vocabulary: ids of the vocabulary.
    """

    def __init__(self, *, logits: int, vocabulary: int, remedy: str = "") -> None:
        super().__init__(
            f"the model's logits have {logits} columns but the vocabulary has {vocabulary} ids; "
            + (remedy or f"build the vocabulary with size={logits}")
        )
        self.logits = logits
        self.vocabulary = vocabulary


class GenerationError(RuvllmError):
    """A sound request whose generation failed.

    Attributes:
        text: what had been generated.
    """

    def __init__(self, message: str, *, text: str = "") -> None:
        super().__init__(message)
        self.text = text


class GenerationDeadEnd(GenerationError):
    """No token is allowed, and the document is not complete.

    A grammar without guards never leads here, unless something else forbids tokens as well (another logits
    processor). With guards it can, when backing up is off or did not find a way out.

    Attributes:
        guards: the places of the grammar whose liveness is not proved.
        backups: how many times the generation backed up.
    """

    def __init__(
        self, message: str, *, text: str = "", guards: tuple[rg.Guard, ...] = (), backups: int = 0
    ) -> None:
        super().__init__(message, text=text)
        self.guards = guards
        self.backups = backups


class StrictModeError(GenerationError):
    """The finished text does not satisfy its grammar; `strict=True` does not return it.

    Attributes:
        because: the reason, in words.
    """

    def __init__(self, because: str, *, text: str) -> None:
        super().__init__(f"strict mode refuses the output: {because}", text=text)
        self.because = because
