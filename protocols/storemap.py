"""The records of a store folder: one row of bins.csv or markers.csv, one edge of walk.geojson.

A store folder is made by people in a spreadsheet, so every value may be wrong. Functions here take
the cells of a row and return `(record, None)` or `(None, reason)`; they never raise on bad input and
never guess. Lengths come in metres and are kept as integer millimetres, angles in degrees and kept as
integer hundredths (`_cdeg`): a board has no double precision.

A bin's position is the centre of its front face; `facing` is the heading its face looks to, counted
anticlockwise from +x. A marker's pose is position + yaw, pitch, roll with R = Rz Ry Rx.
"""

ZONES = ("ambient", "chilled", "frozen")
_ZONE_WORDS = {"0": 0, "1": 1, "2": 2, "ambient": 0, "chilled": 1, "frozen": 2}
_ZONE_WORDS.update({"常温": 0, "冷藏": 1, "冷冻": 2})

DICTIONARY = "36h11"
DICTIONARY_SIZE = 587  # codes of the 36h11 family (AprilRobotics, tag36h11.c)

_KM_MM = 1000000

# column, record key, kind, low, high (lengths mm, angles cdeg, texts characters, names bytes), must be
# there, Chinese header
BIN_COLUMNS = (
    ("bin_id", "bin", "name", 1, 24, True, "货位"),
    ("aisle", "aisle", "id", 1, 24, True, "巷道"),
    ("side", "side", "id", 1, 8, True, "侧"),
    ("bay", "bay", "int", 0, 9999, True, "货架"),
    ("level", "level", "int", 0, 99, True, "层"),
    ("x_m", "x_mm", "mm", -_KM_MM, _KM_MM, True, "X坐标"),
    ("y_m", "y_mm", "mm", -_KM_MM, _KM_MM, True, "Y坐标"),
    ("z_m", "z_mm", "mm", -10000, 20000, True, "Z坐标"),
    ("w", "w_mm", "mm", 10, 20000, True, "宽"),
    ("h", "h_mm", "mm", 10, 20000, True, "高"),
    ("d", "d_mm", "mm", 10, 20000, True, "深"),
    ("facing_deg", "facing_cdeg", "cdeg", -36000, 36000, True, "朝向"),
    ("temp_zone", "zone", "zone", 0, 2, True, "温区"),
    ("sku", "sku", "text", 0, 32, True, "商品编码"),
    ("barcode", "barcode", "text", 0, 32, True, "条码"),
    ("max_qty", "max_qty", "int", 0, 99999, True, "最大数量"),
    ("name", "name", "text", 0, 64, False, "品名"),
)

MARKER_COLUMNS = (
    ("marker_id", "id", "int", 0, DICTIONARY_SIZE - 1, True, "标签号"),
    ("dict", "dict", "text", 1, 16, True, "字典"),
    ("size_m", "size_mm", "mm", 10, 2000, True, "边长"),
    ("x", "x_mm", "mm", -_KM_MM, _KM_MM, True, "X坐标"),
    ("y", "y_mm", "mm", -_KM_MM, _KM_MM, True, "Y坐标"),
    ("z", "z_mm", "mm", -10000, 20000, True, "Z坐标"),
    ("yaw", "yaw_cdeg", "cdeg", -36000, 36000, True, "偏航"),
    ("pitch", "pitch_cdeg", "cdeg", -36000, 36000, True, "俯仰"),
    ("roll", "roll_cdeg", "cdeg", -36000, 36000, True, "横滚"),
    ("sigma_mm", "sigma_mm", "int", 0, 10000, True, "误差"),
    ("surveyed_at", "surveyed_at", "text", 0, 32, False, "测量日期"),
    ("label", "label", "text", 0, 64, False, "备注"),
)


def scaled(text, places):
    """A decimal number as an integer times 10**places, rounded half away from zero.

    No float on the way: a board's single precision would move a marker. Exponents, thousands marks
    and anything longer than 16 characters give None.
    """
    text = text.strip()
    sign = 1
    if text[:1] in ("-", "+"):
        sign = -1 if text[0] == "-" else 1
        text = text[1:]
    whole, point, part = text.partition(".")
    if len(text) > 16 or not (whole + part) or (point and not (whole or part)):
        return None
    for c in whole + part:
        if not "0" <= c <= "9":
            return None
    digits = part[:places]
    value = int((whole or "0") + digits + "0" * (places - len(digits)))
    if len(part) > places and part[places] >= "5":
        value += 1
    return sign * value


def printable(text, low, high, spaces=True):
    """True when `text` has `low` to `high` characters, none of them a control character."""
    if not low <= len(text) <= high:
        return False
    for c in text:
        n = ord(c)
        if n < 32 or 127 <= n < 160 or n in (0x2028, 0x2029, 0xFEFF) or 0xD800 <= n < 0xE000:
            return False
        if not spaces and (c == " " or c == "\u3000"):
            return False
    return True


