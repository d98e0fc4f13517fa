"""`serve`: the edge box for tablets; its options, and a box made from them."""

from __future__ import annotations

import argparse
import asyncio
import json
import signal
import ssl
import sys
from pathlib import Path
from typing import TYPE_CHECKING, Any

from ar_picking.commands.guide import address
from ar_picking.errors import ConfigError

if TYPE_CHECKING:
    from ar_picking.web.certificate import SiteCertificate
    from ar_picking.web.serve import EdgeBox

HELP = "be the edge box: serve the tablets' page, and see for their cameras"

_RENEW_S = 86_400.0


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """Take a store, where to listen, the broker, certificates and who may pair."""
    folder = {"type": Path, "metavar": "DIR"}
    file = {"type": Path, "metavar": "FILE"}
    add: Any = parser.add_argument
    add("--store", required=True, help="store folder (o2o store init makes one)", **folder)
    add("--http", required=True, metavar="HOST:PORT", help="serve the page here, e.g. 0.0.0.0:8443")
    add(
        "--broker",
        metavar="HOST:PORT",
        help="the site's broker: lists come from it, picks go there",
    )
    add(
        "--broker-ca",
        help="the broker speaks TLS, with a certificate by this authority (PEM)",
        **file,
    )
    add("--broker-cert", help="with --broker-ca: what this box shows the broker (PEM)", **file)
    add("--broker-key", help="with --broker-cert: its key", **file)
    add("--tls-cert", help="the box's certificate with its chain (PEM)", **file)
    add("--tls-key", help="its key, without a password", **file)
    add(
        "--self-signed",
        help="without one: keep an authority and a certificate of our own here",
        **folder,
    )
    add(
        "--name",
        action="append",
        default=[],
        metavar="HOST",
        help="a name of this box; may be repeated",
    )
    add("--wasm", help="folder with micropython.mjs and micropython.wasm for the page", **folder)
    add("--clips", help="folder with spoken hints (o2o ar clips makes one)", **folder)
    add("--devices", help="folder with cameras' calibrations, SERIAL.json", **folder)
    add(
        "--pickers",
        default="picker-0001",
        metavar="NAME,..",
        help="tablets that may pair (picker-0001)",
    )
    add("--state", help="where pairings are kept over a restart", **folder)
    add(
        "--admin",
        default="127.0.0.1:0",
        metavar="HOST:PORT",
        help="the set-up page, on loopback only",
    )
    add("--workers", type=int, metavar="N", help="threads for vision (cores less one, 4 at most)")


def run(args: argparse.Namespace) -> int:
    """Serve until told to stop; JSON lines on stdout, words for a person on stderr."""
    import cv2

    cv2.setNumThreads(
        1
    )  # the pool's threads are the parallel ones; more would only wait for each other
    asyncio.run(_serve(args))
    return 0


async def _serve(args: argparse.Namespace) -> None:
    from ar_picking.web.admin import console

    box, certificate, context = make_box(args)
    pairings = box.pairings
    end = asyncio.Event()
    loop = asyncio.get_running_loop()
    for number in (signal.SIGINT, signal.SIGTERM):
        loop.add_signal_handler(number, end.set)
    try:
        await box.start()
        _say({"event": "serving", "url": box.url, "admin": box.admin_url})
        sys.stderr.write(f"tablets: {box.url}\nset-up: {box.admin_url}\n")
        if certificate is not None:
            sys.stderr.write(f"tablets have to trust {certificate.ca_path} once\n")
        if args.state is None:
            sys.stderr.write("without --state DIR tablets are paired anew after a restart\n")
        for device in pairings.devices:
            if pairings.paired_since_s(device) is None:
                words, code = console(pairings, device, box.url, sys.stderr.isatty())
                sys.stderr.write(words)
                _say({"event": "pair", "device": device, "url": f"{box.url}#pair={code}"})
        while not end.is_set():
            try:
                await asyncio.wait_for(end.wait(), _RENEW_S)
            except TimeoutError:
                _renew(args, certificate, context)
    finally:
        await box.stop()
        _say({"event": "stopped", "figures": box.figures()})


