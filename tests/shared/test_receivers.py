"""Receiver set-up: every command against a published example, acknowledgements, and the baud search."""

from mutate import Chance, damaged, rounds

from protocols.receivers.baud_search import BAUDS, BaudSearch
from protocols.receivers.families import (
    BDS,
    DONE,
    FAILED,
    FAMILIES,
    GAL,
    GLO,
    GPS,
    QZS,
    UNKNOWN,
    WORKING,
    answer,
    baud_change,
    casic_model,
    casic_restart,
    constellations,
    mask,
    rate,
    save,
    sentence,
    setup,
    ubx,
)


def line(text):
    return text.encode() + b"\r\n"


def hexed(text):
    return bytes([int(part, 16) for part in text.split()])


def refused(call, *args):
    try:
        call(*args)
    except ValueError as fault:
        return str(fault)
    return ""


def test_casic_commands_equal_published_ones():
    # Sentences with checksums as they stand in public drivers for AT6558 and L76K.
    assert rate("casic", 1000) == line("$PCAS02,1000*2E")
    assert rate("casic", 500) == line("$PCAS02,500*1A")
    assert rate("casic", 100) == line("$PCAS02,100*1E")
    assert constellations("casic", GPS | BDS) == line("$PCAS04,3*1A")
    assert constellations("casic", GPS | GLO) == line("$PCAS04,5*1C")
    assert constellations("casic", GPS | BDS | GLO | GAL) == line("$PCAS04,7*1E")
    for index, baud in enumerate((4800, 9600, 19200, 38400, 57600, 115200)):
        assert baud_change("casic", baud) == line("$PCAS01,%d*%02X" % (index, 0x1C ^ index))
    assert baud_change("casic", 115200) == line("$PCAS01,5*19")
    assert save("casic") == line("$PCAS00*01")
    assert casic_restart(0) == line("$PCAS10,0*1C") and casic_restart(3) == line("$PCAS10,3*1F")
    assert casic_model(3) == line("$PCAS11,3*1E") and casic_model(1) == line("$PCAS11,1*1C")
    # GGA, GSA and RMC alone is published; GSV every fifth differs in one digit.
    assert mask("casic", 0) == [line("$PCAS03,1,0,1,0,1,0,0,0,0,0,,,0,0*03")]
    assert mask("casic", 5) == [line("$PCAS03,1,0,1,5,1,0,0,0,0,0,,,0,0*06")]


def test_pmtk_commands_equal_published_ones():
    assert rate("pmtk", 1000) == line("$PMTK220,1000*1F")
    assert rate("pmtk", 100) == line("$PMTK220,100*2F")
    assert baud_change("pmtk", 115200) == line("$PMTK251,115200*1F")
    assert baud_change("pmtk", 57600) == line("$PMTK251,57600*2C")
    assert constellations("pmtk", GPS | BDS) == line("$PMTK353,1,0,0,0,1*2B")
    assert constellations("pmtk", GPS | GLO | GAL) == line("$PMTK353,1,1,1,0,0*2A")
    # One driver's RMC, GGA, and GSA and GSV every fifth: here GSA comes with every epoch.
    assert sentence(b"PMTK314,0,1,0,1,0,0,0,0,0,0,0,0,0,0,0,0,0,0,0") == line(
        "$PMTK314,0,1,0,1,0,0,0,0,0,0,0,0,0,0,0,0,0,0,0*28"
    )
    assert mask("pmtk", 5) == [line("$PMTK314,0,1,0,1,1,5,0,0,0,0,0,0,0,0,0,0,0,0,0*2C")]
    assert save("pmtk") == b""


def test_pair_commands_equal_published_ones():
    assert rate("pair", 200) == line("$PAIR050,200*21") and rate("pair", 100) == line(
        "$PAIR050,100*22"
    )
    assert baud_change("pair", 115200) == line("$PAIR864,0,0,115200*1B")
    assert baud_change("pair", 460800) == line("$PAIR864,0,0,460800*16")
    assert constellations("pair", GPS | BDS) == line("$PAIR066,1,0,0,1,0,0*3A")
    assert constellations("pair", BDS) == line("$PAIR066,0,0,0,1,0,0*3B")
    assert constellations("pair", GPS | GLO | GAL | BDS | QZS)[:21] == b"$PAIR066,1,1,1,1,1,0*"
    sent = mask("pair", 2)
    assert sent[0] == line("$PAIR062,0,1*3F") and sent[1] == line("$PAIR062,1,0*3F")
    assert sent[2] == line("$PAIR062,2,1*3D") and sent[3] == line("$PAIR062,3,2*3F")
    assert len(sent) == 7 and save("pair") == sentence(b"PAIR513")


