"""What every example reader does: read at least once, act once, and lose nothing when it is killed.

A message is acknowledged to the broker only after its effect and its id are in one committed
transaction of the reader's own SQLite file. Killed in between, the broker sends it again, and the id
says that it was done. Snapshots (no `seq`) replace each other and are handed on each time. A message
that is not what the document says is counted and put into the table `aside`, and stops nothing; a
fault of the database itself stops the reader, and the broker keeps what it had not done.
"""

from __future__ import annotations

import argparse
import queue
import sqlite3
import time
from collections.abc import Callable, Iterable
from pathlib import Path
from typing import Any

import msgspec
import paho.mqtt.client as mqtt
from paho.mqtt.enums import CallbackAPIVersion

_BATCH = 500
_KEPT_S = 86_400  # an id is remembered for a day: longer than any broker repeats
_BYTES_MAX = 256 * 1024
_ASIDE_MAX = 1_000  # messages that are put aside, the newest
_ASIDE_BYTES_MAX = 4_096  # and so much of each
# What a message can raise that is not what the document says. sqlite3's two are of its values (a map
# where a text belongs); its others are faults of the database and go through.
_NOT_AS_SAID = (
    *(ArithmeticError, AttributeError, LookupError, TypeError, ValueError, RecursionError),
    *(sqlite3.InterfaceError, sqlite3.ProgrammingError),
)

# take(db, message): inside the transaction.
Take = Callable[[sqlite3.Connection, dict[str, Any]], None]


class Inbox:
    """path: the SQLite file; schema: the reader's own tables; take: what it does with a message."""

    def __init__(self, path: Path, schema: str, take: Take):
        self.db = sqlite3.connect(path, isolation_level=None, check_same_thread=False)
        self.db.execute("PRAGMA journal_mode=WAL")
        self.db.execute("PRAGMA synchronous=FULL")
        self.db.executescript(
            "CREATE TABLE IF NOT EXISTS seen (id TEXT PRIMARY KEY, at_s INTEGER) WITHOUT ROWID;"
            "CREATE TABLE IF NOT EXISTS outbox (key TEXT PRIMARY KEY, at_s INTEGER, message TEXT);"
            "CREATE TABLE IF NOT EXISTS aside (n INTEGER PRIMARY KEY, at_s INTEGER, why TEXT,"
            " message BLOB);" + schema
        )
        self._take = take
        self._swept_s = 0.0
        self.repeats = 0
        self.malformed = 0

    def take(self, payloads: Iterable[bytes]) -> None:
        """Work off messages in one transaction."""
        now_s = int(time.time())
        self.db.execute("BEGIN IMMEDIATE")
        try:
            for payload in payloads:
                self._one(payload, now_s)
            if now_s - self._swept_s > 600:
                self._swept_s = now_s
                self.db.execute("DELETE FROM seen WHERE at_s<?", (now_s - _KEPT_S,))
        except BaseException:
            self.db.execute("ROLLBACK")
            raise
        self.db.execute("COMMIT")

    def _one(self, payload: bytes, now_s: int) -> None:
        if not payload:
            return  # a retained message was taken back: what it said is old, nothing is over
        try:
            body = msgspec.json.decode(payload) if len(payload) <= _BYTES_MAX else {}
            record = _checked(body)
        except _NOT_AS_SAID as fault:
            self._put_aside(payload, now_s, fault)
            return
        if "seq" in body:
            found = self.db.execute("INSERT OR IGNORE INTO seen VALUES (?,?)", (record, now_s))
            if not found.rowcount:
                self.repeats += 1
                return
        try:
            self.db.execute("SAVEPOINT one")
            self._take(self.db, body)
            self.db.execute("RELEASE one")
        except _NOT_AS_SAID as fault:
            # Not what the document says: it changes nothing, and must not stop the rest.
            self.db.execute("ROLLBACK TO one")
            self._put_aside(payload, now_s, fault)

    def _put_aside(self, payload: bytes, now_s: int, fault: Exception) -> None:
        self.malformed += 1
        found = self.db.execute(
            "INSERT INTO aside (at_s,why,message) VALUES (?,?,?)",
            (now_s, type(fault).__name__, payload[:_ASIDE_BYTES_MAX]),
        )
        self.db.execute("DELETE FROM aside WHERE n<=?", ((found.lastrowid or 0) - _ASIDE_MAX,))

    def serve(self, host: str, port: int, client_id: str, topics: list[str]) -> None:
        """Read for ever; the broker keeps what comes while we are away."""
        heard: queue.Queue[tuple[int, mqtt.MQTTMessage]] = queue.Queue(10_000)
        connections = 0
        client = mqtt.Client(
            CallbackAPIVersion.VERSION2,
            client_id=client_id,
            clean_session=False,
            protocol=mqtt.MQTTv311,
            manual_ack=True,
        )

        def on_connect(client: mqtt.Client, *_: Any) -> None:
            nonlocal connections
            connections += 1
            client.subscribe([(topic, 1) for topic in topics])

        def on_message(_client: mqtt.Client, _userdata: Any, message: mqtt.MQTTMessage) -> None:
            heard.put((connections, message))

        client.on_connect = on_connect
        client.on_message = on_message
        client.connect_async(host, port, 30)
        client.loop_start()
        try:
            while True:
                batch = [heard.get()]
                while len(batch) < _BATCH and not heard.empty():
                    batch.append(heard.get())
                self.take(bytes(message.payload) for _, message in batch)
                for connection, message in batch:
                    # On another connection its number may be another message's; it comes again.
                    if connection == connections:
                        client.ack(message.mid, message.qos)
        finally:
            client.disconnect()
            client.loop_stop()


def _checked(body: Any) -> str:
    """Return the id; KeyError or TypeError for a message whose frame is not what the document says."""
    record, _ = str(body["id"]), str(body["stream"])
    for name in ("order", "t", "received"):
        if not isinstance(body.get(name), str | None):
            raise TypeError(f"{name} is no text")
    return record


def post(db: sqlite3.Connection, key: str, message: dict[str, Any]) -> bool:
    """Put a message into the outbox once by its key; False when it was there already.

    What sends it (a call to another system) reads the outbox, and may send it again: the key tells.
    """
    text = msgspec.json.encode(message).decode()
    found = db.execute("INSERT OR IGNORE INTO outbox VALUES (?,?,?)", (key, int(time.time()), text))
    return bool(found.rowcount)


def arguments(about: str, name: str) -> argparse.ArgumentParser:
    """Return the command line that the readers have in common."""
    parser = argparse.ArgumentParser(description=about)
    parser.add_argument("--broker", default="127.0.0.1:1883", metavar="HOST:PORT")
    parser.add_argument("--city", default="+")
    parser.add_argument("--db", type=Path, default=Path(f"{name}.db"), metavar="FILE")
    return parser


def run(inbox: Inbox, args: argparse.Namespace, name: str, streams: tuple[str, ...]) -> None:
    """Serve until Ctrl-C."""
    host, _, port = args.broker.rpartition(":")
    topics = [f"o2o/v1/{args.city}/+/+/{stream}" for stream in streams]
    try:
        inbox.serve(host, int(port), f"o2o-{name}", topics)
    except KeyboardInterrupt:
        return
