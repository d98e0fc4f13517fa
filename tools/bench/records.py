"""What a board says in the measurements: a fix, a reading, a live message, as boards write them."""

from __future__ import annotations

FIX: dict[str, object] = {
    "lat_e7": 312_300_108,
    "lon_e7": 1_214_707_730,
    "mode": 3,
    "sats_used": 18,
    "speed_mm_s": 6_800,
    "course_cdeg": 12_345,
    "acc_cm": 250,
    "source": "gnss",
    "datum": "wgs84",
}
SENSOR = bytes.fromhex("a4c138000001")
TEMP: dict[str, object] = {
    "sensor": SENSOR,
    "temp_cc": 412,
    "rssi_dbm": -67,
    "format": "bthome",
    "state": "live",
    "trust": "counted",
}


def live_message() -> bytes:
    """Return bytes as long as a short live message (protocols/live.py): nine, after their CBOR head."""
    return b"\x48" + bytes(8)