def test_pqtm_commands_equal_published_ones():
    assert rate("pqtm", 1000) == line("$PQTMCFGFIXRATE,W,1000*59")
    assert rate("pqtm", 200) == line("$PQTMCFGFIXRATE,W,200*6A")
    assert baud_change("pqtm", 115200) == line("$PQTMCFGUART,W,115200*18")
    assert constellations("pqtm", GPS | GLO | GAL | BDS) == line("$PQTMCFGCNST,W,1,1,1,1,0,0*2B")
    assert save("pqtm") == line("$PQTMSAVEPAR*5A")
    sent = mask("pqtm", 5)
    assert sent[0] == line("$PQTMCFGMSGRATE,W,GGA,1*0A")
    assert sent[4] == line("$PQTMCFGMSGRATE,W,RMC,1*17")
    assert sent[3] == sentence(b"PQTMCFGMSGRATE,W,GSV,5") and len(sent) == 6


def test_m8_frames_equal_published_ones():
    assert rate("ublox8", 100) == hexed("B5 62 06 08 06 00 64 00 01 00 01 00 7A 12")
    assert rate("ublox8", 200) == hexed("B5 62 06 08 06 00 C8 00 01 00 01 00 DE 6A")
    assert rate("ublox8", 1000) == hexed("B5 62 06 08 06 00 E8 03 01 00 01 00 01 39")
    assert baud_change("ublox8", 115200) == hexed(
        "B5 62 06 00 14 00 01 00 00 00 D0 08 00 00 00 C2 01 00 07 00 03 00 00 00 00 00 C0 7E"
    )
    assert ubx.cfg_msg(b"GGA", 0) == hexed("B5 62 06 01 03 00 F0 00 00 FA 0F")
    assert ubx.cfg_msg(b"GSV", 0) == hexed("B5 62 06 01 03 00 F0 03 00 FD 15")
    assert ubx.cfg_nmea_41() == hexed(
        "B5 62 06 17 14 00 00 41 00 02 00 00 00 00 00 00 00 01 00 00 00 00 00 00 00 00 75 57"
    )
    assert ubx.frame(0x06, 0x09, bytes(4) + hexed("FF FF 00 00") + bytes(4) + b"\x01") == hexed(
        "B5 62 06 09 0D 00 00 00 00 00 FF FF 00 00 00 00 00 00 01 1B A9"
    )
    assert save("ublox8")[6:-2] == bytes(4) + hexed("FF FF 00 00") + bytes(4) + b"\x17"
    assert save("ublox9") == save("ublox8")
    # The block of Galileo alone is published as a whole frame; ours must hold the same eight bytes.
    assert ubx.frame(0x06, 0x3E, hexed("00 00 20 01 02 04 08 00 01 00 01 01")) == hexed(
        "B5 62 06 3E 0C 00 00 00 20 01 02 04 08 00 01 00 01 01 82 56"
    )
    five = constellations("ublox8", GPS | BDS | GAL)
    assert len(five) == 8 + 4 + 5 * 8 and five[6:10] == hexed("00 00 FF 05")
    assert hexed("02 04 08 00 01 00 01 01") in five and hexed("03 08 10 00 01 00 01 01") in five
    assert hexed("06 08 0E 00 00 00 01 01") in five and hexed("05 00 03 00 01 00 01 01") in five


