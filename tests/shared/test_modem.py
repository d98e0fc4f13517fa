"""A conversation with a modem: answers, news, results, prompts and NMEA sorted, split anywhere."""

import gc
import sys

from modem_replies import CELLS, POSITIONS, state
from mutate import Chance, damaged, rounds

from protocols import modem
from protocols.absent import NONE
from protocols.modem.cell import Cell
from protocols.modem.position import Position
from protocols.modem.registration import Registration
from protocols.nmea import Framer

RMC = b"$GNRMC,055234.000,A,4739.71890,N,12219.58362,W,0.00,286.35,050826,,,A,V*13"
GGA = b"$GNGGA,055234.200,4739.71890,N,12219.58362,W,1,14,0.9,76.5,M,-21.6,M,,*4A"


def run(replies, data, chunk=0):
    """Feed `data` in chunks and return what came: (kind, line or result or type)."""
    out = []
    chunk = chunk or max(len(data), 1)
    for start in range(0, len(data), chunk):
        piece = data[start : start + chunk]
        pos = 0
        while pos < len(piece):
            pos = replies.feed(piece, pos, len(piece))
            if replies.kind in (modem.REPLY, modem.URC):
                out.append((replies.kind, replies.line.text()))
            elif replies.kind == modem.FINAL:
                out.append((modem.FINAL, replies.result, replies.error))
            elif replies.kind != modem.NOTHING:
                out.append((replies.kind,))
    return out


def test_a_reply_with_news_in_the_middle_is_the_same_for_every_chunking():
    data = (
        b'AT+QENG="servingcell"\r\r\n+QENG: "servingcell","NOCONN"\r\n+CREG: 1,"1A2B","0A1B2C3D",7\r\n'
        b'\r\n+QENG: "LTE","FDD",460,11,D196A00\r\nRING\r\n\r\nOK\r\n+QIURC: "closed",0\r\n'
    )
    wanted = [
        (modem.REPLY, b'+QENG: "servingcell","NOCONN"'),
        (modem.URC, b'+CREG: 1,"1A2B","0A1B2C3D",7'),
        (modem.REPLY, b'+QENG: "LTE","FDD",460,11,D196A00'),
        (modem.URC, b"RING"),
        (modem.FINAL, modem.OK, NONE),
        (modem.URC, b'+QIURC: "closed",0'),
    ]
    for chunk in range(1, len(data) + 1):
        replies = modem.Replies()
        assert replies.begin(*modem.QENG) == b'AT+QENG="servingcell"\r'
        assert run(replies, data, chunk) == wanted, chunk
        assert replies.echoes == 1 and not replies.busy


def test_line_ends_of_every_kind():
    for end in (b"\r\n", b"\r", b"\n", b"\r\r\n", b"\n\n\r"):
        replies = modem.Replies()
        replies.begin(*modem.CSQ)
        data = b"at+csq" + end + b"+CSQ: 20,99" + end + b"OK" + end
        assert run(replies, data) == [
            (modem.REPLY, b"+CSQ: 20,99"),
            (modem.FINAL, modem.OK, NONE),
        ], end


def test_every_result_code_ends_a_request():
    for text, result, error in (
        (b"OK", modem.OK, NONE),
        (b"ERROR", modem.ERROR, NONE),
        (b"+CME ERROR: 516", modem.CME_ERROR, modem.GNSS_NO_FIX),
        (b"+CME ERROR:505", modem.CME_ERROR, modem.GNSS_NOT_ACTIVE),
        (b"+CMS ERROR: 500", modem.CMS_ERROR, 500),
        (b"+CME ERROR: SIM not inserted", modem.CME_ERROR, NONE),
        (b"+CME ERROR: Not fixed now", modem.CME_ERROR, modem.GNSS_NO_FIX),
        (b"+CME ERROR: DSAT_CME_GNSS_NOT_FIXED_NOW", modem.CME_ERROR, modem.GNSS_NO_FIX),
    ):
        replies = modem.Replies()
        replies.begin(*modem.QGPSLOC)
        assert run(replies, text + b"\r\n") == [(modem.FINAL, result, error)], text
        assert run(replies, text + b"\r\n") == [] and replies.stray == 1  # nothing was asked


