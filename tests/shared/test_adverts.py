"""BTHome and Ruuvi adverts: the formats' own examples, whole ranges, what is missing or too much."""

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


def service(uuid, data):
    """An AD payload: flags, and 16-bit service data."""
    return b"\x02\x01\x06" + bytes((3 + len(data), 0x16, uuid & 255, uuid >> 8)) + data


def maker(company, data):
    """An AD payload: flags, and manufacturer data."""
    return b"\x02\x01\x06" + bytes((3 + len(data), 0xFF, company & 255, company >> 8)) + data


def le(value, size):
    return bytes([value >> 8 * i & 255 for i in range(size)])


def be(value, size):
    return bytes([value >> 8 * (size - 1 - i) & 255 for i in range(size)])


def check_range(encode, lo, hi, step, name="temp_cc"):
    """encode(raw) -> (payload, what `name` must be, give or take, format) over lo..hi, ends included."""
    reading = Reading()
    raws = list(range(lo, hi, step))
    raws.extend((-1, 0, 1, hi))
    for raw in raws:
        payload, value, tolerance, word = encode(raw)
        assert decode(payload, len(payload), reading) == word, raw
        assert abs(getattr(reading, name) - value) <= tolerance, (raw, getattr(reading, name))


def test_bthome_whole_signed_range_in_all_five_scales():
    for kind, size, scale in ((0x02, 2, 1), (0x45, 2, 10), (0x57, 1, 100), (0x58, 1, 35)):

        def encode(raw, kind=kind, size=size, scale=scale):
            return (
                service(0xFCD2, b"\x40" + bytes((kind,)) + le(raw, size)),
                raw * scale,
                0,
                "bthome",
            )

        end = 1 << (8 * size - 1)
        check_range(encode, -end, end - 1, 1 if size == 1 else 97)
    check_range(
        lambda raw: (service(0xFCD2, b"\x40\x08" + le(raw, 2)), raw, 0, "bthome"),
        -32768,
        32767,
        97,
        "dew_cc",
    )


def test_bthome_battery_door_and_packet_id():
    _, reading = read("0d16d2fc 40 0009 0161 02ca09 1a01")
    assert (reading.packet_id, reading.batt_pct, reading.opened) == (9, 97, 1)
    assert reading.temp_cc == 2506


def test_bthome_above_100_percent_is_a_fault():
    _, reading = read("0d16d2fc 40 0165 02ca09 031127 2e65")
    assert reading.temp_cc == 2506
    assert reading.batt_pct == NONE and reading.hum_cpct == NONE


def test_bthome_two_temperatures_and_two_doors():
    _, reading = read("0a16d2fc 40 450101 450301")
    assert (reading.temp_cc, reading.temp2_cc) == (2590, 2570)
    _, reading = read("0816d2fc 40 1a01 2d00")
    assert reading.opened == 1  # one of them is open
    _, reading = read("0816d2fc 40 1a00 2d00")
    assert reading.opened == 0


# bthome.io/format, every object id with its size, typed in again so that the table is pinned
BTHOME_SIZES = {
    1: "00 01 09 0f 10 11 15 16 17 18 19 1a 1b 1c 1d 1e 1f 20 21 22 23 24 25 26 27 28 29 2a 2b 2c 2d"
    " 2e 2f 3a 46 57 58 59 60 64 65",
    2: "02 03 06 07 08 0c 0d 0e 12 13 14 3c 3d 3f 40 41 43 44 45 47 48 49 4a 51 52 56 5a 5d 5e 5f 61 f0",
    3: "04 05 0a 0b 42 4b f2",
    4: "3e 4c 4d 4e 4f 50 55 5b 5c 62 63 f1",
}


