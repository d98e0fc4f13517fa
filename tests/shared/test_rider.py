"""The rider's application with everything around it replaced: bytes and adverts in, records out."""

from math import cos, radians, sqrt

from firmware.rider.app import Rider
from firmware.rider.cold import ColdBox
from firmware.rider.geo import FAR_DM, Base, hypot
from firmware.rider.orders import MAX_OPEN, Orders, split_e7
from firmware.system.clock import Clock
from protocols import messages
from protocols.cbor import Reader, Writer
from protocols.fix import STEP, Fix


class Journal:
    """Keeps what was recorded, as (type, values)."""

    def __init__(self):
        self.records = []
        self._writer = Writer(bytearray(640))
        self._stamp = (1, 0, -1, 0)

    def record(self, kind, values):
        self.records.append((kind, values))
        return True

    def begin(self, kind, fields, day=-1, ms=0):
        self._writer.reset()
        messages.begin_record(self._writer, kind, (1, 0, day, ms), fields)
        return self._writer

    def commit(self, kind):
        item = Reader(self._writer.buf, 0, self._writer.n).read()
        found, stamp, values, unknown = messages.check_record(item)
        assert found == kind and unknown == 0, stamp
        values["day"], values["ms"] = stamp[2], stamp[3]
        self.records.append((kind, values))
        return True

    def record_time(self, source, error_ms):
        self.records.append((messages.TIME, {"source": source}))

    def of(self, kind):
        return [values for each, values in self.records if each == kind]


def still_clock():
    return Clock(lambda: 0, lambda new, old: new - old)


def sentence(body):
    xor = 0
    for byte in body:
        xor ^= byte
    return b"$" + body + b"*%02X\r\n" % xor


def burst(second, lat=b"3114.88000", status=b"A", speed=b"10.00"):
    time = b"1015%02d.00" % second
    return sentence(
        b"GNGGA,%s,%s,N,12135.22000,E,1,18,0.8,12.4,M,9.7,M,," % (time, lat)
    ) + sentence(
        b"GNRMC,%s,%s,%s,N,12135.22000,E,%s,90.00,221126,,,A,V" % (time, status, lat, speed)
    )


def feed(rider, data, now_ms):
    for start in range(0, len(data), 50):
        piece = data[start : start + 50]
        rider.on_serial(piece, len(piece), now_ms)


def test_every_epoch_with_a_position_is_a_fix_record():
    journal = Journal()
    rider = Rider(journal, still_clock(), "every-epoch", [])
    for second in range(5):
        feed(rider, burst(second, status=b"A" if second != 2 else b"V"), 1_000 * second)
    rider.step(4_100)
    assert len(journal.of(messages.FIX)) == 3  # the last epoch may still be under way
    rider.step(4_400)
    fixes = journal.of(messages.FIX)
    assert [fix["ms"] for fix in fixes] == [36_900_000 + 1_000 * s for s in (0, 1, 3, 4)]
    assert fixes[0]["lat_e7"] == 312_480_000 and fixes[0]["lon_e7"] == 1_215_870_000
    assert (fixes[0]["day"], fixes[0]["sats_used"], fixes[0]["speed_mm_s"]) == (2517, 18, 5144)


def test_the_first_date_sets_the_clock_and_is_recorded():
    journal = Journal()
    clock = still_clock()
    rider = Rider(journal, clock, "every-epoch", [])
    feed(rider, burst(0) + burst(1), 0)
    assert (clock.day(), clock.ms()) == (2517, 36_900_000)
    assert len(journal.of(messages.TIME)) == 1


def test_a_time_that_jumped_sets_the_clock_only_when_the_next_follows_it():
    journal, clock = Journal(), still_clock()
    rider = Rider(journal, clock, "every-epoch", [])
    feed(
        rider, burst(0) + burst(1) + burst(40), 0
    )  # a flipped digit, or a dead zone: not known yet
    rider.step(300)
    assert clock.ms() == 36_901_000
    feed(rider, burst(41), 600)
    rider.step(900)
    assert clock.ms() == 36_941_000
    assert [fix.get("flags", 0) for fix in journal.of(messages.FIX)] == [0, 0, STEP, 0]
    assert journal.of(messages.FIX)[0]["acc_cm"] == 320  # HDOP 0.8 of a plain fix


