"""Sealed fields: opened at the gateway, hidden again on the feed, never in the clear anywhere."""

import json

import pytest

from gateway.frames.pipeline import Pipeline
from protocols import messages
from protocols.cbor import Writer
from protocols.ccm import Ccm
from protocols.sealing import NONCE_SIZE, TAG_SIZE, field_cipher, seal_field
from protocols.sm3 import hmac
from protocols.sm4 import Sm4

DEVICE, LOG, KEY, KID = "rider-0001", 7, bytes(range(32)), 3
STAMP = (1, 0, 2517, 40_000_000)
REASON = 8  # key of `reason` in the order record's table
SECRET = "顾客电话 13800000000"


@pytest.fixture
def sealing(site):
    """A site that knows rider-0001's key number 3."""

    def keys(device, kid):
        return KEY if (device, kid) == (DEVICE, KID) else None

    site.pipeline = Pipeline(
        *(site.feed, site.downlink, site.publish, lambda _: None, lambda _: None),
        site.riders,
        keys,
    )
    return site


def frame(seq, sealed):
    """A frame with one order record whose reason is a map; bytes as a board would write them."""
    writer = Writer(bytearray(600))
    messages.put_frame_head(writer, LOG, 1, seq)
    messages.begin_record(writer, messages.ORDER, STAMP, 3)
    for key, value in ((5, "X1"), (6, 0)):
        writer.integer(key)
        writer.text(value) if isinstance(value, str) else writer.integer(value)
    writer.integer(REASON)
    writer.map(len(sealed))
    for name, value in sealed.items():
        writer.text(name)
        writer.value(value)
    return bytes(writer.buf[: writer.n])


def told(site, seq, sealed):
    data = frame(seq, sealed)
    site.run(lambda store: site.pipeline.frame(store, "rider", DEVICE, data, site.now_ms))
    rows = site.connection.execute("SELECT payload FROM rows ORDER BY id").fetchall()
    return json.loads(rows[-1][0]), b"".join(bytes(row[0]) for row in rows)


def sealed_for(seq, device=DEVICE, key=KEY, kid=KID, field=REASON, log=LOG):
    return seal_field(field_cipher(key, log), kid, device, log, seq, field, SECRET.encode())


def open_feed(site, body):
    key = hmac(
        bytes.fromhex(site.feed._identity._keys["fields"]), b"o2o/feed/v1" + body["id"].encode()
    )
    hidden = body["reason"]
    cipher = Ccm(Sm4(key[:16]), TAG_SIZE, NONCE_SIZE)
    data = cipher.open(bytes.fromhex(hidden["n"]), bytes.fromhex(hidden["c"]), body["id"].encode())
    return bytes(data).decode()


def test_a_sealed_field_is_sealed_on_the_feed_and_its_holder_reads_it(sealing):
    body, everything = told(sealing, 1, sealed_for(1))
    assert body["stream"] == "order" and body["state"] == "assigned"
    assert body["reason"]["enc"] == 1
    assert open_feed(sealing, body) == SECRET
    assert SECRET.encode() not in everything and SECRET.encode().hex().encode() not in everything
    assert sealing.pipeline.counters["fields_opened"] == 1


def test_two_messages_hide_the_same_text_differently(sealing):
    first, _ = told(sealing, 1, sealed_for(1))
    second, _ = told(sealing, 2, sealed_for(2))
    assert first["reason"]["c"] != second["reason"]["c"]


@pytest.mark.parametrize(
    "wrong",
    [
        {"key": bytes(32)},
        {"kid": 4},
        {"device": "rider-0002"},
        {"field": 9},
        {"log": 8},
    ],
)
def test_what_was_sealed_for_another_place_is_kept_as_it_came_and_says_so(sealing, wrong):
    body, everything = told(sealing, 1, sealed_for(1, **wrong))
    assert (body["event"], body["why"]) == ("unreadable", "range:reason")
    assert SECRET.encode() not in everything
    assert sealing.pipeline.counters["fields_sealed_refused"] == 1


def test_a_damaged_one_changes_nothing_but_a_counter(sealing):
    sealed = sealed_for(1)
    sealed["c"] = sealed["c"][:-1] + bytes([sealed["c"][-1] ^ 1])
    body, _ = told(sealing, 1, sealed)
    assert body["event"] == "unreadable"
    body, _ = told(sealing, 2, {"enc": 1, "kid": -1, "n": b"", "c": b""})
    assert body["event"] == "unreadable"