def test_bthome_no_known_object_cuts_off_the_temperature_behind_it():
    known = [0x3B, 0x53, 0x54]
    for size, kinds in BTHOME_SIZES.items():
        for word in kinds.split():
            known.append(int(word, 16))
            data = bytes((0x40, known[-1])) + bytes(size) + b"\x02\x18\xfc"
            payload = service(0xFCD2, data)
            reading = Reading()
            assert decode(payload, len(payload), reading) == "bthome"
            assert reading.temp_cc == -1000, word
    for data in (
        b"\x40\x53\x05hello\x02\x18\xfc",  # text and raw: a length byte
        b"\x40\x54\x02\x02\x02\x02\x18\xfc",
        b"\x40\x53\x00\x02\x18\xfc",
        b"\x40\x3b\xe2\x07\x01\x02\x02\x18\xfc",  # command: opcode and 2 arguments
    ):
        payload = service(0xFCD2, data)
        reading = Reading()
        assert decode(payload, len(payload), reading) == "bthome" and reading.temp_cc == -1000
    for kind in range(256):
        if kind not in known:
            payload = service(0xFCD2, bytes((0x40, kind)) + b"\x00\x02\x18\xfc")
            assert decode(payload, len(payload), reading) is None, kind


def test_bthome_an_unknown_object_or_a_cut_off_value_leaves_what_came_before():
    name, reading = read("0a16d2fc 40 02ca09 e1 010203")
    assert name == "bthome" and reading.temp_cc == 2506
    name, reading = read("0916d2fc 40 02ca09 03bf")
    assert name == "bthome" and (reading.temp_cc, reading.hum_cpct) == (2506, NONE)
    name, reading = read("0816d2fc 40 02ca09 53")
    assert name == "bthome" and reading.temp_cc == 2506
    name, reading = read("0a16d2fc 40 02ca09 530961")
    assert name == "bthome" and reading.temp_cc == 2506


def test_bthome_address_in_the_payload_is_passed_over():
    name, reading = read("0d16d2fc 42 a5808fe64854 02ca09")
    assert name == "bthome" and reading.temp_cc == 2506


def test_bthome_encrypted_truncated_or_another_version_is_not_read():
    for text in (
        "0a16d2fc 41 a47266c95f73001122",
        "0716d2fc 20 02ca0900",
        "0516d2fc 40 02ca",
        "0416d2fc 40",
        "0516d2fc 40 e100",
        "0616d2fc 42 02ca09",
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


def test_ruuvi_3_from_its_documents_and_over_its_whole_range():
    # docs.ruuvi.com, data format 3, "Test vectors"
    name, it = read("12ff9904 03291a1ece1efc18f94202ca0b5300")
    assert name == "ruuvi3"
    assert (it.temp_cc, it.hum_cpct, it.press_pa) == (2630, 2050, 102766)
    assert (it.ax_mg, it.ay_mg, it.az_mg, it.batt_mv) == (-1000, -1726, 714, 2899)

    def encode(raw):  # sign and magnitude, hundredths apart
        size = abs(raw)
        data = b"\x03\x40" + bytes((size // 100 | (128 if raw < 0 else 0), size % 100)) + bytes(10)
        return maker(0x0499, data), raw, 0, "ruuvi3"

    check_range(encode, -12799, 12799, 13)
    assert read("11ff9904 03291a64ce1efc18f94202ca0b53")[0] is None  # 100 hundredths


def test_ruuvi_6_from_its_documents_and_over_its_whole_range():
    # docs.ruuvi.com, data format 6, "Test vectors"; below it every field "not available"
    name, it = read("17ff9904 06170c5668c79e007000c90501d900cd004c884f")
    assert name == "ruuvi6"
    assert (it.temp_cc, it.hum_cpct, it.press_pa) == (2950, 5530, 101102)
    assert (it.co2_ppm, it.seq) == (201, 205)
    _, it = read("17ff9904 068000ffffffffffffffffffffff00ff004c884f")
    for value in (it.temp_cc, it.hum_cpct, it.press_pa, it.co2_ppm):
        assert value == NONE

    def encode(raw):
        return maker(0x0499, b"\x06" + be(raw, 2) + bytes(17)), raw / 2, 0.5, "ruuvi6"

    check_range(encode, -32767, 32767, 97)
