"""Real receivers' logs against independent oracles: pynmeagps a sentence, gpsd an epoch and a sky.

The oracle files lie beside the logs (see their README). Where we differ from gpsd, the difference is
named here, one by one, with who is right.
"""

import json
from decimal import Decimal
from pathlib import Path

import pytest

from protocols.nmea import Framer
from tools.nmea import Comments, Decoder

pytestmark = pytest.mark.oracle

LOGS = (
    "beidou-bd",
    "gp-320fw-2019-03-28",
    "gpsdf",
    "mtk-3301",
    "nmea-fuzzy-cases",
    "pynmeagps-mixed",
    "pynmeagps-unicore",
    "quectel",
    "quectel-L70",
    "quectel-eg25-g-2",
    "quectel-l76k-nmea",
    "skytraq-dgps",
    "st-teseo-liv3f",
    "telit-pls83-w",
    "ublox-neo-m9n-nmea",
    "ublox-zed-f9t-ubx_nmea_l5",
)
# gpsd reads the UBX binary of this log instead of its NMEA (the data's README says so).
BY_GPSD = tuple(
    name
    for name in LOGS
    if not name.startswith("pynmeagps") and name != "ublox-zed-f9t-ubx_nmea_l5"
)
WITH_BEIDOU = (
    "beidou-bd",
    "gpsdf",
    "quectel-eg25-g-2",
    "quectel-l76k-nmea",
    "skytraq-dgps",
    "telit-pls83-w",
    "ublox-neo-m9n-nmea",
)
# Epochs that gpsd does not give with their time, and we do; RMC and GGA of each carry time and position:
# - beidou-bd, mtk-3301: the first with a fix; gpsd shows it without its time;
# - gp-320fw 16:45:19: gpsd was still learning which sentence ends an epoch, and shows none;
# - the last one of a log: gpsd reports an epoch when the next one begins, and none does.
ONLY_OURS = {
    "beidou-bd": ("2015-02-25T07:41:55.799Z",),
    "mtk-3301": ("2008-08-23T08:14:36.000Z",),
    "gp-320fw-2019-03-28": ("2019-03-28T16:45:19.990Z",),
    "quectel-l76k-nmea": ("2026-08-05T05:53:04.000Z",),
    "st-teseo-liv3f": ("2026-03-16T20:35:20.000Z",),
}
# Positions that gpsd gives without a time and that are in no epoch of ours:
# - MTK 08:14:34.590: GGA says quality 0 and RMC status V, so there is no fix; gpsd shows one in 2D.
ONLY_GPSD = {"mtk-3301": [(522163166, 68849651)]}


def decode(path, chunk=65536):
    decoder, comments = Decoder(), Comments()
    data = path.read_bytes()
    epochs = []
    for at in range(0, len(data), chunk):
        epochs += decoder.feed(comments.strip(data[at : at + chunk]))
    epochs += decoder.feed(comments.rest())
    epochs += decoder.end()
    return epochs, decoder.counters()


def lines(path: Path):
    return [json.loads(line) for line in path.read_text(encoding="utf-8").splitlines()]


def near(mine, theirs):
    """Tell whether two places are equal; gpsd prints nine decimals, of which we keep seven."""
    return all(abs(a - b) <= Decimal("0.51") for a, b in zip(mine, theirs, strict=True))


def distinct(items):
    return list(dict.fromkeys(items))


@pytest.mark.parametrize("name", LOGS)
def test_valid_and_bad_are_counted_as_the_oracle_counts(shared, name):
    expected = json.loads((shared / "data/nmea/manifest.json").read_text())["logs"]
    if isinstance(expected, list):
        expected = {each.get("name", each.get("log")): each for each in expected}
    entry = expected.get(name) or expected[name + ".log"]
    _, counters = decode(shared / f"data/nmea/{name}.log")
    assert (counters["valid"], counters["bad"]) == (entry["valid"], entry["bad_checksum"])
    assert counters["rejected"] == counters["overlong"] == counters["late"] == 0


