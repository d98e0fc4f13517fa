"""Frames into the commit log: the acceptance rule, gaps, unreadable records, times, ids."""

import json
from datetime import datetime

import pytest

from gateway.feed.identity import Identity
from gateway.feed.writer import FeedWriter
from gateway.frames.pipeline import Pipeline
from gateway.log.store import Store, connect
from gateway.orders.downlink import Downlink
from protocols import messages
from protocols.cbor import Reader, Writer
from protocols.live import put

NOW = 1_795_000_000_000
LOG = 4711
STAMP = (1, 0, 2517, 40_000_000)
FIX = {"lat_e7": 312300108, "lon_e7": 1214707730, "mode": 3, "source": "gnss", "datum": "wgs84"}


class World:
    def __init__(self, folder):
        self.connection = connect(folder / "gateway.db")
        self.store = Store(self.connection)
        self.sent = []
        self.shown = []
        self.nows = []
        self.identity = Identity(folder, 8)
        publish = lambda topic, payload: self.sent.append((topic, payload))  # noqa: E731
        self.pipeline = Pipeline(
            FeedWriter("shanghai", "gw-1", self.identity),
            Downlink(publish),
            publish,
            self.shown.extend,
            self.nows.append,
        )
        self.device = "rider-0001"

    def run(self, work):
        with self.store.transaction():
            effects = work(self.store)
        for effect in effects:
            effect()

    def frame(self, payload, now_ms=NOW):
        self.run(lambda store: self.pipeline.frame(store, "rider", self.device, payload, now_ms))

    def presence(self, payload):
        self.run(lambda store: self.pipeline.presence(store, "rider", self.device, payload, NOW))

    def rows(self, stream=None):
        found = self.connection.execute("SELECT payload FROM rows ORDER BY id").fetchall()
        bodies = [json.loads(row[0]) for row in found]
        return [each for each in bodies if stream in (None, each["stream"])]

    def acks(self):
        return [messages.read_ack(data) for topic, data in self.sent if topic.endswith("/ack")]


@pytest.fixture
def world(tmp_path):
    world = World(tmp_path)
    yield world
    world.connection.close()


def frame(first, records, oldest=1, log=LOG, stamp=STAMP):
    writer = Writer(bytearray(4000))
    messages.put_frame_head(writer, log, oldest, first)
    for kind, values in records:
        messages.put_record(writer, kind, stamp, values)
    return bytes(writer.buf[: writer.n])


def fixes(count):
    return [(messages.FIX, FIX)] * count


def hello(oldest=1, following=1, boot=1, stamp=STAMP, tick_ms=5_000):
    values = {
        "logs": [[LOG, 1, oldest, following]],
        "boot": boot,
        "implementation": "micropython 1.25.0",
        "firmware": "0.1.0",
        "tick_ms": tick_ms,
    }
    return frame(0, [(messages.HELLO, values)], oldest=0, log=0, stamp=stamp)


def test_records_in_order_are_committed_and_acked(world):
    world.frame(frame(1, fixes(3)))
    world.frame(frame(4, fixes(2)))
    assert [each["seq"] for each in world.rows("fix")] == [1, 2, 3, 4, 5]
    assert world.acks() == [(LOG, 3), (LOG, 5)]
    assert [each["stream"] for each in world.rows()[:1]] == ["roster"]


def test_repeats_are_acked_and_not_committed(world):
    world.frame(frame(1, fixes(3)))
    world.frame(frame(1, fixes(3)))
    world.frame(frame(2, fixes(4)))
    assert [each["seq"] for each in world.rows("fix")] == [1, 2, 3, 4, 5]
    assert world.acks() == [(LOG, 3), (LOG, 3), (LOG, 5)]
    assert world.pipeline.counters["records_repeated"] == 5


def test_a_record_ahead_is_not_accepted_and_the_ack_says_where_to_go_on(world):
    world.frame(frame(1, fixes(2)))
    world.frame(frame(5, fixes(2)))
    assert world.acks() == [(LOG, 2), (LOG, 2)]
    assert len(world.rows("fix")) == 2


def test_oldest_moves_next_and_the_jump_is_a_gap(world):
    world.frame(frame(1, fixes(2)))
    world.frame(frame(10, fixes(1), oldest=10))
    assert world.acks()[-1] == (LOG, 10)
    (gap,) = world.rows("health")
    assert (gap["event"], gap["from_seq"], gap["to_seq"]) == ("gap", 3, 9)
    assert gap["log"] == "gateway" and gap["why"] == "unknown"


