"""The terminal's radio: the real bleak against a fake BlueZ (bluez_peer), and all that ends a scan.

Nothing here asserts how long something took (tests/bench/test_radio.py does): a scan that does not
come back fails by the wait's end.
"""

import gc
import os
import random
import time

import pytest
from bluez_peer import RUUVI, BluezPeer, ruuvi

from firmware.boards import linux_scan
from firmware.boards.linux_radio import Radio, patterns
from firmware.boards.linux_scan import Silence
from firmware.rider.cold import ColdBox
from protocols import adverts
from protocols.adverts import Reading, decode

OURS = "C4:38:00:00:00:01"
OTHER = "C4:38:00:00:00:02"
BTHOME = ("0000fcd2-0000-1000-8000-00805f9b34fb", bytes.fromhex("4002ca0903bf13"))


class World:
    """A peer, a radio that listens to one sensor, and what came out of it."""

    def __init__(self, folder, monkeypatch):
        monkeypatch.setattr(linux_scan, "_PAUSE_MAX_S", 0.3)
        self.peer = BluezPeer(folder).start()
        monkeypatch.setenv("DBUS_SYSTEM_BUS_ADDRESS", self.peer.address)
        self.radio = None
        self.taken = []
        self.seq = 0

    def begin(self, mode="auto"):
        self.radio = Radio(mode=mode)
        self.radio.listen([bytes.fromhex(OURS.replace(":", ""))])
        self.radio.begin()
        self.until(lambda: self.peer.scanning, "it never scanned")
        return self.radio

    def until(self, told, why, wait_s=20):
        end = time.monotonic() + wait_s
        while not told():
            assert time.monotonic() < end, f"{why}: {self.radio and self.radio.scan.trouble}"
            time.sleep(0.01)

    def take(self):
        self.radio.take(lambda *told: self.taken.append(told), 7)
        return len(self.taken)

    def goes_on(self):
        """Adverts that are sent from now on arrive."""
        before = self.take()

        def came():
            self.seq += 1
            self.peer.advert(OURS, RUUVI, ruuvi(self.seq))
            return self.take() > before

        self.until(came, "nothing was heard any more")

    def learned(self):
        """Adverts come until the watchdog knows how often they do."""
        silence = self.radio.scan._silence
        while silence.limit_ms() > 1_000:
            self.goes_on()

    def end(self):
        if self.radio is not None:
            self.radio.end()
        self.peer.stop()
        # What bleak and dbus-fast leave to the collector is this test's, not the next one's.
        gc.collect()


@pytest.fixture
def world(tmp_path, monkeypatch):
    it = World(tmp_path, monkeypatch)
    yield it
    it.end()


@pytest.mark.parametrize("mode", ["active", "passive"])
def test_every_advert_arrives_as_the_decoders_read_it(world, mode):
    radio = world.begin(mode)
    for seq in range(300):
        world.peer.advert(OURS, RUUVI, ruuvi(seq, -1_830))
    world.until(lambda: world.take() == 300, "adverts are missing")
    reading = Reading()
    for seq, (address, payload, size, rssi_dbm, now_ms) in enumerate(world.taken):
        assert (address.hex(), rssi_dbm, now_ms) == ("c43800000001", -60, 7)
        assert decode(payload, size, reading) == "ruuvi5"
        assert (reading.seq, reading.temp_cc) == (seq, -1_830)
    assert radio.scan.mode == mode and radio.faults == 0 and radio.dropped == 0
    asked = world.peer.calls
    assert asked.get("StartDiscovery", 0) == (mode == "active")
    assert asked.get("RegisterMonitor", 0) == (mode == "passive")


@pytest.mark.parametrize("mode", ["active", "passive"])
def test_the_same_bytes_again_are_a_sign_of_life_and_an_echo_is_none(world, mode):
    radio = world.begin(mode)
    for _ in range(5):
        world.peer.advert(OURS, service=BTHOME)
    world.peer.advert(OTHER, service=BTHOME)
    world.until(lambda: world.take() == 5 and radio.foreign == 1, "adverts are missing")
    world.peer.echo(OURS)
    world.until(lambda: radio.echoes == 1, "the echo did not come")
    assert world.take() == 5 and radio.heard == 6
    assert len({told[1] for told in world.taken}) == 1


