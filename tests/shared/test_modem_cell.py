"""Serving cells, signal and registration out of a modem's replies.

Replies have the forms of makers' manuals and public logs; the places are made up.
"""

from modem_replies import CELLS, state
from mutate import Chance, damaged, rounds

from protocols.absent import NONE
from protocols.modem import cell as modem_cell
from protocols.modem.cell import Cell
from protocols.modem.line import Line
from protocols.modem.registration import Registration

LINE_OF = Line()


def camped(*texts):
    cell = Cell()
    for text in texts:
        assert cell.take(LINE_OF.put(text)) == modem_cell.TAKEN, text
    return cell


def test_lte_and_nr_serving_cells():
    cell = camped(
        b'+QENG: "servingcell","NOCONN","LTE","TDD",460,00,2C5D704,367,38950,40,5,5,27B7,-78,-7,-50,22'
    )
    assert (cell.tech, cell.mcc, cell.mnc, cell.mnc_digits) == (modem_cell.LTE, 460, 0, 2)
    assert (cell.tac, cell.cell, cell.pci, cell.arfcn) == (0x27B7, b"2C5D704", 367, 38_950)
    signal = cell.signal
    assert (signal.rsrp_dbm, signal.rsrq_db, signal.rssi_dbm, signal.sinr_db) == (-78, -7, -50, 22)
    cell = camped(
        b'+QENG: "servingcell","CONN","NR5G-SA","TDD",460,11,94203C105,543,8EB001,627264,78,12,-90,-11,7'
    )
    assert (cell.tech, cell.mcc, cell.mnc, cell.tac) == (modem_cell.NR, 460, 11, 0x8EB001)
    assert (cell.cell, cell.pci, cell.arfcn) == (b"94203C105", 543, 627_264)  # 36 bits
    assert (cell.signal.rsrp_dbm, cell.signal.rsrq_db, cell.signal.sinr_db) == (-90, -11, 7)
    assert (
        camped(
            b'+QENG: "servingcell","CONNECT","CAT-M","FDD",262,03,2FAA03,187,6200,20,3,3,BF75,-95,-9,-69'
        ).tech
        == modem_cell.LTE
    )


def test_an_nr_leg_stands_on_its_lte_cell():
    cell = camped(
        b'+QENG: "servingcell","NOCONN"',
        b'+QENG: "LTE","FDD",222,01,328261F,280,275,1,4,4,BE3,-99,-14,-66,7,4,30,-',
        b'+QENG: "NR5G-NSA",222,01,920,-96,18,-10,648768,78,10,1',
    )
    assert (cell.tech, cell.cell, cell.tac, cell.pci) == (modem_cell.NSA, b"328261F", 0xBE3, 280)
    assert (cell.signal.rsrp_dbm, cell.signal.sinr_db) == (-99, 7)
    leg = cell.leg
    assert (cell.leg_pci, leg.rsrp_dbm, leg.rsrq_db, leg.sinr_db) == (920, -96, -10, 18)
    # Without a measured leg it is LTE again.
    lte = b'+QENG: "LTE","FDD",460,11,D196A00,462,100,1,5,5,7794,-107,-12,-73,10,8,-32768,-'
    for nsa in (b'+QENG: "NR5G-NSA",460,11,562,-32768,-32768,-32768', b'+QENG: "NR5G-NSA"'):
        assert cell.take(LINE_OF.put(lte)) == modem_cell.TAKEN
        assert cell.take(LINE_OF.put(nsa)) == modem_cell.TAKEN
        assert cell.tech == modem_cell.LTE and cell.leg.rsrp_dbm == NONE and cell.leg_pci == NONE
    nsa = b'+QENG: "NR5G-NSA",222,01,920,-96,18,-10,648768,78,10,1'
    assert Cell().take(LINE_OF.put(nsa)) == modem_cell.FORM