def test_a_hello_is_answered_with_the_acks_of_its_logs(world):
    world.frame(hello())
    assert world.acks() == [(LOG, 0)]
    world.frame(frame(1, fixes(3)))
    world.frame(hello(1, 4))
    assert world.acks()[-1] == (LOG, 3)


def test_a_hello_of_an_overwritten_log_moves_on(world):
    world.frame(hello(50, 80))
    assert world.acks() == [(LOG, 49)]
    world.frame(frame(50, fixes(1), oldest=50))
    assert world.acks()[-1] == (LOG, 50)


def test_the_feed_id_of_a_record_is_the_same_for_ever(world, tmp_path):
    world.frame(frame(1, fixes(1)))
    first = world.rows("fix")[0]["id"]
    assert first == Identity(tmp_path, 8).record_id("rider-0001", LOG, 1)
    assert first != world.identity.record_id("rider-0001", LOG, 2)
    assert first != world.identity.record_id("rider-0002", LOG, 1)


def test_an_alert_is_the_same_alert_from_whoever_it_comes(world):
    alert = (messages.ALERT, {"order": "A1", "alert": "near", "dist_m": 300})
    world.frame(frame(1, [alert, alert]))
    one, two = world.rows("alert")
    assert one["id"] == two["id"] == world.identity.alert_id("A1", "near")
    assert one["record"] != two["record"]


def test_ticks_are_dated_by_the_hello_and_better_by_a_time_record(world):
    no_time = (1, 7_000, -1, 0)
    world.frame(hello(stamp=(1, 5_000, -1, 0), tick_ms=5_000), NOW)
    world.frame(frame(1, fixes(1), stamp=no_time))
    (fix,) = world.rows("fix")
    # The hello said that tick 5,000 was NOW, so tick 7,000 was two seconds later.
    assert datetime.fromisoformat(fix["t"]).timestamp() * 1000 == NOW + 2_000
    assert fix["t_source"] == "resolved"
    writer = Writer(bytearray(200))
    messages.put_frame_head(writer, LOG, 1, 2)
    messages.begin_record(writer, messages.TIME, STAMP, 4)
    for number in (messages.KEY_TICK, 9_000, messages.KEY_BOOT, 1, 5, 0, 6, 1_000):
        writer.integer(number)
    world.frame(bytes(writer.buf[: writer.n]))
    world.frame(frame(3, fixes(1), stamp=no_time))
    assert (
        world.rows("fix")[-1]["t"] == "2026-11-22T11:06:38.000Z"
    )  # two seconds before 40,000,000 ms


def test_of_several_hellos_the_one_that_waited_least_dates_the_ticks(world):
    for tick_ms, delay_ms in ((5_000, 3_600_000), (10_000, 200), (15_000, 90_000)):
        received_ms = NOW + tick_ms + delay_ms
        world.frame(hello(stamp=(1, tick_ms, -1, 0), tick_ms=tick_ms), received_ms)
    world.frame(frame(1, fixes(1), stamp=(1, 7_000, -1, 0)), NOW + 4_000_000)
    (fix,) = world.rows("fix")
    assert datetime.fromisoformat(fix["t"]).timestamp() * 1000 == NOW + 7_200


def test_a_clock_gone_wild_makes_no_pseudonyms_of_its_own(world):
    for seq, day in ((1, 60_000), (2, 1), (3, 2517)):
        world.frame(frame(seq, fixes(1), stamp=(1, 0, day, 0)), (2517 + 18_262) * 86_400_000 + 1)
    assert len({each["subject"] for each in world.rows("fix")}) == 1
    assert len(world.rows("roster")) == 1


def test_without_any_anchor_the_time_is_honestly_unknown(world):
    world.frame(frame(1, fixes(1), stamp=(1, 7_000, -1, 0)))
    (fix,) = world.rows("fix")
    assert fix["t"] is None and fix["t_source"] == "none" and fix["replay"] is False


def test_an_old_record_is_marked_as_replay(world):
    world.frame(frame(1, fixes(1)), now_ms=(2517 + 18_262) * 86_400_000 + 40_000_000 + 29_000)
    world.frame(frame(2, fixes(1)), now_ms=(2517 + 18_262) * 86_400_000 + 40_000_000 + 31_000)
    assert [each["replay"] for each in world.rows("fix")] == [False, True]


