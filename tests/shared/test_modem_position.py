"""Positions out of a modem's replies: every command, its order, what is refused and why.

Replies have the forms of makers' manuals and public logs; the places are made up.
"""

from protocols.absent import NONE
from protocols.calendar import days_from_civil
from protocols.modem import position as modem_position
from protocols.modem.line import Line
from protocols.modem.position import Position

LINE_OF = Line()


def place(text, *args):
    """Return (reason, position) of one reply line."""
    position = Position(*args)
    return position.take(LINE_OF.put(text)), position


def e7(position):
    return (
        position.lat[0] * 10_000_000 + position.lat[1],
        position.lon[0] * 10_000_000 + position.lon[1],
    )


def taken(text, *args):
    reason, position = place(text, *args)
    assert reason == modem_position.TAKEN and position.has_position, (text, reason)
    return position


SHANGHAI = (312_300_000, 1_214_700_000)
CAIRO = (300_000_000, 312_000_000)


def test_each_command_answers_in_its_own_order():
    """Shanghai allows one order only; in Cairo both are places, and only the table knows."""
    when = b"230526,054810.0"
    for form, first_is_latitude in (
        (b"+QGPSLOC: 054810.0,%s,%s,1.2,32.5,3,10.50,36.0,19.4,230526,09", True),
        (
            b"+CGNSINF: 1,1,20260523054810.000,%s,%s,32.5,36.00,10.5,1,,1.2,1.5,0.9,,11,9,2,,42,,",
            True,
        ),
        (b"+CLBS: 0,%s,%s,550", False),
        (b"+CIPGSMLOC: 0,%s,%s,2017/11/24,09:43:57", False),
        (b"+QCELLLOC: %s,%s", False),
        (b"+QLBS: 0,%s,%s", False),
    ):
        for wanted, lat, lon in (
            (SHANGHAI, "31.23000", "121.47000"),
            (CAIRO, "30.0000", "31.20000"),
        ):
            pair = (lat, lon) if first_is_latitude else (lon, lat)
            text = (form.decode() % pair).encode()
            position = taken(text)
            assert e7(position) == wanted, text
            assert position.from_cell != first_is_latitude
            other = (form.decode() % (pair[1], pair[0])).encode()
            if wanted == SHANGHAI:
                assert place(other)[0] == modem_position.SWAPPED, other
            else:
                assert e7(taken(other)) == (CAIRO[1], CAIRO[0]), other
    for form in (
        "+CGNSSINFO: 3,16,,05,00,%s,%s," + when.decode() + ",32.5,19.438,10.5,2.0,1.2,0.9,21",
        "+CGPSINFO: %s,%s," + when.decode() + ",32.5,19.438,10.5",
    ):
        position = taken((form % ("3113.800000,N", "12128.200000,E")).encode())
        assert e7(position) == SHANGHAI
        position = taken((form % ("3000.000000,N", "03112.000000,E")).encode())
        assert e7(position) == CAIRO
        assert (
            place((form % ("12128.200000,E", "3113.800000,N")).encode())[0] == modem_position.FORM
        )


def test_a_modem_that_answers_the_other_way_round_is_told_to_the_parser():
    # A7670 firmware in Bangalore and SIM7600 in Ho Chi Minh City, against SIMCom's own note.
    other = ((b"+CLBS", b"+QLBS"),)
    assert e7(taken(b"+CLBS: 0,12.912345,77.512345,550", *other)) == (129_123_450, 775_123_450)
    position = taken(b"+CLBS: 0,10.812345,106.812345,550,2024/01/30,11:15:48", *other)
    assert e7(position) == (108_123_450, 1_068_123_450)
    assert place(b"+CLBS: 0,10.812345,106.812345,550")[0] == modem_position.SWAPPED
    assert e7(taken(b"+QLBS: 0,30.112345,31.312345", *other)) == (301_123_450, 313_123_450)
    assert place(b"+QLBS: 0,117.212345,31.812345", *other)[0] == modem_position.SWAPPED
    assert e7(taken(b"+QCELLLOC: 120.012345,30.212345", *other)) == (302_123_450, 1_200_123_450)


def test_qgpsloc_in_all_three_formats():
    decimal = taken(b"+QGPSLOC: 202008.0,-22.12345,-43.54321,2.5,4.0,2,0.00,36.0,19.4,290119,09")
    assert e7(decimal) == (-221_234_500, -435_432_100) and decimal.lat == [-22, -1_234_500]
    assert (decimal.mode, decimal.sats_used, decimal.hdop_c, decimal.alt_cm) == (2, 9, 250, 400)
    assert (decimal.speed_mm_s, decimal.course_cdeg) == (10_000, 0)
    assert decimal.days == days_from_civil(2019, 1, 29) and decimal.ms == 73_208_000
    glued = taken(b"+QGPSLOC: 142748.0,2211.1111S,04322.2222W,2.0,-83.0,3,0.00,0.0,0.0,140119,10")
    assert e7(glued) == (-221_851_850, -433_703_700) and glued.alt_cm == -8300
    apart = taken(
        b"+QGPSLOC: 061951.000,3113.800000,N,12128.200000,E,1.2,32.5,3,7.50,0.0,0.0,110824,09"
    )
    assert e7(apart) == SHANGHAI and apart.course_cdeg == 750 and apart.mode == 3


