"""The connections to the devices' broker: one for each group of parts that this worker has.

A group's connection has the same client id wherever the group is, and a session that the broker keeps:
whoever takes the group over takes the session, and with it what was not acknowledged.
"""

import logging
from collections.abc import Callable
from typing import Any

from gateway.link import Link, Message
from gateway.sections import Broker
from gateway.sources.mqtt import PACKET_MAX_BYTES
from gateway.stream.engine import INTAKE, parts_of
from protocols.topics import device_filter, intake_filter, parse_device_topic, part_of

# Longer than any take-over; a group that nobody serves for an hour is the operator's case.
_SESSION_S = 3600

log = logging.getLogger(__name__)


class LeasedLink(Link):
    """A link that connects only while may_connect() is true: a worker that was asleep and has lost its
    groups must not throw their new owner out of the session."""

    def __init__(self, may_connect: Callable[[], bool], *args: Any, **options: Any):
        self._may_connect = may_connect
        super().__init__(*args, **options)

    def serve(self) -> bool:
        """Hold one connection, if it may; see Link."""
        return super().serve() if self._may_connect() else False


class Links:
    """on_frame(part, message): of a device; on_intake(message): an order or a pick list.

    may_connect(): this worker's lease stands. All but publish() and up() in one thread.
    """

    def __init__(
        self,
        broker: Broker,
        city: str,
        groups: int,
        may_connect: Callable[[], bool],
        on_frame: Callable[[str, Message], None],
        on_intake: Callable[[Message], None],
    ):
        self._broker = broker
        self._city = city
        self._groups = groups
        self._may_connect = may_connect
        self._on_frame = on_frame
        self._on_intake = on_intake
        self._links: dict[str, Link] = {}

    def open(self, group: str) -> None:
        """Serve a group."""
        if group in self._links:
            return
        is_intake = group == INTAKE
        link = LeasedLink(
            self._may_connect,
            self._broker,
            f"{self._city}-intake" if is_intake else f"{self._city}-parts-{group}",
            session_s=_SESSION_S,
            packet_max_bytes=PACKET_MAX_BYTES,
            on_up=lambda link: link.subscribe(self._filters(group)),
            on_message=self._on_intake if is_intake else self._device,
        )
        self._links[group] = link
        link.start()

    def _filters(self, group: str) -> list[str]:
        if group == INTAKE:
            return [intake_filter(self._city)]
        return [
            device_filter(leaf, part)
            for part in parts_of(group, self._groups)
            for leaf in ("up", "presence")
        ]

    def _device(self, message: Message) -> None:
        place = parse_device_topic(message.topic)
        if place is None:
            # A topic of nobody, or of a device in a part that is not its own: never asked for again.
            self._on_frame("", message)
            return
        self._on_frame(part_of(place[1]), message)

    def close(self, group: str) -> Link | None:
        """Take a group's link out of use and return it, to be stopped (it blocks) elsewhere."""
        return self._links.pop(group, None)

    def publish(self, topic: str, payload: bytes) -> None:
        """Send to a device over the link of its group; dropped when that is not up: it asks again."""
        place = parse_device_topic(topic)
        if place is None:
            return
        link = self._links.get(f"{int(part_of(place[1])) % self._groups:02d}")
        if link is not None:
            link.publish(topic, payload)

    def up(self, part: str = "") -> bool:
        """Tell whether the link of a part is up, or all are."""
        if part:
            link = self._links.get(f"{int(part) % self._groups:02d}")
            return link is not None and link.up
        links = list(self._links.values())
        return bool(links) and all(link.up for link in links)

    def drain(self) -> list[Link]:
        """Take all out of use."""
        return [link for group in list(self._links) if (link := self.close(group))]
