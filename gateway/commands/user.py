"""`gateway user`: who may use the gateway's HTTP. Works while the gateway runs."""

from __future__ import annotations

import argparse
import getpass
import sys
from pathlib import Path
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from gateway.config import Config
    from gateway.web.users import Users

HELP = "add, list and remove users of the page, API tokens and log-in links"
_PASSWORD_LINE_MAX = 4_096


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """Add what to do, to whom, and --config."""
    parser.add_argument("what", choices=("add", "list", "remove", "token", "link"))
    parser.add_argument("name", nargs="?", help="the user; not for list")
    parser.add_argument("--role", choices=("viewer", "dispatcher", "admin"), help="for add")
    parser.add_argument(
        "--no-password", action="store_true", help="add: let in by tokens and links only"
    )
    parser.add_argument("--remove", metavar="ID", help="token: take this one back")
    parser.add_argument("--config", type=Path, required=True, help="the gateway's TOML file")


def run(args: argparse.Namespace) -> int:
    """Do it; exit code 1 when it cannot be done, 2 for a wrong configuration or command line."""
    from gateway.config import load
    from gateway.errors import ConfigError
    from gateway.web.users import Users

    config = load(args.config)
    users = Users(config.site.data / "users.json")
    if args.what == "list":
        _list(users)
        return 0
    if not args.name:
        raise ConfigError(f"`gateway user {args.what}` needs a name")
    if args.what == "add":
        _add(users, args)
    elif args.what == "remove":
        users.remove(args.name)
        print(f"{args.name} is removed; sessions and tokens have ended")
    elif args.what == "token" and args.remove:
        users.remove_token(args.name, args.remove)
        print(f"token {args.remove} of {args.name} is taken back")
    elif args.what == "token":
        print(users.add_token(args.name))
        print("this is shown once; send it as `Authorization: Bearer TOKEN`", file=sys.stderr)
    else:
        print(f"{_address(config)}/login#link={users.add_link(args.name)}")
        print("works once, within 10 minutes", file=sys.stderr)
    return 0


def _add(users: Users, args: argparse.Namespace) -> None:
    from gateway.errors import ConfigError

    known = users.user(args.name)
    role = args.role or (known.role if known else None)
    if role is None:
        raise ConfigError("a new user needs --role viewer, dispatcher or admin")
    password = None if args.no_password else _ask()
    users.put(args.name, role, password)
    ended = "; sessions of before have ended" if known and password is not None else ""
    print(f"{args.name} is {role}{ended}")


def _ask() -> str:
    """Read a new password, from the terminal twice, else a line of stdin; never as an argument."""
    from gateway.errors import GatewayError

    if not sys.stdin.isatty():
        line = sys.stdin.readline(_PASSWORD_LINE_MAX)
        if not line:
            raise GatewayError("no password on stdin; give one line, or --no-password")
        return line.rstrip("\r\n")
    first = getpass.getpass("password: ")
    if getpass.getpass("again: ") != first:
        raise GatewayError("the two are not the same; nothing was changed")
    return first


def _list(users: Users) -> None:
    for user in users.all():
        tokens = ", ".join(each.id for each in user.tokens) or "none"
        password = "password" if user.password else "no password"
        print(f"{user.name}  {user.role}  {password}  tokens: {tokens}")


def _address(config: Config) -> str:
    from gateway.web.front import host_of

    return f"{'https' if config.http.cert else 'http'}://{host_of(config.http)}:{config.http.port}"
