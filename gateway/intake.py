"""Orders and pick lists from the platform: checked, turned into commands for a device.

They come by HTTP or by MQTT in the same JSON; what is wrong with one goes back to its sender in one
sentence, and nothing changes.
"""

from datetime import datetime
from typing import Annotated, Literal, TypeVar

import msgspec

from gateway.errors import IntakeError
from gateway.feed import wire_time
from protocols.cbor import Writer
from protocols.commands import (
    ASSIGN,
    CANCEL,
    HANDED_OVER,
    PICKLIST,
    put_command,
    read_command,
)
from protocols.topics import is_name
from protocols.units import LAT_E7_MAX, LON_E7_MAX

BODY_MAX_BYTES = 256 * 1024
_COMMAND_MAX_BYTES = 1_000
_PROMISE_DEFAULT_MS = 30 * 60_000

_Name = Annotated[str, msgspec.Meta(min_length=1, max_length=40)]
_Text = Annotated[str, msgspec.Meta(min_length=1, max_length=32)]


class Point(msgspec.Struct, forbid_unknown_fields=True):
    """A place, WGS-84, degrees x 1e7."""

    lat_e7: Annotated[int, msgspec.Meta(ge=-LAT_E7_MAX, le=LAT_E7_MAX)]
    lon_e7: Annotated[int, msgspec.Meta(ge=-LON_E7_MAX, le=LON_E7_MAX)]


class Order(msgspec.Struct, forbid_unknown_fields=True):
    """One order for a rider's board.

    action: 'assign' (needs `drop`), 'handed_over' or 'cancel'; promised: ISO time, UTC.
    """

    order: _Name
    device: str = ""
    action: Literal["assign", "handed_over", "cancel"] = "assign"
    drop: Point | None = None
    promised: datetime | None = None

    @staticmethod
    def parse(body: bytes) -> "Order":
        """Return the order in a JSON message; IntakeError says what is wrong with it."""
        order = _decode(body, Order)
        if order.action == "assign":
            _check_device(order.device)
            if order.drop is None:
                raise IntakeError("an order to assign has a 'drop' with lat_e7 and lon_e7")
        if order.promised is not None and order.promised.tzinfo is None:
            raise IntakeError("'promised' needs a time zone, e.g. 2026-11-22T11:30:00Z")
        return order


class Line(msgspec.Struct, forbid_unknown_fields=True):
    """One line of a pick list: so many of an article, from a bin, for an order."""

    line: Annotated[int, msgspec.Meta(ge=1, le=65_535)]
    order: _Name
    sku: _Text
    name: Annotated[str, msgspec.Meta(min_length=1, max_length=32)]
    bin: Annotated[str, msgspec.Meta(min_length=1, max_length=24)]
    qty: Annotated[int, msgspec.Meta(ge=1, le=999)]


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
    except msgspec.MsgspecError as fault:
        raise IntakeError(str(fault)) from fault


def _check_device(device: str) -> None:
    if not is_name(device):
        raise IntakeError("'device' takes 1 to 32 of a-z, 0-9 and '-'")


def assign_command(order: Order, expires_ms: int, now_ms: int) -> tuple[str, bytes]:
    """Return (id, payload) of the command that assigns an order, or ends it, on its rider's board.

    The id carries the moment, so that the same order assigned again after a restart is a new command.
    """
    command = f"o{now_ms:x}-{order.order}"[:40]
    if order.action != "assign":
        kind = HANDED_OVER if order.action == "handed_over" else CANCEL
        return command, _command(command, expires_ms, kind, {"order": order.order})
    drop = order.drop
    if drop is None:
        raise IntakeError("an order to assign has a 'drop' with lat_e7 and lon_e7")
    if order.promised:
        promised_ms = round(order.promised.timestamp() * 1000)
    else:
        promised_ms = now_ms + _PROMISE_DEFAULT_MS
    day, ms = wire_time(promised_ms)
    values = {
        "order": order.order,
        "lat_e7": drop.lat_e7,
        "lon_e7": drop.lon_e7,
        "promised_day": day,
        "promised_ms": ms,
    }
    return command, _command(command, expires_ms, ASSIGN, values)


def picklist_commands(picklist: PickList, expires_ms: int, now_ms: int) -> list[tuple[str, bytes]]:
    """Return the (id, payload) of the commands that bring a pick list to its tablet, one per line."""
    commands = []
    for number, line in enumerate(picklist.lines):
        command = f"p{now_ms:x}-{number}"
        values = {
            "list": picklist.name,
            "store": picklist.store,
            "lines": len(picklist.lines),
            **{name: getattr(line, name) for name in line.__struct_fields__},
        }
        commands.append((command, _command(command, expires_ms, PICKLIST, values)))
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
