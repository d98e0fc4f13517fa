"""Epochs: everything that carries one time, whatever order a receiver speaks in."""

from sentences import sentence

from protocols.absent import NONE
from protocols.gnss import Receiver
from protocols.nmea import Framer
from protocols.satellites import BDS, GPS


def epochs(bodies, receiver=None):
    """Feed sentence bodies and return what closed, as small tuples."""
    framer = Framer()
    receiver = receiver or Receiver()
    closed = []
    for body in bodies:
        data = sentence(body)
        framer.feed(data, 0, len(data))
        assert framer.ready, body
        if receiver.take(framer):
            closed.append(view(receiver.fix))
    if receiver.quiet():
        closed.append(view(receiver.fix))
    return closed


def view(fix):
    lat = fix.lat[0] * 10_000_000 + fix.lat[1]
    lon = fix.lon[0] * 10_000_000 + fix.lon[1]
    return fix.days, fix.ms, (lat, lon) if fix.has_position else None


def gga(time, quality=1, lat=b"3114.88", used=b"10"):
    return b"GNGGA,%s,%s,N,12135.22,E,%d,%s,0.9,12.4,M,9.7,M,," % (time, lat, quality, used)


def rmc(time, status=b"A", date=b"221126", lat=b"3114.88", speed=b"10.00", course=b"90.00"):
    return b"GNRMC,%s,%s,%s,N,12135.22,E,%s,%s,%s,,,A,V" % (time, status, lat, speed, course, date)


HERE = (312_480_000, 1_215_870_000)
DAY = 20_779  # 22 Nov 2026


def test_gga_first_or_rmc_first_makes_the_same_epochs():
    one = epochs([gga(b"101500.00"), rmc(b"101500.00"), gga(b"101501.00"), rmc(b"101501.00")])
    other = epochs([rmc(b"101500.00"), gga(b"101500.00"), rmc(b"101501.00"), gga(b"101501.00")])
    assert one == other == [(DAY, 36_900_000, HERE), (DAY, 36_901_000, HERE)]


def test_times_are_not_mixed():
    closed = epochs([rmc(b"101500.00"), gga(b"101500.20"), rmc(b"101500.20")])
    assert [each[1] for each in closed] == [36_900_000, 36_900_200]


def test_a_sentence_for_an_epoch_that_is_over_is_late():
    receiver = Receiver()
    assert len(epochs([gga(b"101500.00"), rmc(b"101500.00")], receiver)) == 1
    assert epochs([gga(b"101500.00")], receiver) == []
    assert receiver.late == 1


def test_no_fix_keeps_the_time_and_gives_no_position():
    assert epochs([rmc(b"101500.00", b"V")]) == [(DAY, 36_900_000, None)]
    assert epochs([rmc(b"101500.00"), gga(b"101500.00", 0)]) == [(DAY, 36_900_000, HERE)]
    assert epochs([rmc(b"101500.00", b"V"), gga(b"101500.00")]) == [(DAY, 36_900_000, None)]
    assert epochs([b"GNGGA,,,,,,0,00,25.5,,,,,,", b"GNRMC,,V,,,,,,,,,,N,V"]) == [(NONE, NONE, None)]


def test_before_any_date_there_is_no_day():
    assert epochs([gga(b"101500.00")]) == [(NONE, 36_900_000, HERE)]


def test_midnight_between_gga_and_rmc():
    closed = epochs(
        [
            gga(b"235959.80"),
            rmc(b"235959.80"),
            gga(b"000000.00"),
            rmc(b"000000.00", date=b"231126"),
            gga(b"000000.20"),
        ]
    )
    assert [each[0] for each in closed] == [DAY, DAY + 1, DAY + 1]


def test_midnight_with_the_date_still_to_come():
    closed = epochs([gga(b"235959.80"), rmc(b"235959.80"), gga(b"000000.00")])
    assert [each[:2] for each in closed] == [(DAY, 86_399_800), (DAY + 1, 0)]


