"""The part of a generated reader that is the same for every document; tools.contract.reader fills in
the structs and STREAMS. Runs by itself with msgspec and paho-mqtt, on any machine.

    feed_reader.py HOST PORT [OUT.JSONL]

writes what it read, without repeats, in the order of arrival: {"topic", "body", "valid"}, valid being
true or what was wrong; how many repeats there were stands in the last line, written at SIGTERM.
"""

from __future__ import annotations

import json
import signal
import sys
import threading
from collections import OrderedDict
from collections.abc import Callable
from typing import Any

import msgspec
import paho.mqtt.client as mqtt
from paho.mqtt.enums import CallbackAPIVersion

# stream -> (topic filter, struct, it is a record of a log)
STREAMS: dict[str, tuple[str, Any, bool]] = {}

REMEMBERED = 1_000_000


class FeedReader:
    """Reads the feed at HOST:PORT with a session that outlives the connection.

    on_message(topic, message): called once per message, in the reader's thread, with a struct of the
    stream. on_invalid(topic, payload, why): called for what the document does not allow.
    streams: which to read. client_id names the session: one reader each.
    """

    def __init__(
        self,
        host: str,
        port: int,
        client_id: str,
        on_message: Callable[[str, Any], None],
        on_invalid: Callable[[str, bytes, str], None] = lambda _topic, _payload, _why: None,
        streams: tuple[str, ...] = (),
    ):
        self._names = streams or tuple(STREAMS)
        self._decoders = {
            name: msgspec.json.Decoder(STREAMS[name][1]).decode for name in self._names
        }
        self._on_message = on_message
        self._on_invalid = on_invalid
        self._seen: OrderedDict[str, None] = OrderedDict()
        self.repeats = 0
        self.subscribed = threading.Event()
        self.client = mqtt.Client(
            CallbackAPIVersion.VERSION2,
            client_id=client_id,
            clean_session=False,  # else what comes while we are away is lost
            protocol=mqtt.MQTTv311,
        )
        self.client.on_connect = self._connected
        self.client.on_subscribe = lambda *_: self.subscribed.set()
        self.client.on_message = self._message
        self.client.reconnect_delay_set(1, 10)
        self.client.connect_async(host, port, 10)

    def start(self) -> None:
        """Begin to read, in a thread of its own."""
        self.client.loop_start()

    def stop(self) -> None:
        """Stop reading; the broker keeps what comes from now on."""
        self.client.disconnect()
        self.client.loop_stop()

    def _connected(self, client: mqtt.Client, *_: Any) -> None:
        client.subscribe([(STREAMS[name][0], 1) for name in self._names])

    def _message(self, _client: mqtt.Client, _userdata: Any, message: mqtt.MQTTMessage) -> None:
        topic, payload = message.topic, bytes(message.payload)
        name = topic.rsplit("/", 1)[-1]
        decode = self._decoders.get(name)
        if decode is None or not payload:
            return  # a stream to come, or a retained message that was taken back
        try:
            body = decode(payload)
        except (msgspec.MsgspecError, ValueError, RecursionError) as fault:
            self._on_invalid(topic, payload, str(fault))
            return
        if STREAMS[name][2]:  # snapshots replace each other: there is nothing to remember
            if body.id in self._seen:
                self.repeats += 1
                return
            self._seen[body.id] = None
            if len(self._seen) > REMEMBERED:
                self._seen.popitem(last=False)
        self._on_message(topic, body)


def main(host: str, port: str, out_path: str = "/dev/stdout") -> None:
    """Read the records into a file until SIGTERM or Ctrl-C."""
    with open(out_path, "w", encoding="utf-8", buffering=1) as out:  # noqa: PTH123

        def line(topic: str, body: Any, valid: Any) -> None:
            out.write(json.dumps({"topic": topic, "body": body, "valid": valid}) + "\n")

        def on_message(topic: str, message: Any) -> None:
            if STREAMS[message.stream][2]:
                line(topic, msgspec.to_builtins(message), True)

        def on_invalid(topic: str, payload: bytes, why: str) -> None:
            line(topic, {"raw": payload.decode(errors="replace")}, [why])

        reader = FeedReader(host, int(port), "feed-reader", on_message, on_invalid)
        done = threading.Event()
        for name in (signal.SIGTERM, signal.SIGINT):
            signal.signal(name, lambda *_: done.set())
        reader.start()
        if reader.subscribed.wait(30):
            print("subscribed", file=sys.stderr, flush=True)
        done.wait()
        reader.stop()
        out.write(json.dumps({"repeats": reader.repeats}) + "\n")


if __name__ == "__main__":
    main(*sys.argv[1:])
