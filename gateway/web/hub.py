"""What the page shows: the newest of every stream, held in memory, bounded, rebuilt from the rows.

Lives in the event loop's thread; fed with feed messages as they are committed. It is a mirror, not a
part of the chain: a message that it cannot make sense of is counted and left out, nothing more.
"""

import asyncio
import logging
from collections import OrderedDict, deque
from typing import Any

import msgspec

from gateway.web.subject import ORDERS, TRAIL, Subject, put

_EVENTS = 200
_SUBJECTS = 6_000
_POINTS = 300_000  # of all trails together, and of all curves: a great fleet has shorter ones
_POINTS_MIN = 40
_PICTURE_POINTS = 150_000
_CLIENT_QUEUE = 4_000  # a commit under load brings thousands at once
# Streams that a person reads line by line.
_EVENT_STREAMS = (
    *("order", "alert", "pick", "presence", "health"),
    *("risk", "exception", "excursion", "integrity"),
)
_OVER = ("handed_over", "cancelled", "refused", "failed")
_NOBODY = ""  # holds the orders that are over

log = logging.getLogger(__name__)


class Hub:
    """Keeps the picture and tells the pages that watch.

    A page that reads too slowly loses its place (it is told to load the picture anew) instead of
    holding memory. `odd` counts messages that could not be shown.
    """

    def __init__(self) -> None:
        self.subjects: OrderedDict[str, Subject] = OrderedDict()  # by present pseudonym
        self.events: deque[dict[str, Any]] = deque(maxlen=_EVENTS)
        self.odd = 0
        self._watchers: set[asyncio.Queue[bytes | None]] = set()
        # device -> its newest shift, and its pseudonym of then
        self._present: OrderedDict[str, tuple[str, str]] = OrderedDict()
        self._renamed: OrderedDict[str, str] = OrderedDict()  # a former pseudonym -> the next
        self._untold: list[bytes] = []  # renames that the watchers have not been told
        self._holder: OrderedDict[str, str] = OrderedDict()  # order -> subject

    def replay(self, message: dict[str, Any]) -> None:
        """Take a decoded message and tell nobody; one that makes no sense is counted."""
        try:
            self._note(message)
        except (LookupError, TypeError, ValueError, OverflowError):
            self.odd += 1

    def take(self, payload: bytes) -> None:
        """Take one feed message."""
        try:
            message: dict[str, Any] = {}
            message = msgspec.json.decode(payload)
            if message["stream"] == "roster":
                # Which device is behind a pseudonym is not the page's business.
                self.name(message["device"], message["subject"], message.get("shift", ""))
                return
            written = message["subject"]
            self._note(message)
        except (msgspec.MsgspecError, LookupError, TypeError, ValueError, OverflowError):
            self.odd += 1
            if self.odd == 1:
                log.warning("a message could not be shown (told once): %s", _which(message))
            return
        if message["subject"] != written:
            payload = msgspec.json.encode(message)
        for told in (*self._untold, payload):
            self._tell(told)
        self._untold.clear()

    def _tell(self, payload: bytes) -> None:
        for watcher in list(self._watchers):
            try:
                watcher.put_nowait(payload)
            except asyncio.QueueFull:
                self._watchers.discard(watcher)
                while not watcher.empty():
                    watcher.get_nowait()
                watcher.put_nowait(None)

    def seed(self, subject: str, kind: str, presence: str) -> None:
        """Begin with what the database knows of a device, before its first message."""
        if subject not in self.subjects:
            put(self.subjects, subject, Subject(kind), _SUBJECTS)
        self.subjects[subject].presence = presence

    def name(self, device: str, subject: str, shift: str) -> None:
        """Take a line of the roster: a device has a pseudonym of its own in every shift.

        Under its newest one it goes on with all that it had: an order that is open at midnight stays
        open, and stays its. The page is told which name took the place of which, and no device.
        Values that are no text raise TypeError.
        """
        if not all(isinstance(each, str) for each in (device, subject, shift)):
            raise TypeError("a name is text")
        since, present = self._present.get(device, (shift, subject))
        # A backlog may bring an earlier shift after the present one.
        old, new = (present, subject) if shift >= since else (subject, present)
        put(self._present, device, (max(shift, since), new), _SUBJECTS)
        if old == new:
            return
        self._renamed.pop(new, None)
        put(self._renamed, old, new, _SUBJECTS)
        left = self.subjects.pop(old, None)
        if left is None:
            return
        if new not in self.subjects:
            put(self.subjects, new, left, _SUBJECTS)
        else:
            self.subjects[new].inherit(left)
        for order in (*left.orders, *left.risks, *left.colds):
            if self._holder.get(order) == old:
                self._holder[order] = new
        for event in self.events:
            if event["subject"] == old:
                event["subject"] = new
        if self._watchers:
            rename = {"stream": "rename", "kind": left.kind, "subject": new, "was": old}
            self._untold.append(msgspec.json.encode(rename))

    def _present_name(self, name: str) -> str:
        while (later := self._renamed.get(name)) is not None:
            name = later
        return name

    def _note(self, message: dict[str, Any]) -> None:
        stream, kind = message["stream"], message["kind"]
        if kind == "gateway":
            return
        name = message["subject"] = self._present_name(message["subject"])
        subject = self.subjects.get(name) or Subject(kind)
        # What the gateway writes about somebody is no sign of life.
        seen = max(subject.seen, "" if message["log"] == "gateway" else message["received"])
        if stream in ("fix", "now"):
            subject.place(message)
        elif stream == "track":
            subject.way(message)
        elif stream == "temp":
            subject.temp(message)
        elif stream == "presence":
            subject.presence = message["state"]
        elif stream == "order":
            self._note_order(message, subject)
        elif stream == "alert":
            subject.alert(message)
        elif stream == "stops":
            subject.plan(message)
        elif stream == "integrity":
            subject.mark(message, "")
        elif stream in ("risk", "excursion"):
            # What comes of an order that is over, or another's, is an event and nothing more.
            is_held = self._holder.get(message["order"], name) == name
            holder = subject if is_held else Subject(kind)
            (holder.risk if stream == "risk" else holder.cold)(message)
        if name not in self.subjects:
            put(self.subjects, name, subject, _SUBJECTS)
        subject.most = max(_POINTS_MIN, min(TRAIL, _POINTS // len(self.subjects)))
        subject.seen = seen
        if stream in _EVENT_STREAMS and message.get("event") not in ("report", "time"):
            self.events.append(message)

    def _note_order(self, message: dict[str, Any], subject: Subject) -> None:
        order, state = message["order"], message["state"]
        holder = self.subjects.get(self._holder.get(order, _NOBODY))
        is_past = holder is not None and holder is not subject and state in (*_OVER, "expired")
        if not is_past:  # one who lets go of an order, or never did, does not take it back
            if holder is not None and holder is not subject:
                holder.drop(order)  # it was given to another rider
            name = _NOBODY if state in _OVER else message["subject"]  # by its present name
            put(self._holder, order, name, _SUBJECTS * 12)
        if state in _OVER:
            subject.drop(order)
        else:
            put(subject.orders, order, state, ORDERS)

    def picture(self) -> dict[str, Any]:
        """Return all that a page needs to begin with."""
        most = max(_POINTS_MIN // 2, min(TRAIL, _PICTURE_POINTS // max(1, len(self.subjects))))
        return {
            "subjects": {name: each.view(most) for name, each in self.subjects.items()},
            "events": list(self.events),
        }

    def nows(self) -> dict[str, tuple[str, list[tuple[str, int, int]]]]:
        """Return subject -> (kind, positions that are in no log), for a look back."""
        return {
            name: (each.kind, list(each.nows)) for name, each in self.subjects.items() if each.nows
        }

    def watch(self) -> "asyncio.Queue[bytes | None]":
        """Return a queue of the feed messages from now on; None in it means: load anew."""
        queue: asyncio.Queue[bytes | None] = asyncio.Queue(_CLIENT_QUEUE)
        self._watchers.add(queue)
        return queue

    def unwatch(self, queue: "asyncio.Queue[bytes | None]") -> None:
        """A page has gone."""
        self._watchers.discard(queue)


def _which(message: Any) -> str:
    """Name a message in a log without what it says: the payload is not the log's business."""
    if not isinstance(message, dict) or not message:
        return "it is no JSON object"
    return f"id {message.get('id')!s:.40}, stream {message.get('stream')!s:.20}"
