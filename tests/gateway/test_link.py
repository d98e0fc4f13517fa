"""The link's greeting to a broker, byte for byte: what it asks not to be sent."""

import socket
import struct

import pytest

from gateway.link import Link
from gateway.orders.intake import BODY_MAX_BYTES
from gateway.sections import Broker
from gateway.sources.mqtt import PACKET_MAX_BYTES

# MQTT 5, 3.1.2.11: the properties of CONNECT, and the bytes of their values.
SIZES = {0x11: 4, 0x21: 2, 0x27: 4}


def greeting(protocol):
    """What a link sends first to a broker that listens and says nothing."""
    with socket.create_server(("127.0.0.1", 0)) as server:
        server.settimeout(10)
        link = Link(
            Broker(port=server.getsockname()[1], protocol=protocol),
            "gw-1-source",
            packet_max_bytes=PACKET_MAX_BYTES,
        )
        link.start()
        peer, _ = server.accept()
        peer.settimeout(10)
        data = peer.recv(1_000)
        peer.close()
        link.stop()
    return data


@pytest.mark.timeout(30)
def test_an_mqtt_5_broker_is_told_the_largest_packet_that_is_of_use():
    data = greeting("5")
    assert data[0] == 0x10 and data[2:9] == b"\x00\x04MQTT\x05"
    at, end = 13, 13 + data[12]
    properties = {}
    while at < end:
        size = SIZES[data[at]]
        properties[data[at]] = int.from_bytes(data[at + 1 : at + 1 + size], "big")
        at += 1 + size
    assert properties[0x27] == PACKET_MAX_BYTES  # Maximum Packet Size
    assert BODY_MAX_BYTES < properties[0x27] <= BODY_MAX_BYTES + 4_096
    assert struct.unpack(">H", data[10:12])[0] == 30  # keep alive, seconds


@pytest.mark.timeout(30)
def test_an_older_broker_gets_a_greeting_that_it_understands():
    data = greeting("3.1.1")
    assert data[2:9] == b"\x00\x04MQTT\x04" and data.endswith(b"gw-1-source")
