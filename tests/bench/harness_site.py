"""One run of the harness: two brokers, a gateway between them, load, sink, and what is done to them.

Everything is a process of its own. `play(peer, mode, folder)` returns the account.
"""

import contextlib
import getpass
import json
import os
import shutil
import signal
import subprocess
import sys
import time
import urllib.request
from pathlib import Path

from harness_modes import MODES

from tools.demo.children import Children, wait_for
from tools.demo.site import free_ports
from tools.parts import require

HERE = Path(__file__).parent
ROOT = HERE.parent.parent
TICK_S = 1 / os.sysconf("SC_CLK_TCK")
_QUIET_S = 25.0

_BROKER = """\
listener {port} 127.0.0.1
user {user}
allow_anonymous true
persistence true
persistence_location {folder}/
max_queued_messages 0
max_inflight_messages 500
set_tcp_nodelay true
"""
_BRIDGE = """\
connection harness
address 127.0.0.1:{up}
topic # out 1 o2o/in/ o2o/in/
cleansession false
restart_timeout 1
"""
_GATEWAY = """\
[site]
id = "gw-1"
city = "bench"
data = {data}
[broker]
port = {down}
[[sinks]]
name = "mqtt"
[sinks.broker]
port = {up}
[feed]
resend_s = 12
[http]
port = {http}
login = false
[commit]
free_min_bytes = 0
"""


