"""`o2o route` and `o2o store plot`, given what is wrong: one line that names it, exit code 1 or 2."""

import json
import os

import pytest

from tools.cli import main

MAP = {
    "junctions": [[0, 0], [40, 0], [40, 30]],
    "edges": [[0, 1, 40], [1, 2, 30]],
    "zone": [0, 1],
    "shelf": [0],
    "depot": 0,
    "instances": [{"id": "a", "picks": [[0, 10], [1, 30]]}],
}


def said(capsys, code, *words):
    """The one line on stderr of a run that fails with `code` and prints nothing else."""
    assert main(list(map(str, words))) == code
    heard = capsys.readouterr()
    assert heard.out == "" and heard.err.strip() and "Traceback" not in heard.err
    return heard.err


@pytest.fixture
def path(tmp_path):
    file = tmp_path / "map.json"
    file.write_text(json.dumps(MAP))
    return file


@pytest.mark.parametrize(
    ("text", "why"),
    [
        (b"", "no JSON"),
        (json.dumps(MAP).encode()[:-30], "no JSON"),
        (b"\xff\xfe\x00{", "no JSON"),
        (b"[" * 100_000, "nested too deeply"),
        (b"[]", "not an object"),
        (b"7", "not an object"),
        (b"{}", "junctions"),
        (b'{"junctions": [[0,0]], "edges": NaN}', "edges"),
    ],
)
def test_what_is_no_map(capsys, tmp_path, text, why):
    file = tmp_path / "map.json"
    file.write_bytes(text)
    for words in (("route", file), ("store", "plot", file, "--out", tmp_path / "x.svg")):
        line = said(capsys, 1, *words)
        assert why in line and "map.json" in line and line.count("\n") == 1
    assert not (tmp_path / "x.svg").exists()


@pytest.mark.parametrize(
    ("change", "why"),
    [
        ({"junctions": "x"}, "junctions"),
        ({"junctions": [[0, 0], [40, 0], [40]]}, "junction 2"),
        ({"junctions": [[0, 0.5], [40, 0], [40, 1]]}, "junction 0"),
        ({"edges": [[0, 1, -40], [1, 2, 30]]}, "edge 0"),
        ({"edges": [[0, 1, 40], [1, 3, 30]]}, "edge 1"),
        ({"edges": [[0, 1, 40], [1, 1, 30]]}, "edge 1"),
        ({"edges": [[0, 1, 40], [1, 2, 70_000]]}, "edge 1"),
        ({"edges": [[0, 1, True], [1, 2, 30]]}, "edge 0"),
        ({"zone": [0]}, "zone"),
        ({"zone": [0, 3]}, "zone"),
        ({"depot": 3}, "depot"),
        ({"depot": None}, "depot"),
        ({"oneway": [2]}, "oneway"),
        ({"blocked": "0"}, "blocked"),
        ({"shelf": [2]}, "shelf"),
        ({"shelf": 5}, "shelf"),
        ({"instances": None}, "instances"),
        ({"instances": []}, "instances"),
        ({"instances": [5]}, "instance 0"),
        ({"instances": [{"id": [], "picks": []}]}, "id"),
        ({"instances": [{"id": "\ud800", "picks": []}]}, "instance 0: its id"),
        ({"instances": [{"id": "a\nb", "picks": []}]}, "instance 0: its id"),
        ({"instances": [{"id": None, "picks": []}]}, "instance 0: its id"),
        ({"name": "\ud83d"}, "name"),
        ({"name": "shop\x00"}, "name"),
        ({"instances": [{"id": "a"}]}, "picks"),
        ({"instances": [{"id": "a", "picks": [[0, 10]] * 10_001}]}, "10000"),
        ({"instances": [{"id": "a", "picks": [[0]]}]}, "instance a: pick 0"),
        ({"instances": [{"id": "a", "picks": [[0, 10], [0, "1"]]}]}, "pick 1"),
        ({"instances": [{"id": "a", "picks": [[0, 1.5]]}]}, "pick 0"),
        ({"instances": [{"id": "a", "picks": [[0, 41]]}]}, "not on the map"),
        ({"instances": [{"id": "a", "picks": [[2, 0]]}]}, "not on the map"),
        ({"instances": [{"id": "a", "picks": [[0, -1]]}]}, "not on the map"),
        ({"instances": [{"id": "a", "picks": [], "opt": "x"}]}, "opt"),
    ],
)
def test_what_is_wrong_in_a_map_is_named(capsys, path, change, why):
    path.write_text(json.dumps({**MAP, **change}))
    line = said(capsys, 1, "route", path)
    assert why in line and "map.json" in line and line.count("\n") == 1


