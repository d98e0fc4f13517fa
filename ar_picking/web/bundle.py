"""The Python that runs in the tablet's page: one JSON object of the modules that the start module needs.

Found by reading the imports, not by importing: what a board imports lazily counts too. Only code of
the MicroPython subset goes along (protocols, firmware, ar_picking.guide), and of the boards only the
page's own; anything else among the imports is a mistake, and is said with the way that leads there.
"""

from __future__ import annotations

import ast
import json
from pathlib import Path

from ar_picking.errors import PickingError

ROOT = Path(__file__).resolve().parents[2]
START = "ar_picking.guide.page"
BOARD = "firmware.boards.page"
_OURS = ("protocols", "firmware", "ar_picking")
# It looks where it was imported from, which is for a machine with an installation.
_EMPTY = ("ar_picking",)


def sources(start: str = START, root: Path = ROOT) -> dict[str, str]:
    """{path: source} of a module and all that it imports, paths as in the checkout.

    PickingError when the module is not there, or when it leads to one that no page can run.
    """
    found: dict[str, str] = {}
    todo = [(start, start)]
    seen = {start}
    if _file(start, root) is None:
        raise PickingError(f"module {start} is not there: this installation has no tablet page")
    while todo:
        name, way = todo.pop()
        path = _file(name, root)
        if path is None:
            continue  # a name in a module, or one of the interpreter's own
        _check(name, way)
        text = "" if name in _EMPTY else path.read_text(encoding="utf-8")
        found[path.relative_to(root).as_posix()] = text
        for each in _imports(ast.parse(text), name, path.name == "__init__.py"):
            if each not in seen:
                seen.add(each)
                todo.append((each, f"{way} > {each}"))
    return dict(sorted(found.items()))


def pack(start: str = START, root: Path = ROOT) -> bytes:
    """The same as JSON text, UTF-8: what the page gets as /code.json."""
    return json.dumps(sources(start, root), ensure_ascii=False, separators=(",", ":")).encode()


def _check(name: str, way: str) -> None:
    is_guide = name in ("ar_picking", "ar_picking.guide") or name.startswith("ar_picking.guide.")
    if name.startswith("ar_picking") and not is_guide:
        raise PickingError(f"a page cannot run {name}, which is imported: {way}")
    if name.startswith("firmware.boards.") and BOARD not in way.split(" > "):
        raise PickingError(f"{name} is another board's, and is imported: {way}")


def _file(name: str, root: Path) -> Path | None:
    if name.partition(".")[0] not in _OURS:
        return None
    base = root.joinpath(*name.split("."))
    for path in (base.with_name(base.name + ".py"), base / "__init__.py"):
        if path.is_file():
            return path
    return None


def _imports(tree: ast.Module, name: str, is_package: bool) -> list[str]:
    """Every module that a module may import, with the packages they lie in; some are names only."""
    package = name if is_package else name.rpartition(".")[0]
    out: list[str] = []
    for node in ast.walk(tree):
        if isinstance(node, ast.Import):
            out += [alias.name for alias in node.names]
        elif isinstance(node, ast.ImportFrom):
            base = node.module or ""
            if node.level:
                above = package.split(".")[: len(package.split(".")) - node.level + 1]
                base = ".".join([*above, base] if base else above)
            out += [base, *(f"{base}.{alias.name}" for alias in node.names)]
    out.append(package)
    return [".".join(each.split(".")[: i + 1]) for each in out for i in range(each.count(".") + 1)]
