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

from ar_picking.sim.habits import LOOK_MS, SEARCH_MS, Habits, Hands
from ar_picking.sim.occluders import Occluder
from ar_picking.sim.optics import Optics
from ar_picking.sim.products import Image
from ar_picking.sim.render import Renderer
from ar_picking.sim.shutter import gliding
from ar_picking.sim.tampering import Tampering
from ar_picking.sim.walker import Walker
from ar_picking.store.records import Array, Store
from ar_picking.vision.camera import Camera, Pose

_HALT_M = 1.3  # before what cannot be passed
_ON_WAY_M = 0.45
_TELL_MS = 3000  # between two reports of it
_GIVE_UP_MS = 5000  # on goods behind it
_REMEMBER_MS = 700  # a path that flickers off the screen is walked on for a moment


@dataclass(frozen=True, slots=True)
class Frame:
    """A picture, its time, and, from a simulator only, the true pose."""

    picture: Image
    t_ms: int
    truth: Pose | None


class SimPicker:
    """A camera on a simulated picker.

    `shorts`: bin -> how many are found there, for exceptions on demand. `habits` say how it works with
    its hands; `tampering` and `occluders` what is wrong with the store and who stands in the way.
    """

    def __init__(
        self,
        store: Store,
        camera: Camera,
        optics: Optics | None = None,
        shorts: dict[str, int] | None = None,
        seed: int = 1,
        *,
        habits: Habits | None = None,
        tampering: Tampering | None = None,
        occluders: tuple[Occluder, ...] = (),
        obstacles: tuple[tuple[float, float], ...] = (),
        grey: bool = False,
    ) -> None:
        self.camera = camera
        self._obstacles = np.array(obstacles, dtype=np.float64).reshape(-1, 2)
        self._halted_ms = -_TELL_MS
        self.hands = Hands(store, habits or Habits(seed=seed), shorts or {})
        self._store = store
        self._renderer = Renderer(
            store, camera, optics, grey=grey, tampering=tampering, occluders=occluders
        )
        depot = store.graph.point((-1, store.graph.depot))
        self._walker = Walker(np.array(depot) / 10.0, 80.0, seed=seed)
        self._t_ms = 0
        self._view: dict[str, Any] = {"state": "idle", "line": None}
        self._way: Array = np.zeros((0, 2))
        self._way_ms = 0
        self._since_ms = 0
        self._key: tuple[Any, ...] = ()
        self._actions: list[dict[str, Any]] = []
        self._before = self._walker.pose(), 0

    def read(self, view: dict[str, Any], path_dm: list[tuple[int, int]]) -> None:
        """Show the picker the screen.

        The guide's view and the path that is drawn (empty when none is).
        """
        line = view["line"]
        key = (
            view["state"],
            view["list"],
            line["line"] if line else None,
            line["bin"] if line else None,
            view.get("step"),
            bool(view.get("propose")),
        )
        if key != self._key:
            self._key, self._since_ms = key, self._t_ms
        self._view = view
        if path_dm or self._t_ms - self._way_ms > _REMEMBER_MS:
            self._way = np.array(path_dm, dtype=np.float64).reshape(-1, 2) / 10.0
            self._way_ms = self._t_ms

    def actions(self) -> list[dict[str, Any]]:
        """What the picker has pressed or scanned since the last call: events of the guide, as
        {"type": "tap"} or {"type": "short", "found": n}.
        """
        out, self._actions = self._actions, []
        return out

    def frame(self, t_ms: int, draw: bool = True) -> Frame | None:
        """Let the picker live until `t_ms` and take a picture there; with draw=False only live."""
        while self._t_ms < t_ms:
            step = min(20, t_ms - self._t_ms)
            self._before = self._walker.pose(), self._t_ms
            self._t_ms += step
            self._live(step / 1000.0)
        if not draw:
            return None
        pose = self._walker.pose()
        optics = self._renderer.optics
        if optics.readout_ms > 0.0:
            before, before_ms = self._before
            pose_at = gliding(before, pose, max(1, self._t_ms - before_ms) / 1000.0)
            return Frame(self._renderer.render_moving(pose_at, t_ms / 1000.0), t_ms, pose)
        yaw, pitch = self._walker.turn_deg_s
        px = self.camera.fx * math.pi / 180.0 * optics.exposure_ms / 1000.0
        picture = self._renderer.render(pose, (yaw * px, pitch * px), t_ms / 1000.0)
        return Frame(picture, t_ms, pose)

    def _live(self, dt_s: float) -> None:
        state, line = self._view["state"], self._view["line"]
        waited = self._t_ms - self._since_ms
        look: Array | None = None
        reach = stands = False
        if state in ("walk", "pick") and line:
            item = self._store.bins[line["bin"]]
            near = np.linalg.norm(item.center_m[:2] - self._walker.position) < 1.5
            arrived = len(self._way) >= 1 and _span(self._way) < 0.45
            # before a bin that is confirmed the path may be off the screen: it is no longer needed
            stands = state == "pick" or bool(near and arrived)
            if stands:
                # between the goods and their label, so that both are in view
                look = item.center_m - [0.0, 0.0, item.h_mm / 2000.0]
                if state == "walk" and waited > SEARCH_MS and not self._walker.moving:
                    turn = 0.35 * math.sin((waited - SEARCH_MS) / 700.0)
                    look = look + np.array([-item.normal[1], item.normal[0], 0.3]) * turn
            reach = state == "pick" and waited > LOOK_MS
        elif state == "return":
            stands = not self._walker.moving
        action = self.hands.press(self._view, waited, stands)
        if action is None and self._cut_off() and waited > _GIVE_UP_MS:
            action = {"type": "short", "found": 0}
        if action is not None:
            self._actions.append(action)
            self._since_ms = self._t_ms  # one press; the next only if the screen does not change
        way = self._way
        if self._halted():
            way = np.zeros((0, 2))
            if self._t_ms - self._halted_ms >= _TELL_MS:
                self._halted_ms = self._t_ms
                self._actions.append({"type": "blocked"})
        self._walker.step(dt_s, way, look if look is not None else self._search(state), reach)

    def _cut_off(self) -> bool:
        """True when no way leads to the bin, for an aisle that was reported."""
        return bool(
            self._view["state"] == "walk"
            and self._view.get("blocked")
            and not len(self._way)
            and "short" in self._view.get("can", ())
        )

    def _halted(self) -> bool:
        """True before an obstacle on the way that the guide can be told of."""
        if (
            not len(self._obstacles)
            or len(self._way) < 2
            or "blocked" not in self._view.get("can", ())
        ):
            return False
        away = self._obstacles - self._walker.position
        near = self._obstacles[np.hypot(away[:, 0], away[:, 1]) < _HALT_M]
        return any(_beside(self._way, point) < _ON_WAY_M for point in near)

    def _search(self, state: str) -> Array | None:
        """Without a path on the screen: look slowly around for labels."""
        if len(self._way) or state in ("idle", "done"):
            return None
        angle = math.radians(60.0 * math.sin(self._t_ms / 1500.0) + 90.0)
        return np.array(
            [*(self._walker.position + 2.0 * np.array([math.cos(angle), math.sin(angle)])), 1.2]
        )


def _beside(way: Array, point: Array) -> float:
    """How far a point lies from a way, m."""
    a, d = way[:-1], np.diff(way, axis=0)
    square = np.maximum(np.einsum("ij,ij->i", d, d), 1e-12)
    share = np.clip(np.einsum("ij,ij->i", point - a, d) / square, 0.0, 1.0)
    return float(np.linalg.norm(a + share[:, None] * d - point, axis=1).min())


def _span(way: Array) -> float:
    return float(np.linalg.norm(np.diff(way, axis=0), axis=1).sum())