def test_older_radio_on_quectel():
    cell = camped(
        b'+QENG: "servingcell","NOCONN","GSM",460,00,247C,1327,35,82,-,-52,255,255,0,53,179,1,-,-'
    )
    assert (cell.tech, cell.tac, cell.cell, cell.arfcn) == (modem_cell.GSM, 0x247C, b"1327", 82)
    assert cell.signal.rssi_dbm == -52 and cell.pci == NONE
    cell = camped(
        b'+QENG: "servingcell","NOCONN","WCDMA",515,03,3AB2,B55EEFF,3037,352,1,-94,-15,-,-,-,-,-'
    )
    assert (cell.tech, cell.cell, cell.arfcn) == (modem_cell.WCDMA, b"B55EEFF", 3037)
    assert cell.signal.rssi_dbm == -94
    cell = Cell()
    assert cell.take(LINE_OF.put(b'+QENG: "servingcell","SEARCH"')) == modem_cell.NO_SERVICE


def test_simcom_cells_have_decimal_identities():
    cell = camped(
        b"+CPSI: LTE,Online,460-11,0x5A1E,187214780,257,EUTRAN-BAND3,1850,5,5,-94,-850,-545,15"
    )
    assert (cell.tech, cell.mcc, cell.mnc, cell.tac) == (modem_cell.LTE, 460, 11, 0x5A1E)
    assert (cell.cell, cell.pci, cell.arfcn) == (b"B28ABBC", 257, 1850)
    signal = cell.signal
    assert (signal.rsrq_db, signal.rsrp_dbm, signal.rssi_dbm, signal.sinr_db) == (-9, -85, -54, 15)
    whole = camped(
        b"+CPSI: LTE CAT-M1,Online,240-07,0x2AFE,34564631,149,EUTRAN-BAND20,6400,3,3,-12,-81,-52,10"
    )
    assert (whole.signal.rsrq_db, whole.signal.rsrp_dbm, whole.signal.rssi_dbm) == (-12, -81, -52)
    manual = camped(
        b"+CPSI: LTE,Online,460-01,0x230A,175499523,318,EUTRAN-BAND3,1650,5,0,21,67,255,19"
    )
    assert (manual.signal.rsrq_db, manual.signal.rsrp_dbm, manual.signal.rssi_dbm) == (
        -10,
        -73,
        NONE,
    )
    nr = camped(b"+CPSI: NR5G_SA,Online,242-12,0x765D,4955280,0,NR5G_BAND78,640704,-770,-110,290")
    assert (nr.tech, nr.cell, nr.signal.rsrp_dbm) == (modem_cell.NR, b"4B9C90", -77)
    assert (nr.signal.rsrq_db, nr.signal.sinr_db) == (-11, 29)
    wide = camped(
        b"+CPSI: NR5G_SA,Online,460-00,0x8EB001,68719476735,0,NR5G_BAND78,640704,-770,-110,290"
    )
    assert wide.cell == b"FFFFFFFFF"  # 36 bits of decimal digits, and no integer of that size
    nsa = camped(
        b"+CPSI: LTE,Online,460-11,0x5A1E,187214780,257,EUTRAN-BAND3,1850,5,5,-94,-850,-545,15",
        b"+CPSI: NR5G_NSA,644,NR5G_BAND78,627264,-960,-120,95",
    )
    assert (nsa.tech, nsa.leg_pci, nsa.leg.rsrp_dbm, nsa.leg.sinr_db) == (
        modem_cell.NSA,
        644,
        -96,
        10,
    )
    gsm = camped(b"+CPSI: GSM,Online,240-24,0x28a0,50183,61 EGSM 900,-53,0,58-58")
    assert (gsm.tech, gsm.tac, gsm.cell, gsm.signal.rssi_dbm) == (
        modem_cell.GSM,
        0x28A0,
        b"C407",
        -53,
    )
    wcdma = camped(
        b"+CPSI: WCDMA,Online,460-01,0xA809,11122855,WCDMA IMT 2000,279,10663,0,1.5,62,33,52,500"
    )
    assert (wcdma.tech, wcdma.cell) == (modem_cell.WCDMA, b"A9B8A7")
    assert Cell().take(LINE_OF.put(b"+CPSI: NO SERVICE,Online")) == modem_cell.NO_SERVICE


def test_two_and_three_digit_networks_differ():
    form = (
        '+QENG: "servingcell","NOCONN","LTE","FDD",%s,%s,49E31,91,2450,5,3,3,74,-124,-16,-91,-5,3'
    )
    short = camped((form % ("405", "85")).encode())
    long = camped((form % ("405", "085")).encode())
    assert (short.mnc, short.mnc_digits, long.mnc, long.mnc_digits) == (85, 2, 85, 3)


