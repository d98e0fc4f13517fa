"""MQTT packets: ours are read by paho's rules, and nothing that a broker sends can do harm."""

import random
import struct

import pytest
from paho.mqtt.packettypes import PacketTypes
from paho.mqtt.properties import Properties

from gateway import packets

TOPIC = "o2o/v1/c/rider/abc/fix"


def publish(topic=TOPIC, payload=b"{}", mid=7, qos=1, v5=True, retain=False, more=b"\x00"):
    body = packets.string(topic)
    if qos:
        body += struct.pack(">H", mid)
    body += (more if v5 else b"") + payload
    return bytes([0x30 | qos << 1 | retain]) + packets.length(len(body)) + body


def feed(data, cut=None, v5=True, most=70_000):
    stream = packets.Stream(v5, most)
    found = []
    step = cut or len(data)
    for at in range(0, len(data), step):
        found += stream.feed(data[at : at + step])
    return found


@pytest.mark.parametrize("cut", [None, 1, 2, 3, 7, 1000])
def test_packets_are_the_same_however_the_bytes_come(cut):
    large = bytes(20_000)
    data = (
        publish()
        + packets.puback(300)
        + b"\xd0\x00"
        + publish(payload=large, retain=True, mid=65_535)
        + publish(qos=0, payload=b"x")
        + b"\x90\x05\x00\x01\x00\x01\x87"
        + b"\x40\x04\x00\x09\x97\x00"
        + b"\xe0\x01\x8e"
    )
    found = feed(data, cut)
    assert [type(each).__name__ for each in found] == [
        *("Publish", "Answer", "Publish", "Publish", "Granted", "Answer", "Farewell")
    ]
    assert found[0] == packets.Publish(TOPIC, b"{}", 1, False, 7, 2)
    assert found[2].payload == large and found[2].retained and found[2].mid == 65_535
    assert found[3].qos == found[3].mid == 0
    assert found[4].codes == b"\x01\x87"
    assert (found[5].mid, found[5].code, found[6].code) == (9, 0x97, 0x8E)


def test_our_properties_are_what_paho_reads():
    user = (("id", "A" * 26), ("schema", "fix.v1"))
    data = packets.properties(True, 3600, user)
    theirs = Properties(PacketTypes.PUBLISH)
    theirs.unpack(data)
    assert theirs.ContentType == "application/json" and theirs.PayloadFormatIndicator == 1
    assert theirs.MessageExpiryInterval == 3600 and theirs.UserProperty == list(user)
    ours = packets.publish(packets.string(TOPIC), 5, data, b"[1]", True)
    (read,) = feed(ours)
    assert read == packets.Publish(TOPIC, b"[1]", 1, True, 5, 3)


def test_a_message_that_is_too_large_for_3_1_1_is_told_without_its_payload():
    data = publish(payload=bytes(50_000), v5=False) + packets.puback(4)
    for cut in (None, 1, 3, 999):
        large, answer = feed(data, cut, v5=False, most=1_000)
        assert (large.topic, large.mid, large.payload, large.size) == (TOPIC, 7, b"", 50_000)
        assert answer.mid == 4
    with pytest.raises(packets.PacketError):
        feed(publish(payload=bytes(50_000)), most=1_000)  # MQTT 5 was told


@pytest.mark.parametrize(
    "data",
    [
        b"\x32\xff\xff\xff\xff\x01",  # a length of five bytes
        b"\x32\x02\x00\x09",  # a topic that does not end
        b"\x32\x01\x00",
        b"\x34\x04\x00\x00\x00\x01",  # QoS 2
        b"\x32\x05\x00\x00\x00\x00\x00",  # number 0
        b"\x32\x06\x00\x00\x00\x01\xff\xff",  # properties that do not end
        b"\x32\x05\x00\x00\x00\x01\x09",
        b"\x40\x01\x00",
        b"\x10\x00",  # a CONNECT
        b"\x00\x00",
    ],
)
def test_what_is_no_mqtt_is_refused(data):
    with pytest.raises(packets.PacketError):
        feed(data)


def test_whatever_comes_nothing_else_is_raised_and_little_is_kept():
    dice = random.Random(7)
    good = publish() + packets.puback(300) + publish(payload=bytes(300))
    for _ in range(3_000):
        data = bytearray(good)
        for _ in range(dice.randrange(1, 6)):
            data[dice.randrange(len(data))] = dice.randrange(256)
        stream = packets.Stream(dice.random() < 0.5, 1_000)
        try:
            for at in range(0, len(data), 50):
                stream.feed(bytes(data[at : at + 50]))
        except packets.PacketError:
            continue
        assert len(stream._rest) <= 66_000
