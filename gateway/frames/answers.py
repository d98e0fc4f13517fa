"""What a device's records answer, and what they say of the orders and lists that it was given."""

from typing import Any

from gateway.log.book import OVER
from gateway.log.store import Store

_LIST_STATES = {
    "list_taken": "taken",
    "list_started": "started",
    "list_done": "done",
    "list_refused": "refused",
}


def note_order(store: Store, device: str, values: dict[str, Any]) -> None:
    """An order record: it answers its command, and moves the order if this device holds it.

    A second answer, or one to a command that something newer has taken the place of, moves nothing: it
    is of a time before the order was given to the device again, or taken from it.
    """
    command = values.get("command")
    is_of_now = not command or store.waiting.answer(device, command)
    name, state = values.get("order"), values.get("state")
    if not is_of_now or not name or not state:
        return
    if store.book.set_order_state(name, device, state) and state in OVER:
        # What still waits would open an order again whose goods have gone, or expire for nothing.
        store.waiting.supersede_order(device, name)


def note_pick(store: Store, device: str, values: dict[str, Any]) -> None:
    """A pick record: that a list is whole, begun, done or refused answers all commands of it."""
    state = _LIST_STATES.get(str(values.get("event")))
    if state is not None and values.get("list"):
        store.waiting.answer_list(device, values["list"])
        store.book.set_picklist_state(values["list"], device, state)
