"""The link and a broker that refuses, hangs up, or lacks something: when it costs a minute."""

import socket
import time

import pytest
from link_broker import FakeBroker, Watched, until

from gateway import greeting as greeting_module
from gateway.sections import Broker
from gateway.sinks.mqtt import MqttOutlet
from gateway.sinks.outlet import Sent


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
def test_a_quota_that_passes_costs_no_minute(brokers):
    broker = brokers(puback=b"\x97\x00")
    watched = Watched(broker, must_take=True)
    until(lambda: watched.link.up)
    assert watched.link.publish("o2o/v1/c/x", b"1")
    until(lambda: watched.downs)
    assert watched.link.not_taken == 1
    broker.puback = b""
    until(lambda: watched.link.up and watched.link.connects == 2)
    mid = watched.link.publish("o2o/v1/c/x", b"1")
    until(lambda: watched.held == [mid])
    watched.link.stop()
    assert watched.link.refusals == 0


class Subscribed(FakeBroker):
    """Answers SUBSCRIBE with `granted`, the codes of a SUBACK."""

    granted = b""

    def serve(self, peer):
        is_v5 = peer.recv(1_000)[8] == 5
        peer.sendall(self.connack)
        data = peer.recv(1_000)
        assert data[0] == 0x82
        body = data[2:4] + (b"\x00" if is_v5 else b"") + self.granted
        peer.sendall(bytes([0x90, len(body)]) + body)
        peer.recv(1)


@pytest.mark.timeout(30)
@pytest.mark.parametrize(
    ("protocol", "connack", "granted"),
    [
        ("5", b"\x20\x03\x00\x00\x00", b"\x87\x87"),
        ("5", b"\x20\x03\x00\x00\x00", b"\x01\x87"),
        ("3.1.1", b"\x20\x02\x00\x00", b"\x80\x80"),
    ],
)
def test_a_link_that_may_not_subscribe_is_not_up_and_says_so(
    protocol, connack, granted, monkeypatch, caplog
):
    monkeypatch.setattr(Subscribed, "granted", granted)
    broker = Subscribed(connack)
    watched = Watched(broker, protocol, on_up=lambda link: link.subscribe(["a", "b"]))
    until(lambda: watched.link.refusals)
    time.sleep(0.7)  # a fast retry would have come by now
    assert not watched.link.up and "subscribe" in watched.link.trouble
    watched.link.stop()
    broker.stop()
    assert broker.seen == watched.link.refusals == 1
    assert [each.levelname for each in caplog.records] == ["ERROR"]


class Greeted(FakeBroker):
    """Hangs up on the first `hang_ups` greetings, and on MQTT 5 where it is older."""

    def __init__(self, hang_ups=0, is_older=False):
        self.hang_ups, self.is_older, self.versions = hang_ups, is_older, []
        super().__init__()

    def serve(self, peer):
        version = peer.recv(1_000)[8]
        self.versions.append(version)
        if len(self.versions) <= self.hang_ups or (version == 5 and self.is_older):
            return
        peer.sendall(self.connack if version == 5 else b"\x20\x02\x00\x00")
        peer.recv(1)


@pytest.mark.timeout(30)
def test_a_broker_that_hangs_up_at_first_is_no_older_one(monkeypatch):
    monkeypatch.setattr("gateway.link._BACKOFF_MAX_S", 0.1)
    broker = Greeted(hang_ups=greeting_module._HANG_UPS - 1)
    watched = Watched(broker, "auto")
    until(lambda: watched.link.up)
    assert broker.versions == [5] * greeting_module._HANG_UPS and watched.link.is_v5
    watched.link.stop()
    broker.stop()


@pytest.mark.timeout(30)
def test_an_older_broker_is_greeted_with_5_first_each_time(monkeypatch):
    monkeypatch.setattr("gateway.link._BACKOFF_MAX_S", 0.1)
    broker = Greeted(is_older=True)
    watched = Watched(broker, "auto")
    until(lambda: watched.link.up)
    assert broker.versions == [5] * greeting_module._HANG_UPS + [4] and not watched.link.is_v5
    broker.peers[-1].shutdown(socket.SHUT_RDWR)
    until(lambda: watched.link.connects == 2 and watched.link.up)
    assert broker.versions[-2:] == [5, 4] and len(broker.versions) == greeting_module._HANG_UPS + 3
    broker.is_older = False  # somebody has put a new one there
    broker.peers[-1].shutdown(socket.SHUT_RDWR)
    until(lambda: watched.link.connects == 3 and watched.link.up)
    assert broker.versions[-1] == 5 and watched.link.is_v5
    watched.link.stop()
    broker.stop()


@pytest.mark.timeout(30)
def test_nothing_retained_goes_to_a_broker_that_retains_nothing(brokers):
    broker = brokers(b"\x20\x05\x00\x00\x02\x25\x00")  # Retain Available 0
    outlet = MqttOutlet(Broker(port=broker.port, protocol="5"), "gw-1-feed")
    assert not outlet.keep("o2o/v1/c/last", b"{}", 300)
    outlet.start(lambda: None)
    until(lambda: outlet.up)
    assert outlet.keep("o2o/v1/c/last", b"{}", 300)
    assert outlet.send(Sent(1, "id", "o2o/v1/c/fix", 0, b"[1]"))
    until(outlet.answered)
    outlet.stop()
    assert len(broker.payloads) == 1 and broker.payloads[0].endswith(b"[1]")


@pytest.mark.timeout(30)
def test_nothing_goes_over_a_new_connection_until_the_loss_of_the_old_one_was_told(brokers):
    broker = brokers()
    outlet = MqttOutlet(Broker(port=broker.port, protocol="5"), "gw-1-feed")
    changes = []
    outlet.start(lambda: changes.append(outlet.up))
    until(lambda: outlet.up)
    broker.peers[-1].shutdown(socket.SHUT_RDWR)
    until(lambda: changes == [True, False, True])
    later = Sent(2, "id2", "o2o/v1/c/fix", 0, b"[2]")
    assert outlet.up and outlet.send(later) == 0
    assert outlet.lost() and outlet.send(later)
    until(outlet.answered)
    outlet.stop()
