"""NMEA framing: split anywhere, resynchronised on every `$`, nothing believed without its checksum."""

from sentences import sentence

from protocols.absent import NONE
from protocols.calendar import days_from_civil
from protocols.nmea import Framer, code

RMC = b"$GNRMC,055234.000,A,4739.71890,N,12219.58362,W,0.00,286.35,050826,,,A,V*13\r\n"
GGA = b"$GNGGA,055234.200,4739.71890,N,12219.58362,W,1,14,0.9,76.5,M,-21.6,M,,*4A\r\n"


def types(data, chunk=0):
    framer = Framer()
    found = []
    chunk = chunk or len(data)
    for start in range(0, len(data), chunk):
        piece = data[start : start + chunk]
        pos = 0
        while pos < len(piece):
            pos = framer.feed(piece, pos, len(piece))
            if framer.ready:
                found.append(framer.type())
    return found, framer


def only(data):
    framer = Framer()
    pos = framer.feed(data, 0, len(data))
    assert framer.ready and pos <= len(data)
    return framer


def test_any_chunking_gives_the_same_sentences():
    data = RMC + GGA + b"junk" + RMC
    for chunk in (1, 2, 3, 7, 64, 4096):
        found, framer = types(data, chunk)
        assert found == [code(b"RMC"), code(b"GGA"), code(b"RMC")], chunk
        assert (framer.valid, framer.bad) == (3, 0)


def test_every_dollar_starts_anew():
    for before in (
        b"$",
        b"$$",
        b"$GPRMC,1234",
        b"\xb5\x62\x01$\x07",
        b"+GPSRD:",
        b"$GNGGA,*",
        b"\x00" * 9,
    ):
        found, _ = types(before + GGA)
        assert found == [code(b"GGA")], before


def test_a_wrong_checksum_is_counted_and_not_believed():
    found, framer = types(GGA.replace(b"*4A", b"*4B") + GGA.replace(b"*4A", b"*4G") + GGA)
    assert found == [code(b"GGA")]
    assert (framer.valid, framer.bad) == (1, 2)


def test_a_checksum_in_small_letters_is_right_too():
    found, _ = types(GGA.replace(b"*4A", b"*4a"))
    assert found == [code(b"GGA")]


def test_a_sentence_without_a_checksum_is_cut():
    found, framer = types(GGA.replace(b"*4A", b""))
    assert found == [] and framer.cut == 1


def test_up_to_256_bytes_and_no_more():
    found, framer = types(sentence(b"GNGGA," + b"1" * 250) + sentence(b"GNGGA," + b"1" * 251) + GGA)
    assert len(found) == 2
    assert framer.overlong == 1


def test_six_letters_and_proprietary_addresses_have_no_type():
    for body in (b"GNGGAH,1", b"PQTMVERNO,1", b"PMTK010,001", b"GGA,1", b"GNGGA", b"PSRF150,1"):
        assert only(sentence(body)).type() == 0, body
    assert only(sentence(b"BDGSV,1")).type() == code(b"GSV")
    assert only(sentence(b"BDGSV,1")).talker() == code(b"BD")


def test_numbers_are_scaled_integers():
    for text, decimals, value in (
        (b"12.34", 2, 1234),
        (b"12.34", 3, 12340),
        (b"12.349", 2, 1234),
        (b"-21.6", 2, -2160),
        (b"-0", 0, 0),
        (b"07", 0, 7),
        (b".5", 1, 5),
        (b"5.", 1, 50),
        (b"123456789", 0, 123456789),
        (b"1234567890", 0, NONE),
        (b"99999999.9", 2, NONE),
        (b"", 0, NONE),
        (b"-", 0, NONE),
        (b".", 1, NONE),
        (b"1.2.3", 1, NONE),
        (b"1e3", 0, NONE),
        (b"0x1", 0, NONE),
    ):
        assert only(sentence(b"GNXXX," + text + b",")).number(1, decimals) == value, text


def test_times_and_dates():
    for text, value in (
        (b"000000.000", 0),
        (b"055234.200", 21_154_200),
        (b"235959", 86_399_000),
        (b"235959.999", 86_399_999),
        (b"235960.500", 86_400_500),  # the leap second
        (b"125960", NONE),
        (b"240000", NONE),
        (b"126000", NONE),
        (b"1259", NONE),
        (b"", NONE),
    ):
        assert only(sentence(b"GNXXX," + text + b",")).time_ms(1) == value, text
    for text, value in (
        (b"050826", 20_670),
        (b"010170", 36_525),  # 1 Jan 2070
        (b"010180", 3_652),  # 1 Jan 1980: the year of GPS
        (b"290224", 19_782),
        (b"290223", NONE),
        (b"001200", NONE),
        (b"-1", NONE),
        (b"", NONE),
    ):
        assert only(sentence(b"GNXXX," + text + b",")).date_days(1) == value, text
    assert days_from_civil(1970, 1, 1) == 0
    assert days_from_civil(2020, 1, 1) == 18_262


def position(text, limit=90):
    into = [77, 77]
    good = only(sentence(b"GNXXX," + text)).coordinate(1, limit, into)
    if not good:
        assert into == [77, 77]  # untouched
        return None
    return into[0] * 10_000_000 + into[1]


def test_positions_are_exact():
    # Expected values: decimal arithmetic, half to even (retyped here, not computed by our code).
    for text, limit, value in (
        (b"4739.71890,N", 90, 476_619_817),
        (b"12219.58362,W", 180, -1_223_263_937),
        (b"0000.00000,S", 90, 0),
        (b"0000.00003,S", 90, -5),
        (b"0000.0000150,N", 90, 2),  # 2.5 -> 2
        (b"0000.0000210,N", 90, 4),  # 3.5 -> 4
        (b"0000.00001500001,N", 90, 3),  # just above 2.5
        (b"9000.00000,N", 90, 900_000_000),
        (b"18000.00000,E", 180, 1_800_000_000),
        (b"3059.9999999999,N", 90, 310_000_000),
        (b"3114.88,N", 90, 312_480_000),
        (b"3114,N", 90, 312_333_333),
    ):
        assert position(text, limit) == value, text


def test_positions_that_are_none():
    for text in (
        b",N",
        b"4739.71890,",
        b"4760.00000,N",
        b"9000.00001,N",
        b"9100.00000,N",
        b"4739.7x890,N",
        b"-4739.71890,N",
        b"4739.71890,X",
        b"47397189000.0,N",
    ):
        assert position(text) is None, text