def test_a_dropped_call_ends_a_dial_and_is_news_to_everything_else():
    for words in (b"NO CARRIER", b"BUSY", b"NO ANSWER"):
        replies = modem.Replies()
        replies.begin(b"ATD*99#")
        assert run(replies, words + b"\r\n") == [(modem.FINAL, modem.NO_CARRIER, NONE)]
        replies.begin(*modem.CSQ)
        assert run(replies, words + b"\r\n+CSQ: 9,0\r\nOK\r\n") == [
            (modem.URC, words),
            (modem.REPLY, b"+CSQ: 9,0"),
            (modem.FINAL, modem.OK, NONE),
        ]
    replies.begin(b"ATD*99#")
    assert run(replies, b"CONNECT 150000000\r\n") == [(modem.FINAL, modem.CONNECT, NONE)]


def test_only_the_whole_prefix_answers_and_any_takes_plain_lines():
    replies = modem.Replies()
    replies.begin(*modem.CREG)
    assert run(replies, b"+CREGX: 1\r\n+CREG\r\n+CREG: 0,1\r\nOK\r\n")[2] == (
        modem.REPLY,
        b"+CREG: 0,1",
    )
    replies.begin(b"ATI", modem.ANY)
    assert run(replies, b"Quectel\r\nEC25\r\n+CPIN: READY\r\nRING\r\nOK\r\n") == [
        (modem.REPLY, b"Quectel"),
        (modem.REPLY, b"EC25"),
        (modem.URC, b"+CPIN: READY"),
        (modem.URC, b"RING"),
        (modem.FINAL, modem.OK, NONE),
    ]
    replies.begin(*modem.QGPS_ON)
    assert run(replies, b"+QGPS: 1\r\nOK\r\n")[0] == (modem.URC, b"+QGPS: 1")


def test_a_prompt_only_where_one_is_expected():
    replies = modem.Replies()
    replies.begin(b'AT+QMTPUBEX=0,0,0,0,"a",5', b"+QMTPUBEX", True)
    assert run(replies, b"\r\n> ") == [(modem.PROMPT,)]
    assert run(replies, b"\r\nOK\r\n\r\n") == [(modem.FINAL, modem.OK, NONE)]
    replies.begin(*modem.CSQ)
    assert run(replies, b"> text\r\n+CSQ: 1,0\r\n") == [
        (modem.URC, b"> text"),
        (modem.REPLY, b"+CSQ: 1,0"),
    ]


def test_rubbish_and_overlong_lines_are_dropped_and_counted():
    replies = modem.Replies()
    replies.begin(*modem.CSQ)
    data = b"\x00\xff\x00+CSQ: 20,99\r\n+CSQ: 2\x811,99\r\n" + b"x" * 257 + b"\r\n" + b"y" * 256
    out = run(replies, data + b"\r\n\xfe\r\nOK\r\n", 5)
    assert out == [
        (modem.REPLY, b"+CSQ: 20,99"),
        (modem.URC, b"y" * 256),
        (modem.FINAL, modem.OK, NONE),
    ]
    assert (replies.damaged, replies.overlong) == (1, 1)


def test_an_abandoned_request_leaves_its_answer_to_the_news():
    replies = modem.Replies()
    replies.begin(*modem.CLBS)
    replies.abandon()
    assert replies.result == modem.ABANDONED and not replies.busy
    assert run(replies, b"+CLBS: 0,121.47,31.23,550\r\nOK\r\n") == [
        (modem.URC, b"+CLBS: 0,121.47,31.23,550")
    ]
    assert replies.stray == 1


def test_sentences_inside_at_traffic_reach_the_framer():
    data = (
        b"AT+QGNSSRD?\r\r\n+QGNSSRD: " + RMC + b"\r\n" + GGA + b"\r\n\r\nOK\r\n"
        b"+GPSRD:" + GGA + b"\r\n+CSQ: 1,1\r\n" + RMC + b"OK\r\n+QGPSGNMEA: " + GGA + b"\r"
    )
    for chunk in range(1, len(data) + 1):
        framer = Framer()
        replies = modem.Replies(framer)
        replies.begin(*modem.QGNSSRD)
        out = run(replies, data, chunk)
        assert [each[0] for each in out] == [
            modem.SENTENCE,
            modem.SENTENCE,
            modem.FINAL,
            modem.SENTENCE,
            modem.URC,
            modem.SENTENCE,
            modem.SENTENCE,
        ], chunk
        assert (framer.valid, framer.bad) == (5, 0)
        # The OK behind a sentence without a line end is seen, and nobody waits for it.
        assert replies.stray == 1


