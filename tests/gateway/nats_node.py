"""A real NATS node with JetStream for the tests of gateway.stream, and connections to it."""

import json
import subprocess
import time

from gateway.stream.cluster import Cluster, bucket_stream, durable_stream, ensure_stream
from gateway.stream.names import Names
from tools.demo.site import answers, free_ports
from tools.parts import require

NAMES = Names("T")


class Node:
    """One node in a folder, on a port of its own; kill() and start() keep the folder."""

    def __init__(self, folder):
        self.folder = folder
        (self.port,) = free_ports(1)
        self.address = f"127.0.0.1:{self.port}"
        self._config = folder / "nats.conf"
        store = json.dumps(str(folder / "js"))
        self._config.write_text(
            f"listen: {self.address}\njetstream {{ store_dir: {store}, max_file: 200M }}\n"
        )
        self._process = None

    def start(self):
        command = [*require("nats-server"), "-c", str(self._config)]
        with (self.folder / "nats.log").open("ab") as log:
            self._process = subprocess.Popen(command, stdout=log, stderr=log)
        deadline = time.monotonic() + 20
        while not answers(self.port):
            assert time.monotonic() < deadline, "NATS did not start"
            time.sleep(0.02)

    def kill(self):
        self._process.kill()
        self._process.wait()


class Connection:
    """A worker's connection; do(coroutine) runs in its loop."""

    def __init__(self, node, name="w0"):
        self.cluster = Cluster([node.address], None, name)
        self.cluster.start()

    def do(self, work, timeout_s=20.0):
        return self.cluster.do(work, timeout_s)

    async def make(self):
        for config in (
            durable_stream(NAMES.stream, NAMES.subjects(), 1),
            bucket_stream(NAMES.orders, 1),
        ):
            await ensure_stream(self.cluster.js, config)

    async def clear(self):
        for name in (NAMES.stream, f"KV_{NAMES.orders}"):
            await self.cluster.js.purge_stream(name)

    def stop(self):
        self.cluster.stop()