def test_implausible_cells_change_nothing():
    good = b'+QENG: "servingcell","NOCONN","LTE","FDD",405,854,49E31,91,2450,5,3,3,74,-124,-16,-91,-5,3'
    cell = camped(good)
    before = state(cell)
    for old, new in (
        (b"405", b"0"),
        (b"405", b"4050"),
        (b"854", b"8"),
        (b"854", b"-"),
        (b"49E31", b"-"),
        (b"49E31", b"0"),
        (b"49E31", b"49G31"),
        (b"49E31", b"149E31000"),
        (b",74,", b",-,"),
        (b",74,", b",74000,"),
        (b",3,3,74,-124,-16,-91,-5,3", b""),
        (b'"LTE"', b'"SEARCH"'),
        (b'"servingcell"', b'"neighbourcell intra"'),
    ):
        text = good.replace(old, new)
        assert text != good and cell.take(LINE_OF.put(text)) != modem_cell.TAKEN, text
        assert state(cell) == before, text


def test_implausible_simcom_cells_change_nothing():
    good = b"+CPSI: LTE,Online,460-11,0x5A1E,187214780,257,EUTRAN-BAND3,1850,5,5,-94,-850,-545,15"
    cell = camped(good)
    before = state(cell)
    for old, new in (
        (b"LTE", b"CDMA"),
        (b"Online", b"Offline"),
        (b",-94,-850,-545,15", b""),
        (b"460-11", b"46011"),
        (b"460-11", b"460--1"),
        (b"460-11", b"460-"),
        (b"0x5A1E", b"0x"),
        (b"0x5A1E", b""),
        (b"187214780", b"18721478A"),
        (b"187214780", b"0"),
        (b"187214780", b"4294967295"),
        (b"187214780", b"68719476736"),
        (b"187214780", b"1872147801872"),
    ):
        text = good.replace(old, new)
        assert text != good and cell.take(LINE_OF.put(text)) != modem_cell.TAKEN, text
        assert state(cell) == before, text
    for text in (
        b"+CPSI: NR5G_NSA,644,NR5G_BAND78,627264,-9600,-120,95",
        b"+CPSI: NR5G_NSA,644",
        b'+QENG: "NR5G-NSA",222,01,920,-96,18',
        b'+QCSQ: "NR5G",4,4,-11',
        b'+QCSQ: "GSM",5',
    ):
        assert cell.take(LINE_OF.put(text)) == modem_cell.FORM, text
        assert state(cell) == before, text


def test_fields_of_a_line():
    line = LINE_OF.put(b'+X: 12,"a,b", 7 ,"",0xfF,1234567,-3.45,1.2.3,9999999999,-')
    assert line.fields == 10 and line.says(1, b"a,b") and line.integer(2) == 7
    assert line.length(3) == 0 and line.code(4) == 255 and line.code(5) == NONE
    assert (line.number(6, 1), line.number(6, 3), line.integer(6)) == (-34, -3450, NONE)
    assert line.number(7, 2) == NONE and line.number(8, 0) == NONE and line.number(9, 0) == NONE
    assert line.number(5, 3) == NONE  # 1,234,567,000 is no small int on a 32-bit board
    assert line.length(10) == 0 and line.integer(10) == NONE and line.letter(10) == 0
    assert line.identity(5) == b"1234567" and line.identity(5, True) == b"12D687"
    assert line.identity(8) == b"" and line.identity(1) == b"" and line.identity(9, True) == b""
    assert LINE_OF.put(b"+X: " + b"," * 39).fields == 40
    assert LINE_OF.put(b"+X: " + b"," * 40).fields == 0
    assert LINE_OF.put(b"no colon").fields == 0
    assert LINE_OF.put(b"y" * 300).n == 256


