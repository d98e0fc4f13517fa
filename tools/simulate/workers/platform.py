"""The platform's side: orders handed in, by HTTP at a worker or by MQTT at the broker."""

import json
import time
from typing import Any
from urllib import error, request

import paho.mqtt.client as mqtt
from paho.mqtt.enums import CallbackAPIVersion

from tools.demo.site import CITY
from tools.errors import ToolError


def _order(order: str, device: str) -> dict[str, Any]:
    return {
        "order": order,
        "device": device,
        "drop": {"lat_e7": 312_345_678, "lon_e7": 1_214_567_890},
    }


def post_order(http_port: int, order: str, device: str, timeout_s: float = 30.0) -> None:
    """Hand an order in by HTTP, again while the answer is 503, as a sender should; ToolError."""
    call = request.Request(  # noqa: S310
        f"http://127.0.0.1:{http_port}/orders",
        data=json.dumps(_order(order, device)).encode(),
        headers={"Content-Type": "application/json"},
    )
    deadline = time.monotonic() + timeout_s
    while True:
        try:
            with request.urlopen(call, timeout=10):  # noqa: S310
                return
        except error.HTTPError as fault:
            if fault.code != 503 or time.monotonic() > deadline:
                raise ToolError(f"port {http_port} answers {fault.code} to an order") from fault
            time.sleep(0.2)


def publish_order(broker_port: int, order: str, device: str) -> None:
    """Hand an order in by MQTT; it is with the broker when this returns."""
    client = mqtt.Client(CallbackAPIVersion.VERSION2, client_id="platform")
    client.connect("127.0.0.1", broker_port)
    client.loop_start()
    topic = f"o2o/v1/{CITY}/intake/{order}/order-in"
    client.publish(topic, json.dumps(_order(order, device)), 1).wait_for_publish(10)
    client.disconnect()
    client.loop_stop()