def test_an_implausible_sentence_changes_nothing():
    receiver = Receiver()
    good = [gga(b"101500.00"), rmc(b"101500.00")]
    bad = [
        b"GPRMC,181536.000,A,5936.79K,D",  # a right checksum on a cut sentence (Adafruit_GPS #128)
        rmc(b"101501.00", lat=b"9914.88"),
        rmc(b"101501.00", date=b"320126"),
        rmc(b"101501.00", speed=b"9999999.0"),
        rmc(b"101501.00", course=b"361.00"),
        gga(b"101501.00", lat=b"3160.00"),
        gga(b"101501.00", used=b"-3"),
        b"GNGGA,101501.00,3114.88,N,12135.22,E,X,10,0.9,12.4,M,9.7,M,,",
        rmc(b"251501.00"),
        b"GNGSA,A,9,,,,,,,,,,,,,1.5,0.9,1.2,1",
        b"GPGSV,3,4,12,14,79,041,29",
    ]
    assert epochs(good + bad + [gga(b"101502.00")], receiver) == [
        (DAY, 36_900_000, HERE),
        (DAY, 36_902_000, HERE),
    ]
    assert receiver.rejected == len(bad)


def test_speed_course_altitude_and_dilution():
    framer, receiver = Framer(), Receiver()
    for body in (gga(b"101500.00"), rmc(b"101500.00")):
        data = sentence(body)
        framer.feed(data, 0, len(data))
        receiver.take(framer)
    receiver.quiet()
    fix = receiver.fix
    assert fix.speed_mm_s == 5144  # 10 kn = 5.1444 m/s
    assert (fix.course_cdeg, fix.alt_cm, fix.hdop_c) == (9000, 1240, 90)
    assert (fix.quality, fix.mode, fix.sats_used) == (1, 3, 10)


def used_in(bodies):
    receiver = Receiver()
    epochs(bodies, receiver)
    return receiver.fix.sats_used, receiver.fix.bds_used, receiver.fix.mode


def test_several_gsa_of_an_epoch_add_up():
    gps = b"GNGSA,A,3,02,07,14,15,17,20,22,30,,,,,1.5,0.9,1.2,1"
    beidou = b"GNGSA,A,3,13,27,37,,,,,,,,,,1.5,0.9,1.2,4"
    glonass = b"GNGSA,A,3,73,84,83,,,,,,,,,,1.5,0.9,1.2,2"
    assert used_in([gga(b"101500.00"), gps, beidou, glonass]) == (14, 3, 3)


def test_beidou_by_talker_by_system_and_by_number():
    for body in (
        b"BDGSA,A,3,01,06,39,,,,,,,,,,1.5,0.9,1.2",
        b"GBGSA,A,3,01,06,39,,,,,,,,,,1.5,0.9,1.2,4",
        b"GNGSA,A,3,201,206,239,,,,,,,,,,1.5,0.9,1.2",
        b"GNGSA,A,3,401,406,437,,,,,,,,,,1.5,0.9,1.2",
        b"PQGSA,A,3,01,06,39,,,,,,,,,,1.5,0.9,1.2,4,4",
    ):
        assert used_in([gga(b"101500.00"), body])[1] == 3, body


def test_a_signal_id_is_no_satellite_and_signals_are_not_counted_twice():
    receiver = Receiver()
    epochs(
        [
            gga(b"101500.00"),
            b"GPGSV,2,1,05,14,79,041,29,15,31,297,21,17,54,166,28,19,24,192,23,1",
            b"GPGSV,2,2,05,22,10,010,30,1",
            b"GPGSV,1,1,02,14,79,041,35,15,31,297,20,8",
            b"BDGSV,1,1,03,13,19,043,17,27,38,127,33,37,36,091,,1",
        ],
        receiver,
    )
    assert receiver.sky.in_view(GPS) == 5
    assert receiver.sky.in_view(BDS) == 3
    assert receiver.sky.in_view(0) == 8
