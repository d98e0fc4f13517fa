"""Profiles: the lines that are shipped, and what is refused of lines that are not."""

from mutate import Chance, damaged, rounds

from firmware.rider.profiles import TABLE, find, read

NAMES = [line.split(" ")[0] for line in TABLE.split("\n") if line]

LINE = "chilled 1 0 800 50 60 600 30;high 801 warn air consecutive 120"


def test_the_shipped_ones_are_there_and_whole():
    assert NAMES == ["frozen", "deep_chill", "chilled", "pharma", "hot", "ambient"]
    for name in NAMES:
        profile = find(name)
        assert profile.name == name and profile.version >= 1, name
        assert len(profile.hash) == 4 and profile.hash != bytes(4)
        assert profile.gap_ms == 60_000 and len(profile.rows) % 7 == 0
        severities = [profile.rows[k + 6] for k in range(0, len(profile.rows), 7)]
        assert 1 in severities or name == "ambient", name
        assert 2 in severities, name
    assert len(TABLE) < 2_500


def test_a_line_becomes_rows():
    profile = read(LINE)
    assert (profile.gap_ms, profile.grace_ms, profile.inertia, profile.centre_cc) == (
        60_000,
        30_000,
        601,
        400,
    )
    # the label's two bounds first, which fail nothing; then the limits
    assert list(profile.rows[:7]) == [0, 801, 751, 2, 0, 0, 0]
    assert list(profile.rows[7:14]) == [1, -1, 49, 2, 0, 0, 0]
    assert list(profile.rows[14:]) == [0, 801, 751, 1, 120_000, 0, 1]


def test_the_hash_is_that_of_the_line():
    from protocols.compat import crc32

    crc = crc32(LINE.encode()) & 0xFFFFFFFF
    assert read(LINE).hash == bytes([crc >> shift & 255 for shift in (24, 16, 8, 0)])
    assert read(LINE).hash != read(LINE.replace("120", "121")).hash


def test_a_name_that_nobody_knows_has_version_0_and_no_limits():
    for name in ("cold", "", "chilled 1", "chill", "high"):
        profile = find(name)
        assert (profile.name, profile.version, len(profile.rows)) == (name, 0, 0)


def test_what_is_wrong_is_refused():
    for old, new in (
        ("chilled 1", "chilled 0"),
        ("chilled 1", "chilled"),
        ("0 800", "800 0"),
        ("0 800", "0 99999"),
        ("50 60", "0 60"),
        ("50 60", "50 121"),
        ("600 30", "7201 30"),
        ("600 30", "600 -1"),
        ("high 801", "up 801"),
        ("high 801", "high x"),
        ("warn", "shout"),
        ("warn ", ""),
        ("air", "soil"),
        ("consecutive", "sometimes"),
        ("120", "-1"),
        ("120", "900000"),
    ):
        line = LINE.replace(old, new)
        assert line != LINE and read(line) is None, line
    assert read("") is None and read(LINE + ";") is None
    assert read(";".join([LINE] + ["high 1 out air instant 0"] * 10)) is None


def test_fuzz_a_damaged_line_never_raises():
    chance = Chance("profiles")
    lines = TABLE.split("\n")[:6]
    for _ in range(rounds(300)):
        data = damaged(chance.pick(lines).encode(), chance)
        try:
            text = data.decode()
        except UnicodeError:
            continue
        profile = read(text)
        assert profile is None or len(profile.rows) % 7 == 0
