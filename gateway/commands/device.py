"""`gateway device`: enrol, renew, revoke, replace and list who may connect to a site's broker."""

from __future__ import annotations

import argparse
import json
import sys
import time
from pathlib import Path
from typing import TYPE_CHECKING, Any

from gateway.errors import GatewayError

if TYPE_CHECKING:
    from gateway.site.enrolment import Change, Issued
    from gateway.site.folder import SiteFolder
    from gateway.site.ledger import Entry

HELP = "let devices and readers in and out: enrol, renew, revoke, replace, list"
_DAYS_MAX = 3_650
_DAY_S = 86_400


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """Add the verbs with their options."""
    verbs = parser.add_subparsers(dest="verb", required=True)
    enrol = verbs.add_parser("enrol", help="let new ones in")
    enrol.add_argument("names", nargs="+", metavar="NAME")
    enrol.add_argument(
        "--kind", required=True, choices=("rider", "picker", "door", "reader", "gateway")
    )
    enrol.add_argument(
        "--may", default="", help="of a reader: feed, roster, intake, with commas between"
    )
    renew = verbs.add_parser("renew", help="a new certificate; the old one is good until its end")
    renew.add_argument("names", nargs="+", metavar="NAME")
    revoke = verbs.add_parser("revoke", help="shut out, at once")
    revoke.add_argument("names", nargs="+", metavar="NAME")
    replace = verbs.add_parser(
        "replace", help="another board for NAME, or NEW in the place of NAME"
    )
    replace.add_argument("names", nargs=1, metavar="NAME")
    replace.add_argument("new", nargs="?", default="", metavar="NEW")
    listing = verbs.add_parser("list", help="one JSON line each")
    listing.add_argument("--due", action="store_true", help="only those to be renewed")
    for verb in (enrol, renew, replace):
        verb.add_argument("--out", type=Path, help="folder for certificate, key, configuration")
        verb.add_argument("--csr", type=Path, help="a signing request: the key stays where it is")
        verb.add_argument(
            "--days", type=int, help="how long it is good (default: 365, servers 730)"
        )
    for verb in (revoke, replace):
        verb.add_argument(
            "--wait-s", type=float, default=10.0, help="for the running gateway (default 10)"
        )
    for verb in (enrol, renew, revoke, replace, listing):
        verb.add_argument("--folder", type=Path, required=True, help="the site's folder")


def run(args: argparse.Namespace) -> int:
    """Run a verb; GatewayError says what is wrong, and then nothing was changed."""
    from gateway.site.folder import SiteFolder

    folder = SiteFolder(args.folder)
    if args.verb == "list":
        return _list(folder, args.due)
    if len(set(args.names)) != len(args.names):
        raise GatewayError("a name is given twice")
    if args.verb == "revoke":
        return _revoke(folder, args)
    if args.days is not None and not 1 <= args.days <= _DAYS_MAX:
        raise GatewayError(f"--days takes 1 to {_DAYS_MAX}")
    if args.csr is not None and len(args.names) != 1:
        raise GatewayError("--csr is for one name")
    return _replace(folder, args) if args.verb == "replace" else _issue(folder, args)


def _issue(folder: SiteFolder, args: argparse.Namespace) -> int:
    from gateway.site.enrolment import changing
    from gateway.site.ledger import RIGHTS

    may = tuple(dict.fromkeys(each.strip() for each in getattr(args, "may", "").split(",") if each))
    if any(each not in RIGHTS for each in may) or (may and args.kind != "reader"):
        raise GatewayError(f"--may is for readers and takes {', '.join(RIGHTS)}")
    made: list[Issued] = []
    with changing(folder, time.time()) as change:
        for name in args.names:
            if args.verb == "enrol":
                issued = change.enrol(name, args.kind, _csr(args), _life_s(args, None), may)
            else:
                entry = change.ledger.entry(name)
                issued = change.renew(name, _csr(args), _life_s(args, entry))
            made.append(issued)
        _prepare(change, made, args)
    _hand_out(change, made, args)
    _say_broker(change)
    return 0


def _revoke(folder: SiteFolder, args: argparse.Namespace) -> int:
    from gateway.site.enrolment import changing

    with changing(folder, time.time()) as change:
        for name in args.names:
            change.revoke(name)
    _say_broker(change)
    for name in args.names:
        told = _ask(folder, change, "gone", name, "", args.wait_s)
        _say({"revoked": name, "session_ended": _drop(change, name), **told})
    return 0


def _replace(folder: SiteFolder, args: argparse.Namespace) -> int:
    from gateway.site.enrolment import changing

    old, new = args.names[0], args.new
    made: list[Issued] = []
    with changing(folder, time.time()) as change:
        entry = change.ledger.entry(old)
        if not new:
            made.append(change.replace(old, _csr(args), _life_s(args, entry)))
        else:
            if new not in change.ledger.devices:
                made.append(change.enrol(new, entry.kind, _csr(args), _life_s(args, entry)))
            elif args.csr or args.out:
                raise GatewayError(f"'{new}' is enrolled already: without --csr and --out")
            change.succeed(old, new)
        _prepare(change, made, args)
    _hand_out(change, made, args)
    _say_broker(change)
    ended = _drop(change, old)
    told = _ask(folder, change, "succeed" if new else "board", old, new, args.wait_s)
    _say({"replaced": old, "by": new or old, "session_ended": ended, **told})
    return 0


