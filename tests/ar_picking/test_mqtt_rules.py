"""What a tablet may send to the broker and get from it: its own packets, whole, and nobody else's."""

import contextlib

import pytest
from mqtt_packets import (
    ACK,
    BYE,
    ME,
    OTHER,
    PING,
    SHIFT,
    connect,
    packet,
    publish,
    subscribe,
    topic,
    words,
)
from mutate import Chance, damaged, rounds

from ar_picking.web.mqtt_rules import Cutter, DownRules, MqttRefusedError, UpRules


def test_all_that_the_device_says_in_a_shift_goes_through_unchanged_however_it_is_cut():
    said = b"".join(SHIFT)
    for size in (1, 2, 3, 7, 64, 1_000, len(said)):
        rules = UpRules(ME)
        through = b"".join(rules.feed(said[at : at + size]) for at in range(0, len(said), size))
        assert through == said and rules.packets == len(SHIFT) and rules.is_over


@pytest.mark.parametrize(
    ("sent", "why"),
    [
        (publish(topic("up")), "the first packet is not CONNECT"),
        (connect(client=OTHER.encode()), "client id"),
        (connect(client=b""), "client id"),
        (connect(will=topic("presence", OTHER)), "will"),
        (connect(will=topic("up")), "will"),
        (connect(message=b"online"), "will"),
        (connect(more=words(b"user", b"secret")), "will"),
        (connect(flags=0x2E | 0xC0, more=words(b"user", b"secret")), "no user"),
        (connect(flags=0x2C), "clean session"),
        (connect(flags=0x02), "a will"),
        (connect(flags=0x36), "a will"),
        (connect(level=5), "3.1.1"),
        (connect(level=3), "3.1.1"),
        (packet(0x10, words(b"MQIsdp") + b"\x03\x02\0\x1e" + words(ME.encode())), "3.1.1"),
        (packet(0x10, b"\0\x04MQ"), "cut off"),
        (packet(0x11, b""), "not CONNECT"),
    ],
)
def test_a_greeting_that_is_not_this_devices_is_refused(sent, why):
    with pytest.raises(MqttRefusedError, match=why):
        UpRules(ME).feed(sent)


@pytest.mark.parametrize(
    ("sent", "why"),
    [
        (connect(), "kind 0x10"),
        (publish(topic("up", OTHER)), "topic"),
        (publish(topic("up", ME, "rider")), "topic"),
        (publish(topic("ack")), "topic"),
        (publish(topic("down")), "topic"),
        (publish(b"o2o/v1/shanghai/intake/x/picklist-in"), "topic"),
        (publish(b"$SYS/x"), "topic"),
        (publish(topic("up") + b"\0"), "topic"),
        (publish(b""), "topic"),
        (publish(topic("up"), b"f" * 1_201), "too long"),
        (publish(topic("up"), b"f" * 1_400), "too long"),
        (publish(topic("up"), b"f", 0x33), "retained"),
        (publish(topic("up"), b"f", 0x34), "QoS"),
        (publish(topic("up"), b"f", 0x36), "QoS"),
        (publish(topic("up"), b"f", 0x38), "QoS"),
        (publish(topic("up"), b"f", 0x32, 0), "without an id"),
        (packet(0x32, words(topic("up"))), "without an id"),
        (packet(0x32, words(topic("up")) + b"\1"), "without an id"),
        (packet(0x30, b"\0\xff"), "cut off"),
        (packet(0x30, b"\0"), "cut off"),
        (publish(topic("presence"), b"<script>"), "presence"),
        (subscribe(topic("ack", OTHER)), "subscription"),
        (subscribe(topic("ack"), topic("down", OTHER)), "subscription"),
        (subscribe(b"#"), "subscription"),
        (subscribe(b"o2od/v1/picker/+/+/down"), "subscription"),
        (subscribe(topic("up")), "subscription"),
        (subscribe(topic("ack"), qos=2), "subscription"),
        (subscribe(topic("ack"), number=0), "without an id"),
        (subscribe(), "without an id or a topic"),
        (packet(0x82, b"\0\1" + words(topic("ack"))), "subscription"),
        (packet(0x80, b"\0\1" + words(topic("ack")) + b"\1"), "kind 0x80"),
        (packet(0xA2, b"\0\1" + words(topic("ack"))), "kind 0xa2"),
        (packet(0x20, b"\0\0"), "kind 0x20"),
        (packet(0x50, b"\0\1"), "kind 0x50"),
        (packet(0xF0, b""), "kind 0xf0"),
        (packet(0x40, b""), "PUBACK"),
        (packet(0x40, b"\0\0"), "PUBACK"),
        (packet(0xC0, b"x"), "body"),
        (packet(0xE0, b"x"), "body"),
        (BYE + PING, "after DISCONNECT"),
        (b"\x32\x80\x00", "too long"),
        (b"\x32\xff\xff\xff\xff\x7f", "too long"),
        (b"\x32\xff\x7f", "too long"),
    ],
)
def test_after_the_greeting_only_its_own_packets_pass(sent, why):
    rules = UpRules(ME)
    rules.feed(connect())
    with pytest.raises(MqttRefusedError, match=why) as refused:
        rules.feed(sent)
    assert len(str(refused.value)) <= 123


