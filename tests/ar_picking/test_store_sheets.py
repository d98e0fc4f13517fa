"""Given sheets as Excel, WPS and strangers save them, when they are read, then they are right, or a
sentence says what to do.
"""

import os
import random
from pathlib import Path

import pytest

from ar_picking.errors import StoreError
from ar_picking.store import folder, layout, sheets

KNOWN = ("bin", "name", "货位", "品名")
HERE = Path("bins.csv")


@pytest.fixture(scope="module")
def made(tmp_path_factory):
    path = tmp_path_factory.mktemp("sheets")
    layout.make(layout.Layout("s", "店", 1, 1, 2), path)
    return path


def read(data):
    findings = []
    found = sheets.read(HERE, data, KNOWN, findings)
    return found, findings


@pytest.mark.parametrize("separator", [",", ";", "\t"])
@pytest.mark.parametrize("encoding", ["utf-8", "utf-8-sig", "gb18030", "utf-16"])
@pytest.mark.parametrize("newline", ["\n", "\r\n"])
def test_encodings_and_separators(separator, encoding, newline):
    lines = [["货位", "品名"], ["A1", "可乐 330ml"], ["", ""], ["A2", '"苏打, 水;"']]
    found, findings = read(newline.join(separator.join(row) for row in lines).encode(encoding))
    assert findings == [] and [cell.lstrip("\ufeff") for cell in found.header] == ["货位", "品名"]
    assert [row for _, row in found.rows] == [["A1", "可乐 330ml"], ["A2", "苏打, 水;"]]
    assert [line for line, _ in found.rows] == [2, 4]
    assert bool(found.note) == (encoding == "gb18030")


def test_a_line_that_names_the_separator_is_not_a_header():
    found, findings = read(b"sep=;\r\nbin;name\r\nA1;x\r\n")
    assert findings == [] and found.rows == [(3, ["A1", "x"])]


@pytest.mark.parametrize(
    ("data", "said"),
    [
        (
            b"PK\x03\x04 a workbook",
            "a workbook, not CSV; open it and save the sheet as 'CSV UTF-8'",
        ),
        (b"\xd0\xcf\x11\xe0 an old one", "a workbook"),
        (b"bin,name\nA1,a\0b\n", "bins.csv line 2: not text; save"),
        ("bin,name\nA1,可乐\n".encode("gbk"), "bins.csv line 2: not UTF-8; save the sheet as"),
        (b"\xff\xfe\x00", "broken UTF-16"),
        (b"bin,name\nA1,0,50\n", "line 2: more cells than the header"),
        (b'bin,name\nA1,"open\n' + b"x" * 200_000, "is a quote left open?"),
        (b"bin,name\n" + b",\n" * 2_000_001, "more than 2,000,000 cells"),
        (b"bin,name\n" + b"A,b\n" * 50_001, "more than 50,000 rows"),
    ],
)
def test_what_cannot_be_read_is_said_with_what_to_do(data, said):
    _, findings = read(data)
    assert any(said in text for text in findings), findings


def test_formulas_stay_texts_and_are_written_so():
    evil = ["=cmd|' /C calc'!A0", "+1+1", "-2+3", "@SUM(A1)", "-18℃ 冰淇淋", "'quoted"]
    data = sheets.write(["bin", "name"], [{"bin": "A1", "name": text} for text in evil])
    assert b",=" not in data and b",@" not in data and b",+" not in data
    found, findings = read(data)
    assert findings == [] and [row[1] for _, row in found.rows] == evil
    numbers = sheets.write(["bin"], [{"bin": text} for text in ("-0.5", "+3", "-7")])
    assert b"'" not in numbers


def edited(made, tmp_path, old, new, encoding="utf-8-sig"):
    for name in ("bins.csv", "markers.csv", "walk.geojson", "store.json"):
        (tmp_path / name).write_bytes((made / name).read_bytes())
    text = (made / "bins.csv").read_text(encoding="utf-8-sig")
    assert old in text
    (tmp_path / "bins.csv").write_text(text.replace(old, new, 1), encoding=encoding)
    return tmp_path


def test_a_decimal_comma_is_named_with_the_right_number(made, tmp_path):
    edited(made, tmp_path, ",0.500,", ',"0,500",')
    with pytest.raises(StoreError, match=r"line 2: x_m '0,500' has a decimal comma; write 0\.500"):
        folder.load(tmp_path)


def test_a_decimal_comma_without_quotes_shifts_nothing_silently(made, tmp_path):
    edited(made, tmp_path, ",0.500,", ",0,500,")
    with pytest.raises(StoreError, match=r"line 2: more cells than the header has columns"):
        folder.load(tmp_path)


def test_a_store_saved_by_a_chinese_spreadsheet_loads_with_a_note(made, tmp_path):
    header = "货位,巷道,侧,货架,层,X坐标,Y坐标,Z坐标,宽,高,深,朝向,温区,商品编码,条码,最大数量,品名"
    old = (made / "bins.csv").read_text(encoding="utf-8-sig").splitlines()[0]
    edited(made, tmp_path, old, header, encoding="gb18030")
    store = folder.load(tmp_path)
    assert any("GB18030" in note for note in store.notes)
    assert {b.name for b in store.bins.values()} == {
        b.name for b in folder.load(made).bins.values()
    }


def test_random_damage_is_read_or_refused_and_nothing_else(made, tmp_path):
    rounds = int(os.environ.get("O2O_FUZZ", "150"))
    chance = random.Random(int(os.environ.get("FUZZ_SEED", "6")))
    for name in ("bins.csv", "markers.csv", "walk.geojson", "store.json"):
        (tmp_path / name).write_bytes((made / name).read_bytes())
    extra = (
        b"\0",
        b"\xff\xfe",
        b'"',
        b",",
        b";",
        b"\n",
        b"=cmd",
        "货位".encode("gbk"),
        b"9" * 400,
        b"[" * 999,
    )
    for _ in range(rounds):
        name = chance.choice(("bins.csv", "markers.csv", "walk.geojson", "store.json"))
        good = (made / name).read_bytes()
        data = bytearray(good)
        for _ in range(chance.randrange(1, 6)):
            at = chance.randrange(len(data))
            kind = chance.randrange(4)
            if kind == 0:
                data[at] = chance.randrange(256)
            elif kind == 1:
                data[at:at] = chance.choice(extra)
            elif kind == 2:
                del data[at : at + chance.randrange(1, 40)]
            else:
                data[at:at] = data[at : at + chance.randrange(60)]
            data = data or bytearray(b"x")
        (tmp_path / name).write_bytes(bytes(data))
        store, findings = folder.read(tmp_path)
        assert (store is None) == bool(findings) and len(findings) <= folder.MAX_FINDINGS
        (tmp_path / name).write_bytes(good)
