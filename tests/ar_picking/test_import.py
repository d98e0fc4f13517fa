"""Given a planogram sheet, when it is imported, then a store stands that passes its check, and what was
assumed is told.
"""

import os
import random

import cv2
import pytest

from ar_picking.errors import ConfigError, StoreError
from ar_picking.store import check, folder, planogram, rectangle
from firmware.picker import sequence

cv2.setNumThreads(1)
MEASURES = rectangle.Measures()


def sheet(aisles=("A", "B"), bays=4, levels=4, header="巷道,货架,层,商品编码,品名"):
    """A planogram as a clerk keeps it: every third level holds two articles."""
    lines, sku = [header], 6900000000000
    for aisle in aisles:
        for bay in range(1, bays + 1):
            for level in range(1, levels + 1):
                for _ in range(2 if level % 3 == 0 else 1):
                    sku += 7
                    lines.append(f"{aisle},{bay},{level},{sku},商品{sku % 1000}")
    return "\n".join(lines) + "\n"


def imported(tmp_path, text, encoding="utf-8", measures=MEASURES):
    file = tmp_path / "plan.csv"
    file.write_bytes(text.encode(encoding))
    out = tmp_path / "store"
    told = rectangle.make(planogram.read(file), "s1", "一店", measures, out)
    return out, told


@pytest.mark.parametrize("encoding", ["utf-8", "utf-8-sig", "gb18030"])
def test_a_sheet_becomes_a_store_where_only_the_survey_is_missing(tmp_path, encoding):
    out, told = imported(tmp_path, sheet(), encoding)
    store, found = check.check(out)
    assert {f["finding"] for f in found if not f.get("note")} == {"not measured"}
    assert (
        told["bins"] == len(store.bins) == 2 * 4 * 5 and store.id == "s1" and store.name == "一店"
    )
    item = store.bins["A-03-2"]
    assert (item.aisle, item.side, item.bay, item.level, item.sku) == (
        "A",
        "L",
        3,
        2,
        "6900000000084",
    )
    assert sorted(store.markers) == list(range(len(store.markers)))
    assert {m.sigma_mm for m in store.markers.values()} == {50}
    plan = sequence.plan(store.graph, list(store.stops.values())[::5])
    assert plan.method == sequence.EXACT and not plan.unreachable


def test_what_is_assumed_is_told_and_the_check_repeats_it(tmp_path):
    out, told = imported(tmp_path, sheet(), "gb18030")
    words = " ".join(told["assumed"])
    for part in ("GB18030", "odd bays", "ambient", "1.8 m wide", "0.9 m wide", "sigma", "gaps"):
        assert part in words
    notes = [f["text"] for f in check.check(out)[1] if "assumed, not measured" in f["text"]]
    assert len(notes) == len(told["assumed"])


def test_two_articles_of_a_level_share_its_width_from_left_to_right(tmp_path):
    out, _ = imported(tmp_path, sheet())
    store = folder.load(out)
    for name, right in (("A-01-3", 1), ("A-02-3", -1)):
        first, second = store.bins[f"{name}-1"], store.bins[f"{name}-2"]
        assert first.w_mm == second.w_mm == 450
        assert (second.y_mm - first.y_mm) * right == 450  # as seen from the aisle


def test_headers_in_the_words_of_retail_and_all_optional_columns(tmp_path):
    text = (
        "通道;架号;层板;货号;商品名称;左右;货位号;条形码;温层;容量\n"
        "冷1;7;1;100;雪糕;右;L7;690;冷冻;12\n"
        "冷1;7;2;101;=SUM(A1);右;L8;691;冷冻;9\n"
        "T2;8;1;102;茶;左;L9;;常温;5\n"
    )
    out, told = imported(tmp_path, text)
    store = folder.load(out)
    item = store.bins["L7"]
    assert (item.side, item.zone, item.max_qty, item.barcode) == ("R", 2, 12, "690")
    assert store.bins["L8"].name == "=SUM(A1)" and store.bins["L9"].barcode == "102"
    assert not any("odd bays" in text or "ambient" in text for text in told["assumed"])
    assert {edge["aisle"]: edge["zone"] for edge in store.walk if edge["aisle"]} == {
        "冷1": 2,
        "T2": 0,
    }
    assert b"'=SUM(A1)" in (out / "bins.csv").read_bytes()


