"""The gateway's door, whatever the broker lets through: who may not speak is refused, counted, released.

The broker's own part of it, with certificates and access list, is tests/e2e/test_site.py.
"""

import random
from collections import Counter

import pytest

from gateway.link import Message
from gateway.site.admission import Admission
from gateway.site.folder import SiteFolder, write_whole
from gateway.site.ledger import Entry, Ledger, write_ledger
from gateway.site.registry import Registry
from gateway.sources.mqtt import Source
from protocols import messages
from protocols.cbor import Writer
from protocols.topics import KINDS, LEAVES, device_topic

STAMP = (1, 0, 2517, 40_000_000)


def frame(log, first, count=1, oldest=1):
    writer = Writer(bytearray(1_200))
    messages.put_frame_head(writer, log, oldest, first)
    for n in range(count):
        messages.put_record(
            writer, messages.ORDER, STAMP, {"order": f"A{first + n}", "state": "assigned"}
        )
    return bytes(writer.buf[: writer.n])


class AtOnce:
    """A committer that runs each job in a transaction of its own."""

    half_full = False

    def __init__(self, site):
        self._site = site

    def submit(self, job, size=0, release=None, part=""):
        self._site.run(job)
        if release is not None:
            release()


class Door:
    """A gateway's source behind a registry: riders 1 and 2 and a picker are in, rider 3 was revoked."""

    def __init__(self, site, folder):
        self.site = site
        place = SiteFolder(folder / "site")
        place.make()
        ledger = Ledger(1, "shanghai", "gw-1", ["localhost"], {})
        for name in ("rider-0001", "rider-0002", "picker-0001"):
            ledger.devices[name] = Entry(name.split("-")[0], "enrolled")
        ledger.devices["rider-0003"] = Entry("rider", "revoked")
        ledger.devices["tracking"] = Entry("reader", "enrolled", may=["feed"])
        write_whole(place.registry, write_ledger(ledger))
        self.counters = site.pipeline.counters
        admission = Admission(Registry(place.path), self.counters)
        self.source = Source(site.pipeline, site.desk, AtOnce(site), admission)
        self.released = 0

    def says(self, topic, payload=b"online", qos=1, retained=False):
        def ack():
            self.released += 1

        self.source.take(Message(topic, payload, retained, qos, ack))

    def tables(self):
        db = self.site.connection
        names = ("rows", "devices", "anchors", "roster", "orders", "commands")
        found = {each: db.execute(f"SELECT * FROM {each}").fetchall() for each in names}
        return {**found, "logs": db.execute("SELECT device,log,next FROM logs").fetchall()}


@pytest.fixture
def door(site, tmp_path):
    return Door(site, tmp_path)


def test_only_who_is_enrolled_speaks_and_as_what_he_is(door):
    before, acks = door.tables(), door.counters.copy()
    asked = [
        (kind, device, leaf)
        for kind in KINDS
        for device in ("rider-0001", "rider-0003", "picker-0001", "tracking", "nobody")
        for leaf in ("up", "presence")
        if (kind, device) not in (("rider", "rider-0001"), ("picker", "picker-0001"))
    ]
    for kind, device, leaf in asked:
        door.says(device_topic(kind, device, leaf), frame(1, 1) if leaf == "up" else b"offline")
    assert door.tables() == before
    why = door.counters - acks
    assert why == {
        "devices_refused_kind": 2 * (2 + 2 + 3),
        "devices_refused_revoked": 2 * 3,
        "devices_refused_unknown": 2 * 3,
    }
    assert door.released == len(asked)
    door.says(device_topic("rider", "rider-0001", "up"), frame(1, 1))
    assert ("rider-0001", 1, 2) in door.tables()["logs"]


def test_a_frame_of_one_device_replayed_by_another_is_the_others_and_changes_nothing_of_his(door):
    caught = frame(7, 1, 3)
    door.says(device_topic("rider", "rider-0001", "up"), caught)
    kept = [row for row in door.tables()["logs"] if row[0] == "rider-0001"]
    door.says(device_topic("rider", "rider-0002", "up"), caught)
    logs = door.tables()["logs"]
    assert [row for row in logs if row[0] == "rider-0001"] == kept
    assert ("rider-0002", 7, 4) in logs


def test_replays_add_nothing(door):
    topic = device_topic("rider", "rider-0001", "up")
    door.says(topic, frame(7, 1, 3))
    before = door.tables()
    for retained in (False, True):
        for _ in range(50):
            door.says(topic, frame(7, 1, 3), retained=retained)
    assert door.tables() == before and door.counters["records_repeated"] == 300


def test_what_a_device_says_on_topics_of_the_gateway_goes_nowhere(door):
    """Forged acks and commands, should a broker bring them back to us."""
    before = door.tables()
    wrong = [
        *(device_topic("rider", "rider-0001", leaf) for leaf in LEAVES if leaf in ("down", "ack")),
        *("o2od/v1/rider/00/rider-0001/up", "o2od/v1/rider/40/rider-0001", "o2od/v2/rider/40/x/up"),
        *("o2od/v1/rider/40/rider-0001/up/", "/o2od/v1/rider/40/rider-0001/up", "", "/", "#"),
        *("o2o/v1/shanghai/rider/x/fix", "o2od/v1/rider/40/../rider-0001/up", "$SYS/broker"),
        *("o2od/v1/rider/40/rider-0001\x00/up", "o2od/v1/rider/40/RIDER-0001/up"),
    ]
    for topic in wrong:
        door.says(topic, frame(1, 1))
        door.says(topic, b"offline")
    count = 2 * len(wrong)
    assert door.tables() == before and door.released == door.counters["topics_refused"] == count


def test_bytes_at_random_never_raise_and_a_good_board_is_not_troubled(door):
    """Malformed frames of an enrolled device, between those of a good one."""
    randoms = random.Random(20261122)
    good, bad = (device_topic("rider", f"rider-000{n}", "up") for n in (1, 2))
    whole = frame(9, 1, 3)
    for n in range(1, 301):
        door.says(good, frame(7, n))
        junk = bytearray(whole if n % 2 else randoms.randbytes(randoms.randrange(1_300)))
        for _ in range(randoms.randrange(4)):
            if junk:
                junk[randoms.randrange(len(junk))] = randoms.randrange(256)
        door.says(bad, bytes(junk[: randoms.randrange(len(junk) + 1)]))
        door.says(device_topic("rider", "rider-0002", "presence"), randoms.randbytes(n % 20))
    assert ("rider-0001", 7, 301) in door.tables()["logs"]
    rows = Counter(row[2] for row in door.tables()["rows"])
    assert max(rows.values()) == 1 and door.counters["frames_malformed"] > 50
    assert door.released == 900


def test_invented_names_leave_no_trace(door):
    before = door.tables()
    for n in range(5_000):
        door.says(device_topic("rider", f"x-{n}", "up"), frame(1, 1))
    assert door.tables() == before and door.counters["devices_refused_unknown"] == 5_000
    assert len(door.counters) < 50