def test_an_unknown_report_profile_is_refused_by_name():
    try:
        Rider(Journal(), still_clock(), "sometimes", [])
    except ValueError as fault:
        assert "sometimes" in str(fault) and "every-epoch" in str(fault)
        return
    raise AssertionError("it was taken")


def metres(a, b):
    north = (a[0] - b[0]) * 0.011132
    east = (a[1] - b[1]) * 0.011132 * cos(radians(a[0] / 1e7))
    return sqrt(north * north + east * east)


def test_distances_in_integers_are_those_of_floats():
    state = 5
    for scale in (3_000, 30_000, 300_000, 8_000_000):
        for _ in range(200):
            state = (state * 1103515245 + 12345) & 0x3FFFFFFF
            lat = 312_300_000 - (state >> 10) % 600_000_000
            lon = 1_214_700_000 - (state >> 4) % 2_400_000_000
            state = (state * 1103515245 + 12345) & 0x3FFFFFFF
            north = (state >> 8) % (2 * scale) - scale
            state = (state * 1103515245 + 12345) & 0x3FFFFFFF
            east = (state >> 8) % (2 * scale) - scale
            there = (lat + north, lon + east)
            if abs(there[0]) > 850_000_000 or abs(there[1]) > 1_800_000_000:
                continue
            base = Base(split_e7(lat), split_e7(lon))
            dm = base.distance_dm(split_e7(there[0]), split_e7(there[1]))
            true_m = min(metres((lat, lon), there), FAR_DM / 10)
            assert abs(dm / 10 - true_m) <= 0.3 + true_m * 0.001, (lat, north, lon, east)


def test_distances_across_the_date_line_and_far_away():
    base = Base(split_e7(0), split_e7(1_799_999_000))
    assert 200 <= base.distance_dm(split_e7(0), split_e7(-1_799_999_000)) <= 230  # 22 m
    assert base.distance_dm(split_e7(0), split_e7(0)) == FAR_DM
    assert base.distance_dm(split_e7(100_000_000), split_e7(1_799_999_000)) == FAR_DM


def test_hypot():
    for x, y, value in (
        (0, 0, 0),
        (3, 4, 5),
        (-3, 4, 5),
        (1, 0, 1),
        (16_383, 0, 16_383),
        (1, 1, 1),
    ):
        assert hypot(x, y) == value
    for x in (20_000, 300_000, 900_000):
        assert abs(hypot(x, x) - x * 1.41421356) <= x * 0.0002


def fix_at(lat_e7, lon_e7, speed_mm_s=5_000, quality=1):
    fix = Fix()
    fix.lat, fix.lon = split_e7(lat_e7), split_e7(lon_e7)
    fix.has_position, fix.speed_mm_s, fix.quality = True, speed_mm_s, quality
    return fix


HOME = {"lat_e7": 312_300_000, "lon_e7": 1_214_700_000}


def assign(orders, name):
    values = dict(HOME)
    values["order"] = name
    orders.assign("c-" + name, values)


def approach(orders, metres_from, metres_to, step=-5, quality=1):
    for away in range(metres_from, metres_to, step):
        orders.on_fix(fix_at(312_300_000 + int(away / 0.011132), 1_214_700_000, quality=quality))


def test_near_is_told_once_at_300_m_with_minutes():
    journal = Journal()
    orders = Orders(journal)
    assign(orders, "A1")
    approach(orders, 800, 305)
    assert journal.of(messages.ALERT) == []
    approach(orders, 300, 100)
    approach(orders, 100, 600, 5)
    approach(orders, 600, 100)
    alerts = journal.of(messages.ALERT)
    assert len(alerts) == 1
    assert 294 <= alerts[0]["dist_m"] <= 301
    assert alerts[0]["eta_s"] == alerts[0]["ride_s"] + alerts[0]["handover_s"]
    assert alerts[0]["text_zh"].startswith("骑手距您") and "分钟" in alerts[0]["text_zh"]
    assert "min" in alerts[0]["text_en"]


