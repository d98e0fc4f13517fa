"""Adverts of single makers: a published or captured example, the whole range, and what is not theirs."""

from protocols.adverts import NONE, Reading, decode


def read(text):
    data = bytes.fromhex(text.replace(" ", ""))
    reading = Reading()
    return decode(data, len(data), reading), reading


def service(uuid, data):
    return bytes((3 + len(data), 0x16, uuid & 255, uuid >> 8)) + data


def maker(company, data):
    return bytes((3 + len(data), 0xFF, company & 255, company >> 8)) + data


def le(value, size=2):
    return bytes([value >> 8 * i & 255 for i in range(size)])


def be(value, size=2):
    return bytes([value >> 8 * (size - 1 - i) & 255 for i in range(size)])


def check_range(word, encode, value_of, lo=-32768, hi=32767, none=None, tolerance=0):
    """encode(raw) -> payload; temp_cc must be value_of(raw), give or take, or NONE for raw == none."""
    reading = Reading()
    raws = list(range(lo, hi, 61))
    raws.extend((-1, 0, 1, hi - 1, hi))
    for raw in raws:
        payload = encode(raw)
        assert decode(payload, len(payload), reading) == word, raw
        if raw == none:
            assert reading.temp_cc == NONE
        else:
            assert abs(reading.temp_cc - value_of(raw)) <= tolerance, (raw, reading.temp_cc)


def check_only_these_sizes(uuid_or_company, wrap, data):
    """One byte less or more than `data` is not the format."""
    reading = Reading()
    for other in (data[:-1], data + b"\x00"):
        payload = wrap(uuid_or_company, other)
        assert decode(payload, len(payload), reading) is None, other
        assert reading.temp_cc == NONE


def test_pvvx():
    # a LYWSD03MMC: 25.10 degC, 41.15 %, 2943 mV, 82 %, count 18, flags 4
    name, it = read("12161a18 8b376338c1a4 ce09 1310 7f0b 52 12 04")
    assert name == "pvvx"
    assert (it.temp_cc, it.hum_cpct, it.batt_mv, it.batt_pct) == (2510, 4115, 2943, 82)
    assert (it.packet_id, it.opened) == (0x12, 0)
    assert read("12161a18 8b376338c1a4 ce09 1310 7f0b 52 12 05")[1].opened == 1
    rest = be(4115) + be(2943) + b"\x52\x12\x04"
    check_range("pvvx", lambda raw: service(0x181A, bytes(6) + le(raw) + rest), lambda raw: raw)


def test_atc1441():
    name, it = read("10161a18 a4c138bc7c4e 0102 28 4f 0b67 20")
    assert name == "atc1441"
    assert (it.temp_cc, it.hum_cpct, it.batt_mv, it.batt_pct) == (2580, 4000, 2919, 79)
    assert it.packet_id == 0x20
    rest = b"\x28\x4f\x0b\x67\x20"
    check_range(
        "atc1441", lambda raw: service(0x181A, bytes(6) + be(raw) + rest), lambda raw: raw * 10
    )


def test_181a_of_another_length_is_somebody_else():
    reading = Reading()
    for size in range(1, 25):
        payload = service(0x181A, bytes(size))
        word = decode(payload, len(payload), reading)
        assert word == {13: "atc1441", 15: "pvvx"}.get(size), size
    # b-parasite, 16 bytes and 18
    assert read("13161a18 100b0aa1542cbca1fffff0caf0ca0201")[0] is None


def test_ela_service_data_in_two_structures():
    name, it = read("020106 05166e2a a304 04166f2a 23 08095055434b5f5448")
    assert name == "ela" and (it.temp_cc, it.hum_cpct) == (1187, 3500)
    name, it = read("020106 04166f2a 23 05166e2a a304")
    assert name == "ela" and (it.temp_cc, it.hum_cpct) == (1187, 3500)
    assert read("05166e2a d009")[1].temp_cc == 2512
    name, it = read("05166e2a 0080")
    assert name == "ela" and it.temp_cc == NONE  # not known
    check_range("ela", lambda raw: service(0x2A6E, le(raw)), lambda raw: raw, none=-32768)
    check_only_these_sizes(0x2A6E, service, b"\xa3\x04")
    assert read("04166f2a 65")[1].hum_cpct == NONE


def test_ela_s_two_halves_take_nothing_of_another_format():
    name, it = read("05166e2a a304 0716d2fc 40 031027")
    assert name == "ela" and (it.temp_cc, it.hum_cpct) == (1187, NONE)


