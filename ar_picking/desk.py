"""Whoever shows the guide talks to it through a desk: events in, the screen's values out.

`OwnDesk` keeps a guide in memory, for a camera and lists on this machine alone; `LinkDesk` is that of a
tablet, whose guide survives a restart and tells the gateway.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import Any, Protocol

from ar_picking.guide import words
from ar_picking.guide.machine import Guide
from ar_picking.guide.shop import Shop
from ar_picking.link import TabletLink

Reason = tuple[str, str, str]  # code, Chinese, English
Points = list[tuple[int, int]]

_PIECES = 12  # of planning between two pictures, 1 to 2 ms each on a board, less here


@dataclass(frozen=True, slots=True)
class Look:
    """What a screen shows: the guide's view, the way to the target and the rest of the walk in dm."""

    view: dict[str, Any]
    path: Points
    tour: Points


class Desk(Protocol):
    """A guide to talk to, from the thread that owns the camera."""

    def event(self, obj: dict[str, Any], t_ms: int) -> Reason | None:
        """Something happened (ar_picking.guide.machine); None, or why nothing came of it."""

    def work(self) -> None:
        """Go on planning for some milliseconds."""

    def look(self) -> Look:
        """What there is to show now."""


class LinkDesk:
    """The guide of a tablet (ar_picking.link.TabletLink), which plans and goes by its own clock."""

    def __init__(self, link: TabletLink) -> None:
        self._link = link

    def event(self, obj: dict[str, Any], t_ms: int) -> Reason | None:
        """As Desk."""
        del t_ms
        return self._link.event(obj)

    def work(self) -> None:
        """Nothing: the link's thread plans."""

    def look(self) -> Look:
        """As Desk."""
        return Look(*self._link.screen())


class OwnDesk:
    """A guide of this process; `journal(event, fields)` is told of each entry."""

    def __init__(self, shop: Shop, journal: Callable[[str, dict[str, Any]], object]) -> None:
        self.guide = Guide(shop, lambda event, fields: journal(event, fields) is not False)

    def event(self, obj: dict[str, Any], t_ms: int) -> Reason | None:
        """As Desk."""
        line = self.guide.line()
        code = self.guide.event(obj, t_ms)
        if code is None:
            return None
        zh, en = words.text(code, line)
        return code, zh, self.guide.detail if code == "list_bad" else en

    def work(self) -> None:
        """As Desk."""
        for _ in range(_PIECES):
            if not self.guide.advance():
                return

    def look(self) -> Look:
        """As Desk."""
        return Look(self.guide.view(), self.guide.path(), self.guide.tour())
