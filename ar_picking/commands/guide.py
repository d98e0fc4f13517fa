"""`guide`: its options, and a guide made from them."""

from __future__ import annotations

import argparse
import json
import signal
import sys
import time
from collections.abc import Callable
from pathlib import Path
from typing import TYPE_CHECKING, Any

from ar_picking.errors import ConfigError, PickingError

if TYPE_CHECKING:
    from ar_picking.app import PickerApp
    from ar_picking.link import DeviceLink

HELP = "guide a picker through pick lists"

_MAX_LIST_BYTES = 1_000_000
_DELIVER_S = 20.0


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """Take a store, a camera, lists, and where the picks go."""
    parser.add_argument(
        "--store",
        required=True,
        type=Path,
        metavar="DIR",
        help="store folder (o2o store init makes one)",
    )
    parser.add_argument(
        "--camera", default="sim", help="sim: a simulated picker with a camera in the store"
    )
    parser.add_argument(
        "--http", metavar="HOST:PORT", help="serve the picking page here, on loopback only"
    )
    parser.add_argument(
        "--out",
        type=Path,
        metavar="DIR",
        help="record picking.mp4, frame-*.png and picking.json here",
    )
    parser.add_argument(
        "--picklist",
        type=Path,
        metavar="FILE.json",
        action="append",
        default=[],
        help="pick this list; repeat for more",
    )
    parser.add_argument(
        "--speed",
        type=float,
        default=1.0,
        metavar="N",
        help="let the simulator run up to N times real time (default 1)",
    )
    parser.add_argument(
        "--size", default="960x540", metavar="WxH", help="camera picture (default 960x540)"
    )
    parser.add_argument(
        "--hfov",
        type=float,
        default=70.0,
        metavar="DEG",
        help="horizontal field of view (default 70)",
    )
    parser.add_argument(
        "--seconds", type=float, metavar="N", help="stop after N seconds of the camera's time"
    )
    parser.add_argument(
        "--seed", type=int, default=1, metavar="N", help="noise and gait of the simulator"
    )
    parser.add_argument(
        "--broker",
        metavar="HOST:PORT",
        help="connect to this broker: lists come from the gateway, picks go there",
    )
    parser.add_argument("--device", metavar="NAME", help="with --broker: this tablet's device name")
    parser.add_argument(
        "--state", type=Path, metavar="DIR", help="with --broker: where the tablet keeps its logs"
    )
    parser.add_argument(
        "--until-done", action="store_true", help="end when the lists that came are done"
    )


def run(args: argparse.Namespace) -> int:
    """Run the guide until its lists are done (or for --seconds, or until it is told to stop).

    Journal entries and the summary are JSON lines on stdout; with --broker the entries go to the
    gateway as well, and the program ends only when the gateway has them (or after 20 s).
    """
    lists = [read_list(path) for path in args.picklist]
    link: DeviceLink | None = None

    def journal(event: str, fields: dict[str, Any]) -> None:
        if link is not None:
            link.journal(event, fields)
        _print_entry(event, fields)

    app = make_app(args, journal)
    for path, obj in zip(args.picklist, lists, strict=True):
        reason = app.submit(obj)
        if reason:
            raise PickingError(f"{path}: {reason}")
    app.start()
    if app.url:
        sys.stderr.write(f"picking page: {app.url}\n")
    before = [signal.signal(s, lambda *_: app.stop()) for s in (signal.SIGINT, signal.SIGTERM)]
    link = make_link(args, app)
    try:
        summary = app.run(args.seconds, until_done=bool(lists) or args.until_done)
        if link is not None:
            _deliver(link)
    finally:
        if link is not None:
            link.stop()
        for number, handler in zip((signal.SIGINT, signal.SIGTERM), before, strict=True):
            signal.signal(number, handler)
    _say({"summary": summary})
    return 0


def make_link(args: argparse.Namespace, app: PickerApp) -> DeviceLink | None:
    """The tablet's connection to the gateway, started; None without --broker."""
    if args.broker is None:
        if args.device or args.state:
            raise ConfigError("--device and --state are for a guide with --broker")
        return None
    if args.device is None or args.state is None:
        raise ConfigError("--broker needs --device NAME and --state DIR")
    from ar_picking.link import DeviceLink

    link = DeviceLink(args.state, args.device, address(args.broker, "--broker"), app.submit)
    link.start()
    return link


def _deliver(link: DeviceLink) -> None:
    """Wait until the gateway has everything; what it has not stays in the tablet's log."""
    deadline = time.monotonic() + _DELIVER_S
    while link.pending() and time.monotonic() < deadline:
        time.sleep(0.1)


def make_app(args: argparse.Namespace, journal: Callable[[str, dict[str, Any]], None]) -> PickerApp:
    """A guide from parsed options; ConfigError or StoreError say what is wrong with them."""
    from ar_picking.app import PickerApp
    from ar_picking.sim.picker import SimPicker
    from ar_picking.store import folder
    from ar_picking.vision.camera import Camera

    if args.camera != "sim":
        raise ConfigError(f"--camera {args.camera}: only 'sim' is built so far")
    if not 0.1 <= args.speed <= 100.0:
        raise ConfigError("--speed must be 0.1 to 100")
    if not 20.0 <= args.hfov <= 120.0:
        raise ConfigError("--hfov must be 20 to 120 degrees")
    camera = Camera.from_hfov(*picture_size(args.size), args.hfov)
    store = folder.load(args.store)
    source = SimPicker(store, camera, seed=args.seed)
    http = None if args.http is None else address(args.http)
    return PickerApp(store, source, journal=journal, out=args.out, http=http, speed=args.speed)


def read_list(path: Path) -> Any:
    """The JSON of a pick list file; PickingError when it is none."""
    data = path.read_bytes()
    if len(data) > _MAX_LIST_BYTES:
        raise PickingError(f"{path}: larger than {_MAX_LIST_BYTES // 1000} kB")
    try:
        return json.loads(data.decode("utf-8-sig"))
    except UnicodeDecodeError:
        raise PickingError(f"{path}: not UTF-8") from None
    except (json.JSONDecodeError, RecursionError) as fault:
        raise PickingError(f"{path}: not JSON: {fault}") from None


def picture_size(words: str) -> tuple[int, int]:
    """'960x540' as (960, 540); 320x240 to 1920x1080, even numbers because video needs them."""
    width, _, height = words.partition("x")
    if not (width.isascii() and width.isdigit() and height.isascii() and height.isdigit()):
        raise ConfigError(f"--size {words}: write it like 960x540")
    size = int(width), int(height)
    if not (320 <= size[0] <= 1920 and 240 <= size[1] <= 1080) or size[0] % 2 or size[1] % 2:
        raise ConfigError(f"--size {words}: from 320x240 to 1920x1080, even numbers")
    return size


def address(words: str, option: str = "--http") -> tuple[str, int]:
    """'127.0.0.1:8081' as (host, port)."""
    host, colon, port = words.rpartition(":")
    if not colon or not (port.isascii() and port.isdigit()) or int(port) > 65535:
        raise ConfigError(f"{option} {words}: write it like 127.0.0.1:8081")
    return host.strip("[]") or "127.0.0.1", int(port)


def _print_entry(event: str, fields: dict[str, Any]) -> None:
    _say({"event": event, **fields})


def _say(obj: dict[str, Any]) -> None:
    sys.stdout.write(json.dumps(obj, ensure_ascii=False) + "\n")
    sys.stdout.flush()
