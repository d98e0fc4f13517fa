"""Where an order stands, of all the words that were said of it: whose word counts (docs/feed.md).

An order is with the subject of its newest `received`: that is the gateway's word that the platform
gave it to this device. One who had it before and lets go of it (`cancelled`, `expired`, ...) says
nothing of the order, and a word of kind `gateway` (a message that was refused) neither. Words may come
in any order: what counts is worked out of all of them.
"""

from __future__ import annotations

from collections.abc import Iterable
from typing import Any, NamedTuple

ENDS = ("handed_over", "cancelled", "failed", "refused", "expired")
_RANK = {"received": 0, "assigned": 1, "picked_up": 2, "arrived": 3}
_PROGRESS = ("assigned", "picked_up", "arrived")


class Word(NamedTuple):
    """One state that was said. t: when, in anything that sorts (ISO text of one form, Unix ms)."""

    t: Any
    rank: int
    seq: int
    subject: str
    state: str


def word_of(body: dict[str, Any], t: Any) -> Word | None:
    """Return the word of a message of `order`, None when it is none on the order itself.

    TypeError when a field is not what the document says.
    """
    if body.get("kind") == "gateway":
        return None  # a message was refused: the order stays what it was
    state = body["state"]
    if state is None:
        return None  # a word that the gateway does not know
    subject, seq = body["subject"], body.get("seq", 0)
    if not isinstance(state, str) or not isinstance(subject, str) or type(seq) is not int:
        raise TypeError("state and subject are texts, seq is a number")
    return Word(t, _RANK.get(state, 4), seq, subject, state)


class Standing:
    """What all the words of one order amount to."""

    def __init__(self, words: Iterable[Word]):
        self._words = sorted(words)
        given = [each for each in self._words if each.state == "received"]
        given = given or [each for each in self._words if each.state == "assigned"]
        self._had = {each.subject for each in given}
        self.holder = given[-1].subject if given else ""
        # A pseudonym ends at midnight: who goes on with the order and never was given it is the holder.
        self._goes_by = {
            each.subject
            for each in self._words
            if given
            and each.subject not in self._had
            and each.state in _PROGRESS
            and each.t >= given[-1].t
        }

    def has(self, subject: str) -> bool:
        """Tell whether the order is with this subject, as far as anybody can know."""
        if subject == self.holder or subject in self._goes_by:
            return True
        # Nobody else ever had it: a subject that is not known is the holder's new pseudonym.
        return subject not in self._had and len(self._had) <= 1

    def counts(self, word: Word) -> bool:
        """Tell whether a word says something of the order. Goods that were handed over are gone,
        whoever did it."""
        return word.state == "handed_over" or self.has(word.subject)

    @property
    def last(self) -> Word | None:
        """The newest word that counts."""
        return next((each for each in reversed(self._words) if self.counts(each)), None)