def test_no_customer_is_told_on_an_estimated_position():
    journal = Journal()
    orders = Orders(journal)
    assign(orders, "A1")
    for quality in (6, 7, 8):
        approach(orders, 400, 5, quality=quality)
    assert journal.of(messages.ALERT) == []


def test_arrived_is_told_once():
    journal = Journal()
    orders = Orders(journal)
    assign(orders, "A1")
    approach(orders, 100, 0)
    approach(orders, 0, 100, 5)
    approach(orders, 100, 0)
    assert [each["state"] for each in journal.of(messages.ORDER)] == ["assigned", "arrived"]


def test_the_thirteenth_order_is_refused_with_a_reason():
    journal = Journal()
    orders = Orders(journal)
    for number in range(MAX_OPEN + 1):
        assign(orders, "A%d" % number)
    last = journal.of(messages.ORDER)[-1]
    assert (last["order"], last["state"]) == ("A12", "refused")
    assert "12" in last["reason"] and last["command"] == "c-A12"
    orders.close("c-x", {"order": "A3"}, "handed_over")
    assign(orders, "A12")
    assert journal.of(messages.ORDER)[-1]["state"] == "assigned"


def test_the_same_order_again_changes_nothing():
    journal = Journal()
    orders = Orders(journal)
    assign(orders, "A1")
    approach(orders, 250, 100)
    assign(orders, "A1")
    approach(orders, 250, 100)
    assert len(journal.of(messages.ALERT)) == 1
    assert len(orders.open) == 1


def test_ending_an_order_that_is_not_open_says_so():
    journal = Journal()
    orders = Orders(journal)
    orders.close("c", {"order": "A9"}, "handed_over")
    assert journal.of(messages.ORDER)[0]["reason"] == "was not open"


SENSOR = bytes((0xC4, 0x38, 0, 0, 0, 1))


def bthome(celsius_c):
    raw = celsius_c & 0xFFFF
    return b"\x07\x16\xd2\xfc\x40\x02" + bytes((raw & 255, raw >> 8))


def test_readings_are_recorded_on_change_and_every_ten_seconds():
    journal = Journal()
    box = ColdBox(journal, [(SENSOR, "box")])
    for second in range(25):
        data = bthome(400 if second != 7 else 415)
        box.on_advert(SENSOR, data, len(data), -60, second * 1_000)
    told = [values["temp_cc"] for values in journal.of(messages.TEMP)]
    assert told == [400, 415, 400, 400]
    assert journal.of(messages.TEMP)[0]["rssi_dbm"] == -60


def test_adverts_of_others_are_counted_and_left():
    journal = Journal()
    box = ColdBox(journal, [(SENSOR, "box")])
    box.on_advert(b"\x00" * 6, bthome(400), 8, -60, 0)
    box.on_advert(SENSOR, b"\x02\x01\x06", 3, -60, 0)
    assert (box.adverts, box.foreign, box.undecoded) == (0, 1, 1)
    assert journal.records == []


def test_a_silent_sensor_is_lost_once_and_found_again():
    journal = Journal()
    box = ColdBox(journal, [(SENSOR, "box")])
    box.on_advert(SENSOR, bthome(400), 8, -60, 0)
    for second in range(80):
        box.step(second * 1_000)
    states = [values["state"] for values in journal.of(messages.TEMP)]
    assert states == ["live", "lost"]
    assert journal.of(messages.ALERT)[0]["alert"] == "sensor_lost"
    box.on_advert(SENSOR, bthome(400), 8, -60, 81_000)
    assert journal.of(messages.TEMP)[-1]["state"] == "live"


def test_a_sensor_never_heard_is_lost_too():
    journal = Journal()
    box = ColdBox(journal, [(SENSOR, "box")])
    box.step(31_000)
    assert journal.of(messages.TEMP)[0]["state"] == "lost"
