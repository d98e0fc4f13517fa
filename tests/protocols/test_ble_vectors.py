"""The 186 captured and published adverts: every field of the claimed formats right, None elsewhere."""

import json
import random
from collections import Counter

import pytest

from protocols.adverts import NONE, Reading, decode
from protocols.adverts.guard import SIGNED, UNTRUSTED, Guard
from protocols.adverts.sealed import Key
from protocols.aes import Aes
from protocols.ccm import Ccm

pytestmark = pytest.mark.oracle

# the corpus' name of a format -> our word; what is not here is not claimed
CLAIMED = {
    "bthome_v2": "bthome",
    "bthome_v2_enc": "bthome",
    "ruuvi_df3": "ruuvi3",
    "ruuvi_df5": "ruuvi5",
    "ruuvi_df6": "ruuvi6",
    "pvvx": "pvvx",
    "atc1441": "atc1441",
    "ela": "ela",
    "teltonika_eye": "teltonika",
    "mikrotik": "mikrotik",
    "bluemaestro": "tempodisc",
    "sensirion": "sensirion",
    "switchbot": "switchbot",
}
NOT_CLAIMED = {
    *("govee", "inkbird", "mibeacon", "mibeacon_enc", "thermopro", "qingping", "mocreo", "relsib"),
    *("bthome_v1", "bthome_v1_enc", "ruuvi_dfe1", "ruuvi_url", "jaalee", "hormann", "holyiot"),
    *("thermobeacon", "sensorpush", "moat", "kkm", "bparasite"),
}
# expected name -> (field, counts per unit, tolerance of the data's README)
FIELDS = {
    "temp_c": ("temp_cc", 100, 0.06),
    "hum_pct": ("hum_cpct", 100, 0.6),
    "press_hpa": ("press_pa", 100, 0),
    "dew_c": ("dew_cc", 100, 0),
    "batt_pct": ("batt_pct", 1, 0),
    "batt_mv": ("batt_mv", 1, 0),
    "batt_v": ("batt_mv", 1000, 0),
    "open": ("opened", 1, 0),
    "motion": ("motion", 1, 0),
    "moves": ("moves", 1, 0),
    "packet_id": ("packet_id", 1, 0),
    "seq": ("seq", 1, 0),
    "ax_mg": ("ax_mg", 1, 0),
    "ay_mg": ("ay_mg", 1, 0),
    "az_mg": ("az_mg", 1, 0),
    "tilt": ("tilt", 1, 0),
    "impact": ("impact", 1, 0),
    "co2_ppm": ("co2_ppm", 1, 0),
}

# What is expected and not read, one by one: (format, manufacturer or service data, field) -> why.
_DF5 = "05138a5f61c4f0ffe4ffdc0414c5b6ec29b3f27a52fad4cd"
_DF5_DOCS = "0512fc5394c37c0004fffc040cac364200cdcbb8334c884f"
_DF3 = "03291a1ece1efc18f94202ca0b5300000000"
_DERIVED = "ble_monitor derives it from the voltage, 2.0 to 3.0 V; the advert holds no level"
_IDENTITY = "identity and transmit power are no reading: DESIGN section 7 has no name for them"
DISPUTED = {
    ("ruuvi_df5", _DF5, "batt_pct"): _DERIVED,
    ("ruuvi_df5", _DF5, "motion"): "ble_monitor compares the count with that of an advert before",
    ("ruuvi_df5", _DF5_DOCS, "mac"): _IDENTITY,
    ("ruuvi_df5", _DF5_DOCS, "tx_dbm"): _IDENTITY,
    ("ruuvi_df6", "0680010000000000000000000000ff00004c884f", "mac"): _IDENTITY,
    ("ruuvi_df3", _DF3, "batt_pct"): _DERIVED,
    ("pvvx", "11d603fbfa7b6dfb1e26fd", "batt_v"): "ble_monitor derives it from the level",
}
# These two are whole adverts that ruuvitag-sensor's test reads one byte off: first byte 0x15, so not
# format 3, and the "values" are 51 V of battery, 1 % humidity and 26 g. None is right.
NOT_THE_FORMAT = {
    "1502010611ff990403421534c813fc72fe2fffc50b8fd5",
    "1502010611ff990403411540c855fc72fe2fffc30b83c7",
}


@pytest.fixture(scope="module")
def vectors(shared):
    path = shared / "data" / "ble" / "vectors.jsonl"
    return [json.loads(line) for line in path.read_text(encoding="utf-8").splitlines()]


def own(vector):
    """The bytes that name a vector: its manufacturer data, else its service data."""
    return "".join([*vector["manufacturer_data"].values(), *vector["service_data"].values()])


