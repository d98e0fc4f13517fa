"""The demo's course: start everything, let it run, hurt it if asked, drain, and settle the accounts."""

import contextlib
import sys
import time
from dataclasses import dataclass
from datetime import timedelta
from pathlib import Path
from typing import Any

from tools.demo.accounts import Account, Ledger
from tools.demo.backend import Backend
from tools.demo.children import Child, Children, wait_for
from tools.demo.folder import Claim, check_room
from tools.demo.picking import Picking
from tools.demo.rider import Rider
from tools.demo.rides import Ride, plan
from tools.demo.site import CITY, Site, check_free, free_ports
from tools.demo.summary import Outcome, show_summary
from tools.demo.threads import ThreadWatch
from tools.image import HEAP
from tools.parts import require
from tools.simulate import sentences

_UNTIL_THEY_RIDE = timedelta(seconds=3)  # boards and guide take about so long to start
_RESTART_S = 2.0
_DRAIN_S = 20.0
_PICKING_GRACE_S = 6.0  # a list that is nearly done may be finished
_SENSORS = (("bthome", 4.0), ("ruuvi5", -19.0), ("bthome", 3.2))


@dataclass(frozen=True, slots=True)
class Options:
    """What the command line asked for; `kills` are (second, name)."""

    nmea: Path | None
    track: Path | None
    shift: bool
    once: bool
    seconds: float | None
    kills: tuple[tuple[float, str], ...]
    picking: bool
    broker: str
    http_port: int
    picking_port: int
    out: Path