def test_down_come_the_devices_own_messages_and_answers_alone():
    good = [b"\x20\x02\0\0", b"\x90\x04\0\1\1\1", ACK, b"\xd0\0"]
    good += [publish(topic("ack")), publish(topic("down"), b"c" * 1_000, 0x33)]
    rules = DownRules(ME)
    assert rules.feed(b"".join(good)) == b"".join(good) and rules.packets == len(good)
    for bad in (
        publish(topic("down", OTHER)),
        publish(topic("up")),
        publish(b""),
        connect(),
        subscribe(topic("ack")),
        packet(0x30, b"\0"),
        packet(0x30, words(topic("down")) + b"x" * 17_000),
    ):
        with pytest.raises(MqttRefusedError):
            DownRules(ME).feed(bad)


def parsed(data):
    """(head, body) of whole packets: an own reading, to check the one under test by."""
    out, at = [], 0
    while at < len(data):
        size, shift, i = 0, 0, at + 1
        while True:
            size |= (data[i] & 127) << shift
            shift, i = shift + 7, i + 1
            if not data[i - 1] & 128:
                break
        out.append((data[at], data[i : i + size]))
        assert i + size <= len(data)
        at = i + size
    return out


def test_whatever_is_sent_nothing_but_the_devices_own_goes_through():
    chance = Chance("mqtt")
    others = [topic("up", OTHER), topic("down"), b"#", b"o2o/v1/x"]
    for _ in range(rounds(1_500)):
        parts = [chance.pick(SHIFT[1:-1]) for _ in range(chance.below(6))]
        if chance.below(3) == 0:
            parts.insert(chance.below(len(parts) + 1), publish(chance.pick(others)))
        said = connect() + b"".join(parts)
        if chance.below(3):
            said = damaged(said, chance)
        rules, through = UpRules(ME), b""
        with contextlib.suppress(MqttRefusedError):
            at = 0
            while at < len(said):
                step = 1 + chance.below(200)
                through += rules.feed(said[at : at + step])
                at += step
        assert said.startswith(through), "nothing is changed on its way"
        assert len(rules._cutter._held) <= 1_276 + 200 + 5
        for number, (head, body) in enumerate(parsed(through)):
            name = body[2 : 2 + int.from_bytes(body[:2])]
            if number == 0:
                assert head == 0x10 and ME.encode() in body and topic("presence") in body
            elif head >> 4 == 3:
                assert name in (topic("up"), topic("presence")) and head & 6 in (0, 2)
            elif head == 0x82:
                rest = body[2:]
                while rest:
                    size = int.from_bytes(rest[:2])
                    assert rest[2 : 2 + size] in (topic("ack"), topic("down"))
                    rest = rest[3 + size :]
            else:
                assert head in (0x40, 0xC0, 0xE0)


def test_the_cutter_holds_no_more_than_one_packet():
    cutter = Cutter(1_276)
    assert cutter.feed(b"\x30\xfc\x09") == []
    for _ in range(1_275):
        assert cutter.feed(b"x") == []
    assert len(cutter._held) == 1_278
    ((head, body, whole),) = cutter.feed(b"x")
    assert head == 0x30 and len(body) == 1_276 and len(whole) == 1_279 and not cutter._held
