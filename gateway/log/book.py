"""Orders and pick lists as the gateway knows them, and which intake messages it has taken."""

import sqlite3
from collections.abc import Callable
from dataclasses import dataclass

from gateway.log.checksum import checksum

# The rider has nothing more to do with it; only a new message of other content opens it again.
OVER = ("handed_over", "cancelled", "failed")
# Not over, but nobody carries it either: the same message may try again.
FAILED = ("refused", "expired")
_TOUCH_MS = 86_400_000


@dataclass(frozen=True, slots=True)
class Held:
    """An order: the device that holds it, its state there, and the intake message it came with."""

    device: str
    state: str
    body: bytes


class Book:
    """The statements about orders and lists. Every method runs inside the store's transaction().

    clock_ms(): the present, Unix ms; what is over is kept for some days from its last change.
    """

    def __init__(self, connection: sqlite3.Connection, clock_ms: Callable[[], int]):
        self._db = connection
        self._clock_ms = clock_ms

    # -- orders -------------------------------------------------------------------------------------

    def order(self, name: str) -> Held | None:
        """Return an order, or None for one that nobody has sent."""
        row = self._db.execute(
            "SELECT device,state,body FROM orders WHERE name=?", (name,)
        ).fetchone()
        return Held(str(row[0]), str(row[1]), bytes(row[2])) if row else None

    def set_order(self, name: str, device: str, state: str, body: bytes, taken_ms: int) -> None:
        """The device holds the order from now on; `body` is the intake message that said so.

        taken_ms: when that was taken, Unix ms.
        """
        values = (name, device, state, body, taken_ms, self._clock_ms())
        self._db.execute(
            "INSERT OR REPLACE INTO orders(name,device,state,body,taken_ms,at_ms,crc) "
            "VALUES(?,?,?,?,?,?,?)",
            (*values, checksum("orders", *values)),
        )

    def set_order_state(self, name: str, device: str, state: str) -> bool:
        """An order moved on; only the device that holds it can say so. True when it did.

        One that is over does not: what comes then is an answer to something told too late.
        """
        row = self._db.execute(
            "SELECT body,taken_ms FROM orders WHERE name=? AND device=? AND state NOT IN (?,?,?)",
            (name, device, *OVER),
        ).fetchone()
        if row is None:
            return False
        self.set_order(name, device, state, bytes(row[0]), int(row[1]))
        return True

    def open_orders(self, device: str) -> list[tuple[str, bytes, str, int]]:
        """Return (name, body, state, Unix ms of its message) of a device's orders: not over, not failed.

        The time is 0 for an order that came to a gateway of the version before.
        """
        return self._db.execute(
            "SELECT name,body,state,taken_ms FROM orders "
            "WHERE device=? AND state NOT IN (?,?,?,?,?) ORDER BY name",
            (device, *OVER, *FAILED),
        ).fetchall()

    def all_open(self) -> list[tuple[str, str, str, int]]:
        """Return (name, device, state, Unix ms of its message) of every order that is open."""
        return self._db.execute(
            "SELECT name,device,state,taken_ms FROM orders WHERE state NOT IN (?,?,?,?,?)",
            (*OVER, *FAILED),
        ).fetchall()

    # -- pick lists ---------------------------------------------------------------------------------

    def picklist(self, name: str, device: str) -> tuple[str, bytes] | None:
        """Return (state, digest of its message) of a device's pick list, or None.

        States: received, taken (it waits on its tablet), started, done, refused, expired.
        """
        row = self._db.execute(
            "SELECT state,digest FROM lists WHERE name=? AND device=?", (name, device)
        ).fetchone()
        return (str(row[0]), bytes(row[1])) if row else None

    def open_lists(self, device: str) -> list[tuple[str, str]]:
        """Return (name, state) of a device's pick lists that are neither done nor failed."""
        return self._db.execute(
            "SELECT name,state FROM lists WHERE device=? AND state NOT IN ('done',?,?) ORDER BY name",
            (device, *FAILED),
        ).fetchall()

    def set_picklist(self, name: str, device: str, digest: bytes) -> None:
        """A pick list was received for a device."""
        self._db.execute(
            "INSERT OR REPLACE INTO lists(name,device,state,digest,at_ms) "
            "VALUES(?,?,'received',?,?)",
            (name, device, digest, self._clock_ms()),
        )

    def set_picklist_state(self, name: str, device: str, state: str) -> None:
        """A list moved on; one that was begun can no more be refused, expire or be taken."""
        is_late = state in (*FAILED, "taken")
        self._db.execute(
            "UPDATE lists SET state=?,at_ms=? WHERE name=? AND device=? AND "
            "NOT (? AND state IN ('started','done'))",
            (state, self._clock_ms(), name, device, is_late),
        )

    # -- messages -----------------------------------------------------------------------------------

    def was_taken(self, name: str, digest: bytes) -> bool:
        """Tell whether a message of this content about this order was taken before.

        One that keeps coming (a broker has kept it) is not forgotten for its age.
        """
        row = self._db.execute(
            "SELECT at_ms FROM taken WHERE ref=? AND digest=?", (name, digest)
        ).fetchone()
        if row is None:
            return False
        at_ms = self._clock_ms()
        if at_ms - int(row[0]) > _TOUCH_MS:
            self._db.execute(
                "UPDATE taken SET at_ms=? WHERE ref=? AND digest=?", (at_ms, name, digest)
            )
        return True

    def take(self, name: str, digest: bytes) -> None:
        """Remember that a message was taken."""
        self._db.execute(
            "INSERT OR IGNORE INTO taken(ref,digest,at_ms) VALUES(?,?,?)",
            (name, digest, self._clock_ms()),
        )