def test_a_bluez_without_passive_scans_is_asked_actively(world):
    world.peer.takes_passive = False
    radio = world.begin("auto")
    world.goes_on()
    assert radio.scan.mode == "active" and radio.faults == 0 and radio.scan.scans == 1


def test_a_passive_scan_that_hears_nobody_is_followed_by_an_active_one(world, monkeypatch):
    monkeypatch.setattr(linux_scan, "_LOOK_S", 0.05)
    world.peer.hears_passive = False
    radio = world.radio = Radio()
    radio.listen([bytes.fromhex(OURS.replace(":", ""))])
    radio.scan._deaf.due(0, 0)
    radio.scan._deaf._wait_ms = 200  # instead of 30 s
    radio.begin()
    world.until(lambda: world.peer.scanning, "it stayed passive")
    world.goes_on()
    assert radio.scan.mode == "active" and radio.rescans == 1


def test_an_adapter_that_is_pulled_out_and_put_in_again(world, monkeypatch):
    monkeypatch.setattr(linux_scan, "_SILENT_MIN_MS", 200)
    monkeypatch.setattr(linux_scan, "_LOOK_S", 0.05)
    radio = world.begin("active")
    world.learned()
    world.peer.plug(False)
    world.until(lambda: "dapter" in radio.scan.trouble, "it did not notice")
    world.peer.plug(True)
    world.goes_on()
    assert radio.scan.trouble == ""


OUTAGES = {
    "the bus drops": lambda peer: peer.drop_bus(),
    "the bus is away": lambda peer: (peer.leave(), time.sleep(0.7), peer.come_back()),
    "the adapter is off": lambda peer: (peer.power(False), time.sleep(0.7), peer.power(True)),
    "bluetoothd starts anew": lambda peer: peer.restart_bluetoothd(0.2),
    "bluetoothd is away": lambda peer: peer.restart_bluetoothd(0.9),
    "the scan is refused": lambda peer: (
        peer.refusals.update(StartDiscovery=["org.bluez.Error.InProgress", 2]),
        peer.drop_bus(),
    ),
}


@pytest.mark.parametrize("what", OUTAGES)
def test_the_scan_outlives(world, what, monkeypatch):
    # Without the help of the silence: what happened to bus and adapter is seen itself.
    monkeypatch.setattr(linux_scan, "_SILENT_MIN_MS", 600_000)
    monkeypatch.setattr(linux_scan, "_SILENT_MAX_MS", 600_000)
    radio = world.begin("active")
    world.goes_on()
    OUTAGES[what](world.peer)
    world.goes_on()
    world.until(lambda: world.peer.scanning == 1, "two scans at once, or none")
    assert radio.scan.scans == 2 and radio.scan.trouble == ""


def test_a_stop_that_is_refused_ends_nothing(world):
    radio = world.begin("active")
    world.goes_on()
    world.peer.refusals["StopDiscovery"] = ["org.bluez.Error.InProgress", 2]
    radio.again()
    world.until(lambda: radio.scan.scans == 2, "it did not begin anew")
    world.goes_on()


def test_outages_leave_no_file_behind(world):
    world.begin("active")
    world.goes_on()
    counts = []
    for _ in range(12):
        world.peer.drop_bus()
        world.goes_on()
        world.peer.power(False)
        world.peer.power(True)
        world.goes_on()
        gc.collect()
        counts.append(len(os.listdir("/proc/self/fd")))
    assert max(counts[6:]) <= max(counts[:6]), counts


def test_a_scan_that_fell_silent_begins_anew(world, monkeypatch):
    monkeypatch.setattr(linux_scan, "_SILENT_MIN_MS", 200)
    monkeypatch.setattr(linux_scan, "_LOOK_S", 0.05)
    radio = world.begin("active")
    world.learned()
    world.peer.silence()
    world.goes_on()
    assert radio.rescans >= 1 and radio.faults == 0


