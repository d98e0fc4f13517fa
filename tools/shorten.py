"""Names of device code made short for the image: `self._window_pid` becomes `self._m`.

MicroPython keeps every name of the running firmware in one table, which it doubles in one piece. A
rider's board has some 1,700 of them; 600 are private to one file, others are only parameters, which are
kept for calls by keyword. When the files share some fifty short ones instead, the table stays a size
smaller: 9 kB of a 32-bit board's heap, 14 kB on 64 bit.

Touched are names with one leading underscore and a lower-case letter, and parameters that nobody calls
by keyword, token by token: lines stay where they are, and a traceback points at the right one. Files
that look into each other's private names (a class and its base, a function at its own class's other
objects) get them shortened alike.
"""

import ast
import builtins
import io
import re
import tokenize
from collections.abc import Iterator
from pathlib import Path

from tools.parts.place import ROOT

_PRIVATE = re.compile(r"_[a-z][a-z0-9_]*")
_BUILTINS = frozenset(dir(builtins)) | {"const", "ptr8", "ptr16", "ptr32"}
_LETTERS = "abcdefghijklmnopqrstuvwxyz"


def shorten(sources: list[Path]) -> dict[Path, str]:
    """Return the text of every source, shortened; those with machine code (`*_viper`) as they are."""
    texts = {path: path.read_text(encoding="utf-8") for path in sources}
    kept = _kept({path: text for path, text in texts.items() if path.stem.endswith("_viper")})
    files = {path: _File(path, text) for path, text in texts.items() if path not in kept[1]}
    spoken = kept[0].union(*(file.spoken for file in files.values()))
    called = set().union(*(file.keywords for file in files.values()))
    result = dict(texts)
    for group in _groups(files):
        taken = set().union(*(file.names for file in group)) | spoken
        shorts = list(_shorts(taken))
        private = sorted(set().union(*(file.private for file in group)) - spoken)
        members = dict(zip(private, shorts, strict=False))
        for file in group:
            parameters = sorted(file.parameters - called - file.bound - file.private - _BUILTINS)
            local = dict(zip(parameters, shorts[len(private) :], strict=False))
            result[file.path] = file.renamed(members, local)
    return result


def _kept(machine: dict[Path, str]) -> tuple[set[str], set[Path]]:
    """Names that machine code uses stay as they are, and so do its files."""
    names = {word for text in machine.values() for word in _PRIVATE.findall(text)}
    return names, set(machine)


def _shorts(taken: set[str]) -> Iterator[str]:
    for first in ("", *_LETTERS):
        for last in _LETTERS:
            if f"_{first}{last}" not in taken:
                yield f"_{first}{last}"


def _parsed(text: str) -> ast.Module:
    """Parse; again when another thread did so at the same time, which CPython 3.11 takes for a fault.

    (cpython #106905: the parser's depth is counted for the whole process.)
    """
    for _ in range(9):
        try:
            return ast.parse(text)
        except SystemError:
            continue
    return ast.parse(text)


def _bound(node: ast.AST) -> Iterator[str]:
    """Yield the names that a module, a class, an import or a `global` binds."""
    if isinstance(node, ast.Global):
        yield from node.names
    elif isinstance(node, (ast.Import, ast.ImportFrom)):
        for alias in node.names:
            yield (alias.asname or alias.name).split(".")[0]
    elif isinstance(node, (ast.Module, ast.ClassDef)):
        for inner in _statements(node.body):
            if isinstance(inner, (ast.FunctionDef, ast.ClassDef)):
                yield inner.name
            elif isinstance(inner, (ast.Assign, ast.AnnAssign, ast.For)):
                yield from (each.id for each in ast.walk(inner) if isinstance(each, ast.Name))