def key_of(vector):
    try:
        return Key(
            bytes.fromhex(vector["address"].replace(":", "")), bytes.fromhex(vector["bindkey"])
        )
    except (KeyError, ValueError):
        return None  # none given, or of another size (old MiBeacon: 12 bytes)


def test_every_field_of_the_claimed_formats_and_none_elsewhere(vectors):
    assert len(vectors) == 186
    assert {vector["format"] for vector in vectors} == CLAIMED.keys() | NOT_CLAIMED
    fields = Counter()
    disputed = set()
    reading = Reading()
    for vector in vectors:
        payload = bytes.fromhex(vector["adv"])
        word = decode(payload, len(payload), reading, key_of(vector))
        if vector["format"] in NOT_CLAIMED or own(vector) in NOT_THE_FORMAT:
            assert word is None and reading.temp_cc == NONE, vector
            fields["none"] += 1
            continue
        assert word == CLAIMED[vector["format"]], vector
        assert vector["format"] != "mikrotik" or "acceleration omitted" in vector["note"]
        assert vector["format"] == "mikrotik" or "note" not in vector
        for name, expected in vector["expected"].items():
            place = (vector["format"], own(vector), name)
            if place in DISPUTED:
                disputed.add(place)
                continue
            field, per, tolerance = FIELDS[name]
            value = getattr(reading, field)
            assert value != NONE, (name, vector)
            assert abs(value / per - expected) <= tolerance + 1e-9, (name, value, vector)
            fields["right"] += 1
    assert disputed == DISPUTED.keys()
    print(f"\nvectors: {fields['right']} fields right, {fields['none']} adverts None")
    for (word, _, name), why in DISPUTED.items():
        print(f"  not read: {word} {name}: {why}")
    assert fields["right"] == 119 and fields["none"] == 147


def test_sealed_vectors_need_their_key(vectors):
    reading = Reading()
    seen = 0
    for vector in vectors:
        if vector["format"] in ("bthome_v2_enc", "pvvx") and "bindkey" in vector:
            payload = bytes.fromhex(vector["adv"])
            assert decode(payload, len(payload), reading) is None
            wrong = Key(bytes.fromhex(vector["address"].replace(":", "")), bytes(16))
            assert decode(payload, len(payload), reading, wrong) is None and wrong.failed
            seen += 1
    assert seen == 4


def test_what_was_read_once_is_read_alike_from_every_kind_of_buffer(vectors):
    for vector in vectors:
        payload = bytes.fromhex(vector["adv"])
        results = []
        for buffer in (
            payload,
            bytearray(payload),
            memoryview(bytearray(payload + b"\x16\xd2\xfc@")),
        ):
            reading = Reading()
            decode(buffer, len(payload), reading, key_of(vector))
            results.append(vars(reading))
        assert results[0] == results[1] == results[2], vector


def test_hundred_thousand_replays_none_is_signed():
    """Recorded, reordered, bit-flipped, after restarts: nothing is signed a second time."""
    seed = random.randrange(1 << 30)
    print("seed", seed)
    chance = random.Random(seed)
    address, key = bytes.fromhex("5448e68f80a5"), bytes.fromhex("231d39c1d7cc1ab1aee224cd096db932")
    ccm = Ccm(Aes(key), 4, 13)

    def advert(counter):
        count = counter.to_bytes(4, "little")
        text = b"\x02" + chance.randbytes(2) + b"\x03\x10\x10"
        sealed = ccm.seal(address + b"\xd2\xfc\x41" + count, text)
        body = b"\x16\xd2\xfc\x41" + sealed[:-4] + count + sealed[-4:]
        return b"\x02\x01\x06" + bytes((len(body),)) + body

    guard = Guard(address, key)
    guard.enrol()
    reading = Reading()
    recorded = [advert(counter) for counter in range(100_000)]
    state = b""
    for payload in recorded:
        assert guard.take(payload, len(payload), reading, 0) == SIGNED
        if guard.due:
            state = guard.pack(64)
    tally = Counter()
    now_ms = 0
    chance.shuffle(recorded)
    for i, payload in enumerate(recorded):
        if i % 997 == 0:  # a restart, from the state that was stored last
            guard = Guard(address, key)
            assert guard.load(state)
        if i % 3 == 0:
            flipped = bytearray(payload)
            flipped[chance.randrange(len(flipped))] ^= 1 << chance.randrange(8)
            payload = bytes(flipped)
        now_ms += chance.randrange(10_000)
        tally[guard.take(payload, len(payload), reading, now_ms)] += 1
    print(f"replayed: {dict(tally)}")
    assert set(tally) <= {None, UNTRUSTED}
    assert tally[UNTRUSTED] > 50_000
    payload = advert(100_100)  # and the sensor itself goes on, past what was reserved
    assert guard.take(payload, len(payload), reading, now_ms + 300_000) == SIGNED
