"""The training room: one page, one lesson after the other, a score sheet at the end of each.

    school = School(store, page, size=(960, 540))
    page.press = school.press
    page.start()
    school.run()                       # in this thread, until stop()

A lesson is the real guide, vision, overlay and page; only the camera and the hands are made up.
"""

from __future__ import annotations

import queue
import threading
import time
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path
from typing import Any

from ar_picking.app import PickerApp
from ar_picking.desk import OwnDesk
from ar_picking.errors import PickingError
from ar_picking.guide.shop import Shop
from ar_picking.overlay.minimap import plan_view
from ar_picking.sim.drive import Drive
from ar_picking.sim.trainer import closure
from ar_picking.sim.trainer.presses import PRESSES
from ar_picking.sim.trainer.scenarios import BY_KEY, SCENARIOS, Lesson, lesson
from ar_picking.sim.trainer.score import Record, sheet
from ar_picking.sim.trainer.trainee import Trainee
from ar_picking.store.records import Store
from ar_picking.store.shelves import shelves
from ar_picking.vision.camera import Camera
from ar_picking.web.mirror.server import PageServer
from firmware.picker import mapfile

_TRAIN = Path(__file__).parents[2] / "web" / "train"
_SAID_MS = 2500
_IDLE_S = 0.2
_WAITING = 8
FILES = {
    "/app.js": _TRAIN / "app.js",
    "/pad.js": _TRAIN / "pad.js",
    "/lessons.js": _TRAIN / "lessons.js",
    "/train.css": _TRAIN / "train.css",
}
Told = Callable[[dict[str, Any]], None]


def page_of(store: Store, where: tuple[str, int]) -> PageServer:
    """The trainer's page of a store; its lessons come with the map."""
    plan = plan_view(store, shelves(list(store.bins.values())))
    plan["lessons"] = [each.as_json() for each in SCENARIOS]
    return PageServer(*where, plan, files=FILES, presses=PRESSES)


class School:
    """Runs the lessons that the page asks for; `told(sheet)` gets each score sheet. An OSError of it
    goes to the page as "kept": False.
    """

    def __init__(
        self,
        store: Store,
        page: PageServer,
        size: tuple[int, int] = (960, 540),
        told: Told = lambda _: None,
    ) -> None:
        self._store = store
        self._page = page
        self._camera = Camera.from_hfov(*size)
        self._told = told
        self._asked: queue.Queue[str | None] = queue.Queue(_WAITING)
        self._stop = threading.Event()
        self._class: Class | None = None
        self._best: dict[str, int] = {}
        self._last: dict[str, Any] | None = None

    def press(self, action: dict[str, Any]) -> bool:
        """A press of the page, from any thread; False: too many."""
        kind = action["type"]
        running = self._class
        if kind in ("begin", "leave"):
            try:
                self._asked.put_nowait(action["lesson"] if kind == "begin" else None)
            except queue.Full:
                return False
            if running is not None:
                running.app.stop()
            return True
        return running is None or running.press(action)

    def stop(self) -> None:
        """Ask `run` to return; from any thread or a signal handler."""
        self._stop.set()
        if self._class is not None:
            self._class.app.stop()

    def run(self) -> None:
        """Give the lessons that are asked for, until `stop`."""
        while not self._stop.is_set():
            try:
                key = self._asked.get(timeout=_IDLE_S)
            except queue.Empty:
                self._publish_idle()
                continue
            self._last = None
            if key is not None:
                self._give(key)

    def _give(self, key: str) -> None:
        made = lesson(self._store, BY_KEY[key])
        self._class = Class(self._store, made, self._camera, self._page, self._best)
        if self._stop.is_set() or not self._asked.empty():
            self._class = None  # asked for another one meanwhile
            return
        record = self._class.run()
        self._class = None
        if self._stop.is_set() and not record.finished:
            return
        done = sheet(record)
        if record.finished:
            self._best[key] = max(self._best.get(key, 0), done["points"])
        if record.finished or self._asked.empty():
            title = list(made.scenario.title)
            self._last = {
                "lesson": key,
                "title": title,
                "sheet": done,
                "kept": self._keep(key, done),
            }

    def _keep(self, key: str, done: dict[str, Any]) -> bool:
        """Hand a sheet on; a disk that is full ends no lesson, and the page says it."""
        try:
            self._told({"lesson": key, **done})
        except OSError:
            return False
        return True

    def _publish_idle(self) -> None:
        coach = {"lesson": None, "best": dict(self._best), "sheet": None, **(self._last or {})}
        idle: dict[str, Any] = {"type": "tick", "state": "lost", "recording": False, "coach": coach}
        idle |= {"age_ms": None, "to_go_dm": None, "pose": None, "path": [], "tour": []}
        self._page.publish({**idle, "notice": None}, {"type": "view", "view": None}, None)


