"""`serve`: what it hands out, what it says to options that cannot be, and the program itself."""

import argparse
import asyncio
import contextlib
import json
import ssl
import subprocess
import sys

import aiohttp
import pytest

from ar_picking.commands import serve as command
from ar_picking.errors import ConfigError
from ar_picking.guide.shop import map_crc
from ar_picking.web import handout
from ar_picking.web.files import clip_files, wasm_files
from firmware.picker import mapfile
from tools.parts.place import ROOT

ME, OTHER = "picker-0001", "picker-0002"


@pytest.fixture
def wasm(tmp_path):
    (tmp_path / "wasm").mkdir()
    for name in ("micropython.mjs", "micropython.wasm"):
        (tmp_path / "wasm" / name).write_bytes(name.encode())
    return tmp_path / "wasm"


def test_all_that_the_page_fetches_is_handed_out(store, wasm, tmp_path):
    clips = tmp_path / "clips"
    for path in ("zh/take.ogg", "zh/put.wav", "en/take.ogg", "en/notes.txt", "fr/take.ogg"):
        (clips / path).parent.mkdir(parents=True, exist_ok=True)
        (clips / path).write_bytes(path.encode())
    found = handout.files(store, wasm, clips)
    types = {path: asset.content_type.partition(";")[0] for path, asset in found.items()}
    for path, kind in {
        "/": "text/html",
        "/sw.js": "text/javascript",
        "/manifest.webmanifest": "application/manifest+json",
        "/code.json": "application/json",
        "/store.json": "application/json",
        "/store.o2om": "application/octet-stream",
        "/micropython.mjs": "text/javascript",
        "/micropython.wasm": "application/wasm",
        "/clips/zh/take.ogg": "audio/ogg",
        "/clips/zh/put.wav": "audio/wav",
        "/clips/zh/put.ogg": "audio/wav",
    }.items():
        assert types[path] == kind, path
    assert not [path for path in found if "notes" in path or "/fr/" in path]
    told = json.loads(found["/store.json"].body)
    assert told["name"] == store.name and len(told["shop"]["bins"]) == len(store.bins)
    assert told["plan"]["store"] == store.id
    graph, why = mapfile.unpack(found["/store.o2om"].body)
    assert why is None and graph.edges == store.graph.edges
    assert int(told["shop"]["map_crc"], 16) == map_crc(found["/store.o2om"].body)
    assert json.loads(found["/code.json"].body)["ar_picking/__init__.py"] == ""


def test_what_is_not_there_is_said_with_what_to_fetch(store, wasm, tmp_path):
    with pytest.raises(ConfigError, match="micropython-webassembly-pyscript"):
        wasm_files(None)
    (wasm / "micropython.wasm").unlink()
    with pytest.raises(ConfigError, match=r"micropython\.wasm is not there"):
        wasm_files(wasm)
    with pytest.raises(ConfigError, match=r"no index\.html"):
        handout.files(store, wasm, page=tmp_path)
    with pytest.raises(ConfigError, match="--clips"):
        handout.files(store, wasm, tmp_path / "none")
    assert clip_files(None) == {}


def options(*words):
    parser = argparse.ArgumentParser()
    command.add_arguments(parser)
    return parser.parse_args(["--store", "none", *words])


@pytest.mark.parametrize(
    ("words", "why"),
    [
        (["--http", "0.0.0.0:0"], "--self-signed"),
        (["--http", "192.0.2.7:0"], "--self-signed"),
        (["--http", "x"], "--http x"),
        (["--http", "127.0.0.1:0", "--admin", "0.0.0.0:0"], "--admin"),
        (["--http", "127.0.0.1:0", "--tls-cert", "a"], "go together"),
        (["--http", "127.0.0.1:0", "--tls-cert", "a", "--tls-key", "b"], "a with b"),
        (
            ["--http", ":0", "--tls-cert", "a", "--tls-key", "b", "--self-signed", "c"],
            "not both",
        ),
        (["--http", "127.0.0.1:0", "--broker", "x"], "--broker x"),
        (["--http", "127.0.0.1:0", "--broker-cert", "x"], "--broker-ca"),
        (["--http", "127.0.0.1:0", "--broker-ca", "x"], "--broker-ca needs --broker"),
        (["--http", "127.0.0.1:0", "--broker", "a:1", "--broker-ca", "x"], "--broker-ca"),
        (["--http", "127.0.0.1:0", "--workers", "0"], "--workers"),
        (["--http", "127.0.0.1:0", "--devices", "none"], "--devices"),
    ],
)
def test_options_that_cannot_be_are_refused_with_a_sentence(words, why):
    with pytest.raises(ConfigError, match=why):
        command.make_box(options(*words))


def test_a_box_from_options_serves_the_store(store_dir, wasm, tmp_path):
    args = options("--http", "127.0.0.1:0", "--wasm", str(wasm), "--pickers", f"{ME},{OTHER}")
    args.store, args.self_signed, args.state = store_dir, tmp_path / "tls", tmp_path / "state"

    async def doing():
        box, site, context = command.make_box(args)
        assert context is not None
        trust = ssl.create_default_context(cafile=site.ca_path)
        await box.start()
        try:
            async with (
                aiohttp.ClientSession() as browser,
                browser.get(box.url + "store.json", ssl=trust) as answer,
            ):
                assert (await answer.json())["plan"]["store"] == "demo"
        finally:
            await box.stop()

    asyncio.run(asyncio.wait_for(doing(), 30))


def test_the_program_serves_until_it_is_told_to_stop_and_its_words_are_json(
    store_dir, wasm, tmp_path
):
    words = ["--http", "127.0.0.1:0", "--wasm", wasm, "--state", tmp_path / "state"]
    words += ["--store", store_dir, "--pickers", f"{ME},{OTHER}", "--name", "box.shop"]
    command = [sys.executable, "-m", "ar_picking", "serve", *map(str, words)]

    @contextlib.contextmanager
    def started():
        pipe = subprocess.PIPE
        box = subprocess.Popen(command, cwd=ROOT, stdout=pipe, stderr=pipe, text=True)
        try:
            yield box, json.loads(box.stdout.readline()), json.loads(box.stdout.readline())
        finally:
            box.kill()  # no goodbye
            box.communicate(timeout=20)

    async def use(code, url, cookie):
        async with aiohttp.ClientSession(cookie_jar=aiohttp.DummyCookieJar()) as browser:
            if code:
                async with browser.post(url + "pair", json={"code": code}) as answer:
                    cookie = {"Cookie": answer.headers["Set-Cookie"].partition(";")[0]}
            async with browser.get(url + "session", headers=cookie) as answer:
                assert (await answer.json())["device"] == ME
        return cookie

    def url_of(line):
        return line["url"].replace("box.shop", "127.0.0.1")

    with started() as (_, serving, first):
        assert serving["event"] == "serving" and serving["url"].startswith("http://box.shop:")
        assert first["event"] == "pair" and first["device"] == ME
        cookie = asyncio.run(use(first["url"].partition("#pair=")[2], url_of(serving), None))
    with started() as (box, serving, second):
        assert second["device"] == OTHER, "the paired one needs no new code"
        asyncio.run(use("", url_of(serving), cookie))
        box.terminate()
        said, complaint = box.communicate(timeout=20)
    assert box.returncode == 0 and "Traceback" not in complaint
    assert json.loads(said.splitlines()[-1])["event"] == "stopped"