def _statements(body: list[ast.stmt]) -> Iterator[ast.stmt]:
    """Yield the statements of a body and of the blocks in it, not those of functions and classes."""
    for inner in body:
        yield inner
        if not isinstance(inner, (ast.FunctionDef, ast.ClassDef)):
            for name in ("body", "orelse", "handlers", "finalbody"):
                blocks = getattr(inner, name, [])
                for block in blocks:
                    yield from _statements(getattr(block, "body", []) or [block])


class _File:
    """One source: its names, those private to it, and whose private names it touches."""

    def __init__(self, path: Path, text: str):
        self.path = path
        self.text = text
        self.tokens = list(tokenize.generate_tokens(io.StringIO(text).readline))
        self.names = {token.string for token in self.tokens if token.type == tokenize.NAME}
        self.private = {name for name in self.names if _PRIVATE.fullmatch(name)}
        # Asked for by a string (getattr): such a name keeps its spelling everywhere.
        self.spoken = {
            token.string[1:-1]
            for token in self.tokens
            if token.type == tokenize.STRING and _PRIVATE.fullmatch(token.string[1:-1])
        }
        self.foreign: set[str] = set()
        self.bases: set[str] = set()
        tree = _parsed(text)
        nodes = list(ast.walk(tree))
        self.parameters = {node.arg for node in nodes if isinstance(node, ast.arg)} - {
            "self",
            "cls",
        }
        self.keywords = {node.arg or "" for node in nodes if isinstance(node, ast.keyword)}
        # What is a name of the file or of a class, too, means more than a parameter.
        self.bound = {
            name
            for node in nodes
            if isinstance(node, (ast.Module, ast.ClassDef, ast.Import, ast.ImportFrom, ast.Global))
            for name in _bound(node)
        }
        modules: dict[str, str] = {}
        for node in nodes:
            if isinstance(node, ast.ImportFrom) and node.module:
                for alias in node.names:
                    modules[alias.asname or alias.name] = node.module
                    if _PRIVATE.fullmatch(alias.name):
                        self.bases.add(node.module)
            elif (
                isinstance(node, ast.Attribute)
                and _PRIVATE.fullmatch(node.attr)
                and not (isinstance(node.value, ast.Name) and node.value.id in ("self", "cls"))
            ):
                self.foreign.add(node.attr)
        for node in nodes:
            if isinstance(node, ast.ClassDef):
                for base in node.bases:
                    if isinstance(base, ast.Name) and base.id in modules:
                        self.bases.add(modules[base.id])

    @property
    def module(self) -> str:
        """The import name."""
        return ".".join(self.path.relative_to(ROOT).with_suffix("").parts)

    def renamed(self, members: dict[str, str], local: dict[str, str]) -> str:
        """Return the text with short names: `members` everywhere, `local` where no dot precedes."""
        lines = self.text.split("\n")
        for before, token in reversed(list(zip(self.tokens, self.tokens[1:], strict=False))):
            if token.type != tokenize.NAME:
                continue
            word = members.get(token.string)
            if word is None and before.string != ".":
                word = local.get(token.string)
            if word is not None:
                row, start = token.start
                line = lines[row - 1]
                lines[row - 1] = line[:start] + word + line[token.end[1] :]
        return "\n".join(lines)


def _groups(files: dict[Path, _File]) -> list[list[_File]]:
    """Part the files into groups that must agree on their private names."""
    group = {path: {path} for path in files}

    def join(one: Path, other: Path) -> None:
        both = group[one] | group[other]
        for path in both:
            group[path] = both

    by_module = {file.module: path for path, file in files.items()}
    owners: dict[str, list[Path]] = {}
    for path, file in files.items():
        for name in file.private:
            owners.setdefault(name, []).append(path)
    for path, file in files.items():
        for module in file.bases:
            if module in by_module:
                join(path, by_module[module])
        for name in file.foreign:
            for owner in owners[name]:
                join(path, owner)
    unique = {id(paths): paths for paths in group.values()}
    return [[files[path] for path in sorted(paths)] for paths in unique.values()]
