"""Ring logs: what was accepted survives any power cut, in order; an ack frees it; overwrites are told.

Runs under pytest and under MicroPython.
"""

from binascii import crc32

from ring_reading import read_all

from firmware.boards.memory import MemoryFlash, PowerCut
from firmware.system.ringlog import BUFFER_SIZE, RECORD_MAX, RingLog

EVIDENCE, TRACK = 0, 1


def open_ring(flash, overwrite=False, kind=EVIDENCE):
    return RingLog(flash, kind, overwrite, lambda: 4711, bytearray(BUFFER_SIZE))


def body(seq, size=0):
    """A record that tells its number, of a size that varies."""
    size = size or 8 + seq * 7 % 40
    text = b"%06d|" % seq
    return text + bytes((seq + i) & 255 for i in range(size - len(text)))


def append(ring, seq, size=0):
    record = body(seq, size)
    return ring.append(record, len(record))


def test_records_come_back_in_order_with_their_numbers():
    ring = open_ring(MemoryFlash(4))
    for seq in range(1, 101):
        assert ring.next == seq
        assert append(ring, seq)
    assert read_all(ring) == {seq: body(seq) for seq in range(1, 101)}
    assert sorted(read_all(ring, 60)) == list(range(60, 101))


def test_a_restart_goes_on_with_the_numbers_and_the_log():
    flash = MemoryFlash(4)
    ring = open_ring(flash)
    for seq in range(1, 150):
        append(ring, seq)
    again = RingLog(flash, EVIDENCE, False, lambda: 99, bytearray(BUFFER_SIZE))
    assert (again.log, again.next, again.oldest) == (4711, 150, 1)
    append(again, 150)
    assert read_all(again)[150] == body(150)


def test_a_fresh_partition_gets_a_log_of_its_own():
    assert open_ring(MemoryFlash(4)).log == 4711


def test_evidence_refuses_when_full_and_goes_on_after_the_ack():
    ring = open_ring(MemoryFlash(2))
    seq = 1
    while append(ring, seq):
        seq += 1
    held = seq - 1
    assert ring.refused == 1
    assert len(read_all(ring)) == held
    ring.ack(held)
    assert append(ring, seq)
    assert ring.pending == 1


def test_track_drops_its_oldest_and_says_which():
    flash = MemoryFlash(3)
    ring = open_ring(flash, overwrite=True, kind=TRACK)
    for seq in range(1, 1000):
        assert append(ring, seq)
    found = read_all(ring)
    assert sorted(found) == list(range(ring.oldest, 1000))
    assert ring.oldest > 1
    assert (ring.dropped_from, ring.dropped_to) == (1, ring.oldest - 1)


def test_what_was_acked_is_not_told_as_dropped():
    ring = open_ring(MemoryFlash(3), overwrite=True, kind=TRACK)
    for seq in range(1, 1000):
        append(ring, seq)
        ring.ack(seq)
    assert ring.dropped_from == 0
    assert ring.pending == 0


def test_acks_never_go_back_and_never_ahead():
    ring = open_ring(MemoryFlash(4))
    for seq in range(1, 11):
        append(ring, seq)
    ring.ack(5)
    ring.ack(3)
    assert ring.acked == 5
    ring.ack(11)
    assert ring.acked == 5


def test_an_acked_sector_is_erased_once_and_never_the_newest():
    flash = MemoryFlash(4)
    ring = open_ring(flash)
    for seq in range(1, 300):
        append(ring, seq)
    before = flash.erases
    ring.ack(299)
    freed = flash.erases - before
    assert ring.oldest <= 299
    again = open_ring(flash)
    assert again.next == 300
    assert freed == flash.erases - before


def test_a_reader_is_told_when_its_records_are_overwritten():
    ring = open_ring(MemoryFlash(3), overwrite=True, kind=TRACK)
    for seq in range(1, 50):
        append(ring, seq)
    reader = ring.reader(1)
    for seq in range(50, 1000):
        append(ring, seq)
    buf = bytearray(RECORD_MAX)
    assert reader.read_into(buf, 0, len(buf)) == -2
    assert (reader.hole_from, reader.seq) == (1, ring.oldest)
    assert reader.read_into(buf, 0, len(buf)) > 0


