"""What the tool brings along: the parts of the firmware that fill slots, as one program for the prompt.

The board may have no firmware yet, or another version's: so the slots are always filled by this
version's own boot.py, rom.py and slots.py, sent as text without imports of each other.
"""

import ast
from pathlib import Path

from tools.parts.place import ROOT

_FILES = ("firmware/boot.py", "firmware/boards/rom.py", "firmware/system/slots.py")
_SERVICE = ROOT / "tools" / "board" / "on_board.py"


def program() -> str:
    """Return the program; running it defines Rom, Slots and what tools/board/on_board.py offers."""
    return "\n".join(_stripped(ROOT / name) for name in _FILES) + "\n" + _stripped(_SERVICE)


def _stripped(path: Path) -> str:
    tree = ast.parse(path.read_text(encoding="utf-8"))
    kept = [node for node in tree.body if not (_is_ours(node) or _is_start(node))]
    for node in ast.walk(tree):
        if isinstance(node, ast.FunctionDef):
            # The board would carry annotations and docstrings in its heap.
            node.returns = None
            for argument in node.args.args:
                argument.annotation = None
        if isinstance(node, (ast.FunctionDef, ast.ClassDef, ast.Module)) and ast.get_docstring(
            node
        ):
            node.body = node.body[1:] or [ast.Pass()]
    kept = [node for node in kept if node in tree.body]
    return ast.unparse(ast.Module(body=kept, type_ignores=[]))


def _is_ours(node: ast.stmt) -> bool:
    return isinstance(node, ast.ImportFrom) and (node.module or "").startswith("firmware.")


def _is_start(node: ast.stmt) -> bool:
    return isinstance(node, ast.If) and "__name__" in ast.unparse(node.test)
