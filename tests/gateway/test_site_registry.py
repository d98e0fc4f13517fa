"""The registry in the running gateway: who may speak, told anew when the file changes, bounded."""

import time
from collections import Counter

import pytest

from gateway.errors import GatewayError
from gateway.site.admission import Admission
from gateway.site.authority import DAY_S
from gateway.site.enrolment import changing, field_key_file
from gateway.site.folder import SiteFolder, write_whole
from gateway.site.ledger import Certificate, Entry, Ledger, Revoked, write_ledger
from gateway.site.registry import Registry

NOW_S = 1_795_000_000


class Clock:
    """Seconds that the test turns on."""

    s = 100.0

    def __call__(self):
        return self.s


class Place:
    """A folder with a registry in it, without its authorities."""

    def __init__(self, path):
        self.folder = SiteFolder(path / "site")
        self.folder.make()
        self.clock = Clock()
        self.ledger = Ledger(1, "shanghai", "gw-1", ["localhost"], {"devices": 8883})
        self.put(rider="rider-0001", picker="picker-0001", reader="tracking")

    def put(self, **names):
        for kind, name in names.items():
            self.ledger.devices[name] = Entry(kind, "enrolled", kid=2)
        self.write()

    def write(self):
        write_whole(self.folder.registry, write_ledger(self.ledger))

    def registry(self):
        return Registry(self.folder.path, self.clock)


@pytest.fixture
def place(tmp_path):
    return Place(tmp_path)


def test_who_may_speak_and_as_what(place):
    registry = place.registry()
    assert registry.state("rider-0001") == "enrolled" and registry.state("nobody") == "unknown"
    asked = [
        *(("rider", "rider-0001"), ("picker", "rider-0001"), ("rider", "picker-0001")),
        *(("picker", "picker-0001"), ("rider", "tracking"), ("rider", "nobody"), ("rider", "")),
    ]
    assert [registry.refusal(*each) for each in asked] == [
        *("", "kind", "kind"),
        *("", "kind", "unknown", "unknown"),
    ]
    for state in ("revoked", "replaced"):
        place.ledger.devices["rider-0001"].state = state
        place.write()
        place.clock.s += 2
        assert registry.state("rider-0001") == "revoked"
        assert registry.refusal("rider", "rider-0001") == "revoked"


def test_without_a_folder_everybody_may_and_that_is_said_once(caplog):
    registry = Registry(None)
    assert registry.is_open and registry.refusal("rider", "anybody") == ""
    assert registry.state("anybody") == "enrolled" and registry.field_key("anybody", 1) is None
    assert registry.figures(NOW_S) == {}
    assert [each.message for each in caplog.records].count(caplog.records[0].message) == 1


def test_a_change_is_seen_within_a_second_and_at_once_by_who_was_let_in(place):
    registry = place.registry()
    place.put(rider="rider-0002")
    place.ledger.devices["rider-0001"].state = "revoked"
    place.write()
    assert registry.refusal("rider", "rider-0001") == ""  # not looked again yet
    place.clock.s += 0.1
    assert registry.refusal("rider", "rider-0002") == ""  # looked again before refusing
    assert registry.refusal("rider", "rider-0001") == "revoked" and registry.reloads == 1
    place.clock.s += 5
    assert registry.state("rider-0002") == "enrolled" and registry.reloads == 1  # nothing new


@pytest.mark.parametrize("data", [b"", b"{", b"[" * 100_000, None])
def test_a_registry_spoilt_later_stays_in_force_as_it_was(place, data, caplog):
    registry = place.registry()
    if data is None:
        place.folder.registry.unlink()
    else:
        place.folder.registry.write_bytes(data)
    for _ in range(3):
        place.clock.s += 2
        assert registry.refusal("rider", "rider-0001") == ""
        assert registry.refusal("rider", "nobody") == "unknown"
    assert "devices.json" in registry.trouble and registry.figures(NOW_S)["registry_troubled"] == 1
    assert len([each for each in caplog.records if each.levelname == "ERROR"]) == 1
    place.write()
    place.clock.s += 2
    assert registry.state("rider-0001") == "enrolled" and registry.trouble == ""


