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
    from ar_picking.app import CameraSource, PickerApp
    from ar_picking.desk import Desk
    from ar_picking.link import TabletLink
    from ar_picking.record import ListFigures
    from ar_picking.store.records import Store

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
        "--camera",
        default="sim",
        metavar="CAMERA",
        help="sim: a simulated picker in the store; 0, 1, ..: a camera of this machine; a stream's "
        "address; or a video file (default sim)",
    )
    parser.add_argument(
        "--calibration",
        type=Path,
        metavar="FILE.json",
        help="of the camera, from `ar calibrate`; without one --hfov and a straight lens are taken",
    )
    parser.add_argument("--window", action="store_true", help="show the picture in a window")
    parser.add_argument(
        "--glasses",
        action="store_true",
        help="for see-through glasses: card and arrow on black, nothing laid over the store",
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
    from ar_picking.record import ListFigures
    from ar_picking.store import folder

    lists = [read_list(path) for path in args.picklist]
    store = folder.load(args.store)

    ends = ListFigures()  # a tablet that takes up what it was at has entries before there is an app

    def entry(event: str, fields: dict[str, Any]) -> None:
        ends.entry(event, fields)
        _print_entry(event, fields)

    link, desk = make_desk(args, store, entry)
    app = make_app(args, desk, store, ends)
    for path, obj in zip(args.picklist, lists, strict=True):
        reason = app.submit(obj)
        if reason:
            raise PickingError(f"{path}: {reason}")
    if app.page is not None:
        app.page.start()
        sys.stderr.write(f"picking page: {app.page.url}\n")
    before = [signal.signal(s, lambda *_: app.stop()) for s in (signal.SIGINT, signal.SIGTERM)]
    try:
        if link is not None:
            link.start()
        summary = app.run(args.seconds, until_done=bool(lists) or args.until_done)
        if link is not None:
            _deliver(link)
    finally:
        if link is not None:
            link.stop()
        if app.page is not None:
            app.page.stop()
        for number, handler in zip((signal.SIGINT, signal.SIGTERM), before, strict=True):
            signal.signal(number, handler)
    _say({"summary": summary})
    return 0


def make_desk(
    args: argparse.Namespace, store: Store, entry: Callable[[str, dict[str, Any]], None]
) -> tuple[TabletLink | None, Desk]:
    """The guide: a tablet's with --broker, which is not started yet; else one of this process."""
    from ar_picking.desk import LinkDesk, OwnDesk
    from ar_picking.guide.shop import Shop
    from ar_picking.link import TabletLink

    shop = Shop.of_store(store)
    if args.broker is None:
        if args.device or args.state:
            raise ConfigError("--device and --state are for a guide with --broker")
        return None, OwnDesk(shop, entry)
    if args.device is None or args.state is None:
        raise ConfigError("--broker needs --device NAME and --state DIR")
    link = TabletLink(args.state, args.device, address(args.broker, "--broker"), shop, entry)
    return link, LinkDesk(link)


def _deliver(link: TabletLink) -> None:
    """Wait until the gateway has everything; what it has not stays in the tablet's log."""
    deadline = time.monotonic() + _DELIVER_S
    while link.pending() and time.monotonic() < deadline:
        time.sleep(0.1)


def make_app(args: argparse.Namespace, desk: Desk, store: Store, ends: ListFigures) -> PickerApp:
    """A guide from parsed options; ConfigError or StoreError say what is wrong with them."""
    from ar_picking.app import PickerApp
    from ar_picking.overlay.minimap import plan_view
    from ar_picking.store.shelves import shelves
    from ar_picking.web.mirror.server import PageServer
    from ar_picking.window import KeyWindow

    if not 0.1 <= args.speed <= 100.0:
        raise ConfigError("--speed must be 0.1 to 100")
    if not 20.0 <= args.hfov <= 120.0:
        raise ConfigError("--hfov must be 20 to 120 degrees")
    size = picture_size(args.size)
    where = None if args.http is None else address(args.http)
    source = _source(args, store, size)
    page = None
    if where is not None:
        plan = plan_view(store, shelves(list(store.bins.values())))
        page = PageServer(*where, plan)
    app = PickerApp(
        store,
        source,
        desk,
        ends=ends,
        refused=_print_refused,
        out=args.out,
        page=page,
        window=KeyWindow("拣货 Picking") if args.window else None,
        speed=args.speed,
        live=args.camera != "sim",
        see_through=args.glasses,
    )
    if page is not None:
        page.press = app.press
    return app


def _source(args: argparse.Namespace, store: Store, size: tuple[int, int]) -> CameraSource:
    """The camera that the words name."""
    from ar_picking.sim.picker import SimPicker
    from ar_picking.sources import LiveCamera, VideoFile
    from ar_picking.vision.camera import Camera

    def camera_of(width: int, height: int) -> Camera:
        if args.calibration is None:
            return Camera.from_hfov(width, height, args.hfov)
        from ar_picking.vision import device_file

        return device_file.load(args.calibration, (width, height))

    words: str = args.camera
    if words == "sim":
        return SimPicker(store, camera_of(*size), seed=args.seed)
    if words.isdigit() or "://" in words:
        return LiveCamera(words, size, camera_of)
    return VideoFile(Path(words), camera_of)


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


def _print_refused(name: str, code: str, why: str) -> None:
    _say({"event": "list_refused", "list": name, "code": code, "reason": why})


def _print_entry(event: str, fields: dict[str, Any]) -> None:
    _say({"event": event, **fields})


def _say(obj: dict[str, Any]) -> None:
    sys.stdout.write(json.dumps(obj, ensure_ascii=False) + "\n")
    sys.stdout.flush()
