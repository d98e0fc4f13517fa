"""Ring logs on a flash that is damaged: no number given out twice, no sound record lost, a new log when
only the gateway knows better.

Runs under pytest and under MicroPython.
"""

from mutate import Chance, rounds
from test_ringlog import EVIDENCE, append, body, open_ring, read_all

from firmware.boards.memory import MemoryFlash, PowerCut
from firmware.system.ringlog import BUFFER_SIZE, RingLog


def filled(last, blocks=4, block_size=512):
    flash = MemoryFlash(blocks, block_size)
    ring = open_ring(flash)
    for seq in range(1, last + 1):
        assert append(ring, seq)
    return flash, ring


def test_no_damaged_byte_of_the_newest_sector_gives_a_number_out_twice():
    """A number given out twice is lost: the gateway takes its record for a repeat and acks it."""
    flash, ring = filled(39)
    begin = ring.tail * 512
    keep = bytes(flash.data)
    used = 512
    while keep[begin + used - 1] == 0xFF:
        used -= 1
    for at in range(begin, begin + used):
        for mask in (0x01, 0x80, 0xFF):
            flash.data[:] = keep
            flash.data[at] ^= mask
            again = open_ring(flash)
            assert 40 <= again.next <= 50, (at, mask)
            found = read_all(again)
            assert len(found) >= 38, (at, mask)
            for seq in found:
                assert found[seq] == body(seq), (at, mask, seq)
            following = again.next
            assert append(again, following)
            assert read_all(open_ring(flash))[following] == body(following), (at, mask)


def test_two_damaged_records_side_by_side_leave_numbers_out():
    flash, ring = filled(39)
    begin = ring.first_of(ring.tail)
    at = ring.tail * 512 + 24
    for _ in range(2):
        flash.data[at + 8] ^= 0x55
        at += 6 + (flash.data[at] | flash.data[at + 1] << 8)
    again = open_ring(flash)
    assert again.next > 39  # how many there were is not known: past all that there may have been
    assert sorted(read_all(again)) == list(range(1, begin))


def test_a_damaged_header_hides_no_sector():
    _, ring = filled(39)
    for block in (0, 1, ring.tail):
        again, _ = filled(39)
        again.data[block * 512 + 9] ^= 0x10
        mounted = open_ring(again)
        assert mounted.next == 40
        assert sorted(read_all(mounted)) == list(range(1, 40))
        mounted.ack(39)
        for seq in range(40, 160):  # round and round: what was damaged is erased like any other
            assert append(mounted, seq)
            mounted.ack(seq)
        assert open_ring(again).next == 160


def test_a_stray_byte_behind_the_records_leaves_no_number_out():
    flash, ring = filled(39)
    flash.data[ring.tail * 512 + 500] = 0xF7
    again = open_ring(flash)
    assert again.next == 40
    assert append(again, 40)
    assert sorted(read_all(open_ring(flash))) == list(range(1, 41))


def test_a_full_evidence_ring_with_damage_refuses_until_an_ack_makes_room():
    flash = MemoryFlash(3, 512)
    ring = open_ring(flash)
    seq = 1
    while append(ring, seq):
        seq += 1
    at = ring.tail * 512 + 24
    for _ in range(2):
        flash.data[at + 8] ^= 0x55
        at += 6 + (flash.data[at] | flash.data[at + 1] << 8)
    before = bytes(flash.data)
    for _ in range(3):
        again = open_ring(flash)
        following = again.next
        assert following >= seq
        assert not append(again, following) and again.refused == 1
        assert bytes(flash.data) == before  # and every start finds the same
    again.ack(again.first_of((again.tail + 2) % 3) - 1)
    assert append(again, following)
    assert open_ring(flash).next == following + 1


def numbered(flash, overwrite=False):
    """A ring whose first log is 1 and whose second is 2."""
    return RingLog(
        flash, EVIDENCE, overwrite, lambda: 2 if flash.operations else 1, bytearray(BUFFER_SIZE)
    )


def test_a_new_log_keeps_the_numbers_and_every_unacked_record():
    flash = MemoryFlash(6, 512)
    ring = numbered(flash)
    for seq in range(1, 40):
        append(ring, seq)
    ring.ack(30)
    ring.begin_log()
    assert (ring.log, ring.oldest, ring.next, ring.logs_begun) == (2, 31, 40, 1)
    assert append(ring, 40)
    again = numbered(flash)
    assert (again.log, again.next) == (2, 41)
    found = read_all(again)
    assert sorted(found)[-10:] == list(range(31, 41))
    again.ack(40)
    assert again.pending == 0