def test_a_registry_that_stays_spoilt_is_told_again_each_minute_and_as_a_figure(place, caplog):
    registry = place.registry()
    place.folder.registry.write_bytes(b"{")
    for _ in range(130):
        place.clock.s += 1
        registry.refusal("rider", "rider-0001")
    told = [each.getMessage() for each in caplog.records if each.levelname == "ERROR"]
    assert len(told) == 3 and all("revoked since may still speak" in each for each in told)
    assert registry.figures(NOW_S)["registry_trouble_s"] == 129
    place.write()
    place.clock.s += 2
    assert registry.figures(NOW_S)["registry_trouble_s"] == 0


def test_a_registry_that_can_be_read_again_as_it_was_is_no_trouble_any_more(place):
    registry = place.registry()
    away = place.folder.path.with_name("away")
    place.folder.path.rename(away)
    place.clock.s += 2
    assert registry.refusal("rider", "rider-0001") == "" and registry.trouble
    away.rename(place.folder.path)
    place.clock.s += 2
    assert registry.refusal("rider", "rider-0001") == "" and not registry.trouble


def test_a_gateway_does_not_start_without_its_registry(tmp_path, place):
    with pytest.raises(GatewayError, match="init-site"):
        Registry(tmp_path / "absent")
    place.folder.registry.write_bytes(b"{}")
    with pytest.raises(GatewayError, match=r"devices\.json"):
        place.registry()


def test_a_million_invented_names_leave_nothing_behind_and_few_looks(place, monkeypatch):
    from gateway.site import registry as module

    registry = place.registry()
    looks = []
    kept = module._mark
    monkeypatch.setattr(module, "_mark", lambda path: looks.append(path) or kept(path))
    counters = Counter()
    admission = Admission(registry, counters, place.clock)
    before = {name: _size(value) for name, value in vars(registry).items()}
    for n in range(10_000):
        counters[admission.refused("rider", f"nobody-{n}")] += 1
        place.clock.s += 1e-5
    assert counters == {"devices_refused_unknown": 10_000}
    assert {name: _size(value) for name, value in vars(registry).items()} == before
    assert len(looks) <= 3 and len(vars(admission)["_told_s"]) == 1


def _size(value):
    return len(value) if isinstance(value, dict) else 0


def test_one_line_a_minute_tells_of_the_refused(place, caplog):
    admission = Admission(place.registry(), Counter(), place.clock)
    for _ in range(100):
        admission.refused("rider", "nobody")
        admission.refused("picker", "rider-0001")
    assert len([each for each in caplog.records if "refused" in each.message]) == 2
    place.clock.s += 61
    admission.refused("rider", "nobody")
    assert len([each for each in caplog.records if "refused" in each.message]) == 3


def test_figures_count_who_is_in_and_what_is_due(place):
    def certificate(begin_day, end_day):
        begin, end = NOW_S + begin_day * DAY_S, NOW_S + end_day * DAY_S
        return Certificate("1", begin, end, "aa")

    lives = {"rider-0001": (-10, 90), "rider-0002": (-70, 30), "rider-0003": (-100, -1)}
    for name, (begin_day, end_day) in lives.items():
        cert = certificate(begin_day, end_day)
        place.ledger.devices[name] = Entry("rider", "enrolled", certificates=[cert])
    place.ledger.devices["rider-0004"] = Entry("rider", "revoked")
    place.ledger.devices["gw-1"] = Entry("gateway", "enrolled", certificates=[certificate(-1, 9)])
    place.ledger.revoked.append(Revoked("rider-0004", "ca", "5", "bb", NOW_S, NOW_S))
    place.write()
    figures = place.registry().figures(NOW_S)
    assert figures["devices_enrolled"] == 4 and figures["devices_revoked"] == 1
    assert figures["certificates_due"] == 2 and figures["certificates_expired"] == 1
    assert figures["certificate_end_s"] == 0
    told = place.registry().enrolled
    assert told("rider-0001") == {"state": "enrolled", "not_after_s": NOW_S + 90 * DAY_S}
    assert told("rider-0004") == {"state": "revoked", "not_after_s": None}
    assert told("nobody") == {"state": "unknown", "not_after_s": None}
    del place.ledger.devices["rider-0003"]
    place.write()
    assert place.registry().figures(NOW_S)["certificate_end_s"] == 9 * DAY_S


