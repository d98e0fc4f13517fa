"""Damaged sentences: nothing raises, and what was rejected has changed nothing."""

from mutate import Chance, damaged, rounds
from sentences import BODIES, sentence

from protocols.absent import NONE
from protocols.gnss import Receiver
from protocols.nmea import Framer


def state(receiver):
    """Return everything a sentence could change, counters aside."""
    sky = receiver.sky
    under_way = receiver._next
    return (
        receiver.antenna,
        receiver._under_way,
        receiver._days,
        receiver._void,
        receiver._gsa_mode,
        receiver._other_datum,
        tuple(under_way.lat),
        tuple(under_way.lon),
        under_way.ms,
        under_way.quality,
        under_way.sats_used,
        under_way.speed_mm_s,
        under_way.course_cdeg,
        under_way.alt_cm,
        under_way.hdop_c,
        under_way.acc_cm,
        under_way.flags,
        bytes(sky.used_by),
        sky._group_next,
        sky._group_size,
        sky._renewed,
    )


def test_fuzz_sentences():
    chance = Chance("nmea")
    framer, receiver = Framer(), Receiver()
    # The body is damaged and its checksum made right again: the worst case, for no checksum helps.
    taken = rejected = 0
    for _ in range(rounds(2_000)):
        body = damaged(chance.pick(BODIES), chance)
        data = sentence(body)
        pos = 0
        while pos < len(data):
            pos = framer.feed(data, pos, len(data))
            if not framer.ready:
                continue
            before = state(receiver)
            counted = receiver.rejected
            closed = receiver.take(framer)
            if receiver.rejected > counted:
                rejected += 1
                assert not closed and state(receiver) == before, body
            else:
                taken += 1
            if closed:
                check(receiver.fix)
    assert taken and rejected
    print("fuzz: nmea", taken, "taken", rejected, "rejected")


def check(fix):
    """An epoch that closed is within the wire's ranges whatever came in."""
    assert fix.ms == NONE or 0 <= fix.ms < 86_401_000
    assert fix.mode in (1, 2, 3)
    if fix.has_position:
        for value, limit in ((fix.lat, 90), (fix.lon, 180)):
            assert -limit <= value[0] <= limit and -10_000_000 < value[1] < 10_000_000
            assert value[0] * value[1] >= 0
    assert fix.speed_mm_s == NONE or 0 <= fix.speed_mm_s <= 514_445
    assert fix.course_cdeg == NONE or 0 <= fix.course_cdeg <= 36_000
    assert fix.sats_used == NONE or 0 <= fix.sats_used <= 255
    assert fix.hdop_c == NONE or 0 <= fix.hdop_c <= 65_535
    assert fix.acc_cm == NONE or 0 <= fix.acc_cm <= 0xFFFF_FFFF


def test_fuzz_streams():
    chance = Chance("nmea streams")
    framer, receiver = Framer(), Receiver()
    burst = b"".join(sentence(body) for body in BODIES)
    for _ in range(rounds(2_000) // 10):
        data = burst
        for _ in range(1 + chance.below(8)):
            data = damaged(data, chance)
        # Binary of a receiver in between: UBX, CASIC, RTCM heads.
        data += chance.pick((b"\xb5\x62", b"\xba\xce", b"\xd3\x00", b"")) + chance.bytes(
            chance.below(30)
        )
        pos = 0
        while pos < len(data):
            end = min(len(data), pos + 1 + chance.below(64))
            while pos < end:
                pos = framer.feed(data, pos, end)
                if framer.ready and receiver.take(framer):
                    check(receiver.fix)
    # Whatever came before, the next whole sentence is read.
    clean = sentence(BODIES[0])
    before = framer.valid
    framer.feed(clean, 0, len(clean))
    assert framer.valid == before + 1