@pytest.mark.parametrize(
    ("words", "why"),
    [
        (("--instance", "1"), "0 to 0"),
        (("--instance", "-1"), "0 to 0"),
        (("--instance", "b"), "as a"),
        (("--instance", "1" * 5000), "0 to 0"),
        (("--blocked", "1" * 5000), "0 to 1"),
        (("--start", "3"), "0 to 2"),
        (("--start", "-1"), "0 to 2"),
        (("--start", "x"), "int"),
        (("--blocked", "2"), "'2'"),
        (("--blocked", "0,,1"), "''"),
        (("--blocked", "-1"), "-1"),
        (("--blocked", "0,x"), "'x'"),
        (("--blocked", "²"), "'²'"),
        (("--picklist", "l.json"), "store folder"),
        (("--all", "--instance", "0"), "not allowed"),
        (("--heap", "120k"), "--micropython"),
        (("--heap", "4k", "--micropython"), "8k"),
        (("--heap", "-1", "--micropython"), "8k"),
        (("--heap", "big", "--micropython"), "'big'"),
        (("--interpreter", "lua"), "invalid choice"),
        (("--budget-ms", "0"), "not 0"),
        (("--budget-ms", "1.5"), "int"),
    ],
)
def test_bad_usage_is_exit_code_2(capsys, path, words, why):
    line = said(capsys, 2, "route", path, *words)
    assert why in line
    if words[0] in ("--instance", "--blocked"):
        assert line.count("\n") == 1 and len(line) < 200


def test_files_and_folders_that_are_none(capsys, tmp_path, path):
    assert "no such file" in said(capsys, 1, "route", tmp_path / "none.json")
    assert "--picklist" in said(capsys, 2, "route", tmp_path)
    line = said(capsys, 1, "route", tmp_path, "--picklist", path)
    assert "store.json" in line and line.count("\n") == 1
    plot = ("store", "plot", path, "--instance", "0")
    assert ".svg or .png" in said(capsys, 2, *plot, "--out", tmp_path / "x.pdf")
    assert "0 to 0" in said(capsys, 2, *plot[:3], "--instance", "9", "--out", tmp_path / "x.svg")
    assert "0 to 2" in said(capsys, 2, *plot, "--start", "9", "--out", tmp_path / "x.svg")
    assert "--picklist" in said(
        capsys, 2, "store", "plot", tmp_path, "--instance", "0", "--out", tmp_path / "x.svg"
    )


def test_a_file_name_that_is_no_text(capsys, tmp_path):
    file = tmp_path / os.fsdecode(b"m\xffp.json")
    file.write_text(json.dumps(MAP))
    out = tmp_path / os.fsdecode(b"m\xff.svg")
    assert main(["store", "plot", str(file), "--instance", "a", "--out", str(out)]) == 0
    assert json.loads(capsys.readouterr().out)["drawn"].endswith("m?.svg")
    assert "m?p" in out.read_text("utf-8")
    words = ("route", file, "--instance", "9")
    assert "m?p has the numbers" in said(capsys, 2, *words)


def test_a_list_for_bins_that_are_not_there(capsys, tmp_path):
    shop = tmp_path / "shop"
    assert main(["store", "init", str(shop), "--aisles", "1", "--bays", "2", "--levels", "1"]) == 0
    capsys.readouterr()
    file = tmp_path / "list.json"
    line = {"line": 1, "order": "A", "sku": "1", "name": "x", "bin": "Z9-01-1", "qty": 1}
    for obj in ({"list": "L", "lines": [line]}, {"list": "L", "lines": []}, []):
        file.write_text(json.dumps(obj))
        assert "list" in said(capsys, 1, "route", shop, "--picklist", file)
    file.write_text("{")
    assert "list.json" in said(capsys, 1, "route", shop, "--picklist", file)