def test_a_damaged_record_costs_itself_alone():
    flash = MemoryFlash(4)
    ring = open_ring(flash)
    for seq in range(1, 300):
        append(ring, seq)
    flash.data[24 + 6 + 3] &= 0x00  # inside the body of record 1
    again = open_ring(flash)
    found = read_all(again)
    assert sorted(found) == list(range(2, 300))
    assert again.next == 300 and again.log == ring.log
    for seq in found:
        assert found[seq] == body(seq)


def test_room_is_respected_and_nothing_is_taken():
    ring = open_ring(MemoryFlash(4))
    append(ring, 1, 100)
    reader = ring.reader(1)
    buf = bytearray(200)
    assert reader.read_into(buf, 0, 50) == -1
    assert reader.seq == 1
    assert reader.read_into(buf, 10, 190) == 100
    assert bytes(buf[10:110]) == body(1, 100)


def test_a_cut_at_every_flash_operation_loses_nothing_accepted():
    for torn in (0.0, 0.3, 0.9, 1.0):
        cut = 0
        while True:
            flash = MemoryFlash(3, 512)
            ring = open_ring(flash)
            flash.cut_at = cut
            flash.torn = torn
            accepted = 0
            acked = 0
            try:
                for seq in range(1, 120):
                    if seq % 10 == 0:
                        acked = seq - 3  # from here on the ring may let go of them
                        ring.ack(acked)
                    if not append(ring, seq):
                        break
                    accepted = seq
            except PowerCut:
                pass
            else:
                break
            flash.power_on()
            again = open_ring(flash)
            assert again.next in (accepted + 1, accepted + 2)  # the record under way may be whole
            found = read_all(again)
            for seq in range(acked + 1, accepted + 1):
                assert found.get(seq) == body(seq), (torn, cut, seq)
            for seq in found:
                assert found[seq] == body(seq), (torn, cut, seq)
            following = again.next
            again.ack(accepted)
            assert append(again, following)
            assert read_all(again)[following] == body(following)
            cut += 1
        assert cut > 100


def test_one_flush_per_record_costs_hardly_more_than_the_record():
    flash = MemoryFlash(8)
    ring = open_ring(flash, overwrite=True, kind=TRACK)
    written = 0
    for seq in range(1, 2000):
        append(ring, seq, 60)
        written += 60
        ring.ack(seq)
    assert flash.programmed < 1.15 * written


def test_the_crc_binds_a_record_to_its_number():
    flash = MemoryFlash(2)
    ring = open_ring(flash)
    append(ring, 1, 20)
    stored = bytes(flash.data[26:30])
    head = (1).to_bytes(4, "little") + (20).to_bytes(2, "little")
    assert int.from_bytes(stored, "little") == crc32(body(1, 20), crc32(head))


def test_an_image_of_the_first_layout_mounts():
    """Retyped from the layout's description, so that it holds what boards in the field hold."""
    flash = MemoryFlash(3, 512)
    seq = 7
    for block in range(2):
        head = b"o02L" + bytes((1, EVIDENCE, 0, 0))
        for number in (4711, 5 + block, seq):
            head += number.to_bytes(4, "little")
        at = block * 512
        flash.data[at : at + 24] = head + crc32(head).to_bytes(4, "little")
        at += 24
        for _ in range(4):
            record = body(seq, 20)
            crc = crc32(record, crc32(seq.to_bytes(4, "little") + b"\x14\x00"))
            flash.data[at : at + 26] = b"\x14\x00" + crc.to_bytes(4, "little") + record
            at += 26
            seq += 1
    ring = RingLog(flash, EVIDENCE, False, lambda: 99, bytearray(BUFFER_SIZE))
    assert (ring.log, ring.oldest, ring.next) == (4711, 7, 15)
    assert sorted(read_all(ring, 7)) == list(range(7, 15))
