"""How quickly the gateway answers pages and the intake while 50 riders send a fix a second.

O2O_SECONDS (20), O2O_PAGES (20): each page holds a stream and asks as the dashboard does. The limits are
200 ms (worth a look) and 500 ms (a fault).
"""

import asyncio
import json
import os
import threading
import time

import aiohttp
import paho.mqtt.client as mqtt
import pytest

from protocols import messages
from protocols.calendar import EPOCH_DAYS_AFTER_UNIX
from protocols.cbor import Writer
from protocols.topics import device_topic
from protocols.units import DAY_MS
from tools.demo.children import Children
from tools.demo.site import Site

SECONDS = int(os.environ.get("O2O_SECONDS", "20"))
PAGES = int(os.environ.get("O2O_PAGES", "20"))
RIDERS = 50


def fix_frame(log, seq):
    days, ms = divmod(int(time.time() * 1000), DAY_MS)
    writer = Writer(bytearray(messages.FRAME_MAX_BYTES))
    messages.put_frame_head(writer, log, 1, seq)
    values = {"lat_e7": 312300000 + seq, "lon_e7": 1214700000, "mode": 3, "source": "gnss"}
    stamp = (1, 0, days - EPOCH_DAYS_AFTER_UNIX, ms)
    messages.put_record(writer, messages.FIX, stamp, {**values, "datum": "wgs84"})
    return bytes(writer.buf[: writer.n])


def ride(port, stop, sent):
    client = mqtt.Client(mqtt.CallbackAPIVersion.VERSION2)
    client.connect("127.0.0.1", port)
    client.loop_start()
    seq = 0
    while not stop.is_set():
        seq += 1
        begin = time.monotonic()
        for rider in range(RIDERS):
            topic = device_topic("rider", f"rider-{rider:04d}", "up")
            client.publish(topic, fix_frame(100 + rider, seq), 1)
            sent[0] += 1
            time.sleep(max(0.0, begin + (rider + 1) / RIDERS - time.monotonic()))
    client.disconnect()
    client.loop_stop()


async def page(session, url, took, heard, until):
    """One dashboard: its stream, /readyz and /api/figures every 2 s, the state now and then."""

    async def stream():
        async with session.get(f"{url}/api/events") as answer:
            async for line in answer.content:
                heard[0] += line.startswith(b'data: {"')

    listening = asyncio.create_task(stream())
    turn = 0
    while time.monotonic() < until:
        for path in ("/readyz", "/api/figures", "/api/health", "/api/state")[
            : 4 if turn % 5 == 0 else 3
        ]:
            begin = time.monotonic()
            async with session.get(url + path) as answer:
                await answer.read()
                assert answer.status == 200
            took.setdefault(path, []).append(time.monotonic() - begin)
        turn += 1
        await asyncio.sleep(2)
    listening.cancel()


async def intake(session, url, took, until):
    number = 0
    while time.monotonic() < until:
        number += 1
        drop = {"lat_e7": 312300000, "lon_e7": 1214700000}
        order = {"order": f"B{number}", "device": f"rider-{number % RIDERS:04d}", "drop": drop}
        begin = time.monotonic()
        async with session.post(f"{url}/orders", json=order) as answer:
            assert answer.status == 202, await answer.text()
        took.setdefault("/orders", []).append(time.monotonic() - begin)
        await asyncio.sleep(0.2)


@pytest.mark.timeout(300)
def test_answers_while_riders_ride(tmp_path):
    children = Children(tmp_path)
    site = Site(tmp_path, children, 0, "mosquitto")
    stop, sent, heard, took = threading.Event(), [0], [0], {}
    try:
        site.start_broker()
        site.start_gateway()
        rider = threading.Thread(target=ride, args=(site.broker_port, stop, sent))
        rider.start()

        async def main():
            headers = {"Authorization": f"Bearer {site.token_file.read_text()}"}
            until = time.monotonic() + SECONDS
            connector = aiohttp.TCPConnector(limit=0)
            async with aiohttp.ClientSession(headers=headers, connector=connector) as session:
                await asyncio.gather(
                    *(page(session, site.url, took, heard, until) for _ in range(PAGES)),
                    intake(session, site.url, took, until),
                )
                async with session.get(f"{site.url}/api/health") as answer:
                    return (await answer.json())["health"]

        try:
            health = asyncio.run(main())
        finally:
            stop.set()
            rider.join()
    finally:
        children.stop()
    print(
        f"\n{sent[0]} fixes in, {heard[0]} messages to {PAGES} pages; load {os.getloadavg()[0]:.1f}"
    )
    for path, times in sorted(took.items()):
        times.sort()
        p50, p99 = times[len(times) // 2], times[int(len(times) * 0.99)]
        print(
            f"  {path:14} {len(times):5} answers, p50 {p50 * 1000:6.1f} ms, p99 {p99 * 1000:6.1f} ms"
        )
    shown = {each["name"]: (each["level"], each["value"]) for each in health}
    print(
        "  "
        + json.dumps({name: shown[name] for name in ("answer_ms", "feed_delay_ms", "commit_ms")})
    )
    assert heard[0] > sent[0]  # every page hears of every rider