def test_without_a_bus_it_says_so_and_goes_on(world, tmp_path, monkeypatch):
    monkeypatch.setenv("DBUS_SYSTEM_BUS_ADDRESS", f"unix:path={tmp_path}/absent")
    world.radio = Radio()
    world.radio.begin()
    world.until(lambda: world.radio.faults >= 2, "it gave up")
    assert "D-Bus" in world.radio.scan.trouble and world.take() == 0
    monkeypatch.setattr(linux_scan, "_PAUSE_MAX_S", 0.001)
    before = len(os.listdir("/proc/self/fd"))
    tries = world.radio.faults
    world.until(lambda: world.radio.faults >= tries + 50, "it gave up")
    gc.collect()
    assert len(os.listdir("/proc/self/fd")) <= before + 4


def test_hostile_adverts_are_counted_and_nothing_else(tmp_path):
    """What bleak could hand over at worst, through the radio into the application's decoders."""
    dice = random.Random(11)
    radio = Radio(object, mode="active")
    ours = [bytes((0xC4, 0x38, 0, 0, 0, n)) for n in range(4)]
    radio.listen(ours)
    box = ColdBox(Journal(), [(each, "box") for each in ours])
    kinds = [*adverts._makers, 0, 0xFFFF, 70_000, -1]
    uuids = [BTHOME[0], "0000181a-0000-1000-8000-00805f9b34fb", "x", "", "0000zz" + BTHOME[0][6:]]
    names = [each.hex(":").upper() for each in ours] + ["", "zz:zz", "C4-38", "C4:38:00:00:00:01\n"]

    def noise():
        return bytes(dice.choices(range(256), k=dice.choice((0, 1, 5, 13, 24, 31, 251, 300))))

    for _ in range(20_000):
        maker = {dice.choice(kinds): noise() for _ in range(dice.randrange(3))}
        service = {dice.choice(uuids): noise() for _ in range(dice.randrange(3))}
        told = Told(maker, service, dice.choice((-127, -60, 0, 127, -128)))
        radio._on_advert(Told.Device(dice.choice(names)), told)
        radio.take(box.on_advert, 1_000)
    assert box.adverts + box.undecoded > 5_000 and radio.dropped == 0
    radio.listen(None)
    for name in names:
        radio._on_advert(Told.Device(name), Told({1: b"x"}, {}, -60))
    assert len(radio._adverts) >= 4


class Told:
    """bleak's advert and device, as far as the radio looks at them."""

    class Device:
        def __init__(self, address):
            self.address = address

    def __init__(self, maker, service, rssi):
        self.manufacturer_data = maker
        self.service_data = service
        self.rssi = rssi


class Journal:
    """Takes every record."""

    def record(self, kind, values):
        return True


def test_a_silence_is_measured_by_what_came_before():
    silence = Silence()
    silence.begin(0)
    assert not silence.due(0, 60_000)  # nobody was ever heard: that is not a silence
    for i in range(1, 101):
        assert not silence.due(i * 20, 60_000 + i * 500)
    last_ms = 110_000
    assert not silence.due(2_000, last_ms + 2_999)
    assert silence.due(2_000, last_ms + 3_000) and silence.fruitless == 1
    assert not silence.due(2_000, last_ms + 8_999)  # a new scan that heard nothing: twice as long
    assert silence.due(2_000, last_ms + 9_000) and silence.fruitless == 2
    assert not silence.due(2_001, last_ms + 9_500) and silence.fruitless == 0
    slow = Silence()
    slow.due(1, 0)
    slow.due(2, 5_000)
    assert slow.limit_ms() == 30_000


def test_a_passive_scan_looks_for_every_format_that_is_read():
    told = {(int(each.ad_data_type), bytes(each.content_of_pattern)) for each in patterns()}
    services = {(0x16, number.to_bytes(2, "little")) for number in adverts._services}
    makers = {(0xFF, number.to_bytes(2, "little")) for number in adverts._makers}
    assert told == services | makers
