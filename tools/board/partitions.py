"""Partition tables: read, checked, told. They cannot change in the field, so they are checked here."""

import csv
from dataclasses import dataclass
from pathlib import Path

from tools.errors import ToolError
from tools.parts.place import ROOT

KIB = 1024
_APP_ALIGN = 64 * KIB
_BLOCK = 4 * KIB
_FIRST = 0x9000  # behind the boot loader and the table itself
TABLES = {
    8: ROOT / "firmware" / "boards" / "esp32s3_partitions.csv",
    16: ROOT / "firmware" / "boards" / "esp32s3_partitions_16mb.csv",
}
# Without one of these a board could not be updated, or would lose records.
NEEDED = ("nvs", "otadata", "ota_0", "ota_1", "romfs", "evidence", "track", "state", "vfs")


@dataclass(frozen=True, slots=True)
class Partition:
    """One line of a table; offset and size in bytes."""

    name: str
    type: str
    subtype: str
    offset: int
    size: int


def read(path: Path) -> list[Partition]:
    """Return the partitions of an ESP-IDF CSV table; ToolError for a line that is none."""
    found = []
    with path.open(newline="") as file:
        for number, row in enumerate(csv.reader(file), 1):
            if not row or row[0].lstrip().startswith("#"):
                continue
            words = [word.strip() for word in row]
            try:
                place = _number(words[3]), _number(words[4])
                found.append(Partition(words[0], words[1], words[2], *place))
            except (IndexError, ValueError):
                raise ToolError(f"{path.name}, line {number} is no partition: {row}") from None
    return found


def _number(text: str) -> int:
    scale = {"K": KIB, "M": KIB * KIB}.get(text[-1:].upper(), 1)
    return int(text[:-1] if scale > 1 else text, 0) * scale


def faults(table: list[Partition], flash_bytes: int) -> list[str]:
    """Return what is wrong with a table for a flash of `flash_bytes`, in words; [] for nothing."""
    told = [f"'{name}' is missing" for name in NEEDED if name not in {each.name for each in table}]
    end, before = _FIRST, "the table"
    for each in sorted(table, key=lambda part: part.offset):
        if each.offset < end:
            told.append(f"'{each.name}' begins inside '{before}'")
        align = _APP_ALIGN if each.type == "app" else _BLOCK
        if each.offset % align or each.size % _BLOCK:
            told.append(f"'{each.name}' does not lie on a multiple of {align} bytes")
        end, before = each.offset + each.size, each.name
    if end > flash_bytes:
        told.append(f"'{before}' ends at {end}, the flash at {flash_bytes}")
    sizes = {each.name: each.size for each in table}
    if sizes.get("ota_0") != sizes.get("ota_1"):
        told.append("'ota_0' and 'ota_1' differ in size")
    return told
