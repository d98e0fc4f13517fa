"""The gateway's HTTP under attack while boards send: refused, counted, and the feed loses nothing."""

import json
import re
import socket
import struct
import threading
import time
from collections.abc import Iterator
from contextlib import closing, contextmanager, suppress
from http.client import HTTPConnection
from pathlib import Path
from typing import Any

import paho.mqtt.client as mqtt
import pytest
from playwright.sync_api import expect, sync_playwright

from gateway.web.users import Users
from protocols import messages
from protocols.calendar import EPOCH_DAYS_AFTER_UNIX
from protocols.cbor import Writer
from protocols.topics import device_topic
from protocols.units import DAY_MS
from tools.demo.children import Children
from tools.demo.site import CITY, Site
from tools.parts import require

_SCRIPT = "<img src=x onerror=alert(1)><script>alert(2)</script>"
_RECORDS = 400
_COUNTED = ("http_", "logins_", "connections_")
_CHROMIUM_ARGS = ["--no-sandbox", "--disable-gpu", "--disable-background-networking"]

# A second request that must never be answered as one of its own.
_INNER = b"GET /smuggled HTTP/1.1\r\nHost: 127.0.0.1\r\n\r\n"
_HOST = b"Host: 127.0.0.1\r\n"
_JSON = b"Content-Type: application/json\r\n"
# name, bytes, statuses that may come; b"" in them: closed without a word
_RAW = [
    (
        "both lengths",
        b"POST /orders HTTP/1.1\r\n" + _HOST + _JSON + b"Content-Length: 4\r\n"
        b"Transfer-Encoding: chunked\r\n\r\n0\r\n\r\n" + _INNER,
        (400,),
    ),
    (
        "two lengths",
        b"POST /orders HTTP/1.1\r\n" + _HOST + _JSON + b"Content-Length: 0\r\n"
        b"Content-Length: 44\r\n\r\n" + _INNER,
        (400,),
    ),
    (
        "a length with a sign",
        b"POST /orders HTTP/1.1\r\n" + _HOST + b"Content-Length: +5\r\n\r\n" + _INNER,
        (400,),
    ),
    (
        "an encoding that is none",
        b"POST /orders HTTP/1.1\r\n"
        + _HOST
        + _JSON
        + b"Transfer-Encoding: xchunked\r\n\r\n"
        + _INNER,
        (400,),
    ),
    (
        "a space before the colon",
        b"POST /orders HTTP/1.1\r\n"
        + _HOST
        + b"Transfer-Encoding : chunked\r\n\r\n0\r\n\r\n"
        + _INNER,
        (400,),
    ),
    ("a folded header", b"GET /healthz HTTP/1.1\r\n" + _HOST + b"X: a\r\n b\r\n\r\n", (200, 400)),
    ("a zero byte", b"GET /healthz HTTP/1.1\r\n" + _HOST + b"X: a\0b\r\n\r\n", (400,)),
    ("bare line feeds", b"GET /healthz HTTP/1.1\nHost: 127.0.0.1\n\n", (200, 400)),
    (
        "two hosts",
        b"GET /api/me HTTP/1.1\r\n" + _HOST + b"Host: evil.example\r\n\r\n",
        (400, 401, 403),
    ),
    ("no host", b"GET /api/me HTTP/1.1\r\n\r\n", (400, 403)),
    (
        "another's address",
        b"GET http://evil.example/api/me HTTP/1.1\r\nHost: evil.example\r\n\r\n",
        (403,),
    ),
    ("a tunnel", b"CONNECT 127.0.0.1:1883 HTTP/1.1\r\n" + _HOST + b"\r\n", (400, 403, 404, 405)),
    ("an unknown method", b"BREW /orders HTTP/1.1\r\n" + _HOST + b"\r\n", (400, 405)),
    ("a trace", b"TRACE / HTTP/1.1\r\n" + _HOST + b"\r\n", (405,)),
    ("a long line", b"GET /" + b"a" * 100_000 + b" HTTP/1.1\r\n" + _HOST + b"\r\n", (400, 414)),
    (
        "long headers",
        b"GET / HTTP/1.1\r\n" + _HOST + b"X: " + b"a" * 100_000 + b"\r\n\r\n",
        (400, 431),
    ),
    (
        "many headers",
        b"GET / HTTP/1.1\r\n"
        + _HOST
        + b"".join(b"X%d: a\r\n" % n for n in range(50_000))
        + b"\r\n",
        (400, 431),
    ),
    ("HTTP/2", b"PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n", (400, 403, 404, 405)),
    ("TLS", bytes.fromhex("160301020001") + b"\0" * 200, (400, b"")),
    ("junk", bytes(range(256)) * 8, (400, b"")),
    (
        "a huge length",
        b"POST /orders HTTP/1.1\r\n" + _HOST + _JSON + b"Content-Length: 99999999999\r\n\r\n{",
        (401, 413),
    ),
]
_PATHS = (
    "/../gateway.toml", "/%2e%2e/%2e%2e/etc/passwd", "/..%2f..%2fetc/passwd", "//etc/passwd",
    "/page/../../users.json", "/users.json", "/keys.json", "/login.js/../users.json",
    "/%00", "/app.js%00.html", "/static/..\\..\\users.json", "/.git/config", "/api/orders/..%2f..%2fx",
)  # fmt: skip


