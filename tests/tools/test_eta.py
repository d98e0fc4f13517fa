"""`o2o eta`: riding times and alerts along a track, and what a person is told when it cannot."""

import json

import pytest

from firmware.rider import alerts, outlook, overspeed
from protocols import fix
from tools.cli import main
from tools.eta import pair
from tools.simulate.ride import generate


@pytest.fixture
def track(tmp_path):
    """A ride of 3 km; its last position is the door."""
    samples = generate(5, 3_000)
    path = tmp_path / "ride.csv"
    rows = [f"{s.t_s},{s.lat_e7},{s.lon_e7},{round(s.speed_m_s * 100)}" for s in samples]
    path.write_text("t_s,lat_e7,lon_e7,speed_cm_s\n" + "\n".join(rows) + "\n", encoding="utf-8")
    return path, f"{samples[-1].lat_e7},{samples[-1].lon_e7}"


def eta(capsys, path, dest, *words):
    code = main(["eta", str(path), f"--dest={dest}", *words])
    out = [json.loads(line) for line in capsys.readouterr().out.splitlines()]
    return code, [o for o in out if "alert" not in o], [o for o in out if "alert" in o]


@pytest.mark.parametrize("words", [(), ("--raw",)])
def test_one_object_a_fix_and_each_alert_once(capsys, track, words):
    code, fixes, told = eta(capsys, *track, *words)
    assert code == 0
    assert len(fixes) == len(track[0].read_text().splitlines()) - 1
    assert set(fixes[0]) == {"t_s", "dist_m", "eta_s", "eta_p90_s", "handover_s"}
    assert [each["alert"] for each in told][-2:] == ["near", "arrived"]
    assert len({each["alert"] for each in told}) == len(told)
    near = told[-2]
    at = next(each for each in fixes if each["t_s"] == near["t_s"])
    before = next(each for each in fixes if each["t_s"] == near["t_s"] - 1)
    assert at["dist_m"] <= 300 < before["dist_m"]
    assert near["eta_s"] == at["eta_s"] + at["handover_s"] and "分钟" in near["text_zh"]


def test_the_riding_time_is_about_right(capsys, track):
    _, fixes, _ = eta(capsys, *track, "--raw")
    there_s = next(each["t_s"] for each in fixes if each["dist_m"] <= 20)
    for each in fixes[60:]:
        if 20 < each["dist_m"] <= 500 and each["t_s"] < there_s:
            assert abs(each["eta_s"] - (there_s - each["t_s"])) <= 120
            assert each["eta_p90_s"] > each["eta_s"]
    assert fixes[-1]["eta_s"] == 0


def test_floor_and_building_change_the_hand_over_alone(capsys, track):
    _, plain, _ = eta(capsys, *track)
    _, high, _ = eta(capsys, *track, "--building", "tower", "--floor", "30")
    assert plain[0]["handover_s"] == 140 and high[0]["handover_s"] == 236
    assert [each["eta_s"] for each in plain] == [each["eta_s"] for each in high]


def test_a_track_without_speeds_and_far_destinations(capsys, track, tmp_path):
    path = tmp_path / "bare.csv"
    lines = track[0].read_text().splitlines()
    path.write_text("\n".join(line.rsplit(",", 1)[0] for line in lines), encoding="utf-8")
    _, fixes, told = eta(capsys, path, track[1], "--raw")
    assert [each["alert"] for each in told][-2:] == ["near", "arrived"]
    assert all(each["eta_s"] < 2_000 for each in fixes)
    code, fixes, told = eta(capsys, path, "-312300000,-1214700000")
    assert code == 0 and not told
    assert fixes[-1]["dist_m"] is None and fixes[-1]["eta_s"] == 11_000


@pytest.mark.parametrize(
    ("dest", "code", "words"),
    [
        ("312300000", 2, "LAT_E7,LON_E7"),
        ("31.23,121.47", 2, "LAT_E7,LON_E7"),
        ("1,2,3", 2, "LAT_E7,LON_E7"),
        ("900000001,0", 2, "not a position on earth"),
    ],
)
def test_a_bad_destination_is_bad_usage(capsys, track, dest, code, words):
    assert main(["eta", str(track[0]), f"--dest={dest}"]) == code
    assert words in capsys.readouterr().err


@pytest.mark.parametrize(
    ("text", "code", "words"),
    [
        ("a,b\n1,2\n", 2, "lat_e7"),
        ("t_s,lat_e7,lon_e7\n1,2,x\n", 1, "line 2"),
        ("t_s,lat_e7,lon_e7\n", 1, "no samples"),
        ("t_s,lat_e7,lon_e7\nnan,2,3\n", 1, "line 2: t_s is 0 to a year"),
        ("t_s,lat_e7,lon_e7\n0,2,3\ninf,2,3\n", 1, "line 3: t_s is 0 to a year"),
        ("t_s,lat_e7,lon_e7\n1e300,2,3\n", 1, "line 2: t_s is 0 to a year"),
        ("t_s,lat_e7,lon_e7\n31536000,2,3\n", 1, "line 2: t_s is 0 to a year"),
        ("t_s,lat_e7,lon_e7,hdop\n0,2,3,nan\n", 1, "line 2: hdop is"),
        ("t_s,lat_e7,lon_e7,hdop\n0,2,3,inf\n", 1, "line 2: hdop is"),
        ("t_s,lat_e7,lon_e7,hdop\n0,2,3,-1\n", 1, "line 2: hdop is"),
        ("t_s,lat_e7,lon_e7,speed_cm_s\n0,2,3," + "9" * 400 + "\n", 1, "line 2: "),
        ('t_s,lat_e7,lon_e7\n0,"' + "9" * 200_000 + '",1\n', 1, "no CSV in UTF-8"),
        (b"t_s,lat_e7,lon_e7\n0,1,1,\xe4\n", 1, "no CSV in UTF-8"),
    ],
)
def test_a_bad_track_is_said_in_one_line(capsys, tmp_path, text, code, words):
    path = tmp_path / "bad.csv"
    path.write_bytes(text if isinstance(text, bytes) else text.encode())
    assert main(["eta", str(path), "--dest", "1,2"]) == code
    err = capsys.readouterr().err
    assert words in err and len(err.splitlines()) == 1


def test_positions_are_split_with_their_sign():
    for value in (0, 1, -1, 312_300_000, -1_214_700_000, 10_000_000, -9_999_999):
        degrees, fraction = pair(value)
        assert degrees * 10_000_000 + fraction == value and degrees * fraction >= 0


def test_constants_that_stand_twice_are_equal():
    """An imported const() costs a board heap, so some stand in two files."""
    for name in ("_LEVEL", "_FENCE", "_ARRIVED", "_CALM", "_HANDOVER", "_SPREAD", "_AT_DOOR"):
        assert getattr(alerts, name) == getattr(outlook, name)
    told = fix.ESTIMATED | fix.JUMP | fix.FEW | fix.DATUM | fix.DISPUTED
    assert told == outlook._DOUBTS
    assert told | fix.STEP == overspeed._DOUBTS
