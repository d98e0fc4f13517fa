"""The set-up page pairs tablets and ends their sessions; its QR codes are read back."""

import errno
from pathlib import Path

import aiohttp
import cv2
import numpy as np
import pytest
from edge_box import ME, pair, run, running

from ar_picking.web import qr


def test_the_set_up_page_makes_codes_and_ends_sessions(store):
    async def doing():
        async with running(store) as (box, browser):
            base = box.admin_url.removesuffix("/admin")
            async with browser.get(base) as answer:
                text = await answer.text()
                assert answer.status == 200 and ME in text and "<script" not in text
                assert "script-src" not in answer.headers["Content-Security-Policy"]
            async with browser.post(base + "/admin/pair", data={"device": ME}) as answer:
                text = await answer.text()
                assert "<svg" in text and "<code>" in text
            asks = {"Accept": "application/json"}
            form = {"device": ME}
            async with browser.post(base + "/admin/pair", data=form, headers=asks) as answer:
                made = await answer.json()
            assert made["url"] == f"{box.url}#pair={made['code']}"
            async with browser.post(box.url + "pair", json={"code": made["code"]}) as answer:
                assert answer.status == 200
            async with browser.get(base + "/admin/figures.json") as answer:
                assert (await answer.json())["pairing"]["paired"] == 1
            async with browser.post(base + "/admin/unpair", data=form) as answer:
                assert answer.status == 200 and box.pairings.paired_since_s(ME) is None
            for data in ({}, {"device": "x"}, {"device": "<b>"}):
                async with browser.post(base + "/admin/pair", data=data) as answer:
                    assert answer.status == 400
            for headers in ({"Origin": "http://evil.example"}, {"Origin": box.url.rstrip("/")}):
                async with browser.post(base + "/admin/pair", data=form, headers=headers) as answer:
                    assert answer.status == 403
            async with browser.get(base, headers={"Host": "evil.example"}) as answer:
                assert answer.status == 403

    run(doing)


def test_unpairing_on_a_full_disk_says_what_is_left_to_do(store, tmp_path, monkeypatch):
    def full(path, _):
        raise OSError(errno.ENOSPC, "No space left on device")

    async def doing():
        async with running(store, tmp_path) as (box, browser):
            me, _ = await pair(box, browser, ME)
            page = await browser.ws_connect(box.url + "vision", headers=me)
            with monkeypatch.context() as patched:
                patched.setattr(Path, "replace", full)
                url = box.admin_url + "/unpair"
                async with browser.post(url, data={"device": ME}) as answer:
                    assert answer.status == 507 and "make room" in await answer.text()
                assert (await page.receive()).type is aiohttp.WSMsgType.CLOSE
            assert not box.pairings.is_saved
        assert box.pairings.is_saved, "it was tried again"

    run(doing)


def test_a_qr_code_is_read_back_as_what_it_says():
    reader = cv2.QRCodeDetectorAruco()
    for length in (20, 60, 120, 250):
        words = ("https://box-7.shop:8443/#pair=" + "ABCD2345" * 40)[:length]
        black = np.pad(qr.modules(words), qr.QUIET)
        image = np.kron(np.where(black, 0, 255), np.ones((6, 6))).astype(np.uint8)
        assert reader.detectAndDecode(image)[0] == words
        assert qr.svg(words).count("M") == qr.modules(words).sum() + 1
        lines = qr.text(words).splitlines()
        assert len(lines) == (len(black) + 1) // 2 and "█" in lines[4]
    for words in ("", "é", "x" * 301):
        with pytest.raises(ValueError, match="ASCII"):
            qr.modules(words)
