"""From the bytes of tokens to text that may be shown: whole characters, no stop strings.

A token can end in the middle of a character (a quarter of an emoji is an ordinary token of every byte-level
vocabulary). The bytes of an unfinished character wait for the rest:

    token bytes   "caf" | C3 | A9 " au" ...
    released      "caf" | ""  | "é au"

Bytes that cannot become a character any more are shown as U+FFFD, as every decoder does; an unfinished character at
the end of the answer is left out.
"""

from __future__ import annotations

import codecs

from ruvllm_runtime.decode.stop import StopStrings


class TextStream:
    """Incremental text of one answer.

    Attributes:
        text: everything released so far.
        stopped_by: the stop string that ended the answer, or None.
    """

    def __init__(self, stops: StopStrings) -> None:
        self.text = ""
        self.stopped_by: str | None = None
        self._stops = stops
        self._decoder = codecs.getincrementaldecoder("utf-8")("replace")
        self._held = ""
        self._parts: list[str] = []

    def restart(self, data: bytes) -> None:
        """Begin again with the bytes that are left, none of which was taken yet or completes a stop string."""
        self._decoder.reset()
        self._held = ""
        self._parts.clear()
        self.feed(data)

    def feed(self, data: bytes) -> bool:
        """Take the bytes of one token; True when a stop string is now complete, and nothing more may be fed."""
        pending = self._held + self._decoder.decode(data)
        hit = self._stops.find(pending)
        if hit is not None:
            at, self.stopped_by = hit
            self._held = ""
            self._parts.append(pending[:at])
            return True
        keep = self._stops.held(pending)
        self._held = pending[len(pending) - keep :]
        self._parts.append(pending[: len(pending) - keep])
        return False

    def take(self) -> str:
        """The text released since the last call."""
        piece = "".join(self._parts)
        self._parts.clear()
        self.text += piece
        return piece

    def finish(self) -> None:
        """Release what was held back for a stop string that did not come."""
        self._parts.append(self._held)
        self._held = ""