class _Board:
    """Sends fixes, one a frame, as a rider's board does."""

    def __init__(self, port: int):
        self._client = mqtt.Client(mqtt.CallbackAPIVersion.VERSION2)
        self._client.connect("127.0.0.1", port)
        self._client.loop_start()

    def send(self, seq: int) -> None:
        days, ms = divmod(int(time.time() * 1000), DAY_MS)
        writer = Writer(bytearray(messages.FRAME_MAX_BYTES))
        messages.put_frame_head(writer, 77, 1, seq)
        values = {"lat_e7": 312300000 + seq, "lon_e7": 1214700000, "mode": 3, "source": "gnss"}
        stamp = (1, 0, days - EPOCH_DAYS_AFTER_UNIX, ms)
        messages.put_record(writer, messages.FIX, stamp, {**values, "datum": "wgs84"})
        topic = device_topic("rider", "rider-0001", "up")
        self._client.publish(topic, bytes(writer.buf[: writer.n]), 1).wait_for_publish(10)

    def close(self) -> None:
        self._client.disconnect()
        self._client.loop_stop()


class _Reader:
    """The numbers of the fixes that reached the feed, in the order in which they came."""

    def __init__(self, port: int):
        self.seqs: list[int] = []
        self._client = mqtt.Client(mqtt.CallbackAPIVersion.VERSION2)
        self._client.on_message = lambda _c, _u, each: self.seqs.append(
            json.loads(each.payload)["seq"]
        )
        self._client.connect("127.0.0.1", port)
        self._client.subscribe(f"o2o/v1/{CITY}/rider/+/fix", 1)
        self._client.loop_start()

    def close(self) -> None:
        self._client.disconnect()
        self._client.loop_stop()


@contextmanager
def _site(folder: Path) -> Iterator[Site]:
    children = Children(folder)
    site = Site(folder, children, 0, "mosquitto")
    try:
        site.start_broker()
        site.start_gateway()
        yield site
    finally:
        children.stop()


def _raw(port: int, data: bytes) -> bytes:
    """Send bytes; return all that comes until the gateway closes or is silent for a second."""
    found = b""
    with closing(socket.create_connection(("127.0.0.1", port), timeout=1.0)) as peer:
        try:
            peer.sendall(data)
            while part := peer.recv(65_536):
                found += part
        except (TimeoutError, ConnectionError):
            pass
    return found


def _status(port: int, method: str, path: str, body: bytes | None = None, **headers: str) -> int:
    with closing(HTTPConnection("127.0.0.1", port, timeout=20)) as peer:
        peer.putrequest(method, path, skip_host=True, skip_accept_encoding=True)
        for name, value in {"Host": "127.0.0.1", **headers}.items():
            peer.putheader(name, value)
        if body is not None:
            peer.putheader("Content-Type", "application/json")
            peer.putheader("Content-Length", str(len(body)))
        peer.endheaders(body)
        return peer.getresponse().status


def _speak_nonsense(port: int) -> None:
    for name, data, statuses in _RAW:
        answer = _raw(port, data)
        heads = re.findall(rb"HTTP/1\.[01] (\d{3})", answer)
        assert len(heads) <= 1, (name, answer)  # what was smuggled in had no answer of its own
        status = int(heads[0]) if heads else b""
        assert status in statuses, (name, answer[:200])
    for path in _PATHS:
        assert _status(port, "GET", path) in (400, 401, 404), path


def _try_without_the_right(site: Site) -> None:
    port = site.http_port
    users = Users(site.folder / "gateway" / "users.json")
    users.put("vera", "viewer", None)
    viewer = {"Authorization": f"Bearer {users.add_token('vera')}"}
    order = b'{"order":"A1","device":"rider-0001","drop":{"lat_e7":1,"lon_e7":2}}'
    tries: list[tuple[int, dict[str, str]]] = [
        (401, {}),
        (401, {"Authorization": "Bearer o2o_guess"}),
        (401, {"Cookie": f"o2o-{port}=stolen-and-expired"}),
        (403, viewer),
        (403, {**viewer, "Origin": "http://evil.example"}),
        (403, {**viewer, "Host": "evil.example"}),
    ]
    for wanted, headers in tries:
        assert _status(port, "POST", "/orders", order, **headers) == wanted, headers
    for path in ("/api/users", "/api/devices"):
        assert _status(port, "GET", path, **viewer) == 403
    for _ in range(6):
        body = b'{"name":"demo","password":"guess guess"}'
        assert _status(port, "POST", "/login", body) in (401, 429)
    bearer = {"Authorization": f"Bearer {site.token_file.read_text()}"}
    for size in (300_000, 5_000_000):
        with suppress(ConnectionError):  # closed while we were still sending: refused as well
            assert _status(port, "POST", "/orders", b" " * size, **bearer) == 413


