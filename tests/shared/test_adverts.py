"""Adverts of cold-box sensors: the formats' own published examples, the whole range, and garbage."""

from protocols.adverts import NONE, Reading, decode
from protocols.adverts.ruuvi import decode as decode_ruuvi


def read(text):
    data = bytes.fromhex(text.replace(" ", ""))
    reading = Reading()
    return decode(data, len(data), reading), reading


def test_bthome_from_its_documents():
    # bthome.io/format: 0x02 temperature 0.01, 0x03 humidity 0.01; 2506 = 25.06, 5055 = 50.55
    name, reading = read("020106 0a16d2fc 40 02ca09 03bf13")
    assert name == "bthome"
    assert (reading.temp_cc, reading.hum_cpct) == (2506, 5055)


def test_bthome_below_zero_and_other_scales():
    for data, value in (
        ("40 02 18fc", -1000),
        ("40 02 0080", -32768),
        ("40 02 ff7f", 32767),
        ("40 45 11ff", -2390),
        ("40 57 ea", -2200),
        ("40 58 ea", -770),
    ):
        raw = bytes.fromhex(data.replace(" ", ""))
        name, reading = read("%02x16d2fc" % (3 + len(raw)) + raw.hex())
        assert name == "bthome" and reading.temp_cc == value, data


def test_bthome_whole_signed_range():
    reading = Reading()
    for value in range(-32768, 32768, 7):
        data = b"\x06\x16\xd2\xfc\x40\x02"[:6] + (value & 0xFFFF).to_bytes(2, "little")
        data = bytes((len(data) - 1,)) + data[1:]
        assert decode(data, len(data), reading) == "bthome"
        assert reading.temp_cc == value


def test_bthome_battery_door_and_packet_id():
    _, reading = read("0d16d2fc 40 0009 0161 02ca09 1a01")
    assert (reading.packet_id, reading.batt_pct, reading.opened) == (9, 97, 1)
    assert reading.temp_cc == 2506


def test_bthome_an_unknown_object_ends_the_reading():
    name, reading = read("0a16d2fc 40 02ca09 f1 010203")
    assert name == "bthome" and reading.temp_cc == 2506


def test_bthome_encrypted_truncated_or_another_version_is_not_read():
    for text in (
        "0a16d2fc 41 a47266c95f73001122",
        "0716d2fc 20 02ca0900",
        "0516d2fc 40 02ca",
        "0416d2fc 40",
        "0516d2fc 40 f100",
    ):
        assert read(text)[0] is None, text


# docs.ruuvi.com, data format 5, "Test vectors"
RUUVI_VALID = "0512fc5394c37c0004fffc040cac364200cdcbb8334c884f"
RUUVI_MAX = "057ffffffefffe7fff7fff7fffffdefefffecbb8334c884f"
RUUVI_MIN = "058001000000008001800180010000000000cbb8334c884f"
RUUVI_NONE = "058000ffffffff800080008000ffffffffffffffffffffff"


def ruuvi(text):
    return read("1bff9904" + text)


def test_ruuvi_from_its_documents():
    name, it = ruuvi(RUUVI_VALID)
    assert name == "ruuvi5"
    assert (it.temp_cc, it.hum_cpct, it.press_pa) == (2430, 5349, 100044)
    assert (it.ax_mg, it.ay_mg, it.az_mg) == (4, -4, 1036)
    assert (it.batt_mv, it.moves, it.seq) == (2977, 66, 205)


def test_ruuvi_at_the_ends_of_its_ranges():
    _, it = ruuvi(RUUVI_MAX)
    assert (it.temp_cc, it.press_pa, it.ax_mg, it.batt_mv) == (16384, 115534, 32767, 3646)
    assert (it.moves, it.seq) == (254, 65534)
    assert it.hum_cpct == NONE  # 163.83 %: a fault, not a humidity
    _, it = ruuvi(RUUVI_MIN)
    assert (it.temp_cc, it.hum_cpct, it.press_pa, it.ax_mg) == (-16384, 0, 50000, -32767)
    assert (it.batt_mv, it.moves, it.seq) == (1600, 0, 0)


def test_ruuvi_not_available_is_not_a_number():
    name, it = ruuvi(RUUVI_NONE)
    assert name == "ruuvi5"
    for value in (it.temp_cc, it.hum_cpct, it.press_pa, it.ax_mg, it.batt_mv, it.moves, it.seq):
        assert value == NONE


def test_ruuvi_whole_signed_range_is_within_half_a_count():
    reading = Reading()
    data = bytearray(bytes.fromhex(RUUVI_VALID))
    for raw in range(-32767, 32768, 11):
        data[1] = raw >> 8 & 255
        data[2] = raw & 255
        assert decode_ruuvi(data, 0, 24, reading)
        assert abs(2 * reading.temp_cc - raw) <= 1


def test_a_company_id_alone_is_not_enough():
    assert read("05ff9904 0512")[0] is None
    assert read("1bff9904 03" + RUUVI_VALID[2:])[0] is None
    assert read("1bff9a04" + RUUVI_VALID)[0] is None


def test_what_is_not_ours_costs_nothing_and_gives_none():
    for text in ("", "02", "020106", "0303aafe", "1aff4c000215" + "00" * 21, "ff" * 31, "00" * 31):
        name, reading = read(text)
        assert name is None
        assert reading.temp_cc == NONE and reading.format is None


def test_the_second_structure_is_found_too():
    name, reading = read("020106 0303d2fc 0a16d2fc 40 02ca09 03bf13")
    assert name == "bthome" and reading.temp_cc == 2506


def test_garbage_never_raises():
    reading = Reading()
    state = 99
    base = bytes.fromhex("02010611ff9904" + RUUVI_VALID)
    for _ in range(4000):
        data = bytearray(base)
        for _ in range(4):
            state = (state * 1103515245 + 12345) & 0x3FFFFFFF
            data[(state >> 8) % len(data)] = state >> 16 & 255
        decode(data, (state >> 4) % (len(data) + 1), reading)
