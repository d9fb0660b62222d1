r"""Stop strings, which may begin in one token and end three tokens later.

Text is released only when it can no longer be part of a stop string: the longest end of the text that is a proper
beginning of one is held back.

    stops ("\n\n", "END"), text "the EN"   ->  release "the ", hold "EN"
                        then     "T"        ->  release "ENT"
                        or       "D."       ->  stop; neither "END" nor "." is part of the answer
"""

from __future__ import annotations

from dataclasses import dataclass


@dataclass(frozen=True, slots=True)
class StopStrings:
    """A set of strings that end an answer.

    Attributes:
        strings: none of them empty.
    """

    strings: tuple[str, ...]

    def find(self, text: str) -> tuple[int, str] | None:
        """Where the stop string that is complete first begins, and which it is; the longest of those ending there.

        Completion counts, not beginning, so that the answer does not depend on how the text was cut into tokens.
        """
        hits = [(at + len(stop), at, stop) for stop in self.strings if (at := text.find(stop)) >= 0]
        return min(hits)[1:] if hits else None

    def held(self, text: str) -> int:
        """How many characters at the end of `text` may be the beginning of a stop string."""
        longest = max(map(len, self.strings), default=0)
        for size in range(min(longest - 1, len(text)), 0, -1):
            tail = text[-size:]
            if any(len(stop) > size and stop.startswith(tail) for stop in self.strings):
                return size
        return 0
