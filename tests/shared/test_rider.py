"""The rider's application with everything around it replaced: bytes and adverts in, records out."""

from firmware.rider.app import Rider
from firmware.rider.cold import ColdBox
from firmware.rider.orders import MAX_OPEN, Orders
from firmware.system.clock import Clock
from firmware.system.config import check
from protocols import commands, messages
from protocols.cbor import Reader, Writer
from protocols.fix import STEP
from protocols.live import is_live


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


class Link:
    """A connection that takes live messages, or is not there."""

    is_up = True

    def __init__(self):
        self.lives = []

    def send_live(self, buf, n):
        self.lives.append(bytes(buf[:n]))
        return True


def rider_of(journal, clock, profile="every-epoch", link=None):
    config = check(
        {
            "version": 1,
            "device": "rider-0001",
            "kind": "rider",
            "brokers": [["127.0.0.1", 1883]],
            "profile": profile,
        }
    )
    return Rider(journal, clock, config, link or Link())


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
    rider = rider_of(journal, still_clock())
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
    rider = rider_of(journal, clock)
    feed(rider, burst(0) + burst(1), 0)
    assert (clock.day(), clock.ms()) == (2517, 36_900_000)
    assert len(journal.of(messages.TIME)) == 1


def test_a_time_that_jumped_sets_the_clock_only_when_the_next_follows_it():
    journal, clock = Journal(), still_clock()
    rider = rider_of(journal, clock)
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


HOME = {"lat_e7": 312_300_000, "lon_e7": 1_214_700_000}


def assign(orders, name):
    values = dict(HOME)
    values["order"] = name
    orders.assign("c-" + name, values)


class World:
    """A rider who moves north towards HOME at 5 m/s, by what his receiver says."""

    def __init__(self, profile="adaptive", journal=None):
        self.journal = journal or Journal()
        self.now_ms = 0
        self.clock = Clock(lambda: self.now_ms, lambda new, old: new - old)
        self.link = Link()
        self.rider = rider_of(self.journal, self.clock, profile, self.link)
        self.second = 0

    def at(self, metres_south, speed=b"9.72"):
        """Let one second pass at so many metres south of HOME."""
        degrees, rest = divmod(312_300_000 - int(metres_south / 0.011132), 10_000_000)
        lat = b"%02d%08.5f" % (degrees, rest * 60 / 10_000_000)
        h, m, s = self.second // 3600, self.second // 60 % 60, self.second % 60
        time = b"%02d%02d%02d.00" % (10 + h, m, s)
        where = b"%s,N,12128.20000,E" % lat
        data = sentence(b"GNGGA,%s,%s,1,18,0.8,12.4,M,9.7,M,," % (time, where))
        data += sentence(b"GNRMC,%s,A,%s,%s,0.00,221126,,,A,V" % (time, where, speed))
        feed(self.rider, data, self.now_ms)
        for _ in range(4):
            self.now_ms += 250
            self.clock.tick()
            self.rider.step(self.now_ms)
        self.second += 1

    def ride(self, metres_from, metres_to):
        for metres in range(metres_from, metres_to, -5):
            self.at(metres)

    def command(self, kind, **values):
        values["order"] = "A1"
        return self.rider.on_command("c-%d" % kind, kind, values)

    def assign(self, **values):
        for name in HOME:
            values[name] = HOME[name]
        return self.command(commands.ASSIGN, promised_day=2517, promised_ms=40_000_000, **values)

    def alerts(self):
        return [each["alert"] for each in self.journal.of(messages.ALERT)]

    def states(self):
        return [each["state"] for each in self.journal.of(messages.ORDER)]


def test_a_customer_is_told_at_a_kilometre_at_300_m_and_at_the_door_once_each():
    world = World()
    world.ride(1_500, 1_400)
    assert world.assign()
    world.ride(1_400, 0)
    for _ in range(30):
        world.at(0, b"0.00")
    assert world.command(commands.HANDED_OVER)
    world.ride(0, -300)
    assert world.alerts() == ["approach", "near", "arrived"]
    near = world.journal.of(messages.ALERT)[1]
    assert 280 <= near["dist_m"] <= 301
    assert near["eta_s"] == near["ride_s"] + near["handover_s"]
    assert near["text_zh"].startswith("骑手距您") and "分钟" in near["text_zh"]
    assert world.states() == ["assigned", "arrived", "handed_over"]


def test_what_was_told_is_not_told_again_after_a_power_cut():
    world = World()
    world.assign()
    world.ride(1_100, 250)
    assert world.alerts() == ["approach", "near"]
    saved = world.rider.save()
    again = World(journal=world.journal)
    assert again.rider.restore(saved)
    again.second = world.second
    assert [order.name for order in again.rider.orders.open] == ["A1"]
    again.ride(250, 0)
    assert again.alerts() == ["approach", "near", "arrived"]


def test_a_damaged_state_begins_anew_and_raises_nothing():
    world = World()
    world.assign()
    saved = world.rider.save()
    for place in range(len(saved)):
        for odd in (None, 7, b"x", [], [1, 2, 3], "no"):
            damaged = list(saved)
            damaged[place] = odd
            again = World()
            again.rider.restore(damaged)
            again.ride(100, 80)
    for odd in (None, 5, [], [1], b"", {}):
        assert not World().rider.restore(odd)


def test_no_position_goes_out_before_the_goods_are_fetched_and_none_off_shift():
    world = World()
    world.assign(pickup_lat_e7=HOME["lat_e7"], pickup_lon_e7=HOME["lon_e7"])
    world.ride(400, 100)
    assert world.alerts() == []  # the goods are still in the shop
    world.command(commands.PICKED_UP)
    world.ride(100, 90)
    assert world.alerts() == ["near"]
    sent = len(world.link.lives)
    world.rider.on_shift(False)
    lines = len(world.journal.of(messages.LINE))
    world.ride(2_000, 1_000)
    assert len(world.link.lives) == sent and len(world.journal.of(messages.LINE)) == lines


def test_the_adaptive_profile_sends_track_and_live_messages_and_no_fixes():
    world = World()
    world.assign()
    world.ride(600, 300)
    world.command(commands.HANDED_OVER)  # an order's track ends with it
    assert world.journal.of(messages.FIX) == []
    assert len(world.journal.of(messages.LINE)) == 1
    assert world.link.lives and all(is_live(data) for data in world.link.lives)
    diagnostic = World("every-epoch")
    diagnostic.ride(600, 500)
    assert len(diagnostic.journal.of(messages.FIX)) >= 19
    assert diagnostic.link.lives == [] and diagnostic.journal.of(messages.LINE) == []


def test_without_an_order_there_is_no_track_and_a_position_a_minute():
    world = World()
    world.ride(3_000, 2_100)  # three minutes
    assert 3 <= len(world.link.lives) <= 5
    world.assign()
    world.command(commands.CANCEL)
    assert world.journal.of(messages.LINE) == []


def test_a_command_for_another_role_is_not_taken():
    world = World()
    assert not world.rider.on_command("c", commands.PICKLIST, {})
    assert not world.rider.on_command("c", commands.REENROL, {"sensor": SENSOR})


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
