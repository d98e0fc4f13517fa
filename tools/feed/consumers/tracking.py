"""The customer's page: where is my order? Reads `customer`, and `order` for how it ended.

    python -m tools.feed.consumers.tracking --broker HOST:PORT --db tracking.db --port 8090

Serves /t/TOKEN on loopback, behind the platform's own front. The token is an HMAC of the order's id
under a key of this reader's own: whoever knows an order's number cannot guess the address.
`--link A1001` prints it. The customer never speaks MQTT and sees what the stream `customer` has, no
more. What is older than two minutes is said to be old.
"""

from __future__ import annotations

import base64
import hashlib
import hmac
import html
import secrets
import sqlite3
import threading
from datetime import UTC, datetime
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from typing import Any

from tools.feed.consumers import words
from tools.feed.consumers.inbox import Inbox, arguments, run

STREAMS = ("customer", "order")
_OLD_S = 120
_SCHEMA = (
    words.SCHEMA
    + """
CREATE TABLE IF NOT EXISTS shown (token TEXT PRIMARY KEY, name TEXT, state TEXT, state_t TEXT,
  t TEXT, eta_s INTEGER, stops INTEGER, distance TEXT, lat_e7 INTEGER, lon_e7 INTEGER) WITHOUT ROWID;
CREATE TABLE IF NOT EXISTS secret (key BLOB);
"""
)
_STATES = {
    "received": ("订单已收到", "Order received"),
    "assigned": ("骑手已接单", "A rider has your order"),
    "picked_up": ("骑手已取货", "On the way"),
    "arrived": ("骑手已到达", "Your rider is here"),
    "handed_over": ("已送达", "Delivered"),
    "cancelled": ("已取消", "Cancelled"),
    "failed": ("配送失败", "Could not be delivered"),
}
_DISTANCES = {
    "over_3_km": ("距您3公里以上", "more than 3 km away"),
    "under_3_km": ("距您3公里以内", "less than 3 km away"),
    "under_1_km": ("距您1公里以内", "less than 1 km away"),
}
_ENDS = ("handed_over", "cancelled", "failed")
_PAGE = """<!doctype html><html lang="zh"><meta charset="utf-8"><meta http-equiv="refresh" content="10">
<meta name="viewport" content="width=device-width"><title>{name}</title>
<style>body{{font:20px/1.5 system-ui,"Noto Sans CJK SC",sans-serif;max-width:26em;margin:2em auto;
padding:0 1em}}h1{{font-size:1.6em;margin:.2em 0}}p{{margin:.3em 0}}.old{{color:#777}}</style>
<p class="old">{name}</p><h1>{zh}</h1><p>{en}</p>{more}</html>"""


