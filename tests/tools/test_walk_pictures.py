"""docs/walk.md shows what the solver does: its pictures and tables are drawn anew and compared, and what
it names is there.
"""

import re

import pytest

from tools.parts.place import ROOT
from tools.walk_page import pictures, tables

DOCS = ROOT / "docs"
HINT = "run python -m tools.walk_page docs/pictures, look at what changed, and mend docs/walk.md"


def test_the_pictures_are_those_of_the_solver():
    drawn = pictures.pictures()
    assert {p.name for p in (DOCS / "pictures").glob("walk-*.svg")} == set(drawn), HINT
    page = (DOCS / "walk.md").read_text(encoding="utf-8")
    for name, svg in drawn.items():
        there = (DOCS / "pictures" / name).read_text(encoding="utf-8")
        assert there == svg, f"{name}: {HINT}"
        assert len(there.encode()) < 40_000
        assert f"(pictures/{name})" in page


def test_the_tables_are_those_of_the_solver():
    page = (DOCS / "walk.md").read_text(encoding="utf-8")
    for table in tables.tables():
        assert table in page, f"{table}\nis not on the page: {HINT}"


def test_the_worked_example_is_the_walk_it_says():
    run = pictures.tiny()
    cheapest = [min(each, key=lambda s: s.cost_dm) for each in run.layers if each]
    assert [s.cost_dm for s in cheapest] == [0, 40, 80, 80, 120, 160, 180]
    assert run.length_dm == 220 and run.order == [0, 3, 2, 1]
    assert [len(each) for each in run.layers] == [1, 4, 5, 5, 5, 5, 5, 0]


@pytest.mark.parametrize("page", ["walk.md", "picking.md", "../ARCHITECTURE.md", "../README.md"])
def test_what_a_page_names_is_there(page):
    """Links, and files named between backticks by a path from the root or from firmware/picker."""
    path = (DOCS / page).resolve()
    text = path.read_text(encoding="utf-8")
    for link in re.findall(r"\]\(([^)#]+)\)", text):
        assert "://" in link or (path.parent / link).exists(), link
    if page == "walk.md":
        named = set(re.findall(r"`([\w/]+\.(?:py|md))`", text))
        assert len(named) > 20
        roots = (ROOT, ROOT / "firmware" / "picker")
        assert not [n for n in named if not any((root / n).exists() for root in roots)]
