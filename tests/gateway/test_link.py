"""The link: its greeting byte for byte, TLS, brokers that refuse, and connections that end."""

import socket
import struct
import time

import pytest
from link_broker import Authority, FakeBroker, Watched, until

from gateway.link import Link
from gateway.orders.intake import BODY_MAX_BYTES
from gateway.sections import Broker, Tls
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


@pytest.fixture
def brokers():
    made = []

    def make(*args, **options):
        broker = FakeBroker(*args, **options)
        made.append(broker)
        return broker

    yield make
    for broker in made:
        broker.stop()


@pytest.mark.timeout(30)
@pytest.mark.parametrize(
    ("protocol", "connack"),
    [
        ("5", b"\x20\x03\x00\x86\x00"),
        ("5", b"\x20\x03\x00\x87\x00"),
        ("3.1.1", b"\x20\x02\x00\x04"),
        ("3.1.1", b"\x20\x02\x00\x05"),
    ],
)
def test_refused_credentials_are_told_once_and_not_tried_again_at_once(
    brokers, caplog, protocol, connack
):
    broker = brokers(connack)
    watched = Watched(broker, protocol)
    until(lambda: watched.link.refusals)
    time.sleep(0.7)  # a fast retry would have come by now
    watched.link.stop()
    assert broker.seen == watched.link.refusals == 1 and not watched.link.up
    assert "refuses us" in watched.link.trouble and len(caplog.records) == 1


@pytest.mark.timeout(30)
def test_messages_go_over_tls_with_a_client_certificate(brokers, tmp_path):
    ca = Authority(tmp_path)
    broker = brokers(tls=ca.make("server"), client_ca=ca.path)
    watched = Watched(broker, tls=Tls(ca.path, *ca.make("gw-1")))
    until(lambda: watched.link.up)
    mids = [watched.link.publish("o2o/v1/c/x", b"%d" % number) for number in range(50)]
    until(lambda: len(watched.held) == 50)
    watched.link.stop()
    assert watched.held == mids and [each[-1:] for each in broker.payloads][:2] == [b"0", b"1"]


@pytest.mark.timeout(30)
@pytest.mark.parametrize("what", ["foreign", "expired", "no client", "no file"])
def test_a_certificate_that_is_not_good_is_told_and_tried_again_slowly(
    brokers, tmp_path, caplog, what
):
    ca = Authority(tmp_path)
    server = ca.make("server", days=-1 if what == "expired" else 1)
    trusted = Authority(tmp_path, "other").path if what == "foreign" else ca.path
    own = ca.make("gw-1") if what in ("foreign", "expired") else (None, None)
    if what == "no file":
        own = (tmp_path / "none.crt", tmp_path / "none.key")
    broker = brokers(tls=server, client_ca=ca.path)
    watched = Watched(broker, tls=Tls(trusted, *own))
    until(lambda: watched.link.refusals)
    time.sleep(0.7)
    watched.link.stop()
    assert broker.seen <= 2 and watched.link.refusals == 1
    words = {
        "foreign": "is not good",
        "expired": "expired",
        "no client": "'cert' and 'key'",
        "no file": "none.crt",
    }
    assert words[what] in watched.link.trouble
    errors = [record for record in caplog.records if record.levelname == "ERROR"]
    assert len(errors) == 1 and errors[0].exc_info is None


@pytest.mark.timeout(30)
def test_a_feed_message_that_is_not_taken_is_not_taken_for_sent(brokers):
    broker = brokers(puback=b"\x87\x00")
    watched = Watched(broker, must_take=True)
    until(lambda: watched.link.up)
    assert watched.link.publish("o2o/v1/c/x", b"1")
    until(lambda: watched.link.refusals)
    watched.link.stop()
    assert watched.held == [] and watched.downs == [1]
    assert "0x87" in watched.link.trouble and broker.seen == 1


@pytest.mark.timeout(30)
def test_it_connects_again_and_no_number_of_before_is_answered(brokers):
    broker = brokers()
    watched = Watched(broker)
    until(lambda: watched.link.up)
    for peer in broker.peers:
        peer.shutdown(socket.SHUT_RDWR)
    until(lambda: watched.link.connects == 2 and watched.link.up)
    assert watched.downs == [1]
    mid = watched.link.publish("o2o/v1/c/x", b"1")
    until(lambda: watched.held == [mid])
    watched.link.stop()


@pytest.mark.timeout(30)
def test_no_more_is_under_way_than_the_broker_allows(brokers):
    broker = brokers(b"\x20\x06\x00\x00\x03\x21\x00\x03")  # Receive Maximum 3
    broker.serve = lambda peer: (peer.recv(1_000), peer.sendall(broker.connack), peer.recv(1))
    watched = Watched(broker)
    until(lambda: watched.link.up)
    assert [bool(watched.link.publish("a", b"")) for _ in range(5)] == [True] * 3 + [False] * 2
    assert watched.link.publish("a", b"", may_wait=True)
    broker.stop()
    watched.link.stop()


@pytest.mark.timeout(30)
def test_what_may_wait_goes_out_as_the_broker_answers(brokers):
    broker = brokers(b"\x20\x06\x00\x00\x03\x21\x00\x03")
    watched = Watched(broker)
    until(lambda: watched.link.up)
    for number in range(200):
        assert watched.link.publish("a", b"%d" % number, may_wait=True)
    until(lambda: len(broker.payloads) == 200)
    watched.link.stop()
    assert [int(each[1:]) for each in broker.payloads] == list(range(200))
