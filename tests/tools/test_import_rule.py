"""The import rule: protocols <- nothing; firmware <- protocols; gateway, ar_picking <- protocols,
firmware; tools <- all. gateway and ar_picking do not know each other."""

import ast
import os
import subprocess
import sys
from pathlib import Path

import pytest

from tools.parts.place import ROOT

OURS = ("protocols", "firmware", "gateway", "ar_picking", "tools", "tests")
ALLOWED = {
    "protocols": {"protocols"},
    "firmware": {"firmware", "protocols"},
    "gateway": {"gateway", "firmware", "protocols"},
    "ar_picking": {"ar_picking", "firmware", "protocols"},
    "tools": {"tools", "gateway", "ar_picking", "firmware", "protocols"},
}
# Inside firmware: the roles are pure, and hardware appears in boards alone.
PURE_ROLES = ("rider", "picker", "door")
HARDWARE = {"machine", "network", "bluetooth", "esp32", "socket", "ffi", "uctypes", "vfs", "serial"}
# The shared code's own standard library: what MicroPython has too.
ON_BOARD = {
    *("sys", "math", "struct", "array", "binascii", "json", "gc", "micropython", "zlib", "errno"),
    "heapq",
}

# A cipher takes the interpreter's own machine code for it where there is some: here and nowhere else.
ENGINES = {
    "protocols/aes.py": {"cryptolib", "cryptography"},
    "protocols/sm4.py": {"cryptography"},
    "protocols/sm3.py": {"hashlib"},
    "firmware/boot.py": {"hashlib", "machine", "vfs"},  # runs before there is a board to ask
}


def imports_of(path: Path) -> list[tuple[str, int]]:
    """Every module that a file imports, anywhere in it, with the line."""
    found = []
    for node in ast.walk(ast.parse(path.read_text(encoding="utf-8"))):
        if isinstance(node, ast.Import):
            found += [(alias.name, node.lineno) for alias in node.names]
        elif isinstance(node, ast.ImportFrom):
            assert node.level == 0, f"{path}:{node.lineno}: relative import; name the package"
            found.append((node.module or "", node.lineno))
    return found


def violations(root: Path) -> list[str]:
    """Every import under `root` that the rule forbids, as 'file:line imports module'."""
    bad = []
    for package, allowed in ALLOWED.items():
        for path in sorted((root / package).rglob("*.py")):
            where = path.relative_to(root)
            for module, line in imports_of(path):
                top = module.split(".")[0]
                if top in OURS and top not in allowed:
                    bad.append(f"{where}:{line} imports {module}")
                elif package in ("protocols", "firmware"):
                    bad += _on_board(where, module, line)
    return bad


def _on_board(where: Path, module: str, line: int) -> list[str]:
    top, parts = module.split(".", maxsplit=1)[0], where.parts
    if parts[0] == "firmware" and parts[1] == "boards":
        return []
    if top in ENGINES.get(where.as_posix(), ()):
        return []
    bad = []
    if top in HARDWARE or (top not in OURS and top not in ON_BOARD):
        bad.append(f"{where}:{line} imports {module}")
    if parts[0] == "firmware" and parts[1] in PURE_ROLES:
        names = module.split(".")
        if names[0] == "firmware" and names[1:2] not in ([parts[1]], []):
            bad.append(f"{where}:{line} imports {module}: a role knows no system and no boards")
    return bad


def test_the_rule_is_kept():
    assert violations(ROOT) == []


@pytest.mark.parametrize(
    ("where", "line"),
    [
        ("protocols/extra.py", "import firmware.main"),
        ("protocols/ccm.py", "import cryptography"),
        ("protocols/extra.py", "import socket"),
        ("protocols/extra.py", "from typing import Any"),
        ("firmware/rider/extra.py", "from firmware.system import mqtt"),
        ("firmware/rider/extra.py", "from firmware.boards.unix import UnixBoard"),
        ("firmware/system/extra.py", "import machine"),
        ("firmware/system/extra.py", "import gateway"),
        ("gateway/extra.py", "import ar_picking.store"),
        ("gateway/extra.py", "from tools import errors"),
        ("ar_picking/extra.py", "import gateway.feed"),
        ("tools/extra.py", "import tests.shared"),
    ],
)
def test_a_forbidden_import_is_found(tmp_path, where, line):
    path = tmp_path / where
    path.parent.mkdir(parents=True)
    path.write_text(f"def later():\n    {line}\n")
    found = violations(tmp_path)
    assert len(found) == 1 and found[0].startswith(f"{where}:2 imports"), found


def test_the_five_packages_share_one_parent_and_a_stray_one_is_told(tmp_path):
    stray = tmp_path / "protocols"
    stray.mkdir()
    for path in (ROOT / "protocols").glob("*.py"):
        (stray / path.name).write_text(path.read_text())
    for package in ("gateway", "ar_picking", "tools"):
        done = subprocess.run(
            [sys.executable, "-c", f"import {package}"],
            cwd=tmp_path,
            env={**os.environ, "PYTHONPATH": f"{tmp_path}:{ROOT}"},
            capture_output=True,
            text=True,
        )
        assert "different folders" in done.stderr, package


def test_only_tests_import_tools_and_no_test_folder_is_a_package():
    assert list((ROOT / "tests").rglob("__init__.py")) == []
