"""Any advert: dispatch by type, id, length and first byte; no heap; damage leaves nothing behind."""

import gc

from mutate import Chance, damaged, rounds

from protocols import messages
from protocols.adverts import NONE, Reading, decode

FORMATS = messages.words(messages.TEMP, "format")

RUUVI_VALID = "0512fc5394c37c0004fffc040cac364200cdcbb8334c884f"  # docs.ruuvi.com, data format 5


def read(text):
    data = bytes.fromhex(text.replace(" ", ""))
    reading = Reading()
    return decode(data, len(data), reading), reading


def service(uuid, data):
    """An AD payload: flags, and 16-bit service data."""
    return b"\x02\x01\x06" + bytes((3 + len(data), 0x16, uuid & 255, uuid >> 8)) + data


def maker(company, data):
    """An AD payload: flags, and manufacturer data."""
    return b"\x02\x01\x06" + bytes((3 + len(data), 0xFF, company & 255, company >> 8)) + data


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


def test_the_first_known_structure_is_the_one_read():
    name, reading = read("0716d2fc 40 02ca09 0716d2fc 40 0218fc")
    assert name == "bthome" and reading.temp_cc == 2506


def test_a_short_structure_does_not_borrow_from_the_next_one():
    # 03 16 d2 fc is service data with nothing in it; what follows begins with 0x40
    assert read("0316d2fc 40 02ca09")[0] is None
    assert read("0216d2 fc 40 02ca09")[0] is None
    assert read("0116 d2fc40 02ca09")[0] is None


def test_every_object_of_a_rejected_advert_is_forgotten():
    reading = Reading()
    fresh = reading.__dict__
    for text in (
        "0516d2fc 40 02",
        "020106",
        "0716d2fc 20 02ca09",
        "11ff9904 03291a64ce1e" + "00" * 9,
    ):
        good = bytes.fromhex("0d16d2fc400009016102ca091a01")
        assert decode(good, len(good), reading) == "bthome"
        bad = bytes.fromhex(text.replace(" ", ""))
        assert decode(bad, len(bad), reading) is None
        assert reading.__dict__ == fresh, text


# One advert of every format, for the tests that are about all of them.
EXAMPLES = (
    "0201060a16d2fc4002ca0903bf13",
    "0201061616d2fc400009015d0218fc030f270c8a0b1a00530268692101",
    "0201061bff9904" + RUUVI_VALID,
    "02010611ff990403291a1ece1efc18f94202ca0b53",
    "02010617ff990406170c5668c79e007000c90501d900cd004c884f",
    "02010612161a188b376338c1a4ce0913107f0b521204",
    "10161a18a4c138bc7c4e0102284f0b6720",
    "02010605166e2aa30404166f2a23",
    "02010608ff5707213012b80a",
    "0201060eff9a0801b708b4120ccb0bffc767",
    "15ff4f09010010a90000fdff0100a1196be866000062",
    "11ff330117550e10061eff2f02a6ff030100",
    "0201060303aafe1116aafe20000bb81580000004d2000010e1",
    "0201060dffd506000867355367925c0b04",
    "0eff6909c4f92675df22dc030096a909163dfd6900ba031938",
)


def test_every_format_has_its_example_and_its_word_in_the_records():
    words = [read(text)[0] for text in EXAMPLES]
    assert sorted(set(words)) == sorted(FORMATS), words


def test_plain_adverts_take_no_heap():
    # CPython counts no heap: there only the readings are looked at
    used = getattr(gc, "mem_alloc", int)
    reading = Reading()
    payloads = [bytes.fromhex(text) for text in EXAMPLES]
    payloads += [bytes.fromhex("02011a1aff4c000215" + "00" * 21), bytes.fromhex("ff" * 31)]
    # what makes the largest numbers: the heap of a 32-bit board begins at 2^30
    payloads.append(maker(0x094F, b"\x01" + b"\x00" * 9 + b"\xff" * 8))
    payloads.append(service(0xFEAA, b"\x20\x00" + b"\xff" * 12))
    payloads.append(service(0xFCD2, b"\x40\x04" + b"\xff" * 3 + b"\x3e" + b"\xff" * 4))
    payloads.append(maker(0x06D5, b"\x00\x06\x00\x00\xfe\xff\xfe\xff"))
    found = [0] * len(payloads)
    for payload in payloads:
        decode(payload, len(payload), reading)
    i = 0
    gc.collect()
    gc.disable()
    before = used()
    while i < len(payloads):
        payload = payloads[i]
        if decode(payload, len(payload), reading) is not None:
            found[i] = 1
        i += 1
    after = used()
    gc.enable()
    assert after - before == 0
    assert found == [1] * len(EXAMPLES) + [0, 0, 1, 1, 1, 1]


def plausible(it):
    """Whether every number is in the range that Reading states."""
    limits = (
        ("hum_cpct", 0, 10_000),
        ("batt_pct", 0, 100),
        ("batt_mv", 0, 65_535),
        ("co2_ppm", 0, 65_535),
        ("press_pa", 0, 0xFFFFFF),
        ("temp_cc", -327_680, 327_670),
        ("opened", 0, 1),
        ("motion", 0, 1),
        ("tilt", 0, 1),
        ("impact", 0, 1),
        ("vibration", 0, 1),
        ("magnet", 0, 1),
        ("moves", 0, 32_767),
        ("packet_id", 0, 255),
        ("seq", 0, 0x3FFFFFFF),
        ("uptime_s", 0, 0x3FFFFFFF),
        ("pitch_deg", -90, 90),
        ("roll_deg", -180, 180),
        ("ax_mg", -32_767, 32_767),
    )
    for name, lo, hi in limits:
        value = getattr(it, name)
        if value != NONE and not lo <= value <= hi:
            return False
    return True


def test_fuzz_damaged_adverts_never_raise_and_leave_nothing_behind():
    chance = Chance("adverts")
    payloads = [bytes.fromhex(text) for text in EXAMPLES]
    reading = Reading()
    fresh = reading.__dict__
    refused = 0
    count = rounds(3000)
    for _ in range(count):
        data = damaged(chance.pick(payloads), chance)
        word = decode(data, len(data), reading)
        assert word == reading.format
        if word is None:
            refused += 1
            assert reading.__dict__ == fresh, data
        else:
            assert word in FORMATS and plausible(reading), data
    assert count // 10 < refused < count
    print("adverts:", count, "damaged,", refused, "refused")


def test_fuzz_random_bytes_are_no_adverts():
    chance = Chance("random adverts")
    reading = Reading()
    count = rounds(3000)
    read_as = {}
    for _ in range(count):
        data = chance.bytes(chance.below(40))
        word = decode(data, len(data), reading)
        if word is not None:
            read_as[word] = read_as.get(word, 0) + 1
    print("adverts:", count, "random payloads, read as", read_as)
    # Random bytes hit a 24-bit type and id, a length and a first byte: not one in ten thousand.
    assert sum(read_as.values()) <= 2 + count // 10_000