def _list(folder: SiteFolder, due_only: bool) -> int:
    from gateway.site.folder import read_limited
    from gateway.site.ledger import read_ledger

    folder.check_modes()
    ledger = read_ledger(read_limited(folder.registry), str(folder.registry))
    now_s = time.time()
    for name, entry in sorted(ledger.devices.items()):
        newest = entry.certificates[-1] if entry.certificates else None
        due = entry.state == "enrolled" and (newest is None or newest.due_s <= now_s)
        if due_only and not due:
            continue
        line: dict[str, Any] = {"name": name, "kind": entry.kind, "state": entry.state}
        if newest is not None:
            line |= {"serial": newest.serial, "not_after": _date(newest.not_after_s)}
            line |= {"renew_from": _date(newest.due_s), "key_id": newest.key_id[:16]}
        line |= {"due": due, "kid": entry.kid}
        if entry.may:
            line["may"] = entry.may
        if entry.replaced_by:
            line["replaced_by"] = entry.replaced_by
        _say(line)
    return 0


# -- parts of them ------------------------------------------------------------------------------------


def _prepare(change: Change, made: list[Issued], args: argparse.Namespace) -> None:
    """Before the change is written: what can be refused is, and the site's own servers get theirs."""
    from gateway.site.bundle import check_free
    from gateway.site.making import is_own, keep

    for issued in made:
        if is_own(change, issued.name):
            if issued.key is None:
                raise GatewayError(f"'{issued.name}' is of this site: without --csr")
        elif args.out is None:
            raise GatewayError("--out DIR says where certificate and key go")
        elif issued.key is not None:
            check_free(args.out, issued.name)
    for issued in made:
        keep(change, issued)


def _hand_out(change: Change, made: list[Issued], args: argparse.Namespace) -> None:
    """Once it is in the registry: a certificate that nobody could take back must not lie about."""
    from gateway.site.bundle import write_bundle
    from gateway.site.folder import read_limited
    from gateway.site.making import is_own

    trusted = read_limited(change.folder.authority("ca")[0])
    for issued in made:
        newest = issued.entry.certificates[-1]
        line: dict[str, Any] = {"name": issued.name, "kind": issued.entry.kind}
        line |= {"serial": newest.serial, "not_after": _date(newest.not_after_s)}
        if not is_own(change, issued.name):
            files = write_bundle(args.out, issued, change.ledger, trusted)
            line["files"] = [str(each) for each in files]
        _say(line)


def _csr(args: argparse.Namespace) -> bytes | None:
    from gateway.site.enrolment import read_csr_file

    return read_csr_file(args.csr) if args.csr is not None else None


def _life_s(args: argparse.Namespace, entry: Entry | None) -> float:
    from gateway.site.enrolment import DEVICE_LIFE_S
    from gateway.site.making import SERVER_LIFE_S

    if args.days is not None:
        return float(args.days * _DAY_S)
    kind = entry.kind if entry is not None else args.kind
    return SERVER_LIFE_S if kind in ("server", "gateway") else DEVICE_LIFE_S


def _drop(change: Change, name: str) -> bool:
    if change.drop_session(name):
        return True
    if change.ledger.devices[name].kind == "server":
        return False
    print(
        f"gateway: the broker was not reached: a session of '{name}' may still stand until it is "
        "restarted",
        file=sys.stderr,
    )
    return False


def _ask(
    folder: SiteFolder, change: Change, what: Any, name: str, new: str, wait_s: float
) -> dict[str, Any]:
    from gateway.site.moves import Ask, answer, ask
    from protocols.topics import KINDS

    if change.ledger.devices[name].kind not in KINDS:
        return {}
    moved = answer(ask(folder.moves, Ask(what, name, new)), wait_s)
    if moved is None:
        print(
            "gateway: no gateway of this site has answered: it does its part when it runs",
            file=sys.stderr,
        )
        return {"gateway": "waiting"}
    names = {"orders": moved.orders, "ended": moved.ended, "lists": moved.lists}
    return {"gateway": "done", **names, "failed": moved.failed}


def _say_broker(change: Change) -> None:
    if not change.broker_told:
        print(
            "gateway: no mosquitto of this site runs here; on another machine, copy broker/ there "
            "and send it SIGHUP",
            file=sys.stderr,
        )


def _say(line: dict[str, Any]) -> None:
    print(json.dumps(line, ensure_ascii=False))


def _date(at_s: int) -> str:
    return time.strftime("%Y-%m-%dT%H:%M:%SZ", time.gmtime(at_s))
