"""The box's own page for who sets it up: pairs tablets, un-pairs them, shows the figures. Loopback only.

It has a port of its own, so that nothing that the tablets' page does can reach it. Forms, no script;
the QR code of a new pairing is shown once.
"""

from __future__ import annotations

import time
from collections.abc import Callable
from html import escape
from typing import Any

from aiohttp import web

from ar_picking.errors import PickingError
from ar_picking.web import qr
from ar_picking.web.pairing import CODE_S, Pairings

MAX_BODY_BYTES = 1_024
_STYLE = """\
body { font: 18px/1.5 system-ui, "Noto Sans CJK SC", sans-serif; margin: 2rem auto; max-width: 60rem;
  padding: 0 1rem; color: #111; background: #fff }
table { border-collapse: collapse; width: 100% } td, th { text-align: left; padding: .5rem .8rem .5rem 0;
  border-bottom: 1px solid #ccc } form { display: inline } button { font: inherit; padding: .3rem .8rem }
svg { width: 22rem; display: block; margin: 1rem 0 } code { font-size: 1.3rem; letter-spacing: .1em }
pre { white-space: pre-wrap; font-size: 14px }
"""
_PAGE = """<!doctype html><html lang="zh"><meta charset="utf-8"><title>o2o edge box</title>
<link rel="stylesheet" href="/admin.css"><meta name="viewport" content="width=device-width">
<h1>拣货平板 <small>pickers' tablets</small></h1>{body}</html>"""


class Admin:
    """The routes. url(): the tablets' page, without fragment; figures(): what the box counts;
    online(device): which of its connections stand, as words.
    """

    def __init__(
        self,
        pairings: Pairings,
        url: Callable[[], str],
        figures: Callable[[], dict[str, Any]],
        online: Callable[[str], list[str]],
    ) -> None:
        self._pairings, self._url, self._figures, self._online = pairings, url, figures, online

    def add_routes(self, app: web.Application) -> None:
        """Add them to an application that is guarded and listens on loopback."""
        app.add_routes(
            [
                web.get("/", _to_admin),
                web.get("/admin", self._page),
                web.get("/admin.css", _css),
                web.get("/admin/figures.json", self._figures_json),
                web.post("/admin/pair", self._pair),
                web.post("/admin/unpair", self._unpair),
            ]
        )

    async def _page(self, _: web.Request) -> web.Response:
        vision = self._figures()["vision"]
        rows = "".join(self._row(device, vision.get(device)) for device in self._pairings.devices)
        head = "<tr><th>平板 device<th>状态 state<th>连接 connected<th>图像 pictures<th></tr>"
        link = '<p><a href="/admin/figures.json">figures.json</a></p>'
        return _html(f"<table>{head}{rows}</table>{link}")

    def _row(self, device: str, vision: dict[str, Any] | None) -> str:
        since_s = self._pairings.paired_since_s(device)
        state = "未配对 not paired"
        if since_s is not None:
            state = "已配对 paired " + time.strftime("%Y-%m-%d %H:%M", time.localtime(since_s))
        if self._pairings.has_code(device):
            state += " · 配对码有效 code open"
        name = escape(device)
        seen = "—"
        if vision is not None and vision["answered"]:
            seen = f"{vision['fps']}/s · {vision['box_ms_median']} ms · {escape(vision['state'])}"
        online = escape(", ".join(self._online(device)) or "—")
        return (
            f"<tr><td><b>{name}</b><td>{state}<td>{online}<td>{seen}<td>"
            f"{_button('/admin/pair', name, '配对 pair')} "
            f"{_button('/admin/unpair', name, '解除 unpair')}</tr>"
        )

    async def _pair(self, request: web.Request) -> web.Response:
        device = await self._device(request)
        code = self._pairings.new_code(device)
        url = f"{self._url()}#pair={code}"
        if "application/json" in request.headers.get("Accept", ""):
            return web.json_response(
                {"device": device, "url": url, "code": code, "valid_s": CODE_S}
            )
        spaced = " ".join(code[i : i + 4] for i in range(0, len(code), 4))
        return _html(
            f"<h2>{escape(device)}</h2><p>用平板扫描，{CODE_S // 60} 分钟内有效，只能用一次。<br>"
            f"Scan it with the tablet; good for {CODE_S // 60} minutes and for one tablet.</p>"
            f"{qr.svg(url)}<p><code>{spaced}</code><p>{escape(self._url())}"
            '<p><a href="/admin">返回 back</a>'
        )

    async def _unpair(self, request: web.Request) -> web.Response:
        device = await self._device(request)
        self._pairings.unpair(device)
        if not self._pairings.is_saved:
            raise web.HTTPInsufficientStorage(
                text=f"{device} is un-paired, but the file of sessions cannot be written (disk full?): "
                "make room; the box tries again every minute"
            )
        raise web.HTTPSeeOther("/admin")

    async def _device(self, request: web.Request) -> str:
        # A form of another site has its own Origin, which the guard refuses; no browser leaves it out.
        try:
            obj = await (
                request.json() if request.content_type == "application/json" else request.post()
            )
            device = obj.get("device")
        except (ValueError, AttributeError, RecursionError):
            device = None
        if not isinstance(device, str) or device not in self._pairings.devices:
            raise web.HTTPBadRequest(text="device is not one of --pickers")
        return device

    async def _figures_json(self, _: web.Request) -> web.Response:
        return web.json_response(self._figures())


def console(pairings: Pairings, device: str, url: str, is_terminal: bool) -> tuple[str, str]:
    """(what to show a person to pair a device, the code): a QR code where there is a terminal."""
    try:
        code = pairings.new_code(device)
    except PickingError as fault:
        return f"{fault}\n", ""
    address = f"{url}#pair={code}"
    minutes = CODE_S // 60
    words = (
        f"{device}: 用平板扫描配对，{minutes} 分钟内有效 / pair a tablet within {minutes} minutes"
    )
    return f"{words}\n{qr.text(address) if is_terminal else ''}  {address}\n", code


def _button(action: str, device: str, words: str) -> str:
    return (
        f'<form method="post" action="{action}"><input type="hidden" name="device" value="{device}">'
        f"<button>{words}</button></form>"
    )


async def _to_admin(_: web.Request) -> web.Response:
    raise web.HTTPSeeOther("/admin")


async def _css(_: web.Request) -> web.Response:
    return web.Response(text=_STYLE, content_type="text/css", charset="utf-8")


def _html(body: str) -> web.Response:
    return web.Response(text=_PAGE.format(body=body), content_type="text/html", charset="utf-8")
