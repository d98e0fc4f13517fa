"""The gateway's configuration: every wrong key is named, and what to do about it."""

import subprocess
import sys

import pytest

from gateway.config import check, load
from gateway.errors import ConfigError

GOOD = {"site": {"id": "gw-1", "city": "shanghai", "data": "/tmp/gw"}}


def changed(**tables):
    return {**GOOD, **tables}


def test_a_minimal_file_gets_its_defaults():
    config = check(GOOD)
    assert (config.broker.host, config.broker.port) == ("127.0.0.1", 1883)
    assert [sink.name for sink in config.outlets()] == ["mqtt"]
    assert config.feed.window == 200
    assert config.http.bind == "127.0.0.1"


def test_sinks_of_their_own():
    city = {"name": "city", "broker": {"host": "feed.example", "port": 8883, "protocol": "5"}}
    stream = {"name": "stream", "kind": "jetstream", "servers": ["nats.example:4222"]}
    outlets = check(changed(sinks=[city, stream])).outlets()
    assert [each.name for each in outlets] == ["city", "stream"]
    assert outlets[0].broker.port == 8883 and outlets[1].servers == ["nats.example:4222"]


def test_two_sinks_of_one_name_are_refused():
    with pytest.raises(ConfigError, match="same 'name'"):
        check(changed(sinks=[{"name": "city"}, {"name": "city"}]))


@pytest.mark.parametrize(
    ("tree", "words"),
    [
        ({}, ["site", "missing"]),
        ({"site": {"id": "gw-1", "city": "shanghai"}}, ["site.data", "missing"]),
        (changed(brokr={}), ["brokr", "known", "broker"]),
        (changed(broker={"prot": 1}), ["broker.prot", "known"]),
        (changed(broker={"port": "1883"}), ["broker.port", "int"]),
        (changed(broker={"port": True}), ["broker.port"]),
        (changed(broker={"port": 0}), ["broker.port", "65535"]),
        (changed(broker={"protocol": "4"}), ["broker.protocol"]),
        (changed(broker=7), ["broker", "table"]),
        (changed(feed={"window": 0}), ["feed.window"]),
        (changed(feed={"resend_s": -1}), ["feed.resend_s"]),
        (changed(feed={"resend_s": 10**400}), ["feed.resend_s", "401 digits"]),
        (changed(feed={"resend_s": float("nan")}), ["feed.resend_s"]),
        (changed(site={**GOOD["site"], "data": "a\0b"}), ["site.data", "U+0000"]),
        (changed(site={**GOOD["site"], "data": ""}), ["site.data", "empty"]),
        (changed(broker={"host": "a\0b"}), ["broker.host", "U+0000"]),
        (changed(http={"bind": "0.0.0.0"}), ["http.bind", "passwords"]),
        (changed(http={"bind": "::"}), ["http.bind"]),
        (changed(site={**GOOD["site"], "city": "Shang Hai"}), ["site.city", "Shang Hai"]),
        (changed(site={**GOOD["site"], "utc_offset_h": 99}), ["site.utc_offset_h"]),
    ],
)
def test_what_is_wrong_is_named(tree, words):
    with pytest.raises(ConfigError) as caught:
        check(tree)
    for word in words:
        assert word in str(caught.value)


def test_a_file_is_named_with_its_fault(tmp_path):
    path = tmp_path / "gateway.toml"
    site = '[site]\nid = "gw-1"\ncity = "shanghai"\n'
    for text, word in (
        *(("[site", "TOML"), ("[sitte]\n", "sitte"), (site + 'data = "a\\u0000b"', "site.data")),
        *(("a = " + "1" * 5_000, "TOML"), ("a = " + "[" * 5_000, "TOML")),
    ):
        path.write_text(text)
        with pytest.raises(ConfigError) as caught:
            load(path)
        assert str(path) in str(caught.value) and word in str(caught.value)
    with pytest.raises(ConfigError, match="cannot read"):
        load(tmp_path / "absent.toml")


def test_a_byte_order_mark_in_front_is_passed_over(tmp_path):
    path = tmp_path / "gateway.toml"
    path.write_text('[site]\nid = "gw-1"\ncity = "shanghai"\ndata = "x"\n', encoding="utf-8-sig")
    assert load(path).site.id == "gw-1"


def test_the_command_says_it_in_one_line_with_exit_code_2(tmp_path):
    path = tmp_path / "gateway.toml"
    path.write_text('[site]\nid = "gw-1"\ncity = "shanghai"\ndata = "x"\ncolour = "red"\n')
    done = subprocess.run(
        [sys.executable, "-m", "gateway", "check", "--config", str(path)],
        capture_output=True,
        text=True,
    )
    assert done.returncode == 2
    assert "colour" in done.stderr and len(done.stderr.strip().splitlines()) == 1
