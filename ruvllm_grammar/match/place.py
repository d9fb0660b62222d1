"""A place: a super-state with what was found out about it.

Problem. A step that was taken before should cost next to nothing, though super-states are dropped now and then, and
though other threads may drop them at any moment.

Idea. Matchers point to places and places to places, by token. A step along such a pointer asks nobody and takes no
lock. When super-states are dropped, their places lose their pointers and say where they are now, if some matcher stood
there (`moved`); a matcher that walked on meanwhile stands in a place of the old epoch, notices at its next step (there
is nothing to follow) and finds its place again from its own past. So nobody ever writes into another's matcher.
"""

from __future__ import annotations

from typing import Final, NamedTuple

#: `Place.gate`: nothing is known yet.
UNKNOWN: Final = -1
#: `Place.gate`: checks take nothing away from the row, whatever the text.
QUIET: Final = 0
#: `Place.gate`: checks take nothing away from the row while none was met on the way here.
UNTIL_CROSSED: Final = 1
#: `Place.gate`: the register must be asked.
ASK: Final = 2
#: `Place.gate`: likewise; tokens may begin and finish another sibling, too.
ASK_ANOTHER: Final = 3


class Place:
    """A super-state of one epoch.

    Attributes:
        state: its number.
        epoch: of the machine when the number was given.
        flags: of the super-state (`Arena.states`).
        steps: the place after a token, for tokens that were taken from here and cross no check.
        plain: where a run of plain characters of a string leads back here: for each token, 1 if it is one
            (`tables.further.plain_tokens`); b"" elsewhere; None where nobody has looked yet.
        gate: whether checks can take tokens away from the row (constants above).
        moved: the place of a later epoch that is this one.
    """

    __slots__ = ("epoch", "flags", "gate", "moved", "plain", "state", "steps")

    def __init__(self, state: int, epoch: int, flags: int) -> None:
        self.state = state
        self.epoch = epoch
        self.flags = flags
        self.steps: dict[int, Place] = {}
        self.plain: bytes | None = None
        self.gate = UNKNOWN
        self.moved: Place | None = None

    def latest(self) -> Place:
        """This place in the last epoch that knew it."""
        place = self
        while place.moved is not None:
            place = place.moved
        return place


class Crossing(NamedTuple):
    """A token's way across its first check.

    Attributes:
        text: the token's bytes.
        stop: index of the byte that crosses.
        before: super-state before that byte.
        target: super-state behind it, the check passed.
        onward: the place behind the token if the check passes; None where that crosses another one.
    """

    text: bytes
    stop: int
    before: int
    target: int
    onward: Place | None


#: Where a finished sequence stands. Of no epoch: nothing is remembered about it.
END: Final = Place(-1, -1, 0)
END.gate = ASK