def test_an_unreadable_record_is_kept_as_it_came_and_the_log_goes_on(world):
    writer = Writer(bytearray(400))
    messages.put_frame_head(writer, LOG, 1, 1)
    messages.put_record(writer, messages.FIX, STAMP, FIX)
    writer.value({0: 250, 1: 2517, 2: 5})  # a type from the future
    messages.put_record(writer, messages.FIX, STAMP, FIX)
    world.frame(bytes(writer.buf[: writer.n]) + b"\xff\xff")
    assert [each["seq"] for each in world.rows("fix")] == [1, 3]
    strange = world.rows("health")
    assert [each["event"] for each in strange] == ["unreadable", "unreadable"]
    assert strange[0]["why"] == "type" and strange[0]["raw"] == "a30018fa011909d50205"
    assert strange[1]["raw"] == "ffff"
    assert world.acks() == [(LOG, 4)]


def test_garbage_behind_a_record_is_one_row_and_one_line_and_the_board_sends_the_rest_again(
    world, caplog
):
    writer = Writer(bytearray(400))
    messages.put_frame_head(writer, LOG, 1, 1)
    messages.put_record(writer, messages.FIX, STAMP, FIX)
    world.frame(bytes(writer.buf[: writer.n]) + b"\xf6" * 900)  # 900 nulls: each is good CBOR
    (strange,) = world.rows("health")
    assert (strange["seq"], strange["why"], strange["raw"]) == (2, "shape", "f6" * 900)
    assert len(caplog.records) == 1
    assert world.acks() == [(LOG, 2)] and len(world.rows("fix")) == 1
    world.frame(frame(3, fixes(1)))
    assert [each["seq"] for each in world.rows("fix")] == [1, 3]


def test_a_frame_full_of_strange_records_is_read_in_part(world, caplog):
    writer = Writer(bytearray(1_200))
    messages.put_frame_head(writer, LOG, 1, 1)
    for _ in range(300):
        writer.value({0: 250})
    world.frame(bytes(writer.buf[: writer.n]))
    assert len(world.rows("health")) == 16 and world.acks() == [(LOG, 16)]
    assert len(caplog.records) == 1


