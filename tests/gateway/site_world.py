"""A site on this machine as its commands make it, and the parts that its tests play.

World: the site, mosquitto and the gateway. Talker: a client of the broker with somebody's certificate.
Good: a rider who goes on sending whatever happens. Board: a board's end as far as commands go.
"""

import contextlib
import io
import json
import os
import socket
import ssl
import sys
import threading
import time
from pathlib import Path
from urllib import request

import paho.mqtt.client as paho
from cryptography import x509

from gateway.__main__ import main
from gateway.log.store import connect
from gateway.site.folder import SiteFolder
from protocols import messages
from protocols.cbor import Writer
from protocols.commands import read_command
from protocols.topics import device_topic
from tools.demo.children import Children, wait_for
from tools.demo.site import answers, free_ports
from tools.parts import require

GOOD, OTHER, BAD = "rider-0001", "rider-0002", "rider-0003"
STAMP = (1, 0, 2517, 40_000_000)
NOT_AUTHORISED = 0x87
ORDER = {"order": "A1", "state": "assigned"}


def frame(log, first, count=1, values=ORDER):
    writer = Writer(bytearray(1_200))
    messages.put_frame_head(writer, log, 1, first)
    for _ in range(count):
        messages.put_record(writer, messages.ORDER, STAMP, values)
    return bytes(writer.buf[: writer.n])


class Talker:
    """A client of the broker with the certificate of `name`; `version` 4 (3.1.1) or 5."""

    def __init__(self, world, name, *, bundle=None, port=None, version=5, will=None, client=None):
        bundle = bundle or world.out
        self.got, self.answers, self.events = [], {}, []
        self.mqtt = paho.Client(
            paho.CallbackAPIVersion.VERSION2,
            client_id=client or name,
            protocol=version,
            reconnect_on_failure=False,
        )
        context = ssl.create_default_context(cafile=str(world.out / "ca.crt"))
        if name:
            context.load_cert_chain(bundle / f"{name}.crt", bundle / f"{name}.key")
        self.mqtt.tls_set_context(context)
        if will:
            self.mqtt.will_set(will, b"offline", 1, True)
        self.mqtt.on_connect = lambda _c, _u, _f, code, _p: self.events.append(str(code))
        self.mqtt.on_disconnect = lambda *_: self.events.append("down")
        self.mqtt.on_message = lambda _c, _u, each: self.got.append((each.topic, each.payload))
        self.mqtt.on_publish = lambda _c, _u, mid, code, _p: self.answers.update({mid: code.value})
        self.mqtt.on_subscribe = lambda _c, _u, mid, codes, _p: self.answers.update({mid: codes})
        world.talkers.append(self)
        try:
            self.mqtt.connect("127.0.0.1", port or world.ports["devices"])
        except OSError as fault:
            self.events.append(f"{type(fault).__name__}")
            return
        self.mqtt.loop_start()
        until(lambda: self.events)

    @property
    def is_in(self):
        return self.events == ["Success"]

    def subscribe(self, *topics):
        _, mid = self.mqtt.subscribe([(topic, 1) for topic in topics])
        until(lambda: mid in self.answers)

    def say(self, topic, payload=b"x", retain=False, properties=None):
        """Publish at QoS 1; returns the broker's reason code, None when it hung up on it."""
        mid = self.mqtt.publish(topic, payload, 1, retain, properties).mid
        until(lambda: mid in self.answers or self.events[-1] == "down")
        return self.answers.get(mid)

    def vanish(self):
        """As a board whose power goes: no goodbye, so its will is told."""
        self.mqtt.socket().shutdown(socket.SHUT_RDWR)
        until(lambda: self.events[-1] == "down")
        self.end()

    def end(self):
        self.mqtt.disconnect()
        self.mqtt.loop_stop()


def until(condition, limit_s=30):
    deadline = time.monotonic() + limit_s
    while not condition():
        assert time.monotonic() < deadline, "it did not come"
        time.sleep(0.01)


class Good(threading.Thread):
    """The rider who is not to notice anything: a record, its acknowledgement, the next record."""

    def __init__(self, world):
        super().__init__(daemon=True)
        self.talker = Talker(world, GOOD, version=4)
        self.talker.subscribe(device_topic("rider", GOOD, "ack"))
        self.acked = 0
        self.ends = False
        self.fault = ""

    def run(self):
        while not self.ends:
            self.talker.say(device_topic("rider", GOOD, "up"), frame(77, self.acked + 1))
            want = len(self.talker.got) or 1
            try:
                until(lambda: len(self.talker.got) >= self.acked + 1)
            except AssertionError:
                self.fault = f"no ack of {self.acked + 1}, {want} before"
                return
            self.acked += 1
            time.sleep(0.05)


