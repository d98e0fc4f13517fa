"""Given a pick list from outside, when it is checked, then there is a clean copy, or a reason and
nothing else.
"""

from ar_picking.guide import picklist

BINS = {"A1-03-2": None, "A2-08-3": None}
LINE = {
    "line": 1,
    "order": "A1001",
    "sku": "6901234567892",
    "name": "可口可乐 330ml",
    "bin": "A1-03-2",
    "qty": 2,
}


def a_list(*lines, **changes):
    out = {"list": "L1", "store": "demo", "lines": list(lines) or [dict(LINE)]}
    out.update(changes)
    return out


def line(**changes):
    out = dict(LINE)
    out.update(changes)
    return out


def test_a_good_list_is_copied_with_slots():
    second = line(line=2, order="A1002", bin="A2-08-3", remark="x")
    checked, reason = picklist.check(a_list(dict(LINE), second), BINS, "demo")
    assert reason is None
    assert [one["slot"] for one in checked["lines"]] == [1, 2]
    assert "remark" not in checked["lines"][1]
    assert checked["lines"][0]["name"] == "可口可乐 330ml"
    again, _ = picklist.check(a_list(dict(LINE), line(line=2, bin="A2-08-3")), BINS, "demo")
    assert [one["slot"] for one in again["lines"]] == [1, 1]


def test_the_store_may_be_left_out_but_not_be_another():
    assert picklist.check(a_list(store=None), BINS, "demo")[1] is None
    assert "this is 'demo'" in picklist.check(a_list(store="other"), BINS, "demo")[1]


def test_a_heavy_line_and_its_substitute_are_kept_and_wrong_ones_refused():
    other = {"sku": "999", "name": "百事", "bin": "A2-08-3"}
    checked, _ = picklist.check(a_list(line(heavy=True, substitute=other)), BINS, "demo")
    (one,) = checked["lines"]
    assert one["heavy"] is True and one["substitute"] == dict(other, qty=2)
    checked, _ = picklist.check(a_list(line(heavy=False)), BINS, "demo")
    assert "heavy" not in checked["lines"][0]
    for bad in (7, {}, dict(other, bin="B"), dict(other, sku=LINE["sku"]), dict(other, qty=0)):
        assert "its substitute: " in picklist.check(a_list(line(substitute=bad)), BINS, "demo")[1]
    assert "heavy" in picklist.check(a_list(line(heavy=1)), BINS, "demo")[1]


def test_names_are_as_long_in_bytes_as_their_record_can_carry():
    assert picklist.check(a_list(line(order="单" * 13)), BINS, "demo")[1] is None
    for bad in (line(order="单" * 14), line(sku="9" * 33)):
        assert "bytes" in picklist.check(a_list(bad), BINS, "demo")[1]


def test_bad_lists_have_a_reason():
    bad = [
        None,
        [],
        "x",
        {},
        a_list(list=""),
        a_list(list=7),
        a_list(list="a b"),
        a_list(list="x" * 41),
    ]
    bad += [
        a_list(lines=[]),
        a_list(lines=None),
        a_list(lines={}),
        a_list(lines=[None]),
        a_list(store=3),
    ]
    bad.append(a_list(lines=[line(line=i + 1, sku=str(i)) for i in range(201)]))
    for key, value in (
        ("line", 0),
        ("line", "1"),
        ("line", True),
        ("line", 1.0),
        ("qty", 0),
        ("qty", -1),
        ("qty", 1000),
        ("qty", None),
        ("order", ""),
        ("order", None),
        ("order", "A\n1"),
        ("sku", 6901234567892),
        ("sku", "x" * 41),
        ("name", None),
        ("name", "x" * 65),
        ("name", "a\x00b"),
        ("bin", "A9-99-9"),
        ("bin", None),
        ("bin", []),
    ):
        bad.append(a_list(line(**{key: value})))
    bad.append(a_list(dict(LINE), line(order="A1002")))  # the same number twice
    bad.append(a_list(dict(LINE), line(line=2)))  # the same goods twice
    for obj in bad:
        checked, reason = picklist.check(obj, BINS, "demo")
        assert checked is None and isinstance(reason, str) and reason, obj


def test_a_reason_names_the_line():
    _, reason = picklist.check(a_list(dict(LINE), line(line=2, bin="A9-99-9")), BINS, "demo")
    assert reason == "line 2 of the list: bin 'A9-99-9' is not in this store"
