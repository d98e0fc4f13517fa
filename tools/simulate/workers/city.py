"""Three NATS nodes, a broker and workers as real processes on loopback, each with its folder."""

import getpass
import json
import os
import secrets
import shutil
import signal
import sys
import time
from pathlib import Path
from typing import Any
from urllib import request

from protocols.topics import part_of
from tools.demo.children import Child, Children, wait_for
from tools.demo.site import CITY, answers, free_ports
from tools.errors import ToolError
from tools.parts import require
from tools.simulate.workers.nodes import Nodes
from tools.simulate.workers.usurper import take_over

_MOSQUITTO = """\
listener {port} 127.0.0.1
user {user}
allow_anonymous true
persistence false
max_queued_messages 0
max_inflight_messages 500
"""
_WORKER = """\
[site]
id = "{name}"
city = "{city}"
data = {data}

[broker]
port = {broker}

[[sinks]]
name = "feed"
kind = "jetstream"
servers = {servers}
stream = "FEED"

[http]
port = {http}
login = false

[commit]
engine = "jetstream"

[workers]
servers = {servers}
lease_s = {lease_s}
replicas = {replicas}

[logging]
level = "info"
"""


class City:
    """Start in this order: nodes.start(), start_broker(), start_worker() for each, start_devices()."""

    def __init__(
        self, folder: Path, children: Children, workers: int, nodes: int, lease_s: float = 3.0
    ):
        self.folder = folder
        self._children = children
        self._replicas = min(3, nodes)
        self._lease_s = lease_s
        self.nodes = Nodes(folder, children, nodes)
        ports = iter(free_ports(1 + workers))
        self.broker_port = next(ports)
        self.http_ports = {f"w{number}": next(ports) for number in range(workers)}
        self.workers: dict[str, Child] = {}
        self.devices: Child | None = None
        self.account_path = folder / "devices.json"
        self._keys = json.dumps({"feed": secrets.token_hex(32)})
        self.key_path = folder / "keys.json"
        self._write_keys(folder)

    @property
    def servers(self) -> list[str]:
        """Where the nodes take clients."""
        return self.nodes.servers

    def _write_keys(self, folder: Path) -> None:
        folder.mkdir(parents=True, exist_ok=True)
        path = folder / "keys.json"
        path.touch(mode=0o600)
        path.write_text(self._keys)

    # -- parts --------------------------------------------------------------------------------------

    def start_broker(self) -> None:
        """Start mosquitto."""
        config = self.folder / "mosquitto.conf"
        config.write_text(_MOSQUITTO.format(port=self.broker_port, user=getpass.getuser()))
        self._children.start("broker", [*require("mosquitto"), "-c", str(config)])
        wait_for(lambda: answers(self.broker_port), 15, self._children, "the broker")

    def start_worker(self, name: str) -> None:
        """Start a worker, or start it again, with an empty folder if there is none."""
        data = self.folder / name
        if not (data / "keys.json").exists():
            self._write_keys(data)
        if name in self.workers:
            self.workers[name].start()
            return
        config = self.folder / f"{name}.toml"
        config.write_text(
            _WORKER.format(
                name=name,
                city=CITY,
                data=json.dumps(str(data)),
                broker=self.broker_port,
                servers=json.dumps(self.servers),
                http=self.http_ports[name],
                lease_s=self._lease_s,
                replicas=self._replicas,
            )
        )
        child = self._children.start(
            name, [sys.executable, "-m", "gateway", "run", "--config", str(config)]
        )
        child.may_end = True
        self.workers[name] = child

    def start_devices(self, count: int, rate_per_s: float) -> None:
        """Start the devices: so many, so many records a second over all."""
        words = [str(self.broker_port), str(count), str(rate_per_s), str(self.account_path)]
        self.devices = self._children.start(
            "devices", [sys.executable, "-m", "tools.simulate.workers.devices", *words]
        )
        self.devices.may_end = True

    # -- faults -------------------------------------------------------------------------------------

    def wipe(self, worker: str, node: int) -> None:
        """A site burns down: a worker, a node, and what both had on their disks."""
        self.workers[worker].kill()
        self.nodes.wipe(node)
        shutil.rmtree(self.folder / worker)

    def pause(self, worker: str) -> None:
        """SIGSTOP."""
        os.killpg(self.workers[worker].pid, signal.SIGSTOP)

    def wake(self, worker: str) -> None:
        """SIGCONT."""
        os.killpg(self.workers[worker].pid, signal.SIGCONT)

    def usurp(self, device: str, timeout_s: float = 30.0) -> None:
        """Have somebody else write to the part of a device, whose owner lives, and wait until that has
        been refused a commit; ToolError."""
        before = self.total("commits_refused")
        take_over(self.servers, part_of(device))
        deadline = time.monotonic() + timeout_s
        while self.total("commits_refused") <= before:
            if time.monotonic() > deadline:
                raise ToolError(f"no commit to the part of {device} was refused")
            time.sleep(0.1)

    # -- looking ------------------------------------------------------------------------------------

    def figures(self, worker: str) -> dict[str, Any]:
        """Return a worker's figures, empty while it is down."""
        return self._get(self.http_ports[worker], "/api/figures")

    def _get(self, port: int, path: str) -> dict[str, Any]:
        try:
            with request.urlopen(f"http://127.0.0.1:{port}{path}", timeout=2) as answer:  # noqa: S310
                body: dict[str, Any] = json.load(answer)
                return body
        except (OSError, ValueError):
            return {}

    def parts(self, workers: list[str] | None = None) -> dict[str, int]:
        """Return how many parts each worker serves."""
        return {name: self.figures(name).get("parts", 0) for name in workers or self.workers}

    def wait_served(
        self, workers: list[str], timeout_s: float = 30.0, at_least: int = 1
    ) -> tuple[float, dict[str, int]]:
        """Wait until these workers serve all 64 parts among them, each so many at least.

        Returns (seconds, parts of each); ToolError when the time is up.
        """
        begin = time.monotonic()
        while True:
            found = self.parts(workers)
            if sum(found.values()) == 64 and min(found.values()) >= at_least:
                return time.monotonic() - begin, found
            if time.monotonic() - begin > timeout_s:
                raise ToolError(f"after {timeout_s:.0f} s the parts are served as {found}")
            time.sleep(0.1)

    def cpu_s(self) -> dict[str, float]:
        """Return the processor time that the workers and the NATS nodes have used, seconds."""
        kinds = {"workers": list(self.workers.values()), "nats": self.nodes.all}
        return {
            kind: sum(_cpu_s(each.pid) for each in children) for kind, children in kinds.items()
        }

    def total(self, *names: str) -> int:
        """Return the sum of some figures over all workers."""
        found = [self.figures(worker) for worker in self.workers]
        return sum(each.get(name, 0) for each in found for name in names)

    def wait_records(self, count: int, timeout_s: float = 60.0) -> None:
        """Wait until the workers have taken so many records since they started."""
        wait_for(
            lambda: self.total("records") >= count,
            timeout_s,
            self._children,
            f"{count} records",
        )

    def finish_devices(self, timeout_s: float = 150.0) -> dict[str, Any]:
        """Let the devices record nothing more and get rid of what they have; their account."""
        if self.devices is None:
            raise ToolError("no devices were started")
        os.kill(self.devices.pid, signal.SIGTERM)
        deadline = time.monotonic() + timeout_s
        while self.devices.alive:
            if time.monotonic() > deadline:
                raise ToolError("the devices do not come to an end")
            time.sleep(0.1)
        account: dict[str, Any] = json.loads(self.account_path.read_text())
        return account


def _cpu_s(pid: int) -> float:
    """Return a process' processor time from /proc, seconds; 0 when it is gone."""
    try:
        words = Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()
    except OSError:
        return 0.0
    return (int(words[11]) + int(words[12])) / os.sysconf("SC_CLK_TCK")
