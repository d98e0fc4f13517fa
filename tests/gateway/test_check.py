"""`gateway check` opens what the configuration names; a disk that is full is told in one line."""

import argparse
import errno
import os

import pytest
from certificates import Authority

from gateway.commands import check
from gateway.errors import ConfigError, GatewayError
from gateway.feed.identity import Identity

RMC = b"$GNRMC,055234.000,A,4739.71890,N,12219.58362,W,0.00,286.35,050826,,,A,V*13\r\n"


@pytest.fixture
def checked(tmp_path, monkeypatch):
    """Checks a configuration of [site] and the given lines; files are those of tmp_path."""
    monkeypatch.chdir(tmp_path)
    authority = Authority(tmp_path)
    for name in ("gateway", "other"):
        authority.issue(name)
        (tmp_path / f"{name}.key.pem").chmod(0o600)
    (tmp_path / "ride.nmea").write_bytes(RMC)
    (tmp_path / "notes.txt").write_text("no NMEA")
    (tmp_path / "site").mkdir()
    os.mkfifo(tmp_path / "pipe")

    def run(*lines, data="data", more=""):
        path = tmp_path / "gateway.toml"
        site = f'[site]\nid = "gw-1"\ncity = "shanghai"\ndata = "{data}"\n{more}\n'
        path.write_text(site + "\n".join(lines))
        return check.run(argparse.Namespace(config=path))

    return run


TLS = '{ ca = "ca.pem", cert = "gateway.pem", key = "gateway.key.pem" }'
GOOD = (
    f'[broker]\ntls = {TLS}\n[http]\ncert = "gateway.pem"\nkey = "gateway.key.pem"\n',
    f'[[sinks]]\nname = "city"\nbroker = {{ host = "feed", tls = {TLS} }}\n',
    f'[[sinks]]\nname = "stream"\nkind = "jetstream"\nservers = ["n:1"]\ntls = {TLS}\n',
    f"[workers]\ntls = {TLS}\n",
    f'[terminal]\ndevice = "b"\nreplay = "ride.nmea"\ntls = {TLS}\n',
)


def test_a_configuration_whose_files_are_there_is_good(checked, capsys):
    assert checked(*GOOD, more='folder = "site"') == 0
    assert "good" in capsys.readouterr().out


@pytest.mark.parametrize("number", range(5))
def test_each_named_file_must_be_there(checked, number):
    for name in ("ca.pem", "gateway.pem", "gateway.key.pem", "ride.nmea"):
        if name in GOOD[number]:
            lines = list(GOOD)
            lines[number] = lines[number].replace(name, "absent", 1)
            with pytest.raises(ConfigError, match="absent"):
                checked(*lines)


@pytest.mark.parametrize(
    ("old", "new", "words"),
    [
        ("ca.pem", "gateway.key.pem", "broker.tls.ca.*no certificate"),
        ("gateway.key.pem", "other.key.pem", "broker.tls.*no certificate with its key"),
        ("ca.pem", "site", "broker.tls.ca.*is no file"),
        ("ca.pem", "pipe", "broker.tls.ca.*is no file"),
    ],
)
def test_a_file_of_another_kind_is_refused(checked, old, new, words):
    with pytest.raises(ConfigError, match=words):
        checked(GOOD[0].replace(old, new, 1))


def test_a_recording_a_sites_folder_and_the_data_folder(checked):
    terminal = '[terminal]\ndevice = "b"\nreplay = "notes.txt"\n'
    with pytest.raises(ConfigError, match=r"terminal\.replay.*no NMEA sentence"):
        checked(terminal)
    with pytest.raises(ConfigError, match="init-site"):
        checked(more='folder = "elsewhere"')
    with pytest.raises(ConfigError, match=r"site\.data' is empty"):
        checked(data="")


def test_keys_that_cannot_be_written_are_told_in_one_line(tmp_path, monkeypatch):
    def full(_number):
        raise OSError(errno.ENOSPC, "No space left on device")

    with monkeypatch.context() as patch:
        patch.setattr("gateway.feed.identity.os.fsync", full)
        with pytest.raises(GatewayError, match=r"keys\.json: No space left.*make room") as told:
            Identity(tmp_path, 8)
    assert "\n" not in str(told.value) and not (tmp_path / "keys.json").exists()
    assert Identity(tmp_path, 8).record_id("d", 1, 1)  # with room again it starts