def _renew(
    args: argparse.Namespace, certificate: SiteCertificate | None, context: ssl.SSLContext | None
) -> None:
    """Make our own certificate anew when it is time, or read again what the site has put in place."""
    if context is None:
        return
    try:
        paths = (args.tls_cert, args.tls_key)
        if certificate is not None:
            certificate.renew()
            paths = certificate.paths
        context.load_cert_chain(*paths)  # new connections get it
    except (OSError, ConfigError) as fault:
        sys.stderr.write(f"the certificate stays as it is: {fault}\n")


def make_box(
    args: argparse.Namespace,
) -> tuple[EdgeBox, SiteCertificate | None, ssl.SSLContext | None]:
    """A box from parsed options; ConfigError or StoreError say what is wrong with them."""
    from ar_picking.store import folder
    from ar_picking.web import certificate as certificates
    from ar_picking.web.guard import is_loopback
    from ar_picking.web.handout import files
    from ar_picking.web.mqtt_gate import MqttGate
    from ar_picking.web.pairing import Pairings
    from ar_picking.web.serve import Box, EdgeBox

    http, admin = address(args.http), address(args.admin, "--admin")
    if not is_loopback(admin[0]):
        raise ConfigError(f"--admin is on loopback only, not on '{admin[0]}'; use 127.0.0.1:PORT")
    if args.workers is not None and not 1 <= args.workers <= 32:
        raise ConfigError("--workers is 1 to 32")
    if args.devices is not None and not args.devices.is_dir():
        raise ConfigError(f"--devices {args.devices} is not a folder")
    names = [*certificates.own_names(http[0]), *(name.lower() for name in args.name)]
    certificate, context = _tls(args, http[0], names)
    if args.tls_cert is not None:
        names += certificates.names_of(args.tls_cert)
    broker = None if args.broker is None else address(args.broker, "--broker")
    broker_tls = _broker_tls(args)
    store = folder.load(args.store)
    box: EdgeBox | None = None

    def end(device: str) -> None:
        if box is not None:
            box.sockets.end(device)

    more = {} if args.workers is None else {"workers": args.workers}
    box = EdgeBox(
        Box(
            store=store,
            http=http,
            pairings=Pairings(args.pickers.split(","), args.state, end),
            files=files(store, args.wasm, args.clips),
            tls=context,
            names=names,
            shown=args.name[0].lower() if args.name else "",
            admin=admin,
            gate=None if broker is None else MqttGate(broker, broker_tls),
            devices=args.devices,
            wear=args.store,
            **more,
        )
    )
    return box, certificate, context


def _tls(
    args: argparse.Namespace, host: str, names: list[str]
) -> tuple[SiteCertificate | None, ssl.SSLContext | None]:
    from ar_picking.web.certificate import SiteCertificate, server_context
    from ar_picking.web.guard import is_loopback

    if (args.tls_cert is None) != (args.tls_key is None):
        raise ConfigError("--tls-cert and --tls-key go together")
    if args.tls_cert is not None and args.self_signed is not None:
        raise ConfigError("--tls-cert or --self-signed, not both")
    if args.tls_cert is not None:
        return None, server_context(args.tls_cert, args.tls_key)
    if args.self_signed is not None:
        certificate = SiteCertificate(args.self_signed, names)
        return certificate, server_context(*certificate.paths)
    if not is_loopback(host):
        raise ConfigError(
            f"a browser opens no camera over plain http on '{host}': give --tls-cert and --tls-key, "
            "or --self-signed DIR"
        )
    return None, None


def _broker_tls(args: argparse.Namespace) -> ssl.SSLContext | None:
    if args.broker_ca is None:
        if args.broker_cert is not None or args.broker_key is not None:
            raise ConfigError("--broker-cert and --broker-key are for a broker with --broker-ca")
        return None
    if args.broker is None or (args.broker_cert is None) != (args.broker_key is None):
        raise ConfigError("--broker-ca needs --broker; --broker-cert and --broker-key go together")
    try:
        context = ssl.create_default_context(cafile=args.broker_ca)
        if args.broker_cert is not None:
            context.load_cert_chain(args.broker_cert, args.broker_key)
    except OSError as fault:
        raise ConfigError(
            f"--broker-ca, --broker-cert or --broker-key: {fault.strerror or fault}"
        ) from None
    return context


def _say(obj: dict[str, Any]) -> None:
    sys.stdout.write(json.dumps(obj, ensure_ascii=False) + "\n")
    sys.stdout.flush()