def test_measures_are_taken_and_a_high_shelf_is_squeezed_to_a_hands_reach(tmp_path):
    measures = rectangle.Measures(aisle_m=2.4, bay_m=1.2, depth_m=0.6, level_m=0.5)
    out, _ = imported(tmp_path, sheet(levels=6), measures=measures)
    store = folder.load(out)
    assert all(1190 <= stand <= 1210 for stand in store.stand_mm.values())
    assert max(b.z_mm + b.h_mm / 2 for b in store.bins.values()) <= 2110
    assert not [f for f in check.check(out)[1] if f["finding"] in ("inside", "above the ceiling")]
    with pytest.raises(ConfigError, match="--bay-m must be"):
        rectangle.Measures(bay_m=0.01).check()


@pytest.mark.parametrize(
    ("text", "said"),
    [
        ("", "column 'aisle'"),
        ("aisle,bay,level,sku\nA,1,1,x\n", "column 'name'"),
        ("aisle,bay,level,sku,name\n", "no rows under the header"),
        ("aisle,bay,level,sku,name\nA,x,1,1,n\n", "plan.csv line 2: bay 'x' is not"),
        ("aisle,bay,level,sku,name\nA,1,0,1,n\n", "line 2: level '0' is not"),
        ("aisle,bay,level,sku,name\nA,1,13,1,n\n", "line 2: level '13' is not"),
        ("aisle,bay,level,sku,name\nA B,1,1,1,n\n", "line 2: aisle 'A B' is not"),
        ("aisle,bay,level,sku,name,side\nA,1,1,1,n,up\n", "line 2: side 'up' is not L or R"),
        ("aisle,bay,level,sku,name\nA,1,1,x,n\nA,1,1,1\n", "line 3: the row ends"),
        ("aisle,bay,level,sku,name\n" + "A,1,1,1,n\n" * 5001, "at most 5000 bins"),
    ],
)
def test_a_bad_sheet_is_refused_with_its_line(tmp_path, text, said):
    with pytest.raises(StoreError, match=said):
        imported(tmp_path, text)
    assert not (tmp_path / "store").exists()


def test_two_bins_of_one_name_and_too_many_aisles_are_refused(tmp_path):
    named = "aisle,bay,level,sku,name,bin\nA,1,1,1,n,X\nA,2,1,2,n,X\n"
    with pytest.raises(ConfigError, match="bin X would be there twice"):
        imported(tmp_path, named)
    many = "aisle,bay,level,sku,name\n" + "".join(f"A{k},1,1,1,n\n" for k in range(60))
    with pytest.raises(ConfigError, match="import a part"):
        imported(tmp_path, many)


def test_a_store_is_never_written_over(tmp_path):
    out, _ = imported(tmp_path, sheet(bays=1))
    before = (out / "bins.csv").read_bytes()
    with pytest.raises(StoreError, match="is there already"):
        imported(tmp_path, sheet(bays=2))
    assert (out / "bins.csv").read_bytes() == before


def test_random_damage_is_read_or_refused_and_nothing_else(tmp_path):
    chance = random.Random(int(os.environ.get("FUZZ_SEED", "6")))
    good = sheet(aisles=("A",), bays=2, levels=3).encode("gb18030")
    file = tmp_path / "plan.csv"
    for _ in range(int(os.environ.get("O2O_FUZZ", "200"))):
        data = bytearray(good)
        for _ in range(chance.randrange(1, 5)):
            at = chance.randrange(len(data))
            if chance.random() < 0.5:
                data[at] = chance.randrange(256)
            else:
                data[at:at] = chance.choice((b'"', b",", b"\n", b"=1", b"\0", b"\xff", b"9" * 30))
        file.write_bytes(bytes(data))
        try:
            plan = planogram.read(file)
        except StoreError as fault:
            assert "plan.csv" in str(fault)
        else:
            assert 0 < len(plan.slots) <= planogram.MAX_BINS