def test_a_full_ring_begins_its_new_log_when_there_is_room():
    flash = MemoryFlash(3, 512)
    ring = numbered(flash)
    seq = 1
    while append(ring, seq, 60):
        seq += 1
    erases = flash.erases
    ring.begin_log()
    assert ring.log == 2 and flash.erases == erases
    assert not append(ring, seq, 8)  # nothing goes into the newest sector of the old log
    assert (numbered(flash).log, numbered(flash).next) == (1, seq)
    ring.ack(ring.first_of((ring.tail + 2) % 3) - 1)
    assert append(ring, seq)
    assert numbered(flash).log == 2
    assert sorted(read_all(ring)) == list(range(ring.oldest, seq + 1))


def test_a_full_track_ring_begins_its_new_log_with_the_next_record():
    flash = MemoryFlash(3, 512)
    ring = numbered(flash, overwrite=True)
    for seq in range(1, 100):
        append(ring, seq)
    oldest = ring.oldest
    ring.begin_log()
    assert read_all(ring)[99] == body(99)
    assert append(ring, 100) and ring.oldest > oldest
    assert (numbered(flash).log, numbered(flash).next) == (2, 101)


def test_a_cut_while_a_new_log_begins_loses_nothing():
    for torn in (0.0, 0.3, 0.9, 1.0):
        for cut in range(8):
            flash = MemoryFlash(3, 512)
            ring = numbered(flash)
            for seq in range(1, 21):
                append(ring, seq)
            ring.ack(12)
            flash.cut_at = cut
            flash.torn = torn
            accepted = 20
            try:
                ring.begin_log()
                while append(ring, accepted + 1) and accepted < 24:
                    accepted += 1
            except PowerCut:
                pass
            flash.power_on()
            again = numbered(flash)
            assert again.next in (accepted + 1, accepted + 2), (torn, cut)
            assert again.log in (1, 2) and (again.log == 2 or accepted == 20), (torn, cut)
            found = read_all(again)
            for seq in range(13, accepted + 1):
                assert found[seq] == body(seq), (torn, cut, seq)


def test_a_cut_while_a_damaged_ring_starts_finds_the_same_again():
    for torn in (0.0, 0.3, 0.9, 1.0):
        for cut in range(4):
            flash, ring = filled(30)
            at = ring.tail * 512 + 24
            for _ in range(2):
                flash.data[at + 8] ^= 0x55
                at += 6 + (flash.data[at] | flash.data[at + 1] << 8)
            flash.cut_at = cut
            flash.torn = torn
            try:
                open_ring(flash)
            except PowerCut:
                flash.power_on()
            again = open_ring(flash)
            assert again.next > 30
            assert sorted(read_all(again)) == list(range(1, ring.first_of(ring.tail)))


def test_fuzz_a_damaged_image_gives_only_what_was_written():
    chance = Chance("ring image")
    keep, _ = filled(55)
    keep = bytes(keep.data)
    for _ in range(rounds(2000) // 10):
        flash = MemoryFlash(4, 512)
        flash.data[:] = keep
        damage = 1 + chance.below(6)
        for _ in range(damage):
            at = chance.below(len(keep))
            for i in range(at, min(at + 1 + chance.below(3), len(keep))):
                flash.data[i] = chance.below(256)
        ring = open_ring(flash)
        found = read_all(ring)
        for seq in found:
            assert found[seq] == body(seq), chance.seed
        following = ring.next
        if append(ring, following):
            assert read_all(open_ring(flash))[following] == body(following), chance.seed


def test_a_write_that_fails_leaves_a_ring_that_goes_on():
    """A page's storage is full for a moment; the program goes on and so does its ring."""
    for part in (0, 1, 7, -1, 1000):
        flash, ring = filled(5)
        kind = type(flash)

        def torn(block, offset, buf, flash=flash, kind=kind, part=part):
            del flash.program
            kind.program(flash, block, offset, bytes(buf)[:part])
            raise OSError(28)

        flash.program = torn
        try:
            append(ring, 6)
        except OSError:
            pass
        else:
            raise AssertionError(part)
        following = ring.next
        assert following == (7 if part == 1000 else 6)  # all of it there: its number is taken
        for seq in range(following, 30):
            assert append(ring, seq)
        assert sorted(read_all(ring)) == list(range(1, 30)), part
        again = open_ring(flash)
        assert again.next == 30 and sorted(read_all(again)) == list(range(1, 30)), part
