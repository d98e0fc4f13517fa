"""One example per message of the contract; tests hold them against the schemas."""

from typing import Any

_ID = "SUUYFKLBUE3D6B6QZADM5W4QX2"


def _message(stream: str, log: str, **fields: Any) -> dict[str, Any]:
    return {
        "id": _ID,
        "stream": stream,
        "kind": "rider",
        "subject": "ly3zjeq2z5",
        "log": log,
        "seq": 83,
        "t": "2026-11-22T11:52:28.000Z",
        "t_source": "gateway" if log == "gateway" else "device",
        "received": "2026-11-22T11:52:28.710Z",
        "replay": False,
        **fields,
    }


EXAMPLES: dict[str, dict[str, Any]] = {
    "fix": _message(
        "fix",
        "track",
        lat_e7=312300108,
        lon_e7=1214707730,
        alt_cm=1240,
        mode=3,
        quality=1,
        sats_used=18,
        bds_used=10,
        hdop_c=80,
        speed_mm_s=6800,
        course_cdeg=9000,
        source="gnss",
        datum="wgs84",
        acc_cm=210,
        flags=0,
        age_ms=40,
    ),
    "temp": _message(
        "temp",
        "track",
        sensor="c43800000001",
        temp_cc=454,
        hum_cpct=6150,
        batt_pct=87,
        rssi_dbm=-50,
        format="bthome",
        state="live",
        adverts=33,
        trust="plain",
    ),
    "health": _message(
        "health", "track", event="gap", of_log="track", from_seq=12, to_seq=40, why="overwritten"
    ),
    "order": _message(
        "order",
        "evidence",
        order="A1001",
        state="assigned",
        command="o19fe-A1001",
        orders_open=1,
    ),
    "alert": _message(
        "alert",
        "evidence",
        record="X2EC6O7G6YYCWRDDCI2C35WAW4",
        order="A1001",
        alert="near",
        dist_m=300,
        eta_s=211,
        ride_s=71,
        handover_s=140,
        text_zh="骑手距您300米，约4分钟",
        text_en="Rider 300 m from you, about 4 min",
    ),
    "pick": _message(
        "pick",
        "evidence",
        kind="picker",
        event="picked",
        list="L1",
        line=1,
        order="A1001",
        bin="A1-03-2",
        sku="6901234567892",
        qty=2,
    ),
    "presence": _message(
        "presence",
        "gateway",
        state="online",
        boot=7,
        implementation="micropython 1.25.0 linux",
        firmware="0.1.0",
    ),
    "roster": _message("roster", "gateway", device="rider-0001", shift="20261122"),
    "last": {
        "id": _ID,
        "stream": "last",
        "kind": "rider",
        "subject": "ly3zjeq2z5",
        "t": "2026-11-22T11:52:28.000Z",
        "lat_e7": 312300108,
        "lon_e7": 1214707730,
        "speed_mm_s": 6800,
        "course_cdeg": 9000,
        "datum": "wgs84",
    },
    "intake-order": {
        "order": "A1001",
        "device": "rider-0001",
        "action": "assign",
        "drop": {"lat_e7": 312345678, "lon_e7": 1214712345},
        "promised": "2026-11-22T12:20:00Z",
    },
    "intake-picklist": {
        "list": "L1",
        "device": "picker-0001",
        "store": "demo",
        "lines": [
            {
                "line": 1,
                "order": "A1001",
                "sku": "6901234567892",
                "name": "可口可乐 330ml",
                "bin": "A1-03-2",
                "qty": 2,
            }
        ],
    },
}
