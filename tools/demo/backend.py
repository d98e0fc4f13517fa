"""The demo's backend: reads the feed as the contract says, keeps accounts, and answers arrivals.

It knows nothing of devices, rings or frames: only feed messages, whose repeats it removes by id.
"""

import threading
from collections import Counter, defaultdict
from collections.abc import Callable
from typing import Any

import paho.mqtt.client as mqtt
from paho.mqtt.enums import CallbackAPIVersion

from tools.demo.message import read


class Backend:
    """Subscribes to a city's feed with a session that survives the broker's restart.

    on_arrival(order): called once per order when its rider has arrived.
    `records` maps the id of each record seen to its message; `repeats` counts what came again,
    `malformed` what is no message of the feed (it is ignored).
    """

    def __init__(self, port: int, city: str, on_arrival: Callable[[str], None]):
        self._city = city
        self._on_arrival = on_arrival
        self._lock = threading.Lock()
        self._arrived: set[str] = set()
        self._client = mqtt.Client(
            CallbackAPIVersion.VERSION2,
            client_id="demo-backend",
            clean_session=False,
            protocol=mqtt.MQTTv311,
        )
        self._client.on_connect = self._connected
        self._client.on_message = self._message
        self._client.reconnect_delay_set(1, 2)
        self._client.connect_async("127.0.0.1", port, 10)
        self.connected = threading.Event()
        self.records: dict[str, dict[str, Any]] = {}
        self.by_stream: dict[str, list[dict[str, Any]]] = defaultdict(list)
        self.repeats: Counter[str] = Counter()
        self.malformed = 0

    def start(self) -> None:
        """Begin to read."""
        self._client.loop_start()

    def stop(self) -> None:
        """Stop reading."""
        self._client.disconnect()
        self._client.loop_stop()

    def _connected(self, client: mqtt.Client, *_: Any) -> None:
        client.subscribe(f"o2o/v1/{self._city}/+/+/+", 1)
        self.connected.set()

    def _message(self, _client: mqtt.Client, _userdata: Any, message: mqtt.MQTTMessage) -> None:
        if message.topic.endswith(("/last", "/customer", "/stats", "-in")):
            return  # a snapshot, and what others send to the gateway
        found = read(message.payload)
        if found is None:
            self.malformed += 1
            return
        record, body = found
        with self._lock:
            if record in self.records:
                self.repeats[body["subject"]] += 1
                return
            self.records[record] = body
            self.by_stream[body["stream"]].append(body)
        if body["stream"] == "order" and body.get("state") == "arrived":
            order = body["order"]
            if order not in self._arrived:
                self._arrived.add(order)
                self._on_arrival(order)

    def snapshot(self) -> tuple[dict[str, dict[str, Any]], dict[str, list[dict[str, Any]]]]:
        """Return copies of (records by id, messages by stream, in order of arrival)."""
        with self._lock:
            return dict(self.records), {name: list(each) for name, each in self.by_stream.items()}

    def devices(self) -> dict[str, str]:
        """Return {pseudonym: device}, as the roster stream tells."""
        with self._lock:
            return {each["subject"]: each["device"] for each in self.by_stream["roster"]}