class Tracking:
    """The reader and its page, on the database at `path`."""

    def __init__(self, path: Path):
        self._lock = threading.Lock()
        self.inbox = Inbox(path, _SCHEMA, self.take)
        path.chmod(0o600)  # the key stands in it
        db = self.inbox.db
        if db.execute("SELECT 1 FROM secret").fetchone() is None:
            db.execute("INSERT INTO secret VALUES (?)", (secrets.token_bytes(32),))
        self._key: bytes = db.execute("SELECT key FROM secret").fetchone()[0]
        self._path = path

    def token(self, order: str) -> str:
        """Return the secret word of an order's address."""
        digest = hmac.digest(self._key, order.encode(), hashlib.sha256)
        return base64.urlsafe_b64encode(digest[:15]).decode()

    def take(self, db: sqlite3.Connection, body: dict[str, Any]) -> None:
        """Take a message of `customer` or `order`; others are left alone."""
        if body["stream"] not in STREAMS:
            return
        order, state, said = body["order"], body.get("state"), body["t"] or body["received"]
        standing = None
        if body["stream"] == "order":
            standing = words.note(db, body)
            if standing is None or standing.last is None:
                return  # no word on the order itself, or of a rider who has lost it
            state, said = standing.last.state, standing.last.t
        if state not in _STATES:
            return  # a word to come: the page goes on with what it knows
        token = self.token(order)
        db.execute("INSERT OR IGNORE INTO shown (token,name) VALUES (?,?)", (token, order))
        old, old_t = db.execute(
            "SELECT state,state_t FROM shown WHERE token=?", (token,)
        ).fetchone()
        if old in _ENDS and standing is not None and words.was_said(db, order, old, old_t):
            old, old_t = (
                None,
                None,
            )  # that end was a rider's who had lost the order, or still stands
        if old in _ENDS and said <= old_t:
            return  # an older word, late
        if old_t is None or said >= old_t:
            db.execute("UPDATE shown SET state=?,state_t=? WHERE token=?", (state, said, token))
        if body["stream"] == "customer":
            place = body.get("position") or {}
            if datetime.fromisoformat(said).tzinfo is None:
                raise ValueError("a time without its zone")
            values = (
                *(said, _number(body, "eta_s"), _number(body, "stops_before")),
                *(body.get("distance"), _number(place, "lat_e7"), _number(place, "lon_e7"), token),
            )
            db.execute(
                "UPDATE shown SET t=?,eta_s=?,stops=?,distance=?,lat_e7=?,lon_e7=? WHERE token=?",
                values,
            )
        if state in _ENDS:
            db.execute(
                "UPDATE shown SET t=NULL,eta_s=NULL,stops=NULL,distance=NULL,lat_e7=NULL,"
                "lon_e7=NULL WHERE token=?",
                (token,),
            )

    def page(self, token: str, now: datetime) -> str | None:
        """Return the page of a token; None for one of nobody."""
        with sqlite3.connect(self._path) as db:
            row = db.execute("SELECT * FROM shown WHERE token=?", (token,)).fetchone()
        db.close()
        if row is None or row[2] is None:
            return None
        _, name, state, _, t, eta_s, stops, distance, lat_e7, lon_e7 = row
        lines = []
        if t is not None and state not in _ENDS:
            age_s = (now - datetime.fromisoformat(t)).total_seconds()
            if distance in _DISTANCES:
                lines.append(" · ".join(_DISTANCES[distance]))
            if lat_e7 is not None:
                lines.append(f"{lat_e7 / 1e7:.4f}, {lon_e7 / 1e7:.4f} (~50 m)")
            if eta_s is not None:
                lines.append(
                    f"约{max(1, round(eta_s / 60))}分钟 · about {max(1, round(eta_s / 60))} min"
                )
            if stops:
                lines.append(f"前面还有{stops}站 · {stops} stops before yours")
            if age_s > _OLD_S:
                lines = [
                    f"{round(age_s / 60)}分钟前的消息 · last heard {round(age_s / 60)} min ago"
                ]
        zh, en = _STATES[state]
        more = "".join(f"<p>{html.escape(line)}</p>" for line in lines)
        return _PAGE.format(name=html.escape(name), zh=zh, en=en, more=more)

    def server(self, port: int) -> ThreadingHTTPServer:
        """Return a server of the page on loopback; 0: any free port."""
        tracking = self

        class Handler(BaseHTTPRequestHandler):
            """GET /t/TOKEN."""

            timeout = 10

            def do_GET(self) -> None:
                """Answer with the page, or 404 without saying why."""
                token = self.path.removeprefix("/t/") if self.path.startswith("/t/") else ""
                text = tracking.page(token, datetime.now(UTC)) or ""
                self.send_response(200 if text else 404)
                self.send_header("Content-Type", "text/html; charset=utf-8")
                self.send_header("Cache-Control", "no-store")
                self.send_header(
                    "Content-Security-Policy", "default-src 'none'; style-src 'unsafe-inline'"
                )
                self.end_headers()
                self.wfile.write(text.encode())

            def log_message(self, *_: Any) -> None:
                """Say nothing: an address is a secret."""

        return ThreadingHTTPServer(("127.0.0.1", port), Handler)


def _number(body: dict[str, Any], name: str) -> int | None:
    """Return a whole number or None; TypeError for what the page could not show."""
    value = body.get(name)
    if value is not None and type(value) is not int:
        raise TypeError(f"{name} is no whole number")
    return value


if __name__ == "__main__":
    parser = arguments("The customer's page: where is my order?", "tracking")
    parser.add_argument("--port", type=int, default=8090)
    parser.add_argument("--link", metavar="ORDER", help="only print the address of an order's page")
    options = parser.parse_args()
    page = Tracking(options.db)
    if options.link:
        print(f"http://127.0.0.1:{options.port}/t/{page.token(options.link)}")
    else:
        threading.Thread(target=page.server(options.port).serve_forever, daemon=True).start()
        run(page.inbox, options, "tracking", STREAMS)
