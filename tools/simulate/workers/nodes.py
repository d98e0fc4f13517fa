"""NATS nodes as real processes on loopback: a cluster, each node with a folder of its own."""

import json
import shutil
import time
from pathlib import Path
from typing import Any
from urllib import request

from tools.demo.children import Child, Children, wait_for
from tools.demo.site import answers, free_ports
from tools.errors import ToolError
from tools.parts import require

_CONFIG = """\
server_name: n{number}
listen: 127.0.0.1:{client}
http: 127.0.0.1:{monitor}
jetstream {{ store_dir: {folder}, max_file: 2G, max_mem: 64M }}
"""
_CLUSTER = """\
cluster {{ name: city, listen: 127.0.0.1:{route}, routes: [{routes}] }}
"""
_READY_S = 60.0
# Parts, orders, feed.
_STREAMS = 3

# Of each stream, for each node that has it: (first number, last number, messages).
Held = dict[str, list[tuple[int, int, int]]]


class Nodes:
    """`count` nodes in `folder`; one alone is no cluster."""

    def __init__(self, folder: Path, children: Children, count: int):
        self._folder = folder
        self._children = children
        self._count = count
        ports = iter(free_ports(3 * count))
        self._ports = [(next(ports), next(ports), next(ports)) for _ in range(count)]
        self.all: list[Child] = []

    @property
    def servers(self) -> list[str]:
        """Where the nodes take clients."""
        return [f"127.0.0.1:{each[0]}" for each in self._ports]

    def start(self) -> None:
        """Start all of them and wait until they answer."""
        for number in range(self._count):
            self.all.append(self._children.start(f"nats-{number}", self._command(number)))
            self.all[-1].may_end = True
        for client, _, _ in self._ports:
            wait_for(lambda at=client: answers(at), _READY_S, self._children, "NATS")  # type: ignore[misc]

    def _command(self, number: int) -> list[str]:
        client, route, monitor = self._ports[number]
        text = _CONFIG.format(
            number=number,
            client=client,
            monitor=monitor,
            folder=json.dumps(str(self._store(number))),
        )
        if self._count > 1:
            routes = ", ".join(f"nats://127.0.0.1:{each[1]}" for each in self._ports)
            text += _CLUSTER.format(route=route, routes=routes)
        config = self._folder / f"nats-{number}.conf"
        config.write_text(text)
        return [*require("nats-server"), "-c", str(config)]

    def _store(self, number: int) -> Path:
        return self._folder / f"nats-{number}"

    def wipe(self, number: int) -> None:
        """kill -9 a node, and its disk is gone."""
        self.all[number].kill()
        shutil.rmtree(self._store(number))

    # -- looking ------------------------------------------------------------------------------------

    def _streams(self) -> list[dict[str, Any]]:
        """Return what each node says of each stream it has; nothing of one that is down."""
        found: list[dict[str, Any]] = []
        for _, _, monitor in self._ports:
            url = f"http://127.0.0.1:{monitor}/jsz?streams=true"
            try:
                with request.urlopen(url, timeout=2) as answer:  # noqa: S310
                    told = json.load(answer)
            except (OSError, ValueError):
                continue
            for account in told.get("account_details") or []:
                found += account.get("stream_detail") or []
        return found

    def leader(self, stream: str) -> int:
        """Return the number of the node that leads a stream, -1 when nobody does."""
        for each in self._streams():
            name = (each.get("cluster") or {}).get("leader") or ""
            if each.get("name") == stream and name:
                return int(name[1:])
        return -1

    def held(self) -> Held:
        """Return what each node holds of each stream."""
        held: Held = {}
        for each in self._streams():
            state = each["state"]
            last = state["last_seq"]
            # An empty one begins at 0 or at 1.
            first = state["first_seq"] if last else 0
            held.setdefault(each["name"], []).append((first, last, state["messages"]))
        return held

    def wait_replicated(self, timeout_s: float = 120.0) -> float:
        """Wait until every stream has all its copies up to date; returns the seconds, or ToolError.

        Three copies survive the loss of one. A node that has come back is no copy before it has caught
        up: who takes the next one away too soon takes the second of three. The nodes' own word
        ('current') comes too early for that, so what they hold is compared: each must have what any of
        them had a moment before.
        """
        begin = time.monotonic()
        before = self.held()
        while True:
            time.sleep(1.0)
            now = self.held()
            if _is_whole(before, now, self._count):
                return time.monotonic() - begin
            if time.monotonic() - begin > timeout_s:
                raise ToolError(f"after {timeout_s:.0f} s the copies are not up to date: {now}")
            before = now

    def wait_same(self, timeout_s: float = 60.0) -> Held:
        """Wait until all copies of each stream hold the same, which takes a moment without writing;
        returns what, or ToolError: then the copies have gone apart."""
        deadline = time.monotonic() + timeout_s
        while True:
            held = self.held()
            if len(held) == _STREAMS and all(
                len(copies) == self._count and len(set(copies)) == 1 for copies in held.values()
            ):
                return held
            if time.monotonic() > deadline:
                raise ToolError(f"the copies differ: {held}")
            time.sleep(0.2)


def _is_whole(before: Held, now: Held, nodes: int) -> bool:
    """Tell whether each node has, of every stream, what the furthest of them had before."""
    return len(before) == len(now) == _STREAMS and all(
        len(copies) == nodes
        and len({first for first, _, _ in copies}) == 1
        and min(last for _, last, _ in copies) >= max(last for _, last, _ in before[name])
        for name, copies in now.items()
    )
