"""Replies of a modem that give no position: each has its reason, and changes nothing."""

from modem_replies import POSITIONS, state
from mutate import Chance, damaged, rounds

from protocols.modem import position as modem_position
from protocols.modem.line import Line
from protocols.modem.position import Position

LINE_OF = Line()


def place(text, *args):
    """Return (reason, position) of one reply line."""
    position = Position(*args)
    return position.take(LINE_OF.put(text)), position


def taken(text, *args):
    reason, position = place(text, *args)
    assert reason == modem_position.TAKEN and position.has_position, (text, reason)
    return position


def test_no_fix_and_errors_have_reasons():
    for text, reason in (
        (b"+CGNSSINFO: ,,,,,,,,", modem_position.NO_FIX),
        (b"+CGNSSINFO:,,,,,,,,,,,,,,,", modem_position.NO_FIX),
        (b"+CGNSSINFO: 1,,,,,,,,,,,,,,,", modem_position.NO_FIX),
        (b"+CGPSINFO: ,,,,,,,,", modem_position.NO_FIX),
        (b"+CGNSINF: 1,0,19800109075159.000,,,,0.00,0.0,0,,,,,,3,0,2,,44,,", modem_position.NO_FIX),
        (b"+CGNSINF: 0,,,,,,,,,,,,,,,,,,,,", modem_position.NO_FIX),
        # Assistance data's reference position: coordinates, and no satellite.
        (
            b"+QGPSLOC: 113644.00,22.81234,120.21234,0.00,0.0,1,,3.464,1.898,290826,00",
            modem_position.NO_FIX,
        ),
        (
            b"+QGPSLOC: 113644.00,22.81234,120.21234,0.00,0.0,3,,3.464,1.898,290826,00",
            modem_position.NO_FIX,
        ),
        (b"+CLBS: 10", modem_position.REFUSED),
        (b"+CLBS: 3,0.0,0.0", modem_position.REFUSED),
        (b"+QLBS: 10002", modem_position.REFUSED),
        (b"+CIPGSMLOC: 601", modem_position.REFUSED),
        (b"+QCELLLOC: 7", modem_position.REFUSED),
        (b"+CLBS: 0,0", modem_position.FORM),
        (b"+CLBS: 0,91cd5e865e02002053575cb8", modem_position.FORM),
        (b"+CLBS: 0", modem_position.FORM),
        (b"+CLBS:", modem_position.FORM),
        (b"+CIPGSMLOC: 0,2017/11/24,09:43:57", modem_position.FORM),
        (b"+CLBS: 0,0.000000,0.000000,550", modem_position.ZERO),
        (b"+QCELLLOC: 0,0", modem_position.ZERO),
        (b"+CSQ: 20,99", modem_position.OTHER),
        (b"OK", modem_position.OTHER),
        (b"", modem_position.OTHER),
    ):
        assert place(text)[0] == reason, text


def test_nonsense_is_refused_and_changes_nothing():
    good = b"+QGPSLOC: 202008.0,31.23000,121.47000,2.5,4.0,3,0.00,36.0,19.4,290126,09"
    position = taken(good)
    before = state(position)
    for old, new in (
        (b"31.23000", b"91.00000"),
        (b"121.47000", b"181.00000"),
        (b"121.47000", b"180.00001"),
        (b"31.23000", b""),
        (b"31.23000", b"31,23000"),
        (b"31.23000", b"31.2.3"),
        (b"31.23000", b"+31.2"),
        (b"31.23000", b"0031.23"),
        (b"121.47000", b"1214.7"),
        (b"31.23000", b"."),
        (b"31.23000", b"-"),
        (b"202008.0", b"242008.0"),
        (b"202008.0", b"2020"),
        (b"290126", b"310226"),
        (b"290126", b"2901"),
        (b",09", b",x"),
        (b",09", b""),
        (b",3,", b",x,"),
    ):
        text = good.replace(old, new)
        assert text != good
        assert position.take(LINE_OF.put(text)) != modem_position.TAKEN, text
        assert state(position) == before, text
    minutes = b"+CGPSINFO: 3113.800000,N,12128.200000,E,230526,054810.0,32.5,19.4,10.5"
    taken(minutes)
    for old, new in (
        (b"3113.8", b"3160.0"),
        (b"3113.8", b"9113.8"),
        (b"12128.2", b"18100.0"),
        (b",N", b",E"),
        (b",E", b",N"),
        (b",E", b","),
        (b"3113.8", b"313.8"),
        (b"3113.8", b"-113.8"),
        (b"230526", b""),
    ):
        text = minutes.replace(old, new)
        assert position.take(LINE_OF.put(text)) != modem_position.TAKEN, text
        assert state(position) == before, text


