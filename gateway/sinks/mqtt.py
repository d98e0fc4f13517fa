"""The feed to an MQTT broker: one message a row, QoS 1."""

from __future__ import annotations

import threading
from collections import deque
from collections.abc import Callable

from gateway.link import Link
from gateway.sections import Broker
from gateway.sinks.outlet import Sent


class MqttOutlet:
    """An outlet (gateway.sinks.outlet) to `broker`; a ticket is the message's packet identifier.

    A broker that will not take a message (its ACL) is left for a minute: nothing is taken for sent.
    """

    def __init__(self, broker: Broker, client_id: str):
        self._link = Link(
            broker,
            client_id,
            must_take=True,
            on_up=self._up,
            on_down=self._down,
            on_pubacks=self._pubacks,
        )
        self._answers: deque[int] = deque()
        self._lost = threading.Event()
        self._on_change: Callable[[], None] = lambda: None

    @property
    def up(self) -> bool:
        """True while the broker is connected."""
        return self._link.up

    @property
    def trouble(self) -> str:
        """Why there is no connection, '' while there is one."""
        return self._link.trouble

    def start(self, on_change: Callable[[], None]) -> None:
        """Begin to connect, and again for ever."""
        self._on_change = on_change
        self._link.start()

    def _up(self, _link: Link) -> None:
        self._on_change()

    def _down(self) -> None:
        self._lost.set()
        self._on_change()

    def _pubacks(self, mids: list[int]) -> None:
        self._answers.extend(mids)
        self._on_change()

    def send(self, message: Sent) -> int:
        """Publish a row with its id and the name of its schema as user properties.

        A batch of rows has no id of its own, and the schema `fix-batch.v1`. Nothing goes out between
        a lost connection and lost(): it would come before what was lost with the old one.
        """
        if self._lost.is_set():
            return 0
        schema = message.topic[message.topic.rfind("/") + 1 :]
        if not message.feed_id:
            user: tuple[tuple[str, str], ...] = (("schema", f"{schema}-batch.v1"),)
        else:
            user = (("id", message.feed_id), ("schema", f"{schema}.v1"))
        return self._link.publish(
            message.topic,
            message.payload,
            expiry_s=message.expiry_s,
            user=user,
            json=True,
        )

    def answered(self) -> list[int]:
        """Return the tickets that were acknowledged since the last call."""
        answers = self._answers
        return [answers.popleft() for _ in range(len(answers))]

    def lost(self) -> bool:
        """True once after a connection was lost."""
        if not self._lost.is_set():
            return False
        self._lost.clear()
        return True

    def keep(self, topic: str, payload: bytes, expiry_s: int) -> bool:
        """Publish a retained message, from any thread; b'' takes it back.

        A broker that retains nothing would end the connection for it; there is nothing to keep there.
        """
        if self._link.up and not self._link.retains:
            return True
        return self._link.publish(topic, payload, True, expiry_s, json=True, may_wait=True) != 0

    def stop(self) -> None:
        """End the connection."""
        self._link.stop()
