"""The port with TLS, and the files that others start the gateway with."""

import asyncio
import configparser
import re
import shlex
import ssl
from importlib.resources import files

import aiohttp
import pytest

from gateway import service
from gateway.config import check
from gateway.errors import ConfigError, GatewayError
from gateway.ops.probe import answers
from gateway.ops.watch import Watch
from gateway.web import passwords
from gateway.web.front import Front, host_of
from gateway.web.hub import Hub
from gateway.web.users import Users


class Desk:
    async def order(self, body):
        return {}

    picklist = order


def front(folder, **http):
    site = {"id": "gw-1", "city": "x", "data": str(folder)}
    config = check({"site": site, "http": {"port": 0, **http}})
    return Front(config, Hub(), Desk(), Watch(config, dict, Hub()), dict, lambda: "")


def test_over_tls_the_cookie_is_secure_and_old_versions_are_refused(
    tmp_path, monkeypatch, certificate
):
    monkeypatch.setattr(passwords, "COST", (1 << 4, 8, 1))
    cert, key = certificate(tmp_path, 10)
    Users(tmp_path / "users.json").put("ada", "admin", "correct horse")
    door = front(tmp_path, cert=str(cert), key=str(key))

    def context(most=None):
        trusting = ssl.create_default_context(cafile=str(cert))
        if most is not None:
            trusting.minimum_version = ssl.TLSVersion.MINIMUM_SUPPORTED
            trusting.maximum_version = most
        return trusting

    async def main():
        await door.start()
        port = door._listener._door.getsockname()[1]
        try:
            url = f"https://localhost:{port}"
            async with aiohttp.ClientSession() as client:
                body = {"name": "ada", "password": "correct horse"}
                async with client.post(f"{url}/login", json=body, ssl=context()) as answer:
                    told = answer.headers["Set-Cookie"]
                    assert answer.status == 200 and told.startswith("__Host-o2o=")
                    assert "Secure" in told and "aiohttp" not in answer.headers["Server"]
            assert await asyncio.to_thread(answers, f"https://127.0.0.1:{port}/healthz")
            # Plain words and old versions get no answer.
            reader, writer = await asyncio.open_connection("127.0.0.1", port)
            writer.write(b"GET /healthz HTTP/1.1\r\nHost: 127.0.0.1\r\n\r\n")
            assert await asyncio.wait_for(reader.read(), 10) == b""
            writer.close()
            with pytest.raises((ssl.SSLError, OSError)), pytest.warns(DeprecationWarning):
                old = context(ssl.TLSVersion.TLSv1_1)
                await asyncio.open_connection("localhost", port, ssl=old)
        finally:
            await door.stop()

    asyncio.run(asyncio.wait_for(main(), 30))


def test_a_door_that_cannot_be_made_safe_is_not_opened(tmp_path, certificate):
    cert, key = certificate(tmp_path, 10)
    key.chmod(0o644)
    with pytest.raises(ConfigError, match="chmod 600"):
        front(tmp_path, cert=str(cert), key=str(key))
    (tmp_path / "users.json").write_text("[]")
    (tmp_path / "users.json").chmod(0o644)
    with pytest.raises(GatewayError, match="chmod 600"):
        front(tmp_path)


@pytest.mark.parametrize(
    ("http", "words"),
    [
        ({"bind": "0.0.0.0", "cert": "a", "key": "b"}, "http.hosts.*missing"),
        ({"bind": "192.0.2.1", "login": False, "cert": "a", "key": "b"}, "login"),
        ({"bind": "192.0.2.1"}, "passwords need TLS"),
        ({"hosts": ["http://gw.example"]}, "hosts"),
        ({"hosts": [""]}, "hosts"),
        ({"cert": "a"}, "together"),
    ],
)
def test_an_open_door_is_refused_in_the_configuration(tmp_path, http, words):
    with pytest.raises(ConfigError, match=words):
        front(tmp_path, **http)


def test_a_key_that_systemd_lends_is_taken_as_it_is(tmp_path, monkeypatch, certificate):
    cert, key = certificate(tmp_path, 10)
    key.chmod(0o440)  # what LoadCredential= makes
    monkeypatch.setenv("CREDENTIALS_DIRECTORY", str(tmp_path / "elsewhere"))
    with pytest.raises(ConfigError, match="chmod 600"):
        front(tmp_path, cert=str(cert), key=str(key))
    monkeypatch.setenv("CREDENTIALS_DIRECTORY", str(tmp_path))
    assert front(tmp_path, cert=str(cert), key=str(key)).tls is not None


def test_the_link_s_address_is_one_that_a_browser_can_open():
    for http, host in (
        ({}, "127.0.0.1"),
        ({"bind": "::1"}, "[::1]"),
        ({"bind": "0.0.0.0", "hosts": ["gw.example"], "cert": "a", "key": "b"}, "gw.example"),
    ):
        config = check({"site": {"id": "gw-1", "city": "x", "data": "d"}, "http": http})
        assert host_of(config.http) == host


def test_the_probe_asks_this_machine_only():
    for url in (
        "http://192.0.2.1/healthz",
        "file:///etc/passwd",
        "http://[",
        "",
        "http://127.0.0.1:1/",
    ):
        assert not answers(url)


def packaged(name):
    return files("gateway.ops").joinpath(name).read_text()


def test_the_unit_starts_what_there_is_and_its_watchdog_is_slower_than_the_commits():
    unit = configparser.ConfigParser(strict=False, interpolation=None)
    unit.optionxform = str
    unit.read_string(packaged("o2o-gateway.service"))
    run = unit["Service"]
    assert run["Type"] == "notify" and run["Restart"] == "always" and run["User"] != "root"
    assert int(run["WatchdogSec"]) >= 4 * service._HOUSEKEEPING_S
    assert shlex.split(run["ExecStart"])[1:4] == ["-m", "gateway", "run"]
    assert run["ProtectSystem"] == "strict" and run["CapabilityBoundingSet"] == ""
    assert int(unit["Unit"]["StartLimitIntervalSec"]) == 0


def test_the_container_is_nobody_s_root_and_copies_what_the_gateway_imports():
    text = packaged("Containerfile")
    assert re.search(r"^USER \d+:\d+$", text, re.MULTILINE)
    copied = re.findall(r"^COPY (\w+) /opt/o2o-edge/\1$", text, re.MULTILINE)
    assert set(copied) == {"protocols", "firmware", "gateway"}
    assert '["python", "-m", "gateway"]' in text and "--require-hashes" in text