def test_m9_frames_equal_published_ones():
    # CFG-NAVSPG-DYNMODEL 6 and NAV-PVT on USB, whole frames from public code.
    assert ubx.valset(hexed("21 00 11 20 06")) == hexed(
        "B5 62 06 8A 09 00 00 01 00 00 21 00 11 20 06 F2 4F"
    )
    assert ubx.valset(hexed("09 00 91 20 01")) == hexed(
        "B5 62 06 8A 09 00 00 01 00 00 09 00 91 20 01 55 52"
    )
    assert rate("ublox9", 1000)[6:-2] == hexed("00 01 00 00 01 00 21 30 E8 03")
    assert baud_change("ublox9", 115200)[6:-2] == hexed("00 01 00 00 01 00 52 40 00 C2 01 00")
    sent = mask("ublox9", 5)[0]
    assert hexed("C5 00 91 20 05") in sent and hexed("BB 00 91 20 01") in sent
    assert hexed("CA 00 91 20 00") in sent and hexed("AC 00 91 20 01") in sent
    sent = constellations("ublox9", GPS | BDS | GAL)
    assert hexed("22 00 31 10 01") in sent and hexed("25 00 31 10 00") in sent


def test_setup_ends_with_the_baud_and_checks_what_it_is_told():
    for family in FAMILIES:
        sent = setup(family, 1000, 5, 115200)
        assert sent[-1] == baud_change(family, 115200) and sent[-2] == rate(family, 1000)
        assert sent[1:-2] == mask(family, 5)
        assert sent[0] == constellations(family, GPS | BDS | GAL)
        for part in sent:
            if part[:1] == b"$":
                assert part == sentence(part[1 : part.index(b"*")])
            else:
                size = part[4] | part[5] << 8
                assert part == ubx.frame(part[2], part[3], part[6 : 6 + size])
    told = refused(setup, "sirf")
    assert "casic" in told and "ublox9" in told and "sirf" in told
    assert "100..1000" in refused(setup, "casic", 50)
    assert "0..5" in refused(setup, "casic", 1000, 6)
    assert "115200" in refused(setup, "casic", 1000, 5, 230400)
    # 9600 baud carries the mask at 1 Hz with every fifth list of satellites, and not with every one.
    assert len(setup("casic", 1000, 5, 9600)) == 4
    assert "960 bytes/s" in refused(setup, "casic", 1000, 1, 9600)
    assert refused(setup, "casic", 200, 0, 9600) and refused(setup, "pmtk", 1000, 5, 4800)
    assert len(setup("pair", 100, 5, 115200)) == 10
    assert refused(constellations, "pair", 0) and refused(constellations, "casic", GAL)
    assert refused(casic_restart, 4) and refused(casic_model, -1)


def test_acknowledgements_name_what_they_answer():
    assert answer(b"PMTK001,220,3") == (b"PMTK220", DONE)
    assert answer(b"PMTK001,604,2") == (b"PMTK604", FAILED)
    assert answer(b"PMTK001,314,1") == (b"PMTK314", UNKNOWN)
    assert answer(b"PMTK001,0,3") == (b"PMTK000", DONE)
    assert answer(b"PAIR001,062,0") == (b"PAIR062", DONE)
    assert answer(b"PAIR001,066,1") == (b"PAIR066", WORKING)
    assert answer(b"PAIR001,050,4") == (b"PAIR050", FAILED)
    assert answer(b"PAIR001,999,3") == (b"PAIR999", UNKNOWN)
    assert answer(b"PQTMCFGMSGRATE,OK") == (b"PQTMCFGMSGRATE", DONE)
    assert answer(b"PQTMCFGUART,ERROR,1") == (b"PQTMCFGUART", FAILED)
    assert answer(b"PQTMCFGUART,ERROR,3") == (b"PQTMCFGUART", UNKNOWN)
    assert answer(bytearray(b"PQTMSAVEPAR,OK")) == (b"PQTMSAVEPAR", DONE)
    for body in (
        b"",
        b"PMTK001",
        b"PMTK001,220",
        b"PMTK001,220,",
        b"PMTK001,220,9",
        b"PMTK001,2200,3",
        b"PMTK001,-20,3",
        b"PMTK001,,3",
        b"PAIR001,062,33",
        b"PMTK010,001",
        b"PQTMVER,MODULE",
        b"PQTM",
        b"GNGGA,OK",
    ):
        assert answer(body) is None, body