def id_text(text, low, high):
    """True when `text` is `low` to `high` bytes of UTF-8 without spaces: records count bytes."""
    return printable(text, low, high, False) and low <= len(text.encode()) <= high


def columns(header, table):
    """Where each column of `table` stands in a header row: `(indices, None)` or `(None, reason)`.

    English and Chinese headers, any order, extra columns are left alone. An optional column that is
    missing has index -1.
    """
    found = []
    names = [str(cell).strip().lstrip("\ufeff").lower() for cell in header]
    for column, _, _, _, _, needed, chinese in table:
        at = -1
        for i in range(len(names)):
            if names[i] == column or names[i] == chinese.lower():
                if at >= 0:
                    return None, "column '{}' is there twice".format(column)
                at = i
        if at < 0 and needed:
            return None, "column '{}' ({}) is missing".format(column, chinese)
        found.append(at)
    return found, None


def record(row, indices, table):
    """One row of cells (texts) as a dict of the table's keys: `(record, None)` or `(None, reason)`."""
    out = {}
    for i in range(len(table)):
        column, key, kind, low, high, needed, _ = table[i]
        at = indices[i]
        cell = row[at].strip() if 0 <= at < len(row) else ""
        if at >= len(row) and needed:
            return None, "the row ends before column '{}'".format(column)
        value = _cell(cell, kind, low, high)
        if value is None:
            return None, "{} '{}' is not {}".format(column, cell[:24], _wanted(kind, low, high))
        out[key] = value
    return out, None


def _cell(cell, kind, low, high):
    if kind == "name":
        return cell if id_text(cell, low, high) else None
    if kind == "text" or kind == "id":
        return cell if printable(cell, low, high, kind == "text") else None
    if kind == "zone":
        return _ZONE_WORDS.get(cell.lower())
    value = scaled(cell, {"mm": 3, "cdeg": 2, "int": 0}[kind])
    if kind == "int" and "." in cell:
        return None
    if value is None or not low <= value <= high:
        return None
    return value


def _wanted(kind, low, high):
    if kind == "zone":
        return "a zone (ambient, chilled, frozen)"
    if kind == "id":
        return "a name of {} to {} characters without spaces".format(low, high)
    if kind == "name":
        return "a name of {} to {} bytes without spaces (a Chinese character takes 3)".format(
            low, high
        )
    if kind == "text":
        return "a text of {} to {} characters".format(low, high)
    if kind == "mm":
        return "a length from {} to {} m".format(low / 1000, high / 1000)
    if kind == "cdeg":
        return "an angle from {} to {} degrees".format(low // 100, high // 100)
    return "a whole number from {} to {}".format(low, high)


def walk_edge(feature):
    """One GeoJSON feature of walk.geojson: `(record, None)` or `(None, reason)`.

    The record has `id`, `aisle` (None for a cross-aisle), `zone` 0..2, `oneway` and `blocked`
    (bool), and `points_mm`, a flat list x, y, x, y ... of at least two points in local metres times
    1000.
    """
    if not isinstance(feature, dict) or feature.get("type") != "Feature":
        return None, "not a Feature"
    geometry = feature.get("geometry")
    properties = feature.get("properties")
    if not isinstance(geometry, dict) or geometry.get("type") != "LineString":
        return None, "geometry is not a LineString"
    if not isinstance(properties, dict):
        return None, "no properties"
    name = properties.get("id")
    if not isinstance(name, str) or not printable(name, 1, 24, False):
        return None, "id is not a name of 1 to 24 characters without spaces"
    aisle = properties.get("aisle")
    if aisle is not None and not (isinstance(aisle, str) and printable(aisle, 1, 24, False)):
        return None, "aisle is not a name"
    zone = properties.get("zone", 0)
    if isinstance(zone, bool) or zone not in (0, 1, 2):
        return None, "zone is not 0, 1 or 2"
    for flag in ("oneway", "blocked"):
        if not isinstance(properties.get(flag, False), bool):
            return None, "{} is not true or false".format(flag)
    points, reason = _line_mm(geometry.get("coordinates"))
    if reason:
        return None, reason
    return {
        "id": name,
        "aisle": aisle,
        "zone": int(zone),
        "oneway": properties.get("oneway", False),
        "blocked": properties.get("blocked", False),
        "points_mm": points,
    }, None


def _line_mm(coordinates):
    if not isinstance(coordinates, list) or not 2 <= len(coordinates) <= 1000:
        return None, "coordinates are not 2 to 1000 points"
    points = []
    for point in coordinates:
        if not isinstance(point, list) or not 2 <= len(point) <= 3:
            return None, "a point is not [x, y]"
        for value in point[:2]:
            number = isinstance(value, (int, float)) and not isinstance(value, bool)
            # written so that a NaN fails the comparison too
            if not number or not -1000 <= value <= 1000:
                return None, "a coordinate is not a number from -1000 to 1000 m"
            points.append(round(value * 1000))
    return points, None
