"""Ten thousand random trips beside brute force, and the constants that several files type again."""

import re

from cold_oracle import merged, random_line, random_trace, settle, told
from mutate import Chance, rounds

from firmware.rider import profiles, verdict
from firmware.rider.trip import Trip
from tools.parts.place import ROOT

FILES = (
    *("profiles", "limits", "trip", "trips", "verdict"),
    *("sensor", "integrity", "resume", "box_events", "cold"),
)
# Private to a file although another has the name: what a file keeps for itself alone.
OWN = {"_VERSION", "_LIMITS_MAX"}


class Sensor:
    address = b"\xc4\x38\x00\x00\x00\x01"


def test_ten_thousand_random_trips_with_gaps_end_as_brute_force_ends_them():
    chance = Chance("cold oracle")
    seen = {"pass": 0, "fail": 0, "inconclusive": 0}
    for _ in range(rounds(10_000)):
        line = random_line(chance)
        samples, end_s = random_trace(chance, line)
        trip = Trip("A1", profiles.read(line), Sensor(), 0)
        for t_s, cc in samples:
            trip.advance(1_000 * t_s)
            trip.take(cc, 0)
        trip.advance(1_000 * end_s)
        true = settle(line, merged(samples, trip.profile.centre_cc), end_s)
        assert told(trip, verdict) == true, (line, samples, end_s)
        seen[true["verdict"]] += 1
    assert min(seen.values()) > rounds(10_000) // 20, seen


def test_the_shipped_profiles_on_long_trips():
    """The limits as shipped, over an hour or two: cumulative minutes, slow goods, long silences."""
    chance = Chance("cold shipped")
    for _ in range(max(1, rounds(10_000) // 200)):
        line = chance.pick(profiles.TABLE.split("\n")[:6])
        samples, now_s = [], 0
        cc = {"hot": 6_300, "frozen": -1_900, "ambient": 2_900}.get(line.split(" ")[0], 650)
        for _ in range(150):
            samples.append((now_s, cc))
            now_s += chance.pick((10, 10, 30, 60, 60, 75)) if chance.below(30) else 400
            cc += chance.below(201) - 100
        trip = Trip("A1", profiles.read(line), Sensor(), 0)
        for t_s, each in samples:
            trip.advance(1_000 * t_s)
            trip.take(each, 0)
        trip.advance(1_000 * now_s)
        assert told(trip, verdict) == settle(line, samples, now_s), (line, samples)


def test_constants_of_one_name_are_one_number():
    """Private constants cost a board nothing, so files type them again instead of importing them."""
    found: dict[str, tuple[str, str]] = {}
    for name in FILES:
        text = (ROOT / "firmware" / "rider" / f"{name}.py").read_text()
        here = re.findall(r"^(_[A-Z][A-Z0-9_]*) = const\(([^)]*)\)", text, re.MULTILINE)
        assert len({constant for constant, _ in here}) == len(here), name
        for constant, value in here:
            if constant not in OWN:
                other = found.setdefault(constant, (value, name))
                assert other[0] == value, (constant, name, other[1])
    assert len(found) > 60
