"""Commands to devices: kept until a record answers them, sent again until then, never after expiry."""

from collections.abc import Callable

from gateway.committer import Effect
from gateway.intake import Order, assign_command
from gateway.store import Store
from protocols.topics import device_topic

# How long a command waits for its device: a shift's end is the longest a rider stays away.
EXPIRES_MS = 3_600_000


class Downlink:
    """Sends the waiting commands of a device; publish(topic, payload) reaches the broker."""

    def __init__(self, publish: Callable[[str, bytes], None]):
        self._publish = publish

    def send(self, store: Store, device: str | None = None) -> list[Effect]:
        """Return the effects that send what waits for `device` (None: for every device)."""
        effects: list[Effect] = []
        for _, to, body, _ in store.commands(device):
            known = store.device(to)
            if known is not None:
                topic = device_topic(known[0], to, "down")
                effects.append(lambda topic=topic, body=body: self._publish(topic, body))  # type: ignore[misc]
        return effects

    def renew(self, store: Store, device: str, now_ms: int) -> None:
        """A board that restarted has forgotten its open orders: assign them again."""
        for name, body in store.open_orders(device):
            order = Order.parse(bytes(body))
            command, payload = assign_command(order, now_ms + EXPIRES_MS, now_ms)
            store.add_command(command, device, name, payload, now_ms + EXPIRES_MS)
