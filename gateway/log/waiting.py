"""Commands that wait for a record which answers them, in the commit log."""

import sqlite3
from dataclasses import dataclass

from gateway.log.checksum import checksum
from protocols.commands import ASSIGN, CANCEL, FAILED, HANDED_OVER, PICKED_UP, PICKLIST

# About one order a device is told one thing at a time: the newest.
_ENDS = (CANCEL, HANDED_OVER, FAILED)
ORDER_KINDS = (ASSIGN, PICKED_UP, *_ENDS)


@dataclass(frozen=True, slots=True)
class Command:
    """A command for a device.

    id: 1..40 bytes, its own for this device; kind: of protocols.commands; ref: the order or list it
    is about; body: the payload; expires_ms: Unix ms after which it is of no use.
    """

    id: str
    device: str
    kind: int
    ref: str
    body: bytes
    expires_ms: int


class Waiting:
    """The statements about waiting commands. Every method runs inside the store's transaction()."""

    def __init__(self, connection: sqlite3.Connection):
        self._db = connection

    def add(self, command: Command) -> bool:
        """Keep a command until its answer comes; False, and nothing changes, when its id is there."""
        values = (
            *(command.id, command.device, command.kind),
            *(command.ref, command.body, command.expires_ms),
        )
        added = self._db.execute(
            "INSERT OR IGNORE INTO commands(id,device,kind,ref,body,expires_ms,crc) "
            "VALUES(?,?,?,?,?,?,?)",
            (*values, checksum("commands", *values)),
        ).rowcount
        return added > 0

    def supersede_order(self, device: str, ref: str) -> None:
        """What waits for a device about an order waits no more: something newer has its place.

        Sent again behind a cancel, an old assignment would give the device an order that has gone.
        """
        for kind in ORDER_KINDS:
            self._db.execute(
                "INSERT OR IGNORE INTO past SELECT device,id,expires_ms FROM commands "
                "WHERE device=? AND ref=? AND kind=?",
                (device, ref, kind),
            )
            self._db.execute(
                "DELETE FROM commands WHERE device=? AND ref=? AND kind=?", (device, ref, kind)
            )

    def has(self, device: str, ref: str, kind: int) -> bool:
        """Tell whether a command of this kind about `ref` waits for the device."""
        return (
            self._db.execute(
                "SELECT 1 FROM commands WHERE device=? AND ref=? AND kind=? LIMIT 1",
                (device, ref, kind),
            ).fetchone()
            is not None
        )

    def is_ending(self, device: str, ref: str) -> bool:
        """Tell whether the device is still to be told that an order has ended."""
        return any(self.has(device, ref, kind) for kind in _ENDS)

    def answer(self, device: str, command: str) -> bool:
        """A record answered a command by its id; False when it was answered or superseded before.

        That is remembered until the command would expire: a board may answer twice, and late.
        """
        is_past = self._db.execute(
            "SELECT 1 FROM past WHERE device=? AND id=?", (device, command)
        ).fetchone()
        if is_past:
            return False
        self._db.execute(
            "INSERT INTO past SELECT device,id,expires_ms FROM commands WHERE device=? AND id=?",
            (device, command),
        )
        self._db.execute("DELETE FROM commands WHERE device=? AND id=?", (device, command))
        return True

    def answer_list(self, device: str, ref: str) -> None:
        """A record answered all lines of a pick list."""
        self._db.execute(
            "DELETE FROM commands WHERE device=? AND ref=? AND kind=?", (device, ref, PICKLIST)
        )

    # -- sending ------------------------------------------------------------------------------------

    def unsent(self, device: str, limit: int) -> list[tuple[int, bytes]]:
        """Return up to `limit` (number, body) that have not gone out, oldest first."""
        return self._db.execute(
            "SELECT seq,body FROM commands WHERE device=? AND sent_ms=0 ORDER BY seq LIMIT ?",
            (device, limit),
        ).fetchall()

    def stale(self, device: str, before_ms: int, limit: int) -> list[tuple[int, bytes]]:
        """Return up to `limit` (number, body) that went out before a time, longest ago first."""
        return self._db.execute(
            "SELECT seq,body FROM commands WHERE device=? AND sent_ms>0 AND sent_ms<? "
            "ORDER BY sent_ms,seq LIMIT ?",
            (device, before_ms, limit),
        ).fetchall()

    def mark_sent(self, numbers: list[int], at_ms: int) -> None:
        """These go out now (Unix ms)."""
        self._db.executemany(
            "UPDATE commands SET sent_ms=? WHERE seq=?", [(at_ms, number) for number in numbers]
        )

    def mark_unsent(self, device: str) -> None:
        """The device has nothing of what went out: all of it goes out again."""
        self._db.execute("UPDATE commands SET sent_ms=0 WHERE device=? AND sent_ms>0", (device,))

    def devices_at_hand(self) -> list[str]:
        """Return the devices that are not known to be away and that something waits for."""
        found = self._db.execute(
            "SELECT device FROM devices WHERE presence<>'offline' AND "
            "EXISTS(SELECT 1 FROM commands WHERE commands.device=devices.device)"
        )
        return [str(row[0]) for row in found]

    def expire(self, now_ms: int) -> list[tuple[str, int, str]]:
        """Drop what nobody answered in time; the (device, kind, ref) of it, each once."""
        late = self._db.execute(
            "SELECT DISTINCT device,kind,ref FROM commands WHERE expires_ms<?", (now_ms,)
        ).fetchall()
        self._db.execute("DELETE FROM commands WHERE expires_ms<?", (now_ms,))
        self._db.execute("DELETE FROM past WHERE expires_ms<?", (now_ms,))
        return [(str(device), int(kind), str(ref)) for device, kind, ref in late]