def test_signal_strength():
    cell = Cell()
    for text, rssi in (
        (b"+CSQ: 0,0", -113),
        (b"+CSQ: 31,99", -51),
        (b"+CSQ: 99,99", NONE),
        (b"+CSQ: 100,99", -116),
        (b"+CSQ: 191,0", -25),
        (b"+CSQ: 199,99", NONE),
    ):
        assert cell.take(LINE_OF.put(text)) == modem_cell.TAKEN and cell.signal.rssi_dbm == rssi, (
            text
        )
    for text in (b"+CSQ: 32,99", b"+CSQ: ,", b"+CSQ: 20", b"+CSQ: -1,0", b"+CSQ:"):
        assert cell.take(LINE_OF.put(text)) == modem_cell.FORM, text
    signal = camped(b'+QCSQ: "LTE",-65,-95,150,-12').signal
    assert (signal.rssi_dbm, signal.rsrp_dbm, signal.sinr_db, signal.rsrq_db) == (-65, -95, 10, -12)
    signal = camped(b'+QCSQ: "NR5G",-75,4,-11').signal
    assert (signal.rssi_dbm, signal.rsrp_dbm, signal.sinr_db, signal.rsrq_db) == (NONE, -75, 4, -11)
    assert camped(b'+QCSQ: "GSM",125').signal.rssi_dbm == -125
    assert camped(b'+QCSQ: "WCDMA",-69,-72,-4').signal.rssi_dbm == -69
    assert cell.take(LINE_OF.put(b'+QCSQ: "NOSERVICE"')) == modem_cell.NO_SERVICE
    for text in (
        b'+QCSQ: "LTE",-65',
        b'+QCSQ: "LTE",-65,20,1,1',
        b"+QCSQ: ",
        b'+QCSQ: "5G",-1,-1,-1',
    ):
        assert cell.take(LINE_OF.put(text)) == modem_cell.FORM, text


def test_registration_asked_for_and_unsolicited():
    for text, stat, tac, cell, tech in (
        (b"+CREG: 0,1", 1, NONE, b"", NONE),
        (b"+CREG: 5", 5, NONE, b"", NONE),
        (b'+CREG: 2,1,"1A2B","0A1B2C3D",7', 1, 0x1A2B, b"A1B2C3D", modem_cell.LTE),
        (b'+CEREG: 1,"1A2B","0A1B2C3D",7', 1, 0x1A2B, b"A1B2C3D", modem_cell.LTE),
        (b"+CREG: 2,1,1A2B,C407,0", 1, 0x1A2B, b"C407", modem_cell.GSM),
        (
            b'+C5GREG: 2,1,"0000C3","000000010000001A",11,4,"01.010203"',
            1,
            0xC3,
            b"10000001A",
            modem_cell.NR,
        ),
        (b'+C5GREG: 1,"6301D","065472283",11,9,01.000000', 1, 0x6301D, b"65472283", modem_cell.NR),
        (b"+CGREG: 0,2", 2, NONE, b"", NONE),
        (b"+CEREG: 0", 0, NONE, b"", NONE),
    ):
        registration = Registration()
        assert registration.take(LINE_OF.put(text)) == modem_cell.TAKEN, text
        told = (registration.stat, registration.tac, registration.cell, registration.tech)
        assert told == (stat, tac, cell, tech), text
        assert registration.registered() == (stat in (1, 5))
    registration = Registration()
    before = state(registration)
    for text in (
        b"+CREG: ",
        b"+CREG: x",
        b'+CREG: 2,1,"XYZ","1"',
        b"+CREG: 12",
        b"+CGACT: 1,1",
    ):
        assert registration.take(LINE_OF.put(text)) != modem_cell.TAKEN, text
        assert state(registration) == before, text


def test_fuzz_a_refused_reply_changes_nothing():
    chance = Chance("modem cells")
    cell = Cell()
    registration = Registration()
    refused = took = 0
    for _ in range(rounds(2000)):
        line = LINE_OF.put(damaged(chance.pick(CELLS), chance))
        for parser in (cell, registration):
            before = state(parser)
            if parser.take(line) == modem_cell.TAKEN:
                took += 1
            else:
                refused += 1
                assert state(parser) == before, line.text()
        assert cell.mcc == NONE or (1 <= cell.mcc <= 999 and 1 <= len(cell.cell) <= 9)
        assert len(registration.cell) <= 9
    print("fuzz: took", took, "refused", refused)
    assert took > 0 and refused > 0
