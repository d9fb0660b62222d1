"""An engine for tests of the harness: a language is a list of sequences of token ids, given as the schema's JSON text."""

from __future__ import annotations

import json
import time


class FakeMatcher:
    idle = None

    def __init__(self, language, eos, work):
        self.language = [tuple(text) for text in language]
        self.eos = eos
        self.work = work
        self.past = ()
        self.allowed = None
        self.masks = 0

    def mask(self):
        self.masks += 1
        self.allowed = set()
        for text in self.language:
            if text[: len(self.past)] == self.past:
                self.allowed.add(text[len(self.past)] if len(text) > len(self.past) else self.eos)
        spent = time.process_time() + self.work
        while time.process_time() < spent:
            pass

    def legal(self, token):
        return token in self.allowed

    def advance(self, token):
        assert token in self.allowed
        self.past += (token,)
        self.allowed = None


class FakeGrammar:
    def __init__(self, language, eos, work):
        self._arguments = (language, eos, work)
        self.matchers = []

    def matcher(self):
        self.matchers.append(FakeMatcher(*self._arguments))
        return self.matchers[-1]


class FakeEngine:
    name = "fake"
    package = "pytest"
    settings = "none"

    def __init__(self, refused, *, eos, work=0.0):
        self._refused = refused
        self._eos = eos
        self._work = work
        self.grammars = []

    def compile(self, schema):
        language = json.loads(schema)
        if language is None:
            raise self._refused("null is not a language")
        self.grammars.append(FakeGrammar(language, self._eos, self._work))
        return self.grammars[-1]
