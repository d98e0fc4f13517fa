"""`gateway init-site`: make a site: its authorities, its broker's configuration, the gateway's own."""

from __future__ import annotations

import argparse
import os
import sys
from pathlib import Path

HELP = "make a site: certificates, the broker's configuration, the gateway's"


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """Add the options."""
    add = parser.add_argument
    add("--folder", type=Path, required=True, help="the site's folder, to be made")
    add("--config", type=Path, required=True, help="the gateway's TOML file, to be written")
    add("--city", required=True, help="a level of the feed's topics: a-z 0-9 '-'")
    add("--id", required=True, help="the gateway's name: a-z 0-9 '-'")
    add(
        "--host",
        action="append",
        required=True,
        help="a name or address under which devices reach the broker; may be given again",
    )
    add("--bind", default="", help="address of the broker's listeners (default: all)")
    add("--port", type=int, default=8883, help="for devices (default 8883)")
    add("--readers-port", type=int, default=8884, help="for the platform (default 8884)")
    add("--gateway-port", type=int, default=8885, help="for the gateway, loopback (default 8885)")
    add("--data", type=Path, help="the gateway's data (default: FOLDER/data)")
    add("--http-bind", default="127.0.0.1", help="address of the dashboard (default loopback)")
    add("--http-port", type=int, default=8443, help="port of the dashboard (default 8443)")


def run(args: argparse.Namespace) -> int:
    """Make it and say what is next; GatewayError when something is there already."""
    import time

    from gateway.config import load
    from gateway.site.folder import SiteFolder
    from gateway.site.making import Plan, make_site

    folder = SiteFolder(args.folder)
    plan = Plan(
        city=args.city,
        gateway=args.id,
        hosts=tuple(args.host),
        ports={
            "devices": args.port,
            "readers": args.readers_port,
            "gateways": args.gateway_port,
        },
        bind=args.bind,
        data=args.data or folder.path / "data",
        http_bind=args.http_bind,
        http_port=args.http_port,
    )
    make_site(folder, args.config, plan, time.time())
    load(args.config)
    if os.geteuid() == 0:
        print(
            "gateway: made by root, so the broker would run as root: better have the service's own "
            "user make it",
            file=sys.stderr,
        )
    print(f"site: {folder.path}; back it up, and keep ca/*.key where few can reach them")
    print(f"broker: mosquitto -c {folder.config}")
    print(f"gateway: python -m gateway run --config {args.config}")
    print(f"a user: gateway user add NAME --role admin --config {args.config}")
    print(f"a rider: gateway device enrol rider-0001 --kind rider --folder {args.folder} --out DIR")
    return 0
