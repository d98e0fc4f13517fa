"""Names of device code made short for the image: `self._window_pid` becomes `self._m`.

MicroPython keeps every name of the running firmware in one table, which it doubles in one piece. A
rider's board has some 1,700 of them; 600 are private to one file, others are only parameters, which are
kept for calls by keyword. When the files share some fifty short ones instead, the table stays a size
smaller: 9 kB of a 32-bit board's heap, 14 kB on 64 bit.

Touched are names with one leading underscore and a lower-case letter, and parameters that nobody calls
by keyword, token by token: lines stay where they are, and a traceback points at the right one. Files
that look into each other's private names (a class and its base, a function at its own class's other
objects) get them shortened alike.

What cannot be followed in the text is refused, with its file and line: a field in an f-string, a call
with `**`, an import of `*` or from `.`, a base class that is not imported by its name from its file.
"""

import ast
import builtins
import io
import re
import tokenize
from collections.abc import Iterator
from itertools import pairwise
from pathlib import Path

from tools.errors import ToolError
from tools.parts.place import ROOT

_PRIVATE = re.compile(r"_[a-z][a-z0-9_]*")
_FIELD = re.compile(r"\{[^{}]*?\.(_[a-z][a-z0-9_]*)")  # '{0._count}', of str.format()
_BUILTINS = frozenset(dir(builtins)) | {"const", "ptr8", "ptr16", "ptr32"}
_LETTERS = "abcdefghijklmnopqrstuvwxyz"


def shorten(sources: list[Path]) -> dict[Path, str]:
    """Return the text of every source, shortened; those with machine code (`*_viper`) as they are.

    ToolError names file and line of what cannot be shortened without changing what it does.
    """
    texts = {path: path.read_text(encoding="utf-8") for path in sources}
    kept = _kept({path: text for path, text in texts.items() if path.stem.endswith("_viper")})
    files = {path: _File(path, text) for path, text in texts.items() if path not in kept[1]}
    spoken = kept[0].union(*(file.spoken for file in files.values()))
    called = set().union(*(file.keywords for file in files.values()))
    _check_bases(list(files.values()))
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
            else:
                yield from _assigned(inner)


def _statements(body: list[ast.stmt]) -> Iterator[ast.stmt]:
    """Yield the statements of a body and of the blocks in it, not those of functions and classes."""
    for inner in body:
        yield inner
        if not isinstance(inner, (ast.FunctionDef, ast.ClassDef)):
            for name in ("body", "orelse", "handlers", "finalbody"):
                for block in getattr(inner, name, []):
                    if isinstance(block, ast.ExceptHandler):
                        yield from _statements(block.body)
                    else:
                        yield from _statements([block])


def _assigned(statement: ast.stmt) -> Iterator[str]:
    """Yield the names in a statement that it may bind, not those in the blocks below it."""
    parts: list[ast.AST] = [statement]
    while parts:
        part = parts.pop()
        if isinstance(part, ast.Name):
            yield part.id
        elif isinstance(part, ast.ExceptHandler):
            if part.name:
                yield part.name
            continue
        parts += (each for each in ast.iter_child_nodes(part) if not isinstance(each, ast.stmt))


class _File:
    """One source: its names, those private to it, and whose private names it touches."""

    def __init__(self, path: Path, text: str):
        self.path = path
        self.text = text
        self.tokens = list(tokenize.generate_tokens(io.StringIO(text).readline))
        self.names = {token.string for token in self.tokens if token.type == tokenize.NAME}
        self.private = {name for name in self.names if _PRIVATE.fullmatch(name)}
        # Asked for by a string (getattr, format): such a name keeps its spelling everywhere.
        texts = [token.string for token in self.tokens if token.type == tokenize.STRING]
        self.spoken = {text[1:-1] for text in texts if _PRIVATE.fullmatch(text[1:-1])}
        self.spoken.update(name for text in texts for name in _FIELD.findall(text))
        self.foreign: set[str] = set()
        self.bases: set[str] = set()
        tree = _parsed(text)
        nodes = list(ast.walk(tree))
        self._check(nodes)
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
        # What a name of this file may be elsewhere: (module, its name there).
        imported: dict[str, list[tuple[str, str]]] = {}
        for node in nodes:
            if isinstance(node, ast.ImportFrom) and node.module:
                for alias in node.names:
                    origin = (node.module, alias.name)
                    imported.setdefault(alias.asname or alias.name, []).append(origin)
                    if _PRIVATE.fullmatch(alias.name):
                        self.bases.add(node.module)
            elif (
                isinstance(node, ast.Attribute)
                and _PRIVATE.fullmatch(node.attr)
                and not (isinstance(node.value, ast.Name) and node.value.id in ("self", "cls"))
            ):
                self.foreign.add(node.attr)
        stored = {
            node.id
            for node in nodes
            if isinstance(node, ast.Name) and isinstance(node.ctx, ast.Store)
        }
        self.classes = {node.name for node in nodes if isinstance(node, ast.ClassDef)} - stored
        # Bases of other files: (line, module, name there).
        self.imported_bases: list[tuple[int, str, str]] = []
        for node in nodes:
            for base in node.bases if isinstance(node, ast.ClassDef) else ():
                name = base.id if isinstance(base, ast.Name) else ""
                known = self.classes | set(imported) | _BUILTINS
                if name not in known or name in stored:
                    raise self._refused(
                        base, "this base class is an alias or an attribute; import it by its name"
                    )
                for module, there in imported.get(name, ()):
                    self.bases.add(module)
                    self.imported_bases.append((base.lineno, module, there))

    def _check(self, nodes: list[ast.AST]) -> None:
        """Raise ToolError at what names cannot be followed through."""
        for node in nodes:
            if isinstance(node, ast.JoinedStr) and any(
                isinstance(each, ast.FormattedValue) for each in node.values
            ):
                raise self._refused(node, "names in an f-string stay as they are; use str.format()")
            if isinstance(node, ast.keyword) and node.arg is None:
                raise self._refused(node.value, "a call with ** hides its keywords; write them out")
            if isinstance(node, ast.ImportFrom) and (node.level or node.names[0].name == "*"):
                raise self._refused(
                    node, "an import of * or from '.' hides names; write them out in full"
                )

    def _refused(self, node: ast.expr | ast.stmt, why: str) -> ToolError:
        return ToolError(f"{self.path.relative_to(ROOT)}, line {node.lineno}: {why}")

    @property
    def module(self) -> str:
        """The import name."""
        return ".".join(self.path.relative_to(ROOT).with_suffix("").parts)

    def renamed(self, members: dict[str, str], local: dict[str, str]) -> str:
        """Return the text with short names: `members` everywhere, `local` where no dot precedes."""
        lines = self.text.split("\n")
        # A line may end behind a dot: what counts is the last token that means something.
        meant = [
            token for token in self.tokens if token.type not in (tokenize.NL, tokenize.COMMENT)
        ]
        for before, token in reversed(list(pairwise(meant))):
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


def _check_bases(files: list[_File]) -> None:
    """Raise ToolError at a base class that the file it is imported from has from elsewhere."""
    by_module = {file.module: file for file in files}
    for file in files:
        for line, module, name in file.imported_bases:
            owner = by_module.get(module)
            if owner is not None and name not in owner.classes:
                raise ToolError(
                    f"{file.path.relative_to(ROOT)}, line {line}: base class {name} is not "
                    f"defined in {module}; import it from where it is"
                )


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