def test_a_dollar_in_text_is_text_and_a_cut_sentence_ends_with_its_line():
    framer = Framer()
    replies = modem.Replies(framer)
    assert run(replies, b'+CUSD: 0,"$5 left",15\r\n')[0][1] == b'+CUSD: 0,"$5 left",15'
    replies.begin(*modem.CSQ)
    assert run(replies, GGA[:30] + b"\r\n+CSQ: 20,99\r\n$" + b"A" * 400 + b"\r\nOK\r\n") == [
        (modem.REPLY, b"+CSQ: 20,99"),
        (modem.URC, b"A" * 101),
        (modem.FINAL, modem.OK, NONE),
    ]
    assert framer.valid == 0 and framer.bad + framer.cut + framer.overlong >= 1
    # Without a framer the sentences are passed over.
    replies = modem.Replies()
    replies.begin(*modem.CSQ)
    assert len(run(replies, RMC + b"\r\n+CSQ: 20,99\r\nOK\r\n", 3)) == 2


def parsers():
    return Position(), Cell(), Registration()


def read(replies, data, chunk, into):
    """Feed one answered request in chunks; every reply line goes to the parsers `into`."""
    end = len(data)
    for start in range(0, end, chunk):
        pos = start
        while pos < min(start + chunk, end):
            pos = replies.feed(data, pos, min(start + chunk, end))
            if replies.kind == modem.REPLY:
                for parser in into:
                    parser.take(replies.line)


def test_every_reply_says_the_same_for_every_chunking_line_end_and_echo():
    for text in POSITIONS + CELLS:
        prefix = text[: text.index(b":")]
        data = b"\r\n" + text + b"\r\n\r\nOK\r\n"
        known = parsers()
        replies = modem.Replies()
        replies.begin(b"AT" + prefix, prefix)
        read(replies, data, len(data), known)
        assert not replies.busy
        told = [state(parser) for parser in known]
        blank = [state(parser) for parser in parsers()]
        # The NR leg alone stands on nothing; every other reply says something.
        assert (told == blank) == (text[:16] == b'+QENG: "NR5G-NSA')
        echoed = b"AT" + prefix + b"\r" + data
        news = b'RING\r\n+CMTI: "SM",3\r\n' + data.replace(b"OK", b"+CPIN: READY\r\nOK")
        bare = text + b"\rOK\r"
        for form in (data, echoed, news, bare):
            for chunk in (1, 2, 3, 5, 7, 64, len(form)) if form != data else range(1, len(data)):
                again = parsers()
                replies.begin(b"AT" + prefix, prefix)
                read(replies, form, chunk, again)
                assert not replies.busy and replies.result == modem.OK
                assert [state(parser) for parser in again] == told, (text, chunk)


def test_a_reply_costs_little_heap():
    """Bytes on a board (208 on the 32-bit build when this was written), blocks that stay on CPython."""
    used = gc.mem_alloc if hasattr(gc, "mem_alloc") else sys.getallocatedblocks
    into = parsers()
    replies = modem.Replies()
    for text in POSITIONS + CELLS:
        prefix = text[: text.index(b":")]
        data = text + b"\r\nOK\r\n"
        worst = 0
        for _ in range(2):
            replies.begin(b"AT", prefix)
            gc.collect()
            gc.disable()
            before = used()
            read(replies, data, len(data), into)
            worst = used() - before
            gc.enable()
        assert worst <= 1024, (text, worst)


def test_fuzz_a_damaged_conversation_never_raises_and_recovers():
    chance = Chance("modem conversation")
    framer = Framer()
    replies = modem.Replies(framer)
    talk = b"+CLBS: 0,1,2,550\r\n+CSQ: 1,0\r\n+CME ERROR: 516\r\nRING\r\n+CGPSINFO: ,,,\r\n"
    talk += b"+QGNSSRD: " + RMC + b"\r\n" + GGA + b"\r\n\r\nOK\r\n> \r\n"
    for _ in range(rounds(2000) // 20):
        replies.begin(*chance.pick((modem.QGPSLOC, modem.CGNSSINFO, modem.QGNSSRD, modem.CSQ)))
        run(replies, damaged(talk, chance), 1 + chance.below(60))
        replies.abandon()
        # One line end, and everything is as if nothing had happened.
        run(replies, b"\r\n")
        replies.begin(*modem.CSQ)
        assert run(replies, b"\r\n+CSQ: 20,99\r\nOK\r\n") == [
            (modem.REPLY, b"+CSQ: 20,99"),
            (modem.FINAL, modem.OK, NONE),
        ]