class Demo:
    """One run of the demo."""

    def __init__(self, options: Options):
        self._options = options
        self._begin = time.monotonic()
        self._folder = options.out / "demo"
        self._threads = ThreadWatch(self._folder / "threads.log")
        self._riders: list[Rider] = []
        self._orders: dict[str, str] = {}
        self._homes: dict[str, tuple[int, int]] = {}

    def run(self) -> int:
        """Run it all; 0 only if nothing was lost."""
        options = self._options
        # A bad file is told before anything is started.
        rides = plan(options.nmea, options.track, options.shift, options.seconds)
        self._say("MicroPython ...")
        require("micropython")  # fetched when it is not here yet
        for port, name in (
            (options.http_port, "--http-port"),
            (options.picking_port, "--picking-port"),
        ):
            if port:
                check_free(port, name)
        claim = Claim(self._folder)
        try:
            check_room(self._folder)
            with self._threads:
                return self._run(rides)
        finally:
            claim.release()

    def _run(self, rides: list[Ride]) -> int:
        options = self._options
        children = Children(self._folder)
        backend: Backend | None = None
        picking: Picking | None = None
        try:
            site = Site(self._folder, children, options.http_port, options.broker)
            self._say("broker ...")
            site.start_broker()
            self._say(f"{site.broker_name} on port {site.broker_port}; gateway ...")
            site.start_gateway()
            backend = Backend(site.broker_port, CITY, lambda order: self._hand_over(site, order))
            backend.start()
            self._say("gateway is ready; radio ...")
            self._make_riders(rides)
            site.start_air(self._air_spec())
            for rider in self._riders:
                rider.start_board(children, site.broker_port)
            self._say(f"{len(self._riders)} boards switched on (MicroPython, heap {HEAP})")
            if options.picking:
                picking = Picking(self._folder, children, site, options.picking_port, options.once)
                picking.start()
                self._say("picker's guide is up")
            self._assign(site, children, backend)
            if picking is not None:
                picking.send_list()
            for rider in self._riders:
                rider.receiver.start()
            self._say_where(site, picking)
            self._course(site, children, backend, picking)
            return self._settle(site, backend, picking)
        except KeyboardInterrupt:
            self._say("stopping")
            return 130
        finally:
            for rider in self._riders:
                rider.receiver.halt()
            if backend is not None:
                backend.stop()
            children.stop()
            for rider in self._riders:
                with contextlib.suppress(OSError):
                    rider.receiver.close()

    # -- riders -------------------------------------------------------------------------------------

    def _make_riders(self, rides: list[Ride]) -> None:
        ports = free_ports(len(rides))
        start = sentences.now_on_the_second()
        for number, ride in enumerate(rides):
            kind, base_c = _SENSORS[number]
            sensor = {
                "address": f"C4:38:00:00:00:{number + 1:02X}",
                "name": f"box-{number + 1}",
                "format": kind,
                "base_c": base_c,
                "boards": [number],
            }
            device = f"rider-{number + 1:04d}"
            bursts = ride.bursts(start + _UNTIL_THEY_RIDE)
            # Two show that every single position arrives, the third reports as a rider's board would.
            profile = "adaptive" if number == 2 else "every-epoch"
            folder = self._folder / device
            rider = Rider(device, folder, bursts, [sensor], ports[number], profile)
            self._riders.append(rider)
            self._orders[device] = f"A{1001 + number}"
            self._homes[device] = ride.end()

    def _air_spec(self) -> dict[str, Any]:
        return {
            "boards": [rider.radio_port for rider in self._riders],
            "sensors": [sensor for rider in self._riders for sensor in rider.sensors],
            "interval_ms": 500,
        }

    def _assign(self, site: Site, children: Children, backend: Backend) -> None:
        """Give each rider an order, once their boards have said hello."""
        devices = {rider.device for rider in self._riders}
        wait_for(
            lambda: devices <= set(backend.devices().values()), 30, children, "the boards' uplink"
        )
        for rider in self._riders:
            lat_e7, lon_e7 = self._homes[rider.device]
            order = {
                "order": self._orders[rider.device],
                "device": rider.device,
                "drop": {"lat_e7": lat_e7, "lon_e7": lon_e7},
            }
            refused = site.post("/orders", order)
            if refused:
                self._say(f"order {order['order']} was refused: {refused}")

    def _hand_over(self, site: Site, order: str) -> None:
        """The customer has the goods: the platform says so, as its e-sign system would."""
        site.post("/orders", {"order": order, "action": "handed_over"})

    # -- the course ---------------------------------------------------------------------------------

    def _course(
        self, site: Site, children: Children, backend: Backend, picking: Picking | None
    ) -> None:
        options = self._options
        begin = time.monotonic()
        kills = list(options.kills)
        restarts: list[tuple[float, Child]] = []
        told = 0.0
        while True:
            t_s = time.monotonic() - begin
            self._threads.check()
            while kills and kills[0][0] <= t_s:
                _, name = kills.pop(0)
                child = self._victim(site, name)
                if any(each is child for _, each in restarts):
                    self._say(f"{child.name} is dead already and about to be started again")
                    continue
                child.kill()
                self._say(f"kill -9 {child.name}")
                restarts.append((t_s + _RESTART_S, child))
            for due, child in list(restarts):
                if due <= t_s:
                    child.start()
                    self._say(f"{child.name} started again")
                    restarts.remove((due, child))
            if not restarts:
                children.check()
            if t_s - told >= 5:
                told = t_s
                self._say_progress(backend, picking)
            if picking is not None and not restarts:
                picking.follow(backend)
            ridden = all(rider.receiver.done for rider in self._riders)
            picked = picking is None or picking.done(backend)
            if not restarts and not kills and self._is_over(t_s, ridden, picked):
                return
            time.sleep(0.1)

    def _is_over(self, t_s: float, ridden: bool, picked: bool) -> bool:
        """Tell whether the course is run: everything done, or the time for it used up."""
        seconds = self._options.seconds
        if seconds is None:
            return False
        return t_s >= seconds + (0 if picked else _PICKING_GRACE_S) or (
            self._options.once and ridden and picked
        )

    def _victim(self, site: Site, name: str) -> Child:
        if name == "board":
            child = self._riders[0].board
        else:
            child = site.gateway if name == "gateway" else site.broker
        assert child is not None
        return child

    def _settle(self, site: Site, backend: Backend, picking: Picking | None) -> int:
        """Wait until what was written has come out, then draw the line."""
        for rider in self._riders:
            rider.receiver.halt()
        self._say("riders stopped; waiting for the last records")
        ledger = Ledger(self._folder / "gateway", backend)
        deadline = time.monotonic() + _DRAIN_S
        time.sleep(0.5)  # the boards close their last epoch when the line is quiet
        while time.monotonic() < deadline:
            self._threads.check()
            devices = [(rider.device, rider.written()) for rider in self._riders]
            if picking is not None:
                devices.append((picking.device, picking.written()))
            if not any(ledger.missing(device, written) for device, written in devices):
                break
            time.sleep(0.5)
        accounts: list[Account] = [
            ledger.account(rider.device, rider.written(), rider.epochs()) for rider in self._riders
        ]
        if picking is not None:
            accounts.append(ledger.account(picking.device, picking.written(), []))
        took_s = time.monotonic() - self._begin
        board_was_off = any(name == "board" for _, name in self._options.kills)
        if board_was_off:
            # What a receiver says while its board is off is not recorded: that is no loss of ours.
            accounts[0].epochs = accounts[0].epochs_right
        faults = [fault for account in accounts for fault in account.faults()]
        if picking is not None and not picking.done(backend):
            faults.append(
                f"picking was not done within the time ({picking.progress(backend)}): "
                "--seconds N gives it longer"
            )
        self._threads.check()
        outcome = Outcome(
            accounts,
            picking.result() if picking is not None else None,
            site.figures(),
            faults,
            backend.malformed,
            took_s,
        )
        show_summary(outcome, self._folder)
        return 1 if faults else 0

    # -- words --------------------------------------------------------------------------------------

    def _say(self, text: str) -> None:
        print(f"[{time.monotonic() - self._begin:5.1f} s] {text}", file=sys.stderr, flush=True)

    def _say_where(self, site: Site, picking: Picking | None) -> None:
        self._say(f"dashboard   {site.page}")
        self._say(f"api token   {site.token_file}")
        if picking is not None:
            self._say(f"picking     http://127.0.0.1:{picking.http_port}/")
        self._say(f"feed        mqtt://127.0.0.1:{site.broker_port}  topic o2o/v1/{CITY}/#")
        self._say(f"logs        {self._folder}/*.log")
        if not self._options.once:
            self._say("Ctrl-C ends it")

    def _say_progress(self, backend: Backend, picking: Picking | None) -> None:
        records, streams = backend.snapshot()
        fixes, temps = len(streams.get("fix", [])), len(streams.get("temp", []))
        alerts = len(streams.get("alert", []))
        line = f"feed: {len(records)} records, {fixes} fixes, {temps} readings, {alerts} alerts"
        if picking is not None:
            line += f"; {picking.progress(backend)}"
        self._say(line)
