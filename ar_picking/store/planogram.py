"""A planogram as a plain sheet: which goods lie in which aisle, bay and level, one row a bin.

What such a sheet says is taken as it is; `rectangle` puts it on a floor by rule, and says which rules.
Headers may be English or Chinese, in the words that retail sheets use; separators and encodings as
everywhere (`sheets`).
"""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path

from ar_picking.errors import StoreError
from ar_picking.store import regular_file, sheets
from protocols import storemap

MAX_BYTES = 20_000_000
MAX_BINS = 5000
_MAX_LEVEL = 12

# as protocols.storemap's: column, key, kind, low, high, must be there, Chinese header
_COLUMNS = (
    ("aisle", "aisle", "id", 1, 12, True, "巷道"),
    ("bay", "bay", "int", 0, 9999, True, "货架"),
    ("level", "level", "int", 1, _MAX_LEVEL, True, "层"),
    ("sku", "sku", "text", 0, 32, True, "商品编码"),
    ("name", "name", "text", 0, 64, True, "品名"),
    ("side", "side", "id", 1, 8, False, "侧"),
    ("bin_id", "bin", "id", 1, 24, False, "货位"),
    ("barcode", "barcode", "text", 0, 32, False, "条码"),
    ("temp_zone", "zone", "zone", 0, 2, False, "温区"),
    ("max_qty", "max_qty", "int", 0, 99999, False, "最大数量"),
)
_ALSO = {
    "aisle": ("通道", "排", "巷道号"),
    "bay": ("货架号", "架号", "组", "组号"),
    "level": ("层号", "层板", "层数"),
    "sku": ("货号", "商品编号", "商品代码", "编码"),
    "name": ("商品名称", "名称", "商品", "product", "article"),
    "side": ("面", "左右"),
    "bin_id": ("货位号", "库位", "bin", "location"),
    "barcode": ("条形码", "国际条码", "ean"),
    "temp_zone": ("温层", "温度带"),
    "max_qty": ("容量", "最大陈列量"),
}
_SIDES = {
    "l": "L",
    "left": "L",
    "左": "L",
    "左侧": "L",
    "r": "R",
    "right": "R",
    "右": "R",
    "右侧": "R",
}


@dataclass(frozen=True, slots=True)
class Slot:
    """One bin of a planogram; bin is "" when the sheet has no names, zone 0 when it has none."""

    aisle: str
    side: str
    bay: int
    level: int
    sku: str
    name: str
    bin: str
    barcode: str
    zone: int
    max_qty: int


@dataclass(frozen=True, slots=True)
class Planogram:
    """The bins of a sheet in its sequence, and what had to be assumed."""

    slots: list[Slot]
    assumed: list[str]


def read(path: Path) -> Planogram:
    """Read a sheet. StoreError with the first thing wrong, and how many more there are."""
    findings: list[str] = []
    try:
        data = regular_file.read(path, MAX_BYTES)
    except OSError as fault:
        raise StoreError(f"{path}: {fault.strerror or fault}") from fault
    found = _read(path, data, findings)
    if found is None or findings:
        more = f" (and {len(findings) - 1} more like it)" if findings[1:] else ""
        raise StoreError(findings[0] + more)
    return found


def _read(path: Path, data: bytes, findings: list[str]) -> Planogram | None:
    known = {c[0]: c[0] for c in _COLUMNS} | {c[6]: c[0] for c in _COLUMNS}
    known |= {also: column for column, words in _ALSO.items() for also in words}
    sheet = sheets.read(path, data, known, findings)
    if sheet is None:
        return None
    header = [_canonical(cell, known) for cell in sheet.header]
    table = [column for column in _COLUMNS if column[5] or column[0] in header]
    at, reason = storemap.columns(header, table)
    if at is None:
        findings.append(
            f"{path} line 1: {reason}; a planogram has aisle, bay, level, sku, name "
            "(巷道, 货架, 层, 商品编码, 品名)"
        )
        return None
    slots = []
    for line, row in sheet.rows:
        record, reason = storemap.record(row, at, table)
        if record is None:
            findings.append(f"{path} line {line}: {reason}")
        else:
            slot, wrong = _slot(record)
            if slot is None:
                findings.append(f"{path} line {line}: {wrong}")
            else:
                slots.append(slot)
        if len(findings) >= 50:
            return None
    if not slots and not findings:
        findings.append(f"{path}: no rows under the header")
    if len(slots) > MAX_BINS:
        findings.append(f"{path}: {len(slots)} rows; a store has at most {MAX_BINS} bins here")
    assumed = [sheet.note] if sheet.note else []
    if "side" not in header:
        assumed.append("odd bays stand on the left of their aisle, even ones on the right")
    if "temp_zone" not in header:
        assumed.append("everything is ambient: the sheet has no temp_zone (温区)")
    return Planogram(slots, assumed)


def _canonical(cell: str, known: dict[str, str]) -> str:
    word = cell.strip().lstrip("\ufeff").lower()
    return known.get(word, word)


def _slot(record: dict[str, object]) -> tuple[Slot | None, str]:
    bay = int(str(record["bay"]))
    side = "L" if bay % 2 else "R"
    if "side" in record:
        word = str(record["side"]).lower()
        if word not in _SIDES:
            return None, f"side '{word}' is not L or R (左 or 右)"
        side = _SIDES[word]
    return Slot(
        aisle=str(record["aisle"]),
        side=side,
        bay=bay,
        level=int(str(record["level"])),
        sku=str(record["sku"]),
        name=str(record["name"]),
        bin=str(record.get("bin", "")),
        barcode=str(record.get("barcode", "")),
        zone=int(str(record.get("zone", 0))),
        max_qty=int(str(record.get("max_qty", 0))),
    ), ""
