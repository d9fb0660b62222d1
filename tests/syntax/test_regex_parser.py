"""Every message of the pattern parser, whole."""

from __future__ import annotations

import pytest

from ruvllm_grammar.errors import SyntaxGrammarError
from ruvllm_grammar.limits import Limits
from ruvllm_grammar.syntax.regex.parser import parse

MESSAGES = r"""
^a(b|c
pattern:1:3: unclosed group
  1 | ^a(b|c
    |   ^ opened here; add ")" before the end of the pattern

a)b
pattern:1:2: a parenthesis that closes nothing
  1 | a)b
    |  ^ write "\)" for the character, or remove it

a**
pattern:1:3: nothing to repeat here
  1 | a**
    |   ^ put "\" before "*" to mean the character itself

|{2}
pattern:1:2: nothing to repeat here
  1 | |{2}
    |  ^ put "\" before "{" to mean the character itself

^*
pattern:1:2: an assertion cannot be repeated
  1 | ^*
    |  ^ remove the quantifier

(?<=a)+
pattern:1:7: an assertion cannot be repeated
  1 | (?<=a)+
    |       ^ remove the quantifier

a{3,1}
pattern:1:2: a repetition with its bounds exchanged
  1 | a{3,1}
    |  ^ write {1,3}

x[ab
pattern:1:2: unclosed class
  1 | x[ab
    |  ^ opened here; add "]", or write "\[" for the character

[z-a]
pattern:1:2: a range with its ends exchanged
  1 | [z-a]
    |  ^ exchange them, or write "\-"

a\
pattern:1:2: a backslash at the end
  1 | a\
    |  ^ write "\\" for the character

[\
pattern:1:2: a backslash at the end
  1 | [\
    |  ^ write "\\" for the character

(a)\1
pattern:1:4: a back-reference, which no automaton can follow
  1 | (a)\1
    |    ^ write out what it may repeat

(?<n>a)\k<n>
pattern:1:8: a back-reference, which no automaton can follow
  1 | (?<n>a)\k<n>
    |        ^ write out what it may repeat

(?i)a
pattern:1:1: inline flags are not part of the patterns of JSON Schema
  1 | (?i)a
    | ^ spell both cases out, as in [Aa]

(?s:a)
pattern:1:1: inline flags are not part of the patterns of JSON Schema
  1 | (?s:a)
    | ^ remove them

(?P<n>a)
pattern:1:1: a named group of another dialect
  1 | (?P<n>a)
    | ^ write "(?<name>...)"

(?P=n)
pattern:1:1: syntax of another dialect
  1 | (?P=n)
    | ^ ECMA-262 has no (?P...)

(?#no)
pattern:1:1: a comment of another dialect
  1 | (?#no)
    | ^ remove it

(?>a)
pattern:1:1: an atomic group, which ECMA-262 does not have
  1 | (?>a)
    | ^ write "(?:...)"

(?*)
pattern:1:1: no such kind of group
  1 | (?*)
    | ^ write "(?:...)", or "\(" for the character

(?<1>a)
pattern:1:1: a group without a proper name
  1 | (?<1>a)
    | ^ write "(?<name>...)" with letters, digits, _ and $

(?<a>x)(?<a>y)
pattern:1:8: a second group named 'a'
  1 | (?<a>x)(?<a>y)
    |        ^ rename one of them

\p{Greek}
pattern:1:1: no Unicode property of ECMA-262 is called 'Greek'
  1 | \p{Greek}
    | ^ write "Script=Greek"

[\p{letter}]
pattern:1:2: no Unicode property of ECMA-262 is called 'letter'
  1 | [\p{letter}]
    |  ^ write one such as \p{Lu}

\pL
pattern:1:1: a Unicode property without a name in braces
  1 | \pL
    | ^ write one such as \p{Lu}

\u{110000}
pattern:1:1: a code point beyond U+10FFFF
  1 | \u{110000}
    | ^ the largest is \u{10FFFF}

\u{xyz}
pattern:1:1: a broken code-point escape
  1 | \u{xyz}
    | ^ write "\u{1F600}", or "u" for the letter
"""

CASES = [tuple(case.split("\n", 1)) for case in MESSAGES.strip().split("\n\n")]


@pytest.mark.parametrize(("pattern", "message"), CASES, ids=[pattern for pattern, _ in CASES])
def test_messages(pattern, message):
    with pytest.raises(SyntaxGrammarError) as caught:
        parse(pattern, Limits())
    assert str(caught.value) == message
    assert caught.value.source == pattern
    assert caught.value.position == int(message.split(":")[2]) - 1