def test_simcom_position_replies_of_every_firmware():
    manual = taken(
        b"+CGNSSINFO: 2,09,05,00,3113.330650,N,12121.262554,E,131117,091918.0,32.9,0.0,255.0,1.1,0.8,0.7"
    )
    assert e7(manual) == (312_221_775, 1_213_543_759) and manual.hdop_c == 80
    assert (manual.mode, manual.course_cdeg, manual.sats_used) == (2, 25_500, NONE)
    a7670 = taken(
        b"+CGNSSINFO: 3,15,,01,01,52.1234567,N,7.7654321,E,040125,091435.0,121.7,2.072,1.5,4,2.21,3,05"
    )
    assert e7(a7670) == (521_234_567, 77_654_321) and a7670.sats_used == 5
    assert (a7670.hdop_c, a7670.speed_mm_s, a7670.alt_cm) == (221, 1065, 12_170)
    south = taken(
        b"+CGNSSINFO: 3,16,,05,00,3.1234567,S,60.7654321,W,020926,185517.00,70.2,0,58.9,2.02,1.02,1.7,"
    )
    assert e7(south) == (-31_234_567, -607_654_321)
    a7600 = taken(
        b"+CGNSSINFO: 2,04,00,21.123456,N,114.654321,E,020924,094145.00,-34.0,1.403,,6.9,6.8,1.0,03"
    )
    assert e7(a7600) == (211_234_560, 1_146_543_210) and a7600.hdop_c == 680
    assert (a7600.alt_cm, a7600.course_cdeg, a7600.sats_used) == (-3400, NONE, 3)
    empty = taken(
        b"+CGNSSINFO: 3,08,,,,22.1234567,N,113.7654321,E,010625,084112.00,20.9,0.000,,2.08,1.15,1.74,13"
    )
    assert e7(empty) == (221_234_567, 1_137_654_321) and empty.sats_used == 13
    gps = taken(b"+CGPSINFO: 3411.111111,S,05822.222222,W,310520,210511.0,6.6,0.0,0.0")
    assert e7(gps) == (-341_851_852, -583_703_704)
    assert gps.days == days_from_civil(2020, 5, 31)
    assert (
        e7(taken(b"+CGPSINFO: 2211.11111,N,11322.22222,E,010625,084110.00,20.9,0.000,"))[0]
        == 221_851_852
    )


def test_cgnsinf_takes_an_accuracy_only_from_the_field_count_that_has_one():
    start = b"+CGNSINF: 1,1,20180426125307.000,22.123456,114.654321,112.488,"
    log = start + b"3.60,208.1,1,,1.5,1.7,0.8,,12,10,,,33,,"
    position = taken(log)
    assert e7(position) == (221_234_560, 1_146_543_210) and position.acc_m == NONE
    assert (position.sats_used, position.hdop_c, position.speed_mm_s) == (10, 150, 1000)
    assert position.days == days_from_civil(2018, 4, 26) and position.ms == 46_387_000
    assert taken(log.replace(b"33,,", b"33,12,20")).acc_m == 12
    longer = start + b"0.00,249.2,1,,0.8,1.2,0.8,,35,8,5,,,51,,"
    assert taken(longer).acc_m == NONE  # 51 is C/N0


def test_cell_positions_carry_accuracy_and_a_time_only_when_it_is_utc():
    plain = taken(b"+CLBS: 0,121.358585,31.219023,550")
    assert (plain.acc_m, plain.days, plain.from_cell) == (550, NONE, True)
    note = taken(b"+CLBS: 0,106.638084,29.489428,550,2020/6/17,9:34:16")
    assert note.days == days_from_civil(2020, 6, 17) and note.ms == 34_456_000
    old = taken(b"+CLBS: 0,106.512345,29.512345,550,18/12/16,14:42:23")
    assert (old.days, old.ms, old.acc_m) == (NONE, NONE, 550)
    assert taken(b"+CIPGSMLOC: 0,25.012345,55.012345,2017/11/24,09:43:57").days == NONE


def test_limits_and_rounding_of_degrees():
    form = "+QLBS: 0,%s,%s"
    for lon, lat, wanted in (
        ("180.0000000", "90.0", (900_000_000, 1_800_000_000)),
        ("-180", "-90", (-900_000_000, -1_800_000_000)),
        ("0", "-0.0000001", (-1, 0)),
        ("1.00000005", "1.00000015", (10_000_002, 10_000_000)),  # half to even
        ("1.000000051", "1.0000000499", (10_000_000, 10_000_001)),
        ("179.99999999", "1.99999999", (20_000_000, 1_800_000_000)),
    ):
        assert e7(taken((form % (lon, lat)).encode())) == wanted, (lon, lat)
