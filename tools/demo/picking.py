"""The picker of the demo: a store, pick lists, and the guide that leads through it."""

import json
import sys
from pathlib import Path
from typing import Any

from ar_picking.store import folder, layout, sample
from tools.demo import rings
from tools.demo.backend import Backend
from tools.demo.children import Children, wait_for
from tools.demo.site import Site, answers, free_ports
from tools.errors import ToolError

_LINES = 7
_ORDERS = 2


class Picking:
    """Runs the guide with a simulated camera; its events reach the feed like a rider's records.

    once: the guide ends when its first list is done; otherwise each list is followed by another.
    """

    device = "picker-0001"

    def __init__(self, folder_: Path, children: Children, site: Site, http_port: int, once: bool):
        self._folder = folder_
        self._children = children
        self._site = site
        self._once = once
        self.http_port = http_port or free_ports(1)[0]
        self._out = folder_ / "picking"
        self._store_folder = folder_ / "store"
        self._sent = 0

    def start(self) -> None:
        """Make the store and start the guide."""
        layout.make(layout.Layout("demo", "示范店", 4, 6, 4, 1), self._store_folder)
        self._store = folder.load(self._store_folder)
        self._children.start(
            self.device,
            [
                *(sys.executable, "-m", "ar_picking", "guide"),
                *("--store", str(self._store_folder), "--out", str(self._out)),
                *("--http", f"127.0.0.1:{self.http_port}"),
                *("--broker", f"127.0.0.1:{self._site.broker_port}"),
                *("--device", self.device, "--state", str(self._folder / self.device)),
                *(["--until-done"] if self._once else []),
            ],
            may_end=self._once,
        )
        wait_for(lambda: answers(self.http_port), 30, self._children, "the picking page")

    def send_list(self) -> None:
        """Post a pick list to the gateway, as the platform would."""
        self._sent += 1
        name = f"L{self._sent}"
        body = sample.sample_list(self._store, name, _LINES, orders=_ORDERS, seed=3 + self._sent)
        refused = self._site.post("/picklists", {**body, "device": self.device})
        if refused:
            raise ToolError(f"pick list {name} was refused: {refused}")

    def follow(self, backend: Backend) -> None:
        """Send the next list when the last one is done (only where the demo goes on)."""
        if not self._once and self._lists_done(backend) >= self._sent:
            self.send_list()

    def _lists_done(self, backend: Backend) -> int:
        _, streams = backend.snapshot()
        events = [each.get("event") for each in streams.get("pick", [])]
        return events.count("list_done") + events.count("list_refused")

    def done(self, backend: Backend) -> bool:
        """Tell whether the feed says that a list is done and, with `once`, the guide has ended."""
        return self._lists_done(backend) > 0 and (not self._once or self.result() is not None)

    def result(self) -> dict[str, Any] | None:
        """Return the guide's own summary, once it has ended."""
        path = self._out / "picking.json"
        try:
            body: dict[str, Any] = json.loads(path.read_text(encoding="utf-8"))
            return body
        except (OSError, ValueError):
            return None

    def progress(self, backend: Backend) -> str:
        """Return a few words for the progress line."""
        _, streams = backend.snapshot()
        events = [each.get("event") for each in streams.get("pick", [])]
        picked = events.count("picked") + events.count("short")
        return f"{picked} of {_LINES * self._sent} lines picked"

    def written(self) -> dict[str, rings.Written]:
        """Return what the guide's flash image says it has recorded."""
        image = self._folder / self.device / "flash.img"
        return rings.read(image) if image.exists() else {}