def test_ela_manufacturer_data():
    name, it = read("020106 08ff5707 21 30 12 b80a")
    assert name == "ela" and (it.temp_cc, it.hum_cpct) == (2744, 4800)
    assert read("06ff5707 12 b80a")[1].temp_cc == 2744
    check_range("ela", lambda raw: maker(0x0757, b"\x12" + le(raw)), lambda raw: raw, lo=-32767)
    for text in (
        "0112",
        "12b8",
        "12b80a12b80a",
        "32b80a",
        "12b80a32",
        "2165",
        "120080",
        "303030303030",
    ):
        data = bytes.fromhex(text)
        payload = maker(0x0757, data)
        assert decode(payload, len(payload), Reading()) is None, text


def test_teltonika_eye():
    # an EYE sensor with all its fields, as captured from the air
    name, it = read("0eff9a08 01 b7 08b4 12 0ccb 0b ffc7 67")
    assert name == "teltonika"
    assert (it.temp_cc, it.hum_cpct, it.batt_mv) == (2228, 1800, 3030)
    assert (it.motion, it.moves, it.magnet) == (0, 3275, 0)
    assert (it.pitch_deg, it.roll_deg) == (11, -57)
    check_range("teltonika", lambda raw: maker(0x089A, b"\x01\x01" + be(raw)), lambda raw: raw)
    name, it = read("07ff9a08 01 10 8ccb")
    assert (it.motion, it.moves, it.temp_cc, it.magnet) == (1, 3275, NONE, NONE)
    name, it = read("06ff9a08 01 8c 67")
    assert (it.batt_mv, it.magnet) == (3030, 1)
    check_only_these_sizes(0x089A, maker, bytes.fromhex("01b708b4120ccb0bffc767"))
    assert read("0eff9a08 02 b7 08b4 12 0ccb 0b ffc7 67")[0] is None


def test_mikrotik():
    # help.mikrotik.com, "MikroTik Tag advertisement formats": the example of the page
    name, it = read("15ff4f09 01 00 cea6 0000 0000 0200 a01c 91085700 00 5f")
    assert name == "mikrotik"
    assert (it.temp_cc, it.batt_pct, it.uptime_s) == (2863, 95, 5703825)
    assert (it.tilt, it.impact, it.magnet) == (0, 0, 0)
    assert (it.ax_mg, it.ay_mg, it.az_mg) == (NONE, NONE, NONE)
    for flags, expected in ((1, (0, 0, 1)), (2, (1, 0, 0)), (4, (0, 1, 0)), (0x38, (0, 1, 0))):
        _, it = read("15ff4f09 01 00 cea6 0000 0000 0200 a01c 91085700 %02x 5f" % flags)
        assert (it.tilt, it.impact, it.magnet) == expected, flags
    head, tail = b"\x01" + bytes(9), b"\x00\x00\x00\x00\x00\x62"
    check_range(
        "mikrotik",
        lambda raw: maker(0x094F, head + le(raw) + tail),
        lambda raw: raw * 100 / 256,
        none=-32768,
        tolerance=0.5,
    )
    check_only_these_sizes(0x094F, maker, head + b"\x00\x00" + tail)
    # encrypted, and another version
    assert read("15ff4f09 01 01 cea6 0000 0000 0200 a01c 91085700 00 5f")[0] is None
    assert read("15ff4f09 02 00 cea6 0000 0000 0200 a01c 91085700 00 5f")[0] is None


def test_tempo_disc():
    name, it = read("11ff3301 17 55 0e10 061e ff2f 02a6 ff03 01 00")
    assert name == "tempodisc"
    assert (it.temp_cc, it.hum_cpct, it.dew_cc, it.batt_pct) == (-2090, 6780, -2530, 85)
    name, it = read("11ff3301 1b 55 0e10 061e ff2f 02a6 2785 01 00")
    assert (it.press_pa, it.dew_cc) == (101170, NONE)
    name, it = read("11ff3301 0d 55 0e10 061e ff2f 02a6 ff03 01 00")
    assert (it.temp_cc, it.hum_cpct, it.dew_cc) == (-2090, NONE, NONE)
    head, tail = b"\x17\x55" + bytes(4), bytes(6)
    check_range(
        "tempodisc",
        lambda raw: maker(0x0133, head + be(raw) + tail),
        lambda raw: raw * 10,
        none=-32768,
    )
    check_only_these_sizes(0x0133, maker, head + b"\x00\x00" + tail)
    assert read("11ff3301 18 55 0e10 061e ff2f 02a6 ff03 01 00")[0] is None


