"""What the figures know of one order and of one pick list."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import Any

from tools.feed.standing import ENDS, Standing, Word


@dataclass
class Order:
    """states: of any author, for times; words: with their author, for whether it is over."""

    states: dict[str, int] = field(default_factory=dict)  # state -> its first time, Unix ms
    words: set[Word] = field(default_factory=set)
    promised_ms: int | None = None
    promised_by: tuple[int, int] = (0, 0)  # who says so, and when
    verdicts: dict[str, str] = field(default_factory=dict)  # sensor -> its newest verdict
    is_cold: bool = False  # it has a cold chain: a profile, or a sensor's word
    is_told: bool = False  # its order-in was seen: whether it has a profile is known

    def is_over(self) -> bool:
        """True when the newest word that counts is an end."""
        last = Standing(self.words).last
        return last is not None and last.state in ENDS


@dataclass
class PickList:
    """done: the body of its list_done; walk: lengths in dm and how they were found."""

    begun_ms: int | None = None
    done_ms: int | None = None
    lines: int = 0
    done: dict[str, Any] | None = None
    walk: dict[str, Any] = field(default_factory=dict)