def acks_of(data, chunk=0):
    acks = ubx.Acks()
    found = []
    chunk = chunk or max(len(data), 1)
    for start in range(0, len(data), chunk):
        piece = data[start : start + chunk]
        pos = 0
        while pos < len(piece):
            pos = acks.feed(piece, pos, len(piece))
            if acks.ready:
                found.append((acks.kind, acks.number, acks.done))
    return found, acks


ACK_MSG = hexed("B5 62 05 01 02 00 06 01 0F 38")
NAK_VALSET = hexed("B5 62 05 00 02 00 06 8A 97 BD")
NAV = ubx.frame(0x01, 0x07, bytes(92))


def test_ubx_acknowledgements_are_found_in_any_traffic():
    nak = ubx.frame(0x05, 0x00, b"\x06\x8a")
    data = b"$GNGGA,,*00\r\n\xb5" + ACK_MSG + NAV + b"\xb5\xb5" + nak[1:] + b"$GN"
    for chunk in range(1, len(data) + 1):
        found, acks = acks_of(data, chunk)
        assert found == [(6, 1, True), (6, 0x8A, False)], chunk
        assert (acks.frames, acks.bad) == (3, 0)


def test_ubx_damage_is_counted_and_not_believed():
    for i in range(2, len(ACK_MSG)):
        broken = bytearray(ACK_MSG)
        broken[i] ^= 0x10
        found, _ = acks_of(bytes(broken) + bytes(40) + ACK_MSG)
        assert found[-1:] == [(6, 1, True)] or i == 5, i
        assert len(found) <= 1, i
    found, acks = acks_of(b"\xb5\x62\x05\x01\xff\xff" + ACK_MSG)
    assert found == [(6, 1, True)] and acks.bad == 1


def test_the_baud_search_goes_through_all_rates_two_seconds_each():
    search = BaudSearch()
    listened = [search.baud]
    for _ in range(len(BAUDS)):
        for _ in range(3):
            assert search.told(0, 20, 500) == listened[-1]
        listened.append(search.told(0, 20, 500))
    assert tuple(listened[:-1]) == (115200, 9600, 38400, 57600, 4800, 230400, 460800)
    assert listened[-1] == 115200 and search.rounds == 1
    assert not search.found and not search.silent


def test_the_baud_search_stays_where_a_sentence_was_heard():
    search = BaudSearch(38400)
    assert search.told(0, 50, 2000) == 115200
    assert search.told(0, 50, 1999) == 115200
    assert search.told(1, 3, 1) == 115200 and search.found
    for _ in range(100):  # a receiver asleep: silence does not move it
        assert search.told(0, 0, 2000) == 115200 and search.found
    # A binary message among the sentences is not a wrong rate.
    assert search.told(0, 60, 1500) == 115200 and search.told(1, 60, 600) == 115200 and search.found
    # The receiver restarted at another rate.
    assert search.told(0, 60, 1500) == 115200
    assert search.told(0, 60, 600) == 38400 and not search.found


def test_the_baud_search_tells_a_dead_line_from_a_wrong_rate():
    search = BaudSearch()
    for _ in range(len(BAUDS)):
        search.told(0, 2, 2000)
    assert search.silent and search.rounds == 1
    for _ in range(len(BAUDS)):
        search.told(0, 99, 2500)
    assert not search.silent and search.rounds == 2
    assert search.told(0, -5, -9) == BAUDS[0]
    assert "0" in refused(BaudSearch, 0)


def test_fuzz_no_damaged_answer_raises_and_no_damaged_frame_is_an_ack():
    chance = Chance("receivers")
    bodies = (b"PMTK001,220,3", b"PAIR001,062,0", b"PQTMCFGUART,ERROR,1", b"PQTMCFGMSGRATE,OK")
    accepted = 0
    for _ in range(rounds(2000)):
        told = answer(damaged(chance.pick(bodies), chance))
        assert told is None or (len(told) == 2 and DONE <= told[1] <= WORKING)
        frame = damaged(chance.pick((ACK_MSG, NAV + ACK_MSG)), chance)
        found, _ = acks_of(frame, 1 + chance.below(20))
        if found and found[0] != (6, 1, True):
            accepted += 1
    # 16 bits of checksum over a frame that short: hardly one in a thousand.
    assert accepted <= max(2, rounds(2000) // 1000), accepted