def _own(store: Store) -> Store:
    """The store with a graph of its own: a guide closes aisles in it, and the next lesson wants them."""
    graph, reason = mapfile.unpack(mapfile.pack(store.graph))
    if graph is None:
        raise PickingError(f"the store's map cannot be copied: {reason}")
    return replace(store, graph=graph)


class Class:
    """One lesson under way; live: by the wall's clock, else as fast as the pictures come."""

    def __init__(
        self,
        store: Store,
        made: Lesson,
        camera: Camera,
        page: PageServer | None,
        best: dict[str, int],
        live: bool = True,
    ) -> None:
        store = _own(store)
        self._made = made
        self._best = best
        self._began = time.monotonic()
        self._said: tuple[tuple[str, str, str], float] | None = None
        self._entries: list[tuple[str, dict[str, Any]]] = []
        blocked = closure.closure(store, made.picklist) if made.scenario.blocked else None
        things = closure.carts(blocked, store) if blocked else ()
        obstacles = ((blocked, closure.RADIUS_M),) if blocked else ()
        self._drive = Drive(store, camera, occluders=things, obstacles=obstacles)
        self.trainee = Trainee(store, self._drive, made, self._tell)
        self._steps: queue.Queue[dict[str, Any]] = queue.Queue(64)
        desk = OwnDesk(Shop.of_store(store), self._entry)
        every = {"type": "confirm", "bin": True, "item": True, "qty": True, "put": True}
        desk.event(every, 0)
        self.app = _LessonApp(self, store, desk, page, live)
        self.app.submit(made.picklist)
        shortest_dm = closure.shortest_dm(store, made.picklist, blocked)
        lines = made.picklist["lines"]
        pieces = sum(made.found.get(line["bin"], line["qty"]) for line in lines)
        self.record = Record(len(lines), pieces, shortest_dm)

    def press(self, action: dict[str, Any]) -> bool:
        """A press of the page, from its thread; it is done between two pictures."""
        try:
            self._steps.put_nowait(action)
        except queue.Full:
            return False
        return True

    def step(self) -> None:
        """What was pressed since the last picture, in the lesson's thread."""
        while True:
            try:
                self.trainee.press(self._steps.get_nowait())
            except queue.Empty:
                return

    def run(self) -> Record:
        """Give the lesson; returns what happened, `finished` only when its list was done."""
        self.app.run(until_done=True)
        record = self.record
        for kind in self.trainee.errors:
            record.error(kind)
        record.hints = self.trainee.hints
        record.walked_dm = round(self._drive.walked_m * 10)
        return record

    def coach(self) -> dict[str, Any]:
        """What the page shows of it beside the guide."""
        trainee, scenario = self.trainee, self._made.scenario
        hand = None
        if trainee.hand is not None:
            name = next(
                (x["name"] for x in self._made.picklist["lines"] if x["bin"] == trainee.hand[0]),
                trainee.hand[0],
            )
            hand = {"bin": trainee.hand[0], "name": name, "pieces": trainee.hand[1]}
        said = None
        if self._said is not None and (time.monotonic() - self._said[1]) * 1000 < _SAID_MS:
            said = list(self._said[0])
        return {
            "lesson": scenario.key,
            "title": list(scenario.title),
            "hand": hand,
            "time_s": self.app.t_ms // 1000,
            "errors": len(trainee.errors),
            "hints": trainee.hints,
            "can_hint": not scenario.guided,
            "said": said,
            "best": dict(self._best),
            "sheet": None,
        }

    def _entry(self, event: str, fields: dict[str, Any]) -> None:
        self.app.entry(event, fields)
        if event == "list_done":
            self.record.finished = True
            self.record.time_ms = self.app.t_ms
            self.record.picked = fields.get("picked", 0)
            self.record.short = fields.get("short", 0)

    def _tell(self, kind: str, zh: str, en: str) -> None:
        self._said = ((kind, zh, en), time.monotonic())


class _LessonApp(PickerApp):
    """The guide with the lesson's hands, and the lesson's line on the page."""

    def __init__(
        self, lesson_: Class, store: Store, desk: OwnDesk, page: PageServer | None, live: bool
    ) -> None:
        self._lesson = lesson_
        trainee = lesson_.trainee
        super().__init__(
            store,
            trainee,
            desk,
            page=page,
            live=live,
            pace=live,
            guided=lambda: trainee.guided,
            watch=trainee.answered,
        )

    def _step(self, t_ms: int) -> None:
        self._lesson.step()
        super()._step(t_ms)

    def more(self) -> dict[str, Any]:
        """As PickerApp: the lesson's own line."""
        return {"coach": self._lesson.coach()}
