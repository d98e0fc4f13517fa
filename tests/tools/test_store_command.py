"""Given the `o2o store` command, when it is used as a clerk would, then files and lines are right."""

import json

import pypdfium2
import pytest

from tools.cli import main


def told(capsys):
    return [json.loads(line) for line in capsys.readouterr().out.splitlines()]


@pytest.fixture
def shop(tmp_path, capsys):
    path = tmp_path / "shop"
    assert main(["store", "init", str(path), "--aisles", "1", "--bays", "2", "--levels", "3"]) == 0
    capsys.readouterr()
    return path


def test_markers_are_printed_and_large_ones_go_to_larger_paper(shop, tmp_path, capsys):
    out = tmp_path / "sheets.pdf"
    assert main(["store", "markers", str(shop), "--out", str(out)]) == 0
    small, large = told(capsys)
    assert (small["paper"], large["paper"]) == ("A4", "A3")
    assert large["printed"].endswith("sheets-A3.pdf")
    assert len(pypdfium2.PdfDocument(small["printed"])) == small["pages"]
    assert main(["store", "markers", str(shop), "--out", str(out), "--bins", "A1-01-*"]) == 0
    assert told(capsys)[0]["markers"] < small["markers"]
    assert main(["store", "markers", str(shop), "--out", str(out), "--worn"]) == 0
    assert told(capsys) == [{"printed": None, "markers": 0, "text": "daily use doubts no marker"}]


def test_worn_markers_are_printed_anew(shop, tmp_path, capsys):
    from ar_picking.store import folder, wear

    store = folder.load(shop)
    for day in ("2026-11-01", "2026-11-02", "2026-11-03"):
        wear.merge(shop, day, {n: (50, 50, 0.2) for n in store.markers if n != 3})
    out = tmp_path / "worn.pdf"
    assert main(["store", "markers", str(shop), "--out", str(out), "--worn"]) == 0
    assert told(capsys)[0]["markers"] == 1
    text = pypdfium2.PdfDocument(str(out))[0].get_textpage().get_text_bounded()
    assert "№ 3" in text


@pytest.mark.parametrize(
    ("words", "said"),
    [
        (["--out", "x.png"], "must end in .pdf"),
        (["--out", "x.pdf", "--bins", "Z*"], "no marker left to print"),
        (["--out", "x.pdf", "--size-mm", "nan"], "--size-mm is a length"),
        (["--out", "x.pdf", "--numbers", "3-x"], "is not a marker number"),
        (["--out", "x.pdf", "--numbers", "3", "--worn"], "do not go together"),
        (["--out", "x.pdf", "--font", "store.json"], "cannot be read as a font"),
    ],
)
def test_bad_usage_of_markers_is_one_line(shop, monkeypatch, capsys, words, said):
    monkeypatch.chdir(shop)
    assert main(["store", "markers", str(shop), *words]) == 2
    error = capsys.readouterr().err
    assert said in error and error.count("\n") == 1


def test_check_writes_what_it_proposes_and_that_mends_the_store(shop, tmp_path, capsys):
    lines = (shop / "markers.csv").read_text(encoding="utf-8-sig").splitlines()
    kept = [line for line in lines if not line.endswith((",", ",A1-01-3"))]
    (shop / "markers.csv").write_text("\n".join(kept) + "\n", encoding="utf-8-sig")
    put = tmp_path / "put.csv"
    assert main(["store", "check", str(shop), "--proposed", str(put)]) == 1
    last = told(capsys)[-1]
    rows = put.read_text(encoding="utf-8-sig").splitlines()[1:]
    assert last["faults"] > 0 and last["proposed"] == len(rows) > 0
    with (shop / "markers.csv").open("a", encoding="utf-8") as file:
        file.write("\n".join(rows) + "\n")
    assert main(["store", "check", str(shop), "--seal"]) == 0
    last = told(capsys)[-1]
    assert last["faults"] == 0 and last["sealed"]


def test_plot_with_check_and_a_map_without(shop, tmp_path, capsys):
    out = tmp_path / "a.svg"
    assert main(["store", "plot", str(shop), "--check", "--out", str(out)]) == 0
    assert "标签及其朝向" in out.read_text(encoding="utf-8")
    place = tmp_path / "map.json"
    place.write_text('{"junctions": [[0, 0], [0, 9]], "edges": [[0, 1, 9]], "instances": []}')
    assert main(["store", "plot", str(place), "--check", "--out", str(out)]) == 2
    assert "--check goes with a store folder" in capsys.readouterr().err


def test_import_makes_a_store_and_says_what_it_assumed(tmp_path, capsys):
    plan = tmp_path / "plan.csv"
    plan.write_text("巷道,货架,层,商品编码,品名\nA,1,1,1,茶\nA,2,1,2,可乐\n", encoding="gb18030")
    words = [
        "store",
        "import",
        str(plan),
        "--to",
        str(tmp_path / "s"),
        "--id",
        "s9",
        "--name",
        "九店",
    ]
    assert main(words) == 0
    (line,) = told(capsys)
    assert line["bins"] == 2 and len(line["assumed"]) >= 5
    assert main(["store", "check", str(tmp_path / "s")]) == 1
    said = told(capsys)
    assert said[-1]["faults"] == 1  # nobody has measured where the markers hang
    assert [f["finding"] for f in said[:-1] if not f.get("note")] == ["not measured"]
    assert main(words) == 1 and "is there already" in capsys.readouterr().err
    assert main(["store", "import", str(plan), "--to", str(tmp_path / "t"), "--id", "a b"]) == 2
