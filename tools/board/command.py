"""`o2o board`: flash, provision, logs, shell, sim, sizes, package, partitions."""

import argparse
import json
import subprocess
import sys
from pathlib import Path

from tools.errors import ToolError, UsageError
from tools.image import HEAP

HELP = "flash, provision and read boards through mpremote; simulate one"
_ARCHS = ("xtensawin", "armv7emsp", "x64")


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """Declare the command line."""
    verbs = parser.add_subparsers(dest="verb", required=True, metavar="VERB")
    flash = verbs.add_parser("flash", help="bring a board to this version, whatever it has")
    flash.add_argument("port", help="serial port, e.g. /dev/ttyACM0, or a simulated board's pty")
    flash.add_argument(
        "--no-confirm",
        action="store_true",
        help="leave the new slot on trial: 3 starts to prove it",
    )
    flash.add_argument("--listen-s", type=float, default=2.5, metavar="S", help="self-test's wait")
    provision = verbs.add_parser("provision", help="give a board its configuration and its key")
    provision.add_argument("port")
    provision.add_argument("--config", type=Path, required=True, metavar="FILE")
    for name, what in (("ca", "the broker's CA"), ("cert", "certificate"), ("key", "private key")):
        provision.add_argument(f"--{name}", type=Path, metavar="FILE", help=f"{what}, PEM or DER")
    logs = verbs.add_parser("logs", help="the board's records as JSON lines, or its console")
    logs.add_argument("port")
    logs.add_argument("--log", choices=("evidence", "track"), help="one of the rings; else both")
    logs.add_argument("--follow", action="store_true", help="restart it and show what it prints")
    logs.add_argument("--seconds", type=float, metavar="S", help="with --follow: stop after S")
    shell = verbs.add_parser("shell", help="mpremote's prompt on the board")
    shell.add_argument("port")
    sim = verbs.add_parser("sim", help="a simulated board on a pty, until Ctrl-C")
    sim.add_argument("--root", type=Path, default=Path("out/board"), metavar="DIR")
    sim.add_argument("--heap", default=HEAP, metavar="SIZE", help=f"e.g. {HEAP} (default)")
    sim.add_argument("--seconds", type=float, metavar="S", help="stop after S")
    sizes = verbs.add_parser("sizes", help="compile every device file, and what that takes")
    sizes.add_argument("--arch", choices=_ARCHS, action="append", help="default: all")
    package = verbs.add_parser("package", help="write package.json for mip")
    package.add_argument("--check", action="store_true", help="change nothing, only compare")
    table = verbs.add_parser("partitions", help="check a partition table, and show it")
    table.add_argument("--mb", type=int, choices=(8, 16), default=8, help="flash size")


def run(args: argparse.Namespace) -> int:
    """Carry out one verb."""
    return int(_VERBS[args.verb](args))


def _flash(args: argparse.Namespace) -> int:
    from tools.board.flash import flash

    if not 0 <= args.listen_s <= 60:
        raise UsageError(f"--listen-s is 0 to 60 seconds, not {args.listen_s:g}")
    report = flash(args.port, confirm=not args.no_confirm, listen_ms=int(args.listen_s * 1000))
    print(json.dumps(report))
    if not report["ok"]:
        back = report["selftest"].get("back_to")
        kept = f"slot {back} starts again" if back else "there is no other slot to go back to"
        print(f"o2o board: the self-test failed; {kept}", file=sys.stderr)
        return 1
    return 0


def _provision(args: argparse.Namespace) -> int:
    from tools.board.provision import provision

    keys = {"ca": args.ca, "cert": args.cert, "key": args.key}
    print(json.dumps(provision(args.port, args.config, keys)))
    return 0


def _logs(args: argparse.Namespace) -> int:
    from tools.board.link import Link
    from tools.board.rings import copy, records

    if args.seconds is not None and not args.follow:
        raise UsageError("--seconds goes with --follow")
    _check_seconds(args.seconds)
    with Link(args.port) as link:
        if args.follow:
            link.follow(args.seconds)
            return 0
        for name in (args.log,) if args.log else ("evidence", "track"):
            for record in records(copy(link, name), name):
                print(json.dumps(record, ensure_ascii=False))
        link.reset()
    return 0


def _shell(args: argparse.Namespace) -> int:
    if not Path(args.port).exists():
        raise ToolError(f"no port {args.port}")
    return subprocess.call([sys.executable, "-m", "mpremote", "connect", args.port, "repl"])


def _sim(args: argparse.Namespace) -> int:
    import time

    from tools.board.sim import SimulatedBoard

    _check_seconds(args.seconds)
    digits = args.heap.rstrip("kKmM")
    if not digits.isdigit() or len(args.heap) - len(digits) > 1:
        raise UsageError(f"--heap is a size like 120k or 2m, not {args.heap}")
    board = SimulatedBoard(args.root, args.heap)
    path = board.power_on()
    print(json.dumps({"port": path, "root": str(board.root), "simulated": True}), flush=True)
    try:
        board.serve(None if args.seconds is None else time.monotonic() + args.seconds)
    except KeyboardInterrupt:
        print("o2o board: the simulated board is off", file=sys.stderr)
    finally:
        board.stop()
    return 0


def _check_seconds(seconds: float | None) -> None:
    if seconds is not None and not seconds > 0:  # "nan" is no number above 0 either
        raise UsageError("--seconds is a number above 0")


def _sizes(args: argparse.Namespace) -> int:
    from tools.image import build

    for arch in args.arch or _ARCHS:
        image = build(arch, "unix" if arch == "x64" else "esp32s3")
        largest = sorted(image.parts, key=lambda part: -part.size)[:3]
        print(
            json.dumps(
                {
                    "arch": arch,
                    "files": len(image.parts),
                    "mpy_bytes": sum(part.size for part in image.parts),
                    "image_bytes": len(image.data),
                    "largest": {part.name: part.size for part in largest},
                }
            )
        )
    return 0


def _package(args: argparse.Namespace) -> int:
    from tools.board.package import PACKAGE, package

    text = package()
    if args.check:
        if not PACKAGE.exists() or PACKAGE.read_text(encoding="utf-8") != text:
            raise ToolError(f"{PACKAGE.name} is not current; run: o2o board package")
        return 0
    PACKAGE.write_text(text, encoding="utf-8")
    print(PACKAGE.name)
    return 0


def _partitions(args: argparse.Namespace) -> int:
    from tools.board.partitions import KIB, TABLES, faults, read

    table = read(TABLES[args.mb])
    for each in table:
        print(json.dumps({"name": each.name, "offset": hex(each.offset), "kib": each.size / KIB}))
    if told := faults(table, args.mb * KIB * KIB):
        raise ToolError("; ".join(told))
    return 0


_VERBS = {
    "flash": _flash,
    "provision": _provision,
    "logs": _logs,
    "shell": _shell,
    "sim": _sim,
    "sizes": _sizes,
    "package": _package,
    "partitions": _partitions,
}