class World:
    """The site, its broker and its gateway."""

    def __init__(self, folder: Path):
        self.folder = folder
        self.site = SiteFolder(folder / "site")
        self.out = folder / "out"
        self.talkers = []
        names = ("devices", "readers", "gateways")
        *ports, self.http = free_ports(4)
        self.ports = dict(zip(names, ports, strict=True))
        self.config = folder / "gateway.toml"
        made = [
            *("init-site", "--folder", str(self.site.path), "--config", str(self.config)),
            *("--city", "shanghai", "--id", "gw-1", "--host", "localhost", "--bind", "127.0.0.1"),
            *("--port", str(ports[0]), "--readers-port", str(ports[1])),
            *("--gateway-port", str(ports[2]), "--http-port", str(self.http)),
        ]
        assert main(made) == 0
        self.device("enrol", GOOD, OTHER, BAD, "--kind", "rider")
        self.device("enrol", "spy", "--kind", "gateway")
        self.children = Children(folder)
        # As somebody would type it: `gateway device` has to know its broker by any path.
        command = [*require("mosquitto"), "-c", os.path.relpath(self.site.config)]
        self.broker = self.children.start("broker", command)
        for port in self.ports.values():
            wait_for(lambda port=port: answers(port), 15, self.children, "the broker")
        config = ["--config", str(self.config)]
        user = ["add", "watch", "--role", "viewer", "--no-password"]
        assert main(["user", *user, *config]) == 0
        told = io.StringIO()
        with contextlib.redirect_stdout(told):
            assert main(["user", "token", "watch", *config]) == 0
        self.token = told.getvalue().strip()
        self.trust = ssl.create_default_context(cafile=str(self.out / "ca.crt"))
        command = [sys.executable, "-m", "gateway", "run", *config]
        self.gateway = self.children.start("gateway", command)
        wait_for(lambda: self.figures().get("devices_broker"), 20, self.children, "the gateway")
        self.spy = Talker(self, "spy", port=self.ports["gateways"], client="spy-1")
        self.spy.subscribe("#")

    def device(self, verb, *words):
        words = [verb, *words, "--folder", str(self.site.path)]
        if verb in ("enrol", "renew") or (verb == "replace" and "--out" not in words):
            words += ["--out", str(self.out)]
        return main(["device", *words])

    def figures(self):
        found = self.get("/api/figures")
        return json.loads(found) if found else {}

    def get(self, path):
        """Return what the gateway answers to the viewer, b'' while it does not."""
        ask = request.Request(
            f"https://localhost:{self.http}{path}",
            headers={"Authorization": f"Bearer {self.token}"},
        )
        try:
            with request.urlopen(ask, timeout=5, context=self.trust) as answer:
                return answer.read()
        except OSError:
            return b""

    def served(self, port):
        """Return the serial number of the certificate that a port shows."""
        context = ssl.create_default_context(cafile=str(self.out / "ca.crt"))
        with (
            socket.create_connection(("127.0.0.1", port)) as plain,
            context.wrap_socket(plain, server_hostname="localhost") as line,
        ):
            return x509.load_der_x509_certificate(line.getpeercert(True)).serial_number

    def waiting(self, device):
        """Return how many commands wait for a device's answer."""
        db = connect(self.site.path / "data" / "gateway.db", read_only=True)
        found = db.execute("SELECT count(*) FROM commands WHERE device=?", (device,)).fetchone()
        db.close()
        return found[0]

    def rises(self, name, by, before):
        """Wait until a figure is `by` above `before`, and see that it stays there."""
        until(lambda: self.figures().get(name, 0) >= before.get(name, 0) + by)
        assert self.figures()[name] == before.get(name, 0) + by

    def passed(self, mark):
        """Return what the spy heard up to here: a good rider's own presence closes it."""
        rider = Talker(self, mark)
        topic = device_topic("rider", mark, "presence")
        assert rider.say(topic, b"online") in (0, 0x10)
        until(lambda: (topic, b"online") in self.spy.got)
        rider.end()
        heard, self.spy.got[:] = list(self.spy.got), []
        return [each for each in heard if f"/{GOOD}/" not in each[0] and each[0] != topic]

    def stop(self):
        for each in self.talkers:
            each.end()
        self.children.stop()


class Board:
    """A board's end, as far as commands go."""

    def __init__(self, world, name, bundle):
        self.name = name
        self.talker = Talker(world, name, bundle=bundle, version=4)
        self.talker.subscribe(device_topic("rider", name, "down"))

    def hello(self, boot):
        writer = Writer(bytearray(1_200))
        messages.put_frame_head(writer, 0, 0, 0)
        values = {"logs": [], "boot": boot, "implementation": "", "firmware": "", "tick_ms": 1}
        messages.put_record(writer, messages.HELLO, STAMP, values)
        up = device_topic("rider", self.name, "up")
        self.talker.say(up, bytes(writer.buf[: writer.n]))

    def answer(self):
        """Answer the last command: the order is assigned."""
        command = read_command(self.talker.got[-1][1])
        values = {"order": command[4]["order"], "state": "assigned", "command": command[0]}
        self.talker.say(device_topic("rider", self.name, "up"), frame(11, 1, values=values))

    def orders(self):
        read = [read_command(payload) for _, payload in self.talker.got]
        return sorted({each[4]["order"] for each in read})