def _hold_connections(port: int) -> int:
    """Open more connections than the gateway has, say nearly nothing; how many were closed at once."""
    idle, away = [], 0
    for _ in range(260):
        peer = socket.create_connection(("127.0.0.1", port), timeout=5)
        idle.append(peer)
        with suppress(OSError):
            peer.sendall(b"GET / HTTP/1.1\r\nHost: 127.0.0.1\r\nX: ")
    time.sleep(0.3)
    for peer in idle:
        peer.settimeout(0.01)
        try:
            away += peer.recv(1) == b""
        except TimeoutError:
            pass
        except OSError:
            away += 1
        # Closed hard, as a program that is killed does.
        peer.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, struct.pack("ii", 1, 0))
        peer.close()
    return away


@pytest.mark.timeout(110)
def test_everything_is_refused_and_counted_and_the_feed_loses_nothing(tmp_path: Path) -> None:
    with _site(tmp_path) as site:
        reader, board = _Reader(site.broker_port), _Board(site.broker_port)
        stop = threading.Event()
        sent: list[int] = []

        def ride() -> None:
            while not stop.is_set() or len(sent) < _RECORDS:
                board.send(len(sent) + 1)
                sent.append(len(sent) + 1)
                time.sleep(0.01)

        rider = threading.Thread(target=ride)
        rider.start()
        try:
            _speak_nonsense(site.http_port)
            _try_without_the_right(site)
            away = _hold_connections(site.http_port)
        finally:
            stop.set()
            rider.join(60)
        assert away >= 60
        deadline = time.monotonic() + 20
        while set(reader.seqs) != set(sent) and time.monotonic() < deadline:
            time.sleep(0.1)
        figures = site.figures()
        reader.close()
        board.close()
    first = list(dict.fromkeys(reader.seqs))  # a repeat is known by its id
    counted = {name: figures[name] for name in sorted(figures) if name.startswith(_COUNTED)}
    print(f"\n{len(sent)} fixes sent, {len(first)} on the feed; refused: {counted}")
    assert first == sent  # nothing is lost, and in order
    assert figures["http_unauthorised"] >= 3 and figures["http_forbidden"] >= 3
    assert figures["http_refused_host"] >= 2 and figures["http_refused_origin"] >= 1
    assert figures["logins_failed"] >= 4 and figures["logins_slowed"] >= 1
    assert figures["connections_turned_away"] >= 60
    assert figures.get("http_500", 0) == figures["jobs_failed"] == 0
    said = (tmp_path / "gateway.log").read_text()
    assert "Traceback" not in said and len(said) < 60_000


def test_script_in_what_the_platform_sends_is_text_on_the_page(tmp_path: Path) -> None:
    faults: list[str] = []
    with _site(tmp_path) as site, sync_playwright() as playwright:
        board = _Board(site.broker_port)
        board.send(1)
        order: dict[str, Any] = {
            "order": _SCRIPT[:28],
            "device": "rider-0001",
            "drop": {"lat_e7": 312300000, "lon_e7": 1214700000},
        }
        assert site.post("/orders", order) == ""
        assert (
            site.post("/orders", {"order": _SCRIPT, "action": "cancel"}) != ""
        )  # refused: too long
        assert site.post("/orders", {**order, "device": _SCRIPT}) != ""
        chromium = playwright.chromium.launch(
            executable_path=require("chromium")[0], args=_CHROMIUM_ARGS
        )
        page = chromium.new_page()
        page.on("dialog", lambda dialog: (faults.append("dialog"), dialog.dismiss()))
        page.on("pageerror", lambda error: faults.append(str(error)))
        page.goto(site.page)
        expect(page.locator("#events")).to_contain_text(_SCRIPT[:28])
        assert page.locator("img[src=x]").count() == 0
        # A link on somebody else's page finds the session that there is.
        page.goto(f"data:text/html,<a href='{site.url}/'>the gateway</a>")
        page.locator("a").click()
        expect(page.locator("#events")).to_contain_text(_SCRIPT[:28])
        # Who has no session sees the log-in and nothing else; a spoilt link says so in words.
        other = chromium.new_context().new_page()
        other.goto(f"{site.url}/login#link={_SCRIPT}")
        expect(other.locator("#told")).to_contain_text("no good")
        other.goto(site.url)
        expect(other).to_have_url(f"{site.url}/login")
        chromium.close()
        board.close()
    assert faults == []
