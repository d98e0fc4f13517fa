"""Bodies of sentences in, what the epochs say out."""

from sentences import sentence

from protocols.absent import NONE
from protocols.gnss import Receiver
from protocols.nmea import Framer

PLACE = b"3114.88000,N,12135.22000,E"


def fixes(*bodies, build_days=NONE):
    """Return the receiver, and a copy of what was of interest in every epoch that closed."""
    framer, receiver = Framer(), Receiver(build_days, signals=True)
    seen = []

    def note():
        fix = receiver.fix
        seen.append(
            {
                "days": fix.days,
                "ms": fix.ms,
                "place": fix.lat[0] * 10_000_000 + fix.lat[1] if fix.has_position else None,
                "quality": fix.quality,
                "used": fix.sats_used,
                "bds": fix.bds_used,
                "by": bytes(fix.used_by),
                "speed": fix.speed_mm_s,
                "course": fix.course_cdeg,
                "acc": fix.acc_cm,
                "flags": fix.flags,
                "datum": fix.datum,
                "mode": fix.mode,
                "sky": fix.sky_fresh,
            }
        )

    for body in bodies:
        data = sentence(body)
        framer.feed(data, 0, len(data))
        assert framer.ready, body
        if receiver.take(framer):
            note()
    if receiver.quiet():
        note()
    return receiver, seen


def gga(time=b"101500.00", quality=1, lat=b"3114.88000", used=b"14", hdop=b"0.90"):
    return b"GNGGA,%s,%s,N,12135.22000,E,%d,%s,%s,12.4,M,9.7,M,," % (time, lat, quality, used, hdop)


def rmc(time=b"101500.00", mode=b"A", nav=b"V", date=b"221126"):
    return b"GNRMC,%s,A,%s,10.00,90.00,%s,,,%s,%s" % (time, PLACE, date, mode, nav)
