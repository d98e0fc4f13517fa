"""Sheets as people save them: CSV from Excel, WPS or by hand, read into rows of cells, and written.

UTF-8 with or without a byte order mark, UTF-16 with one ("Unicode text"), and GB18030 (GB 18030-2005;
a plain "CSV" of a Chinese Excel or WPS) where the header proves it. Commas, semicolons or tabs. A cell
is always a text: `=cmd` is four characters here, and is written so that a spreadsheet takes it for
text too (OWASP, CSV Injection). Every fault is a sentence that names the file, the line and what to do.
"""

from __future__ import annotations

import csv
import io
import re
from collections.abc import Iterable
from dataclasses import dataclass
from pathlib import Path
from typing import Any

MAX_ROWS = 50_000
_MAX_CELLS = 2_000_000
_SEPARATORS = ",;\t"
_ACTIVE = ("=", "+", "-", "@")  # a spreadsheet may run a cell that begins with one of these
_SAVE = "save the sheet as 'CSV UTF-8' (Excel, WPS: 另存为 > CSV UTF-8)"
_DECIMAL_COMMA = re.compile(r"[+-]?[0-9]+[,，][0-9]+")
_NUMBER = re.compile(r"[+-]?[0-9]*\.?[0-9]*")


@dataclass(slots=True)
class Sheet:
    """A header and its rows (line number, cells); `note` says what was unusual, or is empty."""

    header: list[str]
    rows: list[tuple[int, list[str]]]
    note: str


def read(path: Path, data: bytes, known: Iterable[str], findings: list[str]) -> Sheet | None:
    """The sheet in `data`; None with a sentence in `findings` when it cannot be read.

    known: column names in lower case, English and Chinese; the separator and GB18030 are told by
    them. Rows that are wrong in themselves are left out, with a sentence each (at most 50).
    """
    names = set(known)
    text, note = _text(path, data, names, findings)
    if text is None:
        return None
    first, _, rest = text.partition("\n")
    skipped = 0
    if re.fullmatch(r"sep=[,;\t]\r?", first):  # a line Excel writes and reads
        text, skipped = rest, 1
        first = rest.partition("\n")[0]
    separator = max(_SEPARATORS, key=lambda s: len(names & set(_names(first.split(s)))))
    if text.count(separator) > _MAX_CELLS:
        findings.append(f"{path}: more than {_MAX_CELLS:,} cells; a store's sheet is smaller")
        return None
    return _rows(path, text, separator, skipped, note, findings)


def _rows(
    path: Path, text: str, separator: str, skipped: int, note: str, findings: list[str]
) -> Sheet | None:
    reader = csv.reader(io.StringIO(text, newline=""), delimiter=separator)
    sheet = Sheet([], [], note)
    try:
        sheet.header = next(reader, [])
        for row in reader:
            line = reader.line_num + skipped
            if not any(cell.strip() for cell in row):
                continue
            if any(cell.strip() for cell in row[len(sheet.header) :]):
                findings.append(
                    f"{path} line {line}: more cells than the header has columns; a number with a "
                    "decimal comma is written with a point (0.50), a text with a comma in quotes"
                )
            elif len(sheet.rows) >= MAX_ROWS:
                findings.append(f"{path}: more than {MAX_ROWS:,} rows")
                break
            else:
                sheet.rows.append((line, [_unquoted(cell) for cell in row]))
            if len(findings) >= 50:
                break
    except csv.Error as fault:
        findings.append(f"{path} line {reader.line_num + skipped}: {fault}; is a quote left open?")
    return sheet


def decimal_comma(cell: str) -> bool:
    """True for a number with a comma where the point belongs."""
    return _DECIMAL_COMMA.fullmatch(cell.strip()) is not None


def write(columns: Iterable[str], rows: Iterable[dict[str, Any]]) -> bytes:
    """Rows as CSV that Excel and WPS open with the right characters: a byte order mark and CRLF."""
    text = io.StringIO()
    writer = csv.DictWriter(text, list(columns), restval="")
    writer.writeheader()
    writer.writerows({key: _quoted(value) for key, value in row.items()} for row in rows)
    return b"\xef\xbb\xbf" + text.getvalue().encode("utf-8", "replace")


def write_cells(rows: Iterable[list[str]]) -> bytes:
    """The same for rows of cells, the header first; cells as `read` gives them."""
    text = io.StringIO()
    csv.writer(text).writerows([_quoted(cell) for cell in row] for row in rows)
    return b"\xef\xbb\xbf" + text.getvalue().encode("utf-8", "replace")


def _quoted(value: Any) -> Any:
    if isinstance(value, str) and value.startswith(_ACTIVE) and not _NUMBER.fullmatch(value):
        return "'" + value
    return value


def _unquoted(cell: str) -> str:
    text = cell.strip()
    return text[1:] if text[:1] == "'" and text[1:].startswith(_ACTIVE) else text


def _names(cells: list[str]) -> list[str]:
    return [cell.strip().strip('"').lstrip("\ufeff").lower() for cell in cells]


def _text(path: Path, data: bytes, names: set[str], findings: list[str]) -> tuple[str | None, str]:
    if data.startswith((b"PK\x03\x04", b"\xd0\xcf\x11\xe0")):
        findings.append(f"{path}: a workbook, not CSV; open it and {_SAVE}")
        return None, ""
    if data.startswith((b"\xff\xfe", b"\xfe\xff")):
        try:
            return data.decode("utf-16"), ""
        except UnicodeDecodeError:
            findings.append(f"{path}: broken UTF-16; {_SAVE}")
            return None, ""
    if b"\0" in data:
        line = data[: data.index(b"\0")].count(b"\n") + 1
        findings.append(f"{path} line {line}: not text; {_SAVE}")
        return None, ""
    try:
        return data.decode("utf-8-sig"), ""
    except UnicodeDecodeError as fault:
        line = data[: fault.start].count(b"\n") + 1
    # Most bytes are some GB18030; only a header that then reads as ours proves that they are meant so.
    try:
        text = data.decode("gb18030")
        header = _names(re.split("[,;\t]", text.partition("\n")[0].rstrip("\r")))
        if any(name in names and not name.isascii() for name in header):
            return text, f"{path.name} is GB18030, read by its Chinese header; better {_SAVE}"
    except UnicodeDecodeError:
        pass
    findings.append(f"{path} line {line}: not UTF-8; {_SAVE}")
    return None, ""
