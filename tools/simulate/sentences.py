"""What a BeiDou receiver would say about a ride: NMEA 4.11 sentences, built by pynmea2.

The sentence set of a CASIC or Quectel receiver: GNGGA, one GNGSA per system (system ids 1 and 4),
GPGSV and BDGSV, GNRMC.
"""

import math
from datetime import UTC, datetime, timedelta

import pynmea2

from tools.simulate.ride import Sample

_GPS_IDS = (2, 5, 7, 13, 15, 18, 20, 29)
_BDS_IDS = (1, 3, 6, 7, 10, 16, 22, 36, 39, 59)
_KNOT_M_S = 1852 / 3600


def epoch(sample: Sample, when: datetime) -> bytes:
    """Return the burst of sentences for one second of a ride; `when` is UTC."""
    time = when.strftime("%H%M%S.") + f"{when.microsecond // 10_000:02d}"
    lat, north = _angle(sample.lat_e7, "NS", 2)
    lon, east = _angle(sample.lon_e7, "EW", 3)
    used = str(len(_GPS_IDS) + len(_BDS_IDS))
    hdop = f"{sample.hdop:.2f}"
    course = "" if sample.course_deg is None else f"{sample.course_deg:.2f}"
    knots = f"{sample.speed_m_s / _KNOT_M_S:.2f}"
    sentences = [
        pynmea2.GGA(
            "GN",
            "GGA",
            (time, lat, north, lon, east, "1", used, hdop, "12.40", "M", "9.7", "M", "", ""),
        ),
        *_used("1", _GPS_IDS, hdop),
        *_used("4", _BDS_IDS, hdop),
        *_view("GP", _GPS_IDS, when),
        *_view("BD", _BDS_IDS, when),
        pynmea2.RMC(
            "GN",
            "RMC",
            (
                *(time, "A", lat, north, lon, east, knots, course, when.strftime("%d%m%y")),
                *("", "", "A", "V"),
            ),
        ),
    ]
    return b"".join(str(sentence).encode() + b"\r\n" for sentence in sentences)


def ride(samples: list[Sample], start: datetime) -> list[tuple[float, bytes]]:
    """Return the whole ride as (seconds since the start, burst); `start` is UTC."""
    first = samples[0].t_s
    return [
        (sample.t_s - first, epoch(sample, start + timedelta(seconds=sample.t_s - first)))
        for sample in samples
    ]


def now_on_the_second() -> datetime:
    """Return the present UTC time, rounded down to a second as receivers do."""
    return datetime.now(UTC).replace(microsecond=0)


def _angle(value_e7: int, sides: str, digits: int) -> tuple[str, str]:
    """Return ('3113.80000', 'N') for an angle: whole degrees, minutes to 1e-5 (1.9 cm)."""
    degrees, rest = divmod(abs(value_e7), 10_000_000)
    minutes_e5 = round(rest * 60 / 100)
    if minutes_e5 == 6_000_000:
        degrees, minutes_e5 = degrees + 1, 0
    text = f"{degrees:0{digits}d}{minutes_e5 // 100_000:02d}.{minutes_e5 % 100_000:05d}"
    return text, sides[value_e7 < 0]


def _used(system: str, ids: tuple[int, ...], hdop: str) -> list[pynmea2.NMEASentence]:
    fields = [*(f"{number:02d}" for number in ids), *[""] * (12 - len(ids))]
    return [pynmea2.GSA("GN", "GSA", ("A", "3", *fields, "1.40", hdop, "1.10", system))]


def _view(talker: str, ids: tuple[int, ...], when: datetime) -> list[pynmea2.NMEASentence]:
    parts = math.ceil(len(ids) / 4)
    sentences = []
    for part in range(parts):
        fields = [str(parts), str(part + 1), f"{len(ids):02d}"]
        for number in ids[part * 4 : part * 4 + 4]:
            cn0 = 30 + (number * 7 + when.second) % 15
            fields += [f"{number:02d}", f"{10 + number % 70:02d}", f"{number * 37 % 360:03d}"]
            fields.append(str(cn0))
        # The signal id (NMEA 4.10): pynmea2 takes it as one more field, which is what it is.
        sentences.append(pynmea2.GSV(talker, "GSV", (*fields, "1")))
    return sentences
