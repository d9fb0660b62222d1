"""Every exception of the toolkit; one look answers "what can I catch?".

```text
RuvllmError
  GrammarError              the source is wrong; has .source and .span where it is a text
    SyntaxGrammarError      regex, GBNF or Lark text
    SchemaError             JSON Schema; has .pointer
      UnsupportedKeyword    valid, but refused; has .keyword
    UnsatisfiableGrammar    no string can match; has .because and .pointer
  LimitError                a budget was too small; has .limit and .needed
  VocabularyError           the tokenizer cannot be read as bytes, or does not fit the model
  CacheError                never escapes compile(): a miss with a reason
  MatchError                this token or byte is not allowed here; has .token and .state
  RequestError              a request to the runtime is wrong; has .param
```

Messages say where, why, and what to do.
"""

from __future__ import annotations


class RuvllmError(Exception):
    """Base of every error this project raises on purpose."""


class GrammarError(RuvllmError):
    """The grammar source is wrong."""


class SyntaxGrammarError(GrammarError):
    """A grammar text (regex, GBNF, Lark) does not parse, or says something that cannot be a grammar.

    Attributes:
        source: the text, or None when unknown.
        position: offset in code points where the problem starts, or None.
    """

    def __init__(self, message: str, *, source: str | None = None, position: int | None = None) -> None:
        super().__init__(message)
        self.source = source
        self.position = position


class SchemaError(GrammarError):
    """A JSON Schema is malformed.

    Attributes:
        pointer: JSON pointer (RFC 6901) of the offending place, "" for the root.
    """

    def __init__(self, message: str, *, pointer: str = "") -> None:
        super().__init__(f"{message} (at {pointer or 'the root of the schema'})")
        self.pointer = pointer


class UnsupportedKeyword(SchemaError):
    """A valid schema keyword that is refused rather than silently dropped.

    Attributes:
        keyword: the keyword as written.
    """

    def __init__(self, message: str, *, pointer: str, keyword: str) -> None:
        super().__init__(message, pointer=pointer)
        self.keyword = keyword


class UnsatisfiableGrammar(GrammarError):
    """The grammar is well formed but no string matches it.

    Attributes:
        because: why, in words.
        pointer: JSON pointer of the clause that makes it so, where there is one.
    """

    def __init__(self, because: str, *, pointer: str | None = None) -> None:
        where = "" if pointer is None else f" (at {pointer or 'the root of the schema'})"
        super().__init__(f"nothing can match: {because}{where}")
        self.because = because
        self.pointer = pointer


class LimitError(RuvllmError):
    """A budget of `Limits` was too small. Raise the named limit, or simplify the grammar.

    Attributes:
        limit: the field of `Limits`.
        needed: a lower bound of what was needed, or None when unknown.
    """

    def __init__(self, message: str, *, limit: str, needed: int | None = None) -> None:
        super().__init__(message)
        self.limit = limit
        self.needed = needed


class VocabularyError(RuvllmError):
    """A tokenizer whose bytes cannot be known exactly, or that does not fit the model's logits."""


class CacheError(RuvllmError):
    """A cached table cannot be used. Never escapes `compile`: it is a miss with a reason."""


class MatchError(RuvllmError):
    """A token or byte that the grammar does not allow at this place; the matcher is unchanged.

    Attributes:
        token: the token id or byte that was refused, or None.
        state: the matcher's super-state, for bug reports.
    """

    def __init__(self, message: str, *, token: int | None = None, state: int | None = None) -> None:
        super().__init__(message)
        self.token = token
        self.state = state


class RequestError(RuvllmError):
    """A request to the runtime that cannot be served as it stands.

    Attributes:
        param: the offending field of the request, or None.
    """

    def __init__(self, message: str, *, param: str | None = None) -> None:
        super().__init__(message)
        self.param = param
