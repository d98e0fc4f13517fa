"""Commands to devices: kept until a record answers them, sent again until then, never after expiry.

What is new goes out once, at once; so a thousand commands for one device are a thousand messages. What
is not answered goes out again when the device says hello, and else a few at a time, longest ago first.
"""

from collections.abc import Callable

from gateway.log.jobs import Effect
from gateway.log.store import Store
from gateway.orders.intake import Order, order_command, told_command
from protocols.commands import PICKED_UP
from protocols.topics import device_topic

# States of an order whose goods are with the rider.
CARRIED = ("picked_up", "arrived")
# How long a command waits for its device: a shift's end is the longest a rider stays away.
EXPIRES_MS = 3_600_000
# In one go to one device: the lines of the longest pick list.
_SEND_MAX = 500
# Again to one device in one round of housekeeping, and not before it had time to answer.
_AGAIN_MAX = 20
_AGAIN_MS = 30_000


class Downlink:
    """Sends the waiting commands of a device; publish(topic, payload) reaches the broker.

    is_up(): whether the broker is connected; while it is not, commands stay unsent.
    """

    def __init__(
        self,
        publish: Callable[[str, bytes], None],
        is_up: Callable[[], bool] = lambda: True,
    ):
        self._publish = publish
        self._is_up = is_up

    def send(self, store: Store, device: str, at_ms: int) -> list[Effect]:
        """Return the effects that send what has not gone out to `device`; at_ms: now, Unix ms."""
        if not self._is_up():
            return []
        return self._out(store, device, store.waiting.unsent(device, _SEND_MAX), at_ms)

    def send_again(self, store: Store, at_ms: int) -> list[Effect]:
        """Return the effects of one round of housekeeping: what is unsent, and a few unanswered."""
        effects: list[Effect] = []
        if not self._is_up():
            return effects
        for device in store.waiting.devices_at_hand():
            found = store.waiting.unsent(device, _SEND_MAX)
            found += store.waiting.stale(device, at_ms - _AGAIN_MS, _AGAIN_MAX)
            effects += self._out(store, device, found, at_ms)
        return effects

    def hello(self, store: Store, device: str, rebooted: bool, at_ms: int) -> list[Effect]:
        """Return the effects that send a device all that waits for it.

        rebooted: a board that restarted may have forgotten its open orders; it is told of them again.
        """
        if rebooted:
            self._renew(store, device, at_ms)
        store.waiting.mark_unsent(device)
        return self.send(store, device, at_ms)

    def _out(
        self, store: Store, device: str, found: list[tuple[int, bytes]], at_ms: int
    ) -> list[Effect]:
        known = store.device(device)
        if known is None or not found:
            return []  # its topic is not known before its first hello
        store.waiting.mark_sent([number for number, _ in found], at_ms)
        topic = device_topic(known[0], device, "down")

        def publish() -> None:
            for _, body in found:
                self._publish(topic, body)

        return [publish]

    def _renew(self, store: Store, device: str, at_ms: int) -> None:
        for name, body, state, asked_ms in store.book.open_orders(device):
            if store.waiting.is_ending(device, name):
                continue  # it is being taken from the board: that is what it is told
            order = Order.parse(bytes(body))
            given = (bytes(body), at_ms + EXPIRES_MS, at_ms)
            command = order_command(order, device, *given, asked_ms or None)
            store.waiting.supersede_order(device, name)
            store.waiting.add(command)
            if state in CARRIED:
                store.waiting.add(told_command(PICKED_UP, name, device, *given))
