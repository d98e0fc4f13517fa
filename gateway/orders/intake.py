"""Orders and pick lists from the platform: checked, turned into commands for a device.

They come by HTTP or by MQTT in the same JSON; what is wrong with one goes back to its sender in one
sentence, and nothing changes.
"""

from datetime import datetime
from typing import Annotated, Literal, TypeVar

import msgspec

from gateway.errors import IntakeError
from gateway.feed.writer import wire_time
from gateway.log.digest import UNREADABLE, command_tag, content_digest
from gateway.log.waiting import Command
from protocols.cbor import Writer
from protocols.commands import (
    ASSIGN,
    CANCEL,
    FAILED,
    HANDED_OVER,
    PICKED_UP,
    PICKLIST,
    put_command,
    read_command,
)
from protocols.fields import ID_MAX
from protocols.topics import is_name
from protocols.units import LAT_E7_MAX, LON_E7_MAX

BODY_MAX_BYTES = 256 * 1024
_COMMAND_MAX_BYTES = 1_000
_PROMISE_DEFAULT_MS = 30 * 60_000

_Name = Annotated[str, msgspec.Meta(min_length=1, max_length=ID_MAX)]
_Profile = Annotated[str, msgspec.Meta(min_length=1, max_length=24)]
_Floor = Annotated[int, msgspec.Meta(ge=-20, le=200)]
_Reason = Annotated[str, msgspec.Meta(min_length=1, max_length=80)]
_Text = Annotated[str, msgspec.Meta(min_length=1, max_length=32)]


_LINE = ("line", "order", "sku", "name", "bin", "qty")

# action of an order message -> the command it becomes
COMMAND_OF = {
    "picked_up": PICKED_UP,
    "handed_over": HANDED_OVER,
    "failed": FAILED,
    "cancel": CANCEL,
}


class Point(msgspec.Struct, forbid_unknown_fields=True):
    """A place, WGS-84, degrees x 1e7."""

    lat_e7: Annotated[int, msgspec.Meta(ge=-LAT_E7_MAX, le=LAT_E7_MAX)]
    lon_e7: Annotated[int, msgspec.Meta(ge=-LON_E7_MAX, le=LON_E7_MAX)]


class Order(msgspec.Struct, forbid_unknown_fields=True):
    """One order for a rider's board.

    action: 'assign' (needs `drop`), 'picked_up', 'handed_over', 'failed' (needs `reason`) or 'cancel';
    promised: ISO time, UTC. pickup: where the goods are fetched; none: they are with the rider. profile:
    how warm the goods may be, a name of firmware.rider.profiles; building: a word for the house, by
    which the board learns how long handing over takes there; floor: 0 is the ground.
    """

    order: _Name
    device: str = ""
    action: Literal["assign", "picked_up", "handed_over", "failed", "cancel"] = "assign"
    drop: Point | None = None
    promised: datetime | None = None
    pickup: Point | None = None
    profile: _Profile | None = None
    building: _Name | None = None
    floor: _Floor | None = None
    reason: _Reason | None = None

    @staticmethod
    def parse(body: bytes) -> "Order":
        """Return the order in a JSON message; IntakeError says what is wrong with it."""
        order = _decode(body, Order)
        _check_id("order", order.order)
        if order.action == "assign" or order.device:
            _check_device(order.device)
        if order.action == "assign" and order.drop is None:
            raise IntakeError("an order to assign has a 'drop' with lat_e7 and lon_e7")
        if order.action == "failed" and order.reason is None:
            raise IntakeError("an order that failed has a 'reason'")
        if order.building is not None:
            _check_id("building", order.building)
        if order.promised is not None and order.promised.tzinfo is None:
            raise IntakeError("'promised' needs a time zone, e.g. 2026-11-22T11:30:00Z")
        return order


class Substitute(msgspec.Struct, forbid_unknown_fields=True):
    """What may be offered when a line's goods are not there; qty: for the whole line, else as many."""

    sku: _Text
    bin: Annotated[str, msgspec.Meta(min_length=1, max_length=24)]
    name: Annotated[str, msgspec.Meta(max_length=32)] = ""
    qty: Annotated[int, msgspec.Meta(ge=1, le=999)] | None = None


class Line(msgspec.Struct, forbid_unknown_fields=True):
    """One line of a pick list: so many of an article, from a bin, for an order.

    heavy: taken before what is not; substitute: what may be taken instead.
    """

    line: Annotated[int, msgspec.Meta(ge=1, le=65_535)]
    order: _Name
    sku: _Text
    name: Annotated[str, msgspec.Meta(min_length=1, max_length=32)]
    bin: Annotated[str, msgspec.Meta(min_length=1, max_length=24)]
    qty: Annotated[int, msgspec.Meta(ge=1, le=999)]
    heavy: bool = False
    substitute: Substitute | None = None


class PickList(msgspec.Struct, forbid_unknown_fields=True):
    """A pick list for a picker's tablet."""

    name: _Name = msgspec.field(name="list")
    device: str
    store: _Name
    lines: Annotated[list[Line], msgspec.Meta(min_length=1, max_length=500)]

    @staticmethod
    def parse(body: bytes) -> "PickList":
        """Return the pick list in a JSON message; IntakeError says what is wrong with it."""
        picklist = _decode(body, PickList)
        _check_id("list", picklist.name)
        _check_device(picklist.device)
        numbers = [line.line for line in picklist.lines]
        if len(set(numbers)) != len(numbers):
            raise IntakeError("two lines of the pick list have the same 'line' number")
        return picklist


_T = TypeVar("_T")