def test_eddystone_tlm():
    name, it = read("1116aafe 20 00 0bb8 1580 000004d2 000010e1")
    assert name == "eddystone"
    assert (it.temp_cc, it.batt_mv, it.seq, it.uptime_s) == (2150, 3000, 1234, 432)
    _, it = read("1116aafe 20 00 0000 8000 000004d2 ffffffff")
    assert (it.temp_cc, it.batt_mv, it.uptime_s) == (NONE, NONE, 429496729)
    check_range(
        "eddystone",
        lambda raw: service(0xFEAA, b"\x20\x00\x0b\xb8" + be(raw) + bytes(8)),
        lambda raw: raw * 100 / 256,
        none=-32768,
        tolerance=0.5,
    )
    reading = Reading()
    for uptime in (0, 9, 10, 65535, 65536, 99999, 0x7FFFFFFF, 0xFFFFFFFE):
        payload = service(0xFEAA, b"\x20\x00" + bytes(8) + be(uptime, 4))
        assert decode(payload, len(payload), reading) and reading.uptime_s == uptime // 10
    for text in (
        "1116aafe 20 01 0bb8 1580 000004d2 000010e1",  # encrypted TLM
        "1116aafe 10 00 0bb8 1580 000004d2 000010e1",  # a URL
        "1216aafe 21 01 07 0e5b ffc0 1f95 fffc ffec 03eb",  # KKM
    ):
        assert read(text)[0] is None, text


def test_sensirion():
    # a MyCO2 gadget
    name, it = read("0dffd506 00 08 6735 5367 925c 0b04")
    assert name == "sensirion"
    assert (it.temp_cc, it.hum_cpct, it.co2_ppm) == (2563, 3616, 1035)
    reading = Reading()
    for raw in range(0, 65535, 61):
        for kind, offset, scale in ((4, 0, 100), (6, -6, 125)):
            payload = maker(0x06D5, bytes((0, kind, 0, 0)) + le(raw) + le(raw))
            assert decode(payload, len(payload), reading) == "sensirion"
            assert abs(reading.temp_cc - (17500 * raw / 65535 - 4500)) <= 0.51
            humidity = min(max(100 * (offset + scale * raw / 65535), 0), 10000)
            assert abs(reading.hum_cpct - humidity) <= 0.51
    name, it = read("0bffd506 00 06 6735 ffff ffff")
    assert (it.temp_cc, it.hum_cpct) == (NONE, NONE)
    for text in ("01066735ffffffff", "00056735ffffffff", "00066735ffffff", "00086735ffffffff"):
        payload = maker(0x06D5, bytes.fromhex(text))
        assert decode(payload, len(payload), reading) is None, text


def test_switchbot():
    name, it = read("09163dfd 69 00 ba 03 19 38")
    assert name == "switchbot"
    assert (it.temp_cc, it.hum_cpct, it.batt_pct) == (-2530, 5600, 58)
    assert read("0916000d 54 00 64 00 99 0e")[1].temp_cc == 2500
    reading = Reading()
    for tenths in range(-1279, 1280):
        size = abs(tenths)
        data = bytes((0x54, 0, 100, size % 10, size // 10 | (128 if tenths >= 0 else 0), 50))
        payload = service(0xFD3D, data)
        assert decode(payload, len(payload), reading) == "switchbot"
        assert reading.temp_cc == tenths * 10
    check_only_these_sizes(0xFD3D, service, bytes.fromhex("6900ba031938"))
    assert read("09163dfd 64 00 ba 03 19 38")[0] is None  # a contact sensor
    assert read("09163dfd 69 00 ba 0a 19 38")[0] is None  # ten tenths


def test_formats_that_are_not_claimed_give_none():
    for text in (
        "06161c18 021100",  # BTHome v1
        "0e161c18 23025d090303b71802015d",
        "151695fe 50305b05034c94b438c1a40d10041001ea01",  # MiBeacon
        "0cff88ec 001c01a7143b000002",  # Govee
        "13ff4924 0812005e000090016400640800000000",  # Inkbird: no company id at all
        "07ffc2f9 0010022c",  # ThermoPro
        "1816cdfd 0a5dc11b86342d580104ff00af0102016413024702",  # Qingping
        "2bff9904 e1170c5668c79e0065007004bd11ca00c90a0213e0ac000000decdee110000000000cbb8334c884f",
        "1616aafe 10ee037275752e76692f23416a7759414d4666",  # Eddystone-URL
    ):
        assert read(text)[0] is None, text