def test_field_keys_are_read_once_and_only_from_files_that_are_secret(place, caplog):
    registry = place.registry()
    paths = {kid: field_key_file(place.folder, "rider-0001", kid) for kid in (1, 2, 3)}
    for kid, path in paths.items():
        write_whole(path, (bytes([kid]) * 32).hex().encode() + b"\n")
    assert registry.field_key("rider-0001", 1) == b"\x01" * 32
    paths[1].unlink()
    assert registry.field_key("rider-0001", 1) == b"\x01" * 32
    assert registry.field_key("rider-0001", 3) is None  # never given out
    assert registry.field_key("rider-0001", 0) is None and registry.field_key("nobody", 1) is None
    paths[2].chmod(0o644)
    assert registry.field_key("rider-0001", 2) is None and "chmod 600" in caplog.text
    assert "02" * 32 not in caplog.text
    # What it sealed before it was revoked can still be opened.
    place.ledger.devices["rider-0001"].state = "revoked"
    place.write()
    paths[2].chmod(0o600)
    place.clock.s += 2
    assert registry.field_key("rider-0001", 2) == b"\x02" * 32
    for junk in (b"", b"zz", b"00" * 31, b"00" * 500):
        write_whole(paths[2], junk)
        place.write()
        place.clock.s += 2
        assert registry.field_key("rider-0001", 2) is None


def test_the_access_list_names_whole_topics_and_nobody_twice(place):
    from gateway.site.acl import access_list, feed_streams

    for n in range(2, 50):
        place.put(rider=f"rider-{n:04d}")
    place.ledger.devices["names"] = Entry("reader", "enrolled", may=["roster", "intake"])
    place.ledger.devices["rider-0003"].state = "revoked"
    place.ledger.devices["gw-1"] = Entry("gateway", "enrolled")
    lines = access_list(place.ledger).decode().splitlines()
    users = [line for line in lines if line.startswith("user ")]
    assert len(set(users)) == len(users) == 52 and "user rider-0003" not in users
    given = {}
    for line in lines[1:]:
        word, rest = line.split(" ", 1)
        if word == "user":
            given[rest] = set()
            user = rest
        else:
            assert word == "topic"
            given[user].add(rest)
    for name, topics in given.items():
        if name.startswith("rider"):
            assert len(topics) == 4 and not any(each in line for line in topics for each in "+#%")
            assert all(line.split("/")[4] == name for line in topics)
    assert given["names"] == {
        "read o2o/v1/shanghai/+/+/roster",
        "write o2o/v1/shanghai/intake/+/order-in",
        "write o2o/v1/shanghai/intake/+/picklist-in",
    }
    assert {"fix", "order", "last"} <= set(feed_streams()) and "roster" not in feed_streams()
    assert not any("o2od" in line for line in given["tracking"] | given["names"])
    assert not any("/up" in line and "write" in line for line in given["gw-1"])


def test_reading_back_what_was_written(place, tmp_path):
    """A whole change through a made site: what the commands write is what the gateway reads."""
    from gateway.site.making import Plan, make_site

    folder = SiteFolder(tmp_path / "whole")
    ports = {"devices": 1, "readers": 2, "gateways": 3}
    data = tmp_path / "data"
    plan = Plan("shanghai", "gw-1", ("localhost",), ports, "", data, "127.0.0.1", 8443)
    make_site(folder, tmp_path / "gateway.toml", plan, time.time())
    registry = Registry(folder.path, place.clock)
    with changing(folder, time.time()) as change:
        issued = change.enrol("rider-0001", "rider")
    place.clock.s += 2
    assert registry.state("rider-0001") == "enrolled"
    assert registry.field_key("rider-0001", 1) == issued.field_key
    with pytest.raises(GatewayError), changing(folder, time.time()) as change:
        change.enrol("rider-0002", "rider")
        change.enrol("rider-0001", "rider")
    place.clock.s += 2
    assert registry.state("rider-0002") == "unknown"  # a change is made whole or not at all