class Run:
    """peer: 'gateway', 'bridge', 'bridge-durable' or 'naive'. kind, records: of the load."""

    def __init__(self, peer, mode, folder, kind=None, records=1, total=None):
        self.peer, self.name, self.mode, self.folder = peer, mode, MODES[mode], folder
        self.kind = kind or ("board" if peer == "gateway" else "plain")
        self.records = records
        self.total = total or self.mode.total
        folder.mkdir(parents=True, exist_ok=True)
        self.children = Children(folder)
        self.down, self.up, self.http, self.proxy = free_ports(4)
        self.data = folder / "gateway"
        self.mounted = False
        self.cpu_s = 0.0
        self.kills = 0

    # -- processes ----------------------------------------------------------------------------------

    def broker(self, name, port, more=""):
        data = self.folder / name
        data.mkdir(parents=True, exist_ok=True)
        config = self.folder / f"{name}.conf"
        config.write_text(_BROKER.format(port=port, folder=data, user=getpass.getuser()) + more)
        child = self.children.start(name, [*require("mosquitto"), "-c", str(config)], may_end=True)
        wait_for(lambda: listens(port), 10, self.children, name)
        return child

    def script(self, name, *words):
        env = {"PYTHONPATH": f"{ROOT}:{HERE}"}
        command = [sys.executable, str(HERE / f"harness_{name}.py"), *map(str, words)]
        return self.children.start(name, command, env=env, may_end=True)

    def start(self):
        saves = "autosave_interval 5\n"
        self.upstream = self.broker("upstream", self.up, saves)
        target = self.up
        if any(what == "slow" for _, what in self.mode.events):
            self.script("proxy", self.proxy, self.up, 40_000, 12)
            wait_for(lambda: listens(self.proxy), 10, self.children, "the proxy")
            target = self.proxy
        more = ""
        if self.peer.startswith("bridge"):
            more = _BRIDGE.format(up=target)
        if self.peer == "bridge-durable":
            more = "autosave_on_changes true\nautosave_interval 1\n" + more
        self.downstream = self.broker("downstream", self.down, more)
        pattern = "o2o/v1/+/+/+/fix" if self.peer == "gateway" else "o2o/in/#"
        self.sink = self.script("sink", self.up, pattern, self.folder / "sink.json")
        if self.peer == "gateway":
            self.start_gateway(target)
        elif self.peer == "naive":
            self.middle = self.script("naive", self.down, target)
        else:
            self.middle = self.downstream
        time.sleep(1.5)  # subscriptions, and the bridge's connection

    def start_gateway(self, target):
        self.data.mkdir()
        if self.name == "full":
            size = "size=48m"
            done = subprocess.run(
                ["mount", "-t", "tmpfs", "-o", size, "tmpfs", str(self.data)], check=False
            )
            self.mounted = done.returncode == 0
        config = self.folder / "gateway.toml"
        config.write_text(
            _GATEWAY.format(
                data=json.dumps(str(self.data)), down=self.down, up=target, http=self.http
            )
        )
        more = []
        if self.name == "full" and not self.mounted:
            more = ["prlimit", f"--fsize={6_000_000}", "--"]
        self.middle = self.children.start(
            "gateway",
            [*more, sys.executable, "-m", "gateway", "run", "--config", str(config)],
            env={"PYTHONPATH": str(ROOT)},
            may_end=True,
        )
        wait_for(self.is_ready, 20, self.children, "the gateway")

    def is_ready(self):
        return self.get("/readyz") is not None

    def get(self, path):
        try:
            with urllib.request.urlopen(f"http://127.0.0.1:{self.http}{path}", timeout=2) as answer:
                return json.load(answer)
        except (OSError, ValueError):
            return None

    # -- what is done -------------------------------------------------------------------------------

    def do(self, what):
        if what == "kill":
            self.cpu_s += cpu_s(self.middle.pid)
            self.middle.kill()
            self.kills += 1
        elif what == "start":
            self.middle.start()
            self.cpu_s -= cpu_s(self.middle.pid)
        elif what == "up_stop":
            self.upstream.stop()
        elif what == "up_start":
            self.upstream.start()
        elif what == "up_freeze":
            os.kill(self.upstream.pid, signal.SIGSTOP)
        elif what == "up_thaw":
            os.kill(self.upstream.pid, signal.SIGCONT)
        elif what == "fill" and self.mounted:
            with contextlib.suppress(OSError), (self.data / "ballast").open("wb") as file:
                while True:
                    file.write(bytes(65_536))
                    file.flush()
        elif what == "free" and self.mounted:
            (self.data / "ballast").unlink()
        elif what == "free" and not self.mounted:
            command = ["prlimit", f"--pid={self.middle.pid}", "--fsize=unlimited"]
            subprocess.run(command, check=False)

    # -- the account --------------------------------------------------------------------------------

    def play(self, deadline_s=240):
        try:
            self.start()
            before_s, broker_s = cpu_s(self.middle.pid), cpu_s(self.downstream.pid)
            load = self.folder / "load.json"
            self.script(
                "load", self.down, self.kind, self.total, self.mode.rate, self.records, load
            )
            begin = time.monotonic()
            events = list(self.mode.events)
            state, moved = {}, begin
            while time.monotonic() - begin < deadline_s:
                while events and time.monotonic() - begin >= events[0][0]:
                    self.do(events.pop(0)[1])
                time.sleep(0.05)
                last, state = state, read(self.folder / "sink.json")
                if state.get("distinct") != last.get("distinct"):
                    moved = time.monotonic()
                if events:
                    continue
                if state.get("distinct", 0) >= self.total:
                    break
                if read(load).get("done") and time.monotonic() - moved > _QUIET_S:
                    break
            used_s = self.cpu_s + cpu_s(self.middle.pid) - before_s
            broker_s = cpu_s(self.downstream.pid) - broker_s
            time.sleep(1.5)  # repeats that are still on their way
            figures = (self.get("/api/figures") or {}) if self.peer == "gateway" else {}
            self.sink.stop()
            state, sent = read(self.folder / "sink.json"), read(load)
        finally:
            with contextlib.suppress(ProcessLookupError):
                if self.upstream.alive:
                    os.kill(self.upstream.pid, signal.SIGCONT)
            self.children.stop()
            if self.mounted:
                subprocess.run(["umount", str(self.data)], check=False)
        took_s = state["last_s"] - sent["begin_s"]
        return {
            "peer": self.peer,
            "mode": self.name,
            "load": f"{self.kind} x{self.records}" if self.peer == "gateway" else self.kind,
            "total": self.total,
            "lost": self.total - state["distinct"],
            "repeated": state["repeated"],
            "behind": state["behind"],
            "per_s": round(state["distinct"] / max(took_s, 0.001)),
            "cpu_s_100k": round(used_s / max(state["distinct"], 1) * 100_000, 1),
            "broker_cpu_s_100k": round(broker_s / max(state["distinct"], 1) * 100_000, 1),
            **{name: state[name] for name in ("p50_ms", "p99_ms", "max_ms", "bad")},
            "bytes_each": round(state["bytes"] / max(state["distinct"] + state["repeated"], 1)),
            "load_1min": round(os.getloadavg()[0], 1),
            "kills": self.kills,
            "resent": sent.get("resent"),
            "freed": sent.get("freed"),
            "figures": figures,
        }


def play(peer, mode, folder, **more):
    """Run one mode; the folder is removed when it is done."""
    try:
        return Run(peer, mode, folder, **more).play()
    finally:
        shutil.rmtree(folder, ignore_errors=True)


def cpu_s(pid):
    """CPU seconds of a process, user and system."""
    try:
        fields = Path(f"/proc/{pid}/stat").read_text().rsplit(")", 1)[1].split()
    except OSError:
        return 0.0
    return (int(fields[11]) + int(fields[12])) * TICK_S


def listens(port):
    import socket

    try:
        socket.create_connection(("127.0.0.1", port), timeout=0.5).close()
        return True
    except OSError:
        return False


def read(path):
    try:
        return json.loads(path.read_text())
    except (OSError, ValueError):
        return {}


if __name__ == "__main__":  # python harness_site.py PEER MODE [KIND RECORDS TOTAL]
    import tempfile

    words = sys.argv[3:]
    more = dict(zip(("kind", "records", "total"), words, strict=False))
    for name in ("records", "total"):
        if name in more:
            more[name] = int(more[name])
    folder = Path(tempfile.mkdtemp(prefix="harness-")) / "run"
    print(json.dumps(play(sys.argv[1], sys.argv[2], folder, **more)))
