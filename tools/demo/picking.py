"""The picker of the demo: a store, a pick list, and the guide that leads through it."""

import json
import sys
from pathlib import Path
from typing import Any

from tools.demo import rings
from tools.demo.children import Children, wait_for
from tools.demo.site import Site, answers, free_ports

_LINES = 8


class Picking:
    """Runs the guide with a simulated camera; its events reach the feed like a rider's records."""

    device = "picker-0001"

    def __init__(self, folder: Path, children: Children, site: Site, http_port: int):
        self._folder = folder
        self._children = children
        self._site = site
        self.http_port = http_port or free_ports(1)[0]
        self._out = folder / "picking"
        self._store = folder / "store"

    def start(self) -> None:
        """Make the store and start the guide."""
        raise NotImplementedError

    def send_list(self) -> None:
        """Post the pick list to the gateway, as the platform would."""
        raise NotImplementedError

    def done(self) -> bool:
        """Tell whether the list is done and the video written."""
        return self.result() is not None

    def result(self) -> dict[str, Any] | None:
        """Return the guide's own summary once the list is done."""
        path = self._out / "picking.json"
        try:
            body: dict[str, Any] = json.loads(path.read_text())
            return body
        except (OSError, ValueError):
            return None

    def progress(self) -> str:
        """Return a few words for the progress line."""
        return "picked" if self.done() else "picking"

    def written(self) -> dict[str, rings.Written]:
        """Return what the guide's flash image says it has recorded."""
        image = self._folder / self.device / "flash.img"
        return rings.read(image) if image.exists() else {}


__all__ = ["Picking", "answers", "sys", "wait_for"]