@pytest.mark.parametrize("name", LOGS)
def test_every_position_is_the_oracles_to_the_last_digit(shared, name):
    expected = [
        (each["lat_e7"], each["lon_e7"])
        for each in lines(shared / f"data/nmea/{name}.sent.jsonl")
        if each.get("lat_e7") is not None and each["t"][2:] in ("RMC", "GGA", "GNS", "GLL")
    ]
    data = (shared / f"data/nmea/{name}.log").read_bytes()
    comments, framer = Comments(), Framer()
    data = comments.strip(data) + comments.rest()
    found, pos = [], 0
    lat, lon = [0, 0], [0, 0]
    while pos < len(data):
        pos = framer.feed(data, pos, len(data))
        if not framer.ready:
            continue
        kind = bytes(framer.line[: framer.width(0)])
        first = {b"RMC": 3, b"GGA": 2, b"GNS": 2, b"GLL": 1}.get(kind[2:])
        if framer.type() and first and framer.coordinate(first, 90, lat):
            assert framer.coordinate(first + 2, 180, lon)
            found.append((lat[0] * 10_000_000 + lat[1], lon[0] * 10_000_000 + lon[1]))
    # MTK fills the position with 8960.000000 (60 minutes) before it has one: no position to us.
    assert found == [each for each in expected if each != (900_000_000, 0)]


@pytest.mark.parametrize("name", BY_GPSD)
def test_times_and_positions_are_gpsds_in_order(shared, name):
    epochs, _ = decode(shared / f"data/nmea/{name}.log")
    mine = [
        (each["t"], each["lat_e7"], each["lon_e7"]) for each in epochs if each["lat_e7"] is not None
    ]
    timed, timeless = [], []
    for each in lines(shared / f"data/nmea/{name}.gpsd.jsonl"):
        if each["o"] == "tpv" and "lat" in each:
            place = (Decimal(repr(each["lat"])) * 10**7, Decimal(repr(each["lon"])) * 10**7)
            if "time" in each:
                timed.append((each["time"], *place))
            else:
                timeless.append(place)
    dated = distinct(each for each in mine if each[0])
    ours = ONLY_OURS.get(name, ())
    assert [each[0] for each in dated if each[0] in ours] == list(ours)
    both = [each for each in dated if each[0] not in ours]
    timed = distinct(timed)
    assert [each[0] for each in both] == [each[0] for each in timed]
    assert all(near(a[1:], b[1:]) for a, b in zip(both, timed, strict=True))
    # What gpsd shows before it has put a time to it is a position of ours too.
    alone = [place for place in timeless if not any(near(each[1:], place) for each in mine)]
    assert [near(a, b) for a, b in zip(alone, ONLY_GPSD.get(name, []), strict=True)].count(
        False
    ) == 0


@pytest.mark.parametrize("name", WITH_BEIDOU)
def test_beidou_satellites_are_gpsds_in_number_strength_and_use(shared, name):
    epochs, _ = decode(shared / f"data/nmea/{name}.log")
    mine = [
        sorted((s["svid"], s["cn0"] or 0, s["used"]) for s in each["sats"] if s["sys"] == "BDS")
        for each in epochs
        if "sats" in each
    ]
    # gpsd reports its sky sentence by sentence: each of our whole skies is among them, in order.
    skies = [
        sorted((sv, int(cn0 or 0), bool(used)) for sv, _, _, cn0, used in each["bds"])
        for each in lines(shared / f"data/nmea/{name}.gpsd.jsonl")
        if each["o"] == "sky" and "nSat" in each
    ]
    assert mine
    at = 0
    for sky in mine:
        assert sky in skies[at:], (name, sky)
        at += skies[at:].index(sky)
    # And no satellite of gpsd's is missing from all of ours.
    assert {s[0] for sky in skies for s in sky} == {s[0] for sky in mine for s in sky}


@pytest.mark.parametrize("name", LOGS)
def test_any_chunking_gives_the_same_epochs(shared, name):
    path = shared / f"data/nmea/{name}.log"
    whole = decode(path)
    for chunk in (1, 7, 64, 4096):
        assert decode(path, chunk) == whole, chunk