def _decode(body: bytes, kind: type[_T]) -> _T:
    if len(body) > BODY_MAX_BYTES:
        raise IntakeError(f"the message is larger than {BODY_MAX_BYTES // 1024} kB")
    try:
        return msgspec.json.decode(body, type=kind)
    except UNREADABLE as fault:
        raise IntakeError(_why(fault)) from fault


def _why(fault: Exception) -> str:
    if isinstance(fault, UnicodeError):
        return "the message is not UTF-8 (GBK?): send JSON in UTF-8"
    if isinstance(fault, RecursionError):
        return "the message is nested too deeply"
    return str(fault)


def _check_device(device: str) -> None:
    if not is_name(device):
        raise IntakeError("'device' takes 1 to 32 of a-z, 0-9 and '-'")


def _check_id(key: str, name: str) -> None:
    if len(name.encode()) > ID_MAX:
        raise IntakeError(
            f"'{key}' takes {ID_MAX} bytes of UTF-8, a Chinese character is 3 of them"
        )


def named_in(what: str, body: bytes) -> str:
    """Return the name of the 'order' or 'picklist' that a message is about, '' when none can be read.

    For messages that were refused: nothing else of them is believed. Of one that is not UTF-8 a name
    that can be read is taken all the same: its sender has to hear of it.
    """
    if len(body) > BODY_MAX_BYTES:
        return ""
    try:
        tree = msgspec.json.decode(body.decode("utf-8", "replace"))
    except UNREADABLE:
        return ""
    name = tree.get("order" if what == "order" else "list") if isinstance(tree, dict) else None
    if not isinstance(name, str) or "\ufffd" in name:
        return ""
    return name if 0 < len(name.encode()) <= ID_MAX else ""


def promised_ms(order: Order, asked_ms: int) -> int:
    """Return when an order was promised, Unix ms; without a word half an hour after it was asked for."""
    if order.promised:
        return round(order.promised.timestamp() * 1000)
    return asked_ms + _PROMISE_DEFAULT_MS


def order_command(
    order: Order,
    device: str,
    body: bytes,
    expires_ms: int,
    taken_ms: int,
    asked_ms: int | None = None,
) -> Command:
    """Return the command that does on a device what the intake message `body` asks for.

    taken_ms: when the command is made, Unix ms; expires_ms likewise. asked_ms: when its message was
    taken, if that was before: an order without `promised` is promised half an hour from then.
    IntakeError when the device would refuse it.
    """
    if order.action != "assign":
        kind = COMMAND_OF[order.action]
        return told_command(kind, order.order, device, body, expires_ms, taken_ms, order.reason)
    drop = order.drop
    if drop is None:
        raise IntakeError("an order to assign has a 'drop' with lat_e7 and lon_e7")
    day, ms = wire_time(promised_ms(order, taken_ms if asked_ms is None else asked_ms))
    values: dict[str, object] = {
        "order": order.order,
        "lat_e7": drop.lat_e7,
        "lon_e7": drop.lon_e7,
        "promised_day": day,
        "promised_ms": ms,
    }
    if order.pickup:
        values["pickup_lat_e7"] = order.pickup.lat_e7
        values["pickup_lon_e7"] = order.pickup.lon_e7
    for key in ("profile", "building", "floor"):
        values[key] = getattr(order, key)
    digest = content_digest(body)
    name = f"o-{command_tag(device, ASSIGN, taken_ms, digest, order.order)}"
    payload = _command(name, expires_ms, ASSIGN, values)
    return Command(name, device, ASSIGN, order.order, payload, expires_ms)


def told_command(
    kind: int,
    order: str,
    device: str,
    body: bytes,
    expires_ms: int,
    taken_ms: int,
    reason: str | None = None,
) -> Command:
    """Return the CANCEL, PICKED_UP, HANDED_OVER or FAILED of an order on a device.

    The rest as for order_command(); reason: for FAILED.
    """
    name = f"o-{command_tag(device, kind, taken_ms, content_digest(body), order)}"
    values: dict[str, object] = {"order": order}
    if kind == FAILED:
        values["reason"] = reason or "not said"
    payload = _command(name, expires_ms, kind, values)
    return Command(name, device, kind, order, payload, expires_ms)


def picklist_commands(
    picklist: PickList, body: bytes, expires_ms: int, taken_ms: int
) -> list[Command]:
    """Return the commands that bring a pick list to its tablet, one per line.

    Their ids are one tag, '-' and the line's number: by the tag the tablet (ar_picking.link) knows
    which lines are of one list, and a list sent again from one that is new under an old name.
    """
    tag = command_tag(picklist.device, PICKLIST, taken_ms, content_digest(body), picklist.name)
    commands = []
    for line in picklist.lines:
        command = f"p-{tag}-{line.line}"
        values: dict[str, object] = {
            "list": picklist.name,
            "store": picklist.store,
            "lines": len(picklist.lines),
            **{name: getattr(line, name) for name in _LINE},
            "heavy": line.heavy or None,
        }
        if line.substitute is not None:
            for name in line.substitute.__struct_fields__:
                values[f"other_{name}"] = getattr(line.substitute, name) or None
        payload = _command(command, expires_ms, PICKLIST, values)
        commands.append(
            Command(command, picklist.device, PICKLIST, picklist.name, payload, expires_ms)
        )
    return commands


def _command(command: str, expires_ms: int, kind: int, values: dict[str, object]) -> bytes:
    writer = Writer(bytearray(_COMMAND_MAX_BYTES))
    day, ms = wire_time(expires_ms)
    put_command(writer, command, day, ms, kind, values)
    if writer.full:
        raise IntakeError("a command has at most 1,000 bytes")
    payload = bytes(writer.buf[: writer.n])
    if read_command(payload)[0] is None:
        raise IntakeError(f"the device would refuse it: {read_command(payload)[1]}")
    return payload
