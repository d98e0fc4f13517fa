"""What ends a scan and what does not: sensors that speak seldom, and the power of a second adapter."""

import gc
import time

import pytest
from bluez_peer import RUUVI, BluezPeer, Variant, ruuvi

from firmware.boards import linux_scan
from firmware.boards.linux_radio import Radio
from firmware.boards.linux_scan import Silence

OURS = "C4:38:00:00:00:01"


def hour(silence, every_ms, begin_ms=0, heard=0):
    """An hour of adverts `every_ms`, looked at as the scan does; the restarts, and the adverts heard."""
    restarts = []
    silence.begin(begin_ms)
    for now_ms in range(begin_ms, begin_ms + 3_600_000, 500):
        if (now_ms - begin_ms) % every_ms < 500:
            heard += max(1, 500 // every_ms)
        if silence.due(heard, now_ms):
            restarts.append(now_ms - begin_ms)
            silence.begin(now_ms)
    return restarts, heard


@pytest.mark.parametrize("every_ms", [10, 1_000, 2_900, 3_500, 8_000, 10_000, 25_000])
def test_a_sensor_that_speaks_seldom_does_not_end_its_scan(every_ms):
    assert hour(Silence(), every_ms)[0] == []


@pytest.mark.parametrize("every_ms", [3_500, 10_000, 25_000])
def test_a_street_that_empties_is_learned_from_one_silence(every_ms):
    silence = Silence()
    heard = hour(silence, 10)[1]
    restarts, heard = hour(silence, every_ms, 3_600_000, heard)
    # 3 s, 6 s and 12 s after the last one were taken for a scan's end: what ended that silence tells.
    assert restarts == [each for each in (3_000, 9_000, 21_000) if each < every_ms]
    restarts, heard = hour(silence, 10, 7_200_000, heard)
    assert restarts == []
    silence.begin(10_800_000)
    assert silence.limit_ms() == 3_000  # and that it is busy again is learned too


def test_two_adverts_tell_no_rate():
    silence = Silence()
    silence.begin(0)
    silence.due(1, 0)
    silence.due(2, 100)
    assert silence.limit_ms() == 30_000
    silence.due(3, 200)
    assert silence.limit_ms() == 3_000


class World:
    """A peer, and a radio on `adapter`; a silence never ends its scan here."""

    def __init__(self, folder, monkeypatch):
        for name in ("_SILENT_MIN_MS", "_SILENT_MAX_MS"):
            monkeypatch.setattr(linux_scan, name, 600_000)
        monkeypatch.setattr(linux_scan, "_AWAY_S", 600)
        self.peer = BluezPeer(folder).start()
        monkeypatch.setenv("DBUS_SYSTEM_BUS_ADDRESS", self.peer.address)
        self.radio = None
        self.seq = 0

    def begin(self, adapter):
        self.radio = Radio(adapter=adapter, mode="active")
        self.radio.begin()
        self.until(lambda: self.peer.scanning, "it never scanned")
        return self.radio

    def until(self, told, why):
        end = time.monotonic() + 20
        while not told():
            assert time.monotonic() < end, f"{why}: {self.radio.scan.trouble}"
            time.sleep(0.01)

    def goes_on(self):
        before = self.radio.heard

        def came():
            self.seq += 1
            self.peer.advert(OURS, RUUVI, ruuvi(self.seq))
            return self.radio.heard > before

        self.until(came, "nothing was heard any more")

    def power_of_another(self, on):
        changed = {"Powered": Variant("b", on)}
        body = ["org.bluez.Adapter1", changed, []]
        self.peer.do(self.peer._properties, "/org/bluez/hci1", body)


@pytest.fixture
def world(tmp_path, monkeypatch):
    it = World(tmp_path, monkeypatch)
    yield it
    it.radio.end()
    it.peer.stop()
    gc.collect()


def test_a_second_adapters_power_is_nothing_to_a_scan_on_the_first(world):
    radio = world.begin("hci0")
    world.goes_on()
    for on in (False, True, False):
        world.power_of_another(on)
    world.peer.power(False)  # told behind the others
    world.until(lambda: "switched off" in radio.scan.trouble, "it did not notice")
    assert radio.faults == 1 and radio.scan.scans == 1
    world.peer.power(True)
    world.goes_on()
    assert radio.scan.scans == 2


def test_the_systems_own_adapter_is_tried_again_at_once_whichever_was_switched_off(world):
    radio = world.begin("")
    world.goes_on()
    world.power_of_another(False)
    world.until(lambda: radio.scan.scans == 2, "it waited for an adapter that was there")
    world.goes_on()
    assert radio.faults == 0
    world.peer.power(False)
    world.until(lambda: "does not start" in radio.scan.trouble, "it did not notice")
    world.peer.power(True)
    world.goes_on()
    assert radio.scan.scans == 3 and radio.scan.trouble == ""
