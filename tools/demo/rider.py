"""One rider of the demo: a receiver on a pty, a MicroPython board, and the account of both."""

import json
from collections.abc import Iterable
from pathlib import Path
from typing import Any

from tools.demo import rings
from tools.demo.children import Child, Children
from tools.demo.epochs import Epoch, epochs_in
from tools.image import HEAP, START, rider_image
from tools.parts import require
from tools.simulate.receiver import Receiver


class Rider:
    """A board in `folder` fed with `bursts` = [(seconds, bytes), ...]; `sensors` in its cold box.

    profile: 'every-epoch' records every position, 'adaptive' is what a rider would have.
    """

    def __init__(
        self,
        device: str,
        folder: Path,
        bursts: Iterable[tuple[float, bytes]],
        sensors: list[dict[str, Any]],
        radio_port: int,
        profile: str = "every-epoch",
    ):
        self.device = device
        self.folder = folder
        self.sensors = sensors
        self.radio_port = radio_port
        self._profile = profile
        self._sent = bytearray()
        self.receiver = Receiver(self._noting(bursts))
        self.board: Child | None = None

    def _noting(self, bursts: Iterable[tuple[float, bytes]]) -> Iterable[tuple[float, bytes]]:
        for at_s, burst in bursts:
            self._sent += burst
            yield at_s, burst

    def start_board(self, children: Children, broker_port: int) -> None:
        """Write the board's config and switch it on."""
        self.folder.mkdir(parents=True, exist_ok=True)
        config = {
            "version": 1,
            "device": self.device,
            "kind": "rider",
            "brokers": [["127.0.0.1", broker_port]],
            "profile": self._profile,
            "sensors": [
                {"address": each["address"], "name": each["name"]} for each in self.sensors
            ],
            "health_s": 20,
            "backoff_max_s": 3,
            "board": {"serial": self.receiver.path, "radio_port": self.radio_port},
        }
        (self.folder / "config.json").write_text(json.dumps(config))
        self.board = children.start(
            self.device,
            [
                *require("micropython"),
                *("-X", f"heapsize={HEAP}", str(START), str(rider_image()), str(self.folder)),
            ],
        )

    def written(self) -> dict[str, rings.Written]:
        """Return what the board's flash says it has recorded."""
        image = self.folder / "flash.img"
        return rings.read(image) if image.exists() else {}

    def epochs(self) -> list[Epoch]:
        """Return the epochs with a position that went over the line, in order, one record each.

        None for the profile 'adaptive': its board tells the track as vertices.
        """
        return epochs_in(bytes(self._sent)) if self._profile == "every-epoch" else []
