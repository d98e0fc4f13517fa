"""The dashboard with a great fleet: what a picture costs the browser, and what the gateway hands out.

`make bench`; RIDERS=2000 and SECONDS=20 by default. The page, its stream and its HTTP are the real
ones; the hub is fed by this file in place of a broker and boards: a position of each rider every 20 s,
a temperature every 10 s, and a second's worth of trouble: one order that will be late.
"""

import asyncio
import json
import math
import os
import random
import threading
import time

from dashboard_site import open_browser

from gateway.feed.writer import encode, iso
from gateway.web.http import Parts, make_app
from gateway.web.hub import Hub
from gateway.web.listener import Listener
from gateway.web.views import Views

RIDERS = int(os.environ.get("RIDERS", "2000"))
SECONDS = float(os.environ.get("SECONDS", "20"))
FRAMES = """(seconds) => new Promise((done) => {
  const gaps = [];
  const before = { ...window.o2oFrame };
  window.o2oFrame.worstMs = 0;
  const costs = [];
  let last = performance.now();
  let seen = before.count;
  const end = last + seconds * 1000;
  const step = (now) => {
    gaps.push(now - last);
    last = now;
    const frame = window.o2oFrame;
    if (frame.count !== seen) costs.push(frame.lastMs + frame.mapMs);
    seen = frame.count;
    if (now < end) requestAnimationFrame(step);
    else done({ gaps, costs, pictures: seen - before.count,
      heap_mb: performance.memory ? performance.memory.usedJSHeapSize / 1e6 : null,
      rows: document.querySelectorAll("#people .person").length });
  };
  requestAnimationFrame(step);
})"""


class Fleet:
    """Riders on a grid of streets; says what the gateway's feed would say of them."""

    def __init__(self) -> None:
        self.count = 0
        self.side = math.isqrt(RIDERS) + 1

    def message(self, stream, rider, **values):
        self.count += 1
        now = iso(time.time_ns() // 1_000_000)
        head = {"id": f"{self.count:026}", "stream": stream, "kind": "rider"}
        log = "evidence" if stream in ("order", "risk", "excursion") else "track"
        stamps = {"t": now, "received": now, "replay": False, "log": log}
        return encode({**head, "subject": f"r{rider:09}", **stamps, **values})

    def place(self, rider, tick):
        row, column = divmod(rider, self.side)
        lat = 312_000_000 + row * 20_000 + tick * 4_000 * (rider % 2)
        lon = 1_214_000_000 + column * 23_000 + tick * 4_000 * (1 - rider % 2)
        course = 0 if rider % 2 else 9_000
        riding = {"speed_mm_s": 5_000, "course_cdeg": course, "motion": "ride", "acc_cm": 300}
        return self.message("now", rider, lat_e7=lat, lon_e7=lon, **riding)

    def warm(self, rider):
        return self.message("temp", rider, sensor=f"{rider:012x}", temp_cc=random.randint(200, 700))

    def begin(self, hub):
        for tick in range(-20, 0):
            for rider in range(RIDERS):
                hub.take(self.place(rider, tick))
                hub.take(self.warm(rider))
        for rider in range(RIDERS):
            hub.take(self.message("order", rider, order=f"A{rider}", state="picked_up"))

    def tenth(self, hub, n):
        for rider in range(n % 200, RIDERS, 200):
            hub.take(self.place(rider, n // 200))
        for rider in range(n % 100, RIDERS, 100):
            hub.take(self.warm(rider))
        if n % 10:
            return
        s = n // 10
        level = {"order": f"A{s % RIDERS}", "level": "intervene", "was": "none", "late_pct": 70}
        hub.take(self.message("risk", s % RIDERS, **level))


async def serve(fleet, ready, stop, path):
    hub = Hub()
    fleet.begin(hub)

    async def refuse(_body):
        return {}

    views = Views(path, hub)
    figures = {"site": "gw-bench", "city": "shanghai", "uptime_s": 1, "records": 0}
    parts = Parts(more=views.routes())
    listener = Listener(make_app(hub, lambda: figures, lambda: "", refuse, refuse, parts))
    port = await listener.start("127.0.0.1", 0)
    begin = time.perf_counter()
    picture = json.dumps(hub.picture())
    ready.append((port, len(picture), (time.perf_counter() - begin) * 1000))
    n = 0
    while not stop.is_set():
        fleet.tenth(hub, n)
        n += 1
        await asyncio.sleep(0.1)
    await listener.stop()


def test_a_great_fleet_stays_usable(tmp_path):
    ready, stop = [], threading.Event()
    path = tmp_path / "gateway.db"
    thread = threading.Thread(target=lambda: asyncio.run(serve(Fleet(), ready, stop, path)))
    thread.start()
    try:
        while not ready:
            assert thread.is_alive()
            time.sleep(0.1)
        port, picture_bytes, picture_ms = ready[0]
        with open_browser() as browser:
            page = browser.new_page(viewport={"width": 1920, "height": 1080})
            begin = time.perf_counter()
            page.goto(f"http://127.0.0.1:{port}/")
            page.locator("#people .person").first.wait_for(timeout=60_000)
            loaded_s = time.perf_counter() - begin
            time.sleep(3)
            found = page.evaluate(FRAMES, SECONDS)
            if out := os.environ.get("PICTURE"):
                page.screenshot(path=out)
    finally:
        stop.set()
        thread.join()
    gaps, costs = sorted(found["gaps"]), sorted(found["costs"])
    at = lambda list_, share: list_[min(len(list_) - 1, int(len(list_) * share))]  # noqa: E731
    print(
        f"\n{RIDERS} riders, {1.5 * RIDERS / 10:.0f} messages/s: first picture after {loaded_s:.1f} s "
        f"({picture_bytes / 1e6:.1f} MB, {picture_ms:.0f} ms to make)\n"
        f"pictures/s {found['pictures'] / SECONDS:.1f}; one costs ms p50 {at(costs, 0.5):.0f} "
        f"p95 {at(costs, 0.95):.0f} max {costs[-1]:.0f}\n"
        f"between frames ms p50 {at(gaps, 0.5):.0f} p95 {at(gaps, 0.95):.0f} max {gaps[-1]:.0f}; "
        f"rows in the list {found['rows']}, heap {found['heap_mb']:.0f} MB"
    )
    assert found["pictures"] > SECONDS  # it goes on
    assert found["rows"] < 60  # of thousands, what is in sight
