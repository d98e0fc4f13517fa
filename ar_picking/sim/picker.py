"""The simulated picker with its camera: it reads the guide's screen, walks, looks, reaches and taps.

It stands in for two things that are not here, the camera hardware and the person. It acts on what
the screen says, not on what the simulator knows: without a path on the screen it stands and looks
around.
"""

from __future__ import annotations

import math
from dataclasses import dataclass
from typing import Any

import numpy as np

from ar_picking.sim.products import Image
from ar_picking.sim.render import Optics, Renderer
from ar_picking.sim.walker import Walker
from ar_picking.store.records import Array, Store
from ar_picking.vision.camera import Camera, Pose

_LOOK_MS = 500  # from seeing that the bin is confirmed to reaching for it
_GRASP_MS = 450  # per piece
_PUT_MS = 500
_SEARCH_MS = 2500  # unconfirmed for this long: look around the bin
_REMEMBER_MS = 700  # a path that flickers off the screen is walked on for a moment


@dataclass(frozen=True, slots=True)
class Frame:
    """A picture, its time, and, from a simulator only, the true pose."""

    picture: Image
    t_ms: int
    truth: Pose | None


class SimPicker:
    """A camera on a simulated picker.

    `shorts`: bin -> how many are found there, for exceptions on demand.
    """

    def __init__(
        self,
        store: Store,
        camera: Camera,
        optics: Optics | None = None,
        shorts: dict[str, int] | None = None,
        seed: int = 1,
    ) -> None:
        self.camera = camera
        self._store = store
        self._renderer = Renderer(store, camera, optics)
        depot = store.graph.point((-1, store.graph.depot))
        self._walker = Walker(np.array(depot) / 10.0, 80.0, seed=seed)
        self._shorts = dict(shorts or {})
        self._t_ms = 0
        self._view: dict[str, Any] = {"state": "idle", "line": None}
        self._way: Array = np.zeros((0, 2))
        self._way_ms = 0
        self._since_ms = 0
        self._key: tuple[Any, ...] = ()
        self._actions: list[dict[str, Any]] = []

    def read(self, view: dict[str, Any], path_dm: list[tuple[int, int]]) -> None:
        """Show the picker the screen.

        The guide's view and the path that is drawn (empty when none is).
        """
        line = view["line"]
        key = (view["state"], view["list"], line["line"] if line else None)
        if key != self._key:
            self._key, self._since_ms = key, self._t_ms
        self._view = view
        if path_dm or self._t_ms - self._way_ms > _REMEMBER_MS:
            self._way = np.array(path_dm, dtype=np.float64).reshape(-1, 2) / 10.0
            self._way_ms = self._t_ms

    def actions(self) -> list[dict[str, Any]]:
        """What the picker has pressed since the last call: {"type": "tap"} or {"type".

        "short", "found": n}.
        """
        out, self._actions = self._actions, []
        return out

    def frame(self, t_ms: int, draw: bool = True) -> Frame | None:
        """Let the picker live until `t_ms` and take a picture there; with draw=False only live."""
        while self._t_ms < t_ms:
            step = min(20, t_ms - self._t_ms)
            self._t_ms += step
            self._live(step / 1000.0)
        if not draw:
            return None
        pose = self._walker.pose()
        yaw, pitch = self._walker.turn_deg_s
        px_per_deg = self.camera.fx * math.pi / 180.0
        exposure = self._renderer.optics.exposure_ms / 1000.0
        picture = self._renderer.render(
            pose, (yaw * px_per_deg * exposure, pitch * px_per_deg * exposure)
        )
        return Frame(picture, t_ms, pose)

    def _live(self, dt_s: float) -> None:
        state, line = self._view["state"], self._view["line"]
        waited = self._t_ms - self._since_ms
        look: Array | None = None
        reach = False
        if state in ("walk", "pick") and line:
            item = self._store.bins[line["bin"]]
            near = np.linalg.norm(item.center_m[:2] - self._walker.position) < 1.5
            arrived = len(self._way) >= 1 and _span(self._way) < 0.45
            if state == "pick" or (near and arrived):
                # between the goods and their label, so that both are in view
                look = item.center_m - [0.0, 0.0, item.h_mm / 2000.0]
                if state == "walk" and waited > _SEARCH_MS and not self._walker.moving:
                    turn = 0.35 * math.sin((waited - _SEARCH_MS) / 700.0)
                    look = look + np.array([-item.normal[1], item.normal[0], 0.3]) * turn
            if state == "pick":
                wanted = min(line["qty"], self._shorts.get(line["bin"], line["qty"]))
                reach = waited > _LOOK_MS
                if waited > _LOOK_MS + _GRASP_MS * max(1, wanted) + _PUT_MS:
                    self._press(line, wanted)
        self._walker.step(dt_s, self._way, look if look is not None else self._search(state), reach)

    def _press(self, line: dict[str, Any], found: int) -> None:
        if found < line["qty"]:
            self._actions.append({"type": "short", "found": found})
        else:
            self._actions.append({"type": "tap"})
        self._since_ms = self._t_ms  # one press; the next only if the screen does not change

    def _search(self, state: str) -> Array | None:
        """Without a path on the screen: look slowly around for labels."""
        if len(self._way) or state in ("idle", "done"):
            return None
        angle = math.radians(60.0 * math.sin(self._t_ms / 1500.0) + 90.0)
        return np.array(
            [*(self._walker.position + 2.0 * np.array([math.cos(angle), math.sin(angle)])), 1.2]
        )


def _span(way: Array) -> float:
    return float(np.linalg.norm(np.diff(way, axis=0), axis=1).sum())