def test_every_command_refuses_a_reply_that_is_not_whole():
    position = taken(b"+QLBS: 0,117.212345,31.812345")
    before = state(position)
    info = b"+CGNSSINFO: 3,16,,05,00,3.1234567,S,60.7654321,W,020926,185517.00,70.2,0,58.9,2,1,1.7,"
    ins = (
        b"+CGNSINF: 1,1,20180426125307.000,22.123456,114.654321,11,3.6,208.1,1,,1,1,1,,12,10,,,33,,"
    )
    clbs = b"+CLBS: 0,106.638084,29.489428,550,2020/6/17,9:34:16"
    for good, old, new in (
        (info, b",58.9,2,1,1.7,", b""),
        (info, b": 3,", b": 4,"),
        (info, b",S,", b",Q,"),
        (info, b",W,", b",Q,"),
        (info, b"3.1234567", b"-3.1234567"),
        (info, b"3.1234567", b"90.1234567"),
        (info, b"60.7654321", b"-60.7654321"),
        (info, b"60.7654321", b"06000.8635"),
        (info, b"020926", b"000926"),
        (info, b"185517.00", b"18:55"),
        (ins, b",33,,", b""),
        (ins, b": 1,1", b": 1,2"),
        (ins, b"22.123456", b"-91.5"),
        (ins, b"22.123456", b""),
        (ins, b"20180426125307.000", b"20181326125307.000"),
        (ins, b"20180426125307.000", b"19800106125307.000"),
        (ins, b"20180426125307.000", b"20180426"),
        (ins, b"20180426125307.000", b"20180426125360.000"),
        (clbs, b"550", b"x"),
        (clbs, b"550", b"0"),
        (clbs, b"550", b"100001"),
        (clbs, b"2020/6/17", b"2020-06-17"),
        (clbs, b"2020/6/17", b"2020/6/31"),
        (clbs, b"9:34:16", b"9:34"),
        (clbs, b"9:34:16", b"24:34:16"),
        (clbs, b"9:34:16", b"9:34:60"),
        (clbs, b"29.489428", b"29.489428x"),
        (clbs, b": 0,", b": x,"),
    ):
        text = good.replace(old, new)
        assert Position().take(LINE_OF.put(good)) == modem_position.TAKEN, good
        assert text != good and position.take(LINE_OF.put(text)) not in (0, modem_position.OTHER), (
            text
        )
        assert state(position) == before, text
    leap = taken(clbs.replace(b"9:34:16", b"23:59:60"))
    assert leap.ms == 86_400_000


def test_fuzz_a_refused_reply_changes_nothing_and_a_taken_one_is_a_place():
    chance = Chance("modem positions")
    position = Position()
    refused = took = 0
    for _ in range(rounds(2000)):
        line = LINE_OF.put(damaged(chance.pick(POSITIONS), chance))
        before = state(position)
        if position.take(line) == modem_position.TAKEN:
            took += 1
        else:
            refused += 1
            assert state(position) == before, line.text()
        lat, lon = position.lat, position.lon
        assert abs(lat[0]) <= 90 and abs(lon[0]) <= 180 and abs(lat[1]) < 10_000_000
        assert abs(lon[1]) < 10_000_000 and lat[0] * lat[1] >= 0 and lon[0] * lon[1] >= 0
    print("fuzz: took", took, "refused", refused)
    assert took > 0 and refused > 0