def test_a_frame_is_as_large_as_a_board_may_send_and_not_larger(world):
    boot = lambda size: (messages.HEALTH, {"event": "boot", "implementation": "x" * size})  # noqa: E731
    room = messages.FRAME_MAX_BYTES - len(frame(1, [boot(50)] * 14))
    boots = [boot(50 + room // 14 + (number < room % 14)) for number in range(14)]
    full = frame(1, boots)
    assert len(full) == messages.FRAME_MAX_BYTES == 1_200
    world.frame(full + b"\x00")
    assert world.acks() == [] and world.pipeline.counters["frames_malformed"] == 1
    world.frame(full)
    assert world.acks() == [(LOG, 14)] and world.pipeline.counters["records_unreadable"] == 0


@pytest.mark.parametrize(
    "payload",
    [
        b"",
        b"\x00",
        b"hello",
        b"\x84\x02\x01\x01\x01",
        b"\xff" * 100,
        bytes(70_000),
        b"\x84\x01\x00\x00\x00\xff",
    ],
)
def test_what_is_no_frame_is_counted_and_answered_with_nothing(world, payload):
    world.frame(payload)
    assert world.sent == [] and world.rows() == []
    assert world.pipeline.counters["frames_malformed"] == 1


def test_presence_is_told_when_it_changes(world):
    world.frame(hello())
    for payload in (b"online", b"online", b"offline", b"offline", b"online", b"junk"):
        world.presence(payload)
    states = [each["state"] for each in world.rows("presence")]
    assert states == ["online", "offline", "online"]
    assert world.rows("presence")[-1]["implementation"] == "micropython 1.25.0"
    assert world.pipeline.counters["presence_malformed"] == 1


def test_a_device_that_was_online_before_its_hello_is_told_again_with_what_it_is(world):
    world.presence(b"online")
    world.frame(hello())
    world.frame(hello())
    world.frame(hello(boot=2))
    told = [(each["implementation"], each["boot"]) for each in world.rows("presence")]
    assert told == [("", None), ("micropython 1.25.0", 1), ("micropython 1.25.0", 2)]


def test_alerts_of_kinds_that_nobody_knows_have_ids_of_their_own(world):
    writer = Writer(bytearray(400))
    messages.put_frame_head(writer, LOG, 1, 1)
    for word in (20, 21):
        one = Writer(bytearray(200))
        messages.put_record(one, messages.ALERT, STAMP, {"order": "A1", "alert": "near"})
        item = Reader(bytes(one.buf[: one.n])).read()
        item[6] = word  # of a newer board
        writer.value(item)
    world.frame(bytes(writer.buf[: writer.n]))
    one, two = world.rows("alert")
    assert one["alert"] is two["alert"] is None and one["id"] != two["id"]
    assert "record" not in one


def live(t_ms):
    days, ms = divmod(t_ms - 18_262 * 86_400_000, 86_400_000)
    buf = bytearray(12)
    size = put(buf, days, ms, (31, 2_000_000), (121, 5_000_000), 0, 0, 500, 2, True)
    return bytes(buf[:size])


def test_a_live_message_is_of_now_or_it_is_late(world):
    for late_s in (-11, 31, 100, 203, 206, 300):  # from 205 s on it would be dated into the future
        world.frame(live(NOW), NOW + late_s * 1_000)
    assert world.nows == [] and world.pipeline.counters["lives_late"] == 6
    for late_s in (-10, 0, 30):
        world.frame(live(NOW), NOW + late_s * 1_000)
    assert [each["replay"] for each in world.nows] == [False] * 3
    assert world.pipeline.counters["lives"] == 3


def test_a_position_of_now_that_came_late_is_marked(world):
    true_ms = (2517 + 18_262) * 86_400_000 + 40_000_000
    for late_ms in (30_000, 30_001):
        world.frame(frame(0, [(messages.NOW, FIX)], oldest=0, log=0), true_ms + late_ms)
    assert [each["replay"] for each in world.nows] == [False, True]


def test_a_pseudonym_belongs_to_a_shift(world):
    midnight = (2517 + 18_262) * 86_400_000 + 16 * 3_600_000  # midnight in Shanghai
    for seq, t_ms in ((1, midnight - 1_000), (2, midnight + 1_000)):
        day, ms = divmod(t_ms - 18_262 * 86_400_000, 86_400_000)
        world.frame(frame(seq, fixes(1), stamp=(1, 0, day, ms)), t_ms)
    one, two = world.rows("fix")
    assert one["subject"] != two["subject"]
    roster = {each["subject"]: (each["device"], each["shift"]) for each in world.rows("roster")}
    assert roster == {
        one["subject"]: ("rider-0001", "20261122"),
        two["subject"]: ("rider-0001", "20261123"),
    }
    for each in world.rows("fix"):
        assert "rider-0001" not in json.dumps(each)


def test_a_position_of_now_is_shown_and_not_stored(world):
    now = {**FIX, "speed_mm_s": 5}
    world.frame(frame(0, [(messages.NOW, now)], oldest=0, log=0))
    assert world.rows() == []
    (message,) = world.nows
    assert (message["stream"], message["lat_e7"]) == ("now", FIX["lat_e7"])


def test_a_record_without_what_must_be_there_is_kept_as_unreadable(world):
    world.frame(frame(1, [(messages.FIX, {"mode": 3}), (messages.ORDER, {"order": "A1"})]))
    assert [each["why"] for each in world.rows("health")] == ["missing:lat_e7", "missing:state"]
    assert world.acks() == [(LOG, 2)]


def test_a_log_that_went_back_in_time_is_seen(world):
    world.frame(frame(1, fixes(5)))
    world.frame(hello(1, 3))
    assert world.pipeline.counters["logs_behind"] == 1


def test_an_unreadable_record_is_told_in_the_log_that_it_stands_in(site):
    for log, number, values in (
        (7, messages.ORDER, {"order": "X1", "state": "assigned"}),
        (8, messages.FIX, FIX),
    ):
        site.frame("rider-0001", "rider", log, 1, [(number, values)])
        writer = Writer(bytearray(200))
        messages.put_frame_head(writer, log, 1, 2)
        writer.value({0: 99, 1: 2517, 2: 5, 3: 0, 4: 1})  # a type of a newer board
        data = bytes(writer.buf[: writer.n])
        site.run(lambda store, d=data: site.pipeline.frame(store, "rider", "rider-0001", d, NOW))
    rows = site.connection.execute("SELECT payload FROM rows ORDER BY id").fetchall()
    told = [json.loads(row[0]) for row in rows]
    found = [(each["log"], each["seq"]) for each in told if each.get("event") == "unreadable"]
    assert found == [("evidence", 2), ("track", 2)]
