"""Given rows that people typed, when they are read, then each is a record in mm and cdeg, or has a
reason.
"""

from protocols import storemap

HEADER = [c[0] for c in storemap.BIN_COLUMNS]
ROW = [
    "A1-03-2",
    "A1",
    "L",
    "3",
    "2",
    "0.85",
    "3.15",
    "0.750",
    "0.9",
    "0.3",
    "0.45",
    "180",
    "chilled",
]
ROW += ["6901234567892", "", "12", "可口可乐 330ml"]


def read(row, header=HEADER):
    at, reason = storemap.columns(header, storemap.BIN_COLUMNS)
    assert reason is None, reason
    return storemap.record(row, at, storemap.BIN_COLUMNS)


def longer(row, cell):
    out = list(row)  # MicroPython has no [*row, cell]
    out.append(cell)
    return out


def changed(column, value):
    row = list(ROW)
    row[HEADER.index(column)] = value
    return row


def test_a_row_becomes_integers():
    record, reason = read(ROW)
    assert reason is None
    assert record["bin"] == "A1-03-2" and record["bay"] == 3 and record["zone"] == 1
    assert (record["x_mm"], record["y_mm"], record["z_mm"]) == (850, 3150, 750)
    assert (record["w_mm"], record["h_mm"], record["d_mm"]) == (900, 300, 450)
    assert record["facing_cdeg"] == 18000 and record["name"] == "可口可乐 330ml"


def test_chinese_headers_and_another_order():
    chinese = [c[6] for c in storemap.BIN_COLUMNS]
    assert read(ROW, chinese)[0] == read(ROW)[0]
    assert read(ROW[::-1], HEADER[::-1])[0] == read(ROW)[0]
    assert read(longer(ROW, "x"), longer(HEADER, "remark"))[0] == read(ROW)[0]
    assert read(ROW[:-1], HEADER[:-1])[0]["name"] == ""  # the name may be missing


def test_bad_cells_have_a_reason():
    for column, value in (
        ("bin_id", ""),
        ("bin_id", "A 1"),
        ("bin_id", "A" * 25),
        ("bin_id", "A\u20281"),
        ("bin_id", "冷冻食品生鲜区-03-02-1"),  # 18 characters, 32 bytes: no record carries it
        ("bin_id", "货" * 9),
        ("bay", "3.0"),
        ("bay", "three"),
        ("bay", "-1"),
        ("x_m", ""),
        ("x_m", "1,5"),
        ("x_m", "nan"),
        ("x_m", "1e3"),
        ("x_m", "1001"),
        ("x_m", "--1"),
        ("w", "0"),
        ("facing_deg", "400"),
        ("temp_zone", "warm"),
        ("temp_zone", "3"),
        ("name", "tab\there"),
        ("name", "x" * 65),
        ("max_qty", "1" * 40),
    ):
        record, reason = read(changed(column, value))
        assert record is None and reason.startswith(column), (column, value, reason)
    assert read(ROW[:5])[1] == "the row ends before column 'x_m'"


def test_a_bin_of_24_bytes_is_a_bin():
    for name in ("A" * 24, "货" * 8, "冷冻区-03-02-1" + "x" * 7):
        assert len(name.encode()) == 24
        assert read(changed("bin_id", name))[0]["bin"] == name


def test_bad_headers_have_a_reason():
    for header in ([], HEADER[1:], longer(HEADER, "bin_id"), longer(HEADER, "货位")):
        at, reason = storemap.columns(header, storemap.BIN_COLUMNS)
        assert at is None and "column" in reason


def test_scaled_numbers():
    for text, places, value in (
        ("1.2345", 3, 1235),
        ("1.2344", 3, 1234),
        ("-0.0005", 3, -1),
        ("+4.", 3, 4000),
        (".5", 1, 5),
        (" 12 ", 2, 1200),
        ("", 3, None),
        (".", 3, None),
        ("-", 3, None),
        ("1.2.3", 3, None),
        ("１", 0, None),
    ):
        assert storemap.scaled(text, places) == value, text


def test_marker_rows():
    header = [c[0] for c in storemap.MARKER_COLUMNS]
    at, _ = storemap.columns(header, storemap.MARKER_COLUMNS)
    row = ["17", "36h11", "0.08", "0.85", "3.1", "0.95", "270", "0", "90", "2", ""]
    record, _ = storemap.record(row, at, storemap.MARKER_COLUMNS)
    assert record["id"] == 17 and record["size_mm"] == 80 and record["yaw_cdeg"] == 27000
    row[0] = "587"
    assert storemap.record(row, at, storemap.MARKER_COLUMNS)[1].startswith("marker_id")


def test_walk_features():
    line = {"type": "LineString", "coordinates": [[0, 0], [0, 1.2345]]}
    feature = {
        "type": "Feature",
        "properties": {"id": "a", "aisle": "A1", "zone": 1},
        "geometry": line,
    }
    record, reason = storemap.walk_edge(feature)
    assert reason is None and record["points_mm"][3] in (1234, 1235)
    assert record["oneway"] is False and record["blocked"] is False
    nan = float("nan")
    for bad in (
        None,
        {},
        dict(feature, type="Polygon"),
        dict(feature, geometry=None),
        dict(feature, geometry={"type": "Point", "coordinates": [0, 0]}),
        dict(feature, properties=None),
        dict(feature, properties={}),
        dict(feature, properties={"id": "a b"}),
        dict(feature, properties={"id": "a", "aisle": 3}),
        dict(feature, properties={"id": "a", "zone": 3}),
        dict(feature, properties={"id": "a", "zone": True}),
        dict(feature, properties={"id": "a", "zone": []}),
        dict(feature, properties={"id": "a", "oneway": 1}),
        dict(feature, properties={"id": "a", "blocked": "no"}),
        dict(feature, geometry={"type": "LineString", "coordinates": [[0, 0]]}),
        dict(feature, geometry={"type": "LineString", "coordinates": [[0, 0], [0]]}),
        dict(feature, geometry={"type": "LineString", "coordinates": [[0, 0], ["1", 0]]}),
        dict(feature, geometry={"type": "LineString", "coordinates": [[0, 0], [nan, 0]]}),
        dict(feature, geometry={"type": "LineString", "coordinates": [[0, 0], [0, 1e9]]}),
    ):
        record, reason = storemap.walk_edge(bad)
        assert record is None and reason, bad
