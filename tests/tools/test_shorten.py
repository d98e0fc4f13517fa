"""Shortened names change nothing of what a program does; what cannot be followed is refused."""

import re
import shutil
import subprocess
import sys

import pytest

from tools import shorten
from tools.errors import ToolError
from tools.image import device_files
from tools.parts import require
from tools.parts.place import ROOT

SHARED = ROOT / "tests" / "shared"


def tree(folder, monkeypatch, files):
    """Write {name: text} into a folder that stands for the checkout."""
    monkeypatch.setattr(shorten, "ROOT", folder)
    for name, text in files.items():
        (folder / name).write_text(text)
    return [folder / name for name in files]


def said(folder, *command):
    done = subprocess.run([*command, "main.py"], capture_output=True, text=True, cwd=folder)
    return done.stdout + done.stderr


@pytest.mark.parametrize(
    "files",
    [
        {  # names of a module below if, else, try, with, for, which parameters have, too
            "one.py": "import sys\n"
            "if sys:\n    def size(n):\n        return n\nelse:\n    wide = 1\n"
            "try:\n    high = 2\n    import nothing\nexcept ImportError as why:\n    deep = 3\n"
            "finally:\n    last = 4\n"
            "for turn in (5,):\n    if turn:\n        inner = turn\n"
            "while True:\n    loop = 6\n    break\n"
            "with open(__file__) as source:\n    pass\n"
            "def f(size, high, deep, last, inner, loop, source):\n"
            "    return size + high + deep + last + inner + loop + source\n",
            "main.py": "import one\n"
            "print(one.size(1), one.high, one.deep, one.last, one.inner, one.loop)\n"
            "print(one.source is None, one.f(1, 2, 3, 4, 5, 6, 7))\n",
        },
        {  # a walrus at module level, a sum
            "one.py": "total = 0\ntotal += 1\nif (extent := 5):\n    pass\n"
            "def f(extent, total):\n    return extent + total\n",
            "main.py": "import one\nprint(one.extent, one.total, one.f(2, 3))\n",
        },
        {  # an attribute on the next line, behind a comment, too
            "main.py": "class A:\n    def __init__(self, size):\n        self.size = size\n"
            "    def f(self, size):\n"
            "        return (self.\n            size) + (self.  # its\n            # own\n"
            "            size) + size\n"
            "print(A(1).f(2))\n"
        },
        {  # a base class of another file, also one under another name and one of two
            "one.py": "class Base:\n    def __init__(self):\n        self._zeta = 1\n"
            "    def base(self):\n        return self._zeta\n",
            "two.py": "class Other:\n    def __init__(self):\n        self._yota = 3\n"
            "    def other(self):\n        return self._yota\n",
            "main.py": "if True:\n    from one import Base as Ground\n"
            "else:\n    from two import Other as Ground\n"
            "class Sub(Ground):\n    def __init__(self):\n        super().__init__()\n"
            "        self._alpha = 2\n    def show(self):\n        return self._alpha, self.base()\n"
            "print(Sub().show())\n",
        },
        {  # a private name that a format asks for
            "main.py": "class P:\n    def __init__(self):\n        self._deep = 3\n"
            "print('{0._deep} {a._deep:>{w}}'.format(P(), a=P(), w=4))\n"
        },
        {
            "main.py": "class A:\n    def f(self, size):\n        return f'plain', size\n"
            "print(A().f(2))\n"
        },
    ],
)
def test_a_shortened_program_does_the_same(tmp_path, monkeypatch, files):
    paths = tree(tmp_path, monkeypatch, files)
    commands = [sys.executable, "-B"], require("micropython")
    before = [said(tmp_path, *command) for command in commands]
    assert "Error" not in before[0]
    texts = shorten.shorten(paths)
    for path, text in texts.items():
        path.write_text(text)
    assert [said(tmp_path, *command) for command in commands] == before


@pytest.mark.parametrize(
    ("text", "words"),
    [
        ("a = 1\ndef f(count):\n    return f'{count} held'\n", "line 3: names in an f-string"),
        ("a = 1\nb = f'{a=}'\n", "line 2: names in an f-string"),
        ("def f(host):\n    return host\nf(**{'host': 1})\n", r"line 3: a call with \*\*"),
        ("values = {}\ndict(\n    **values\n)\n", r"line 3: a call with \*\*"),
        ("import one\nclass Sub(one.Base):\n    pass\n", "line 2: this base class"),
        (
            "from one import Base\nAlias = Base\nclass Sub(Alias):\n    pass\n",
            "line 3: this base class",
        ),
        ("from one import Alias\nclass Sub(Alias):\n    pass\n", "line 2: base class Alias"),
        ("from one import *\n", "line 1: an import"),
        ("from . import one\n", "line 1: an import"),
    ],
)
def test_what_cannot_be_followed_is_refused(tmp_path, monkeypatch, text, words):
    one = "class Base:\n    pass\nAlias = Base\n"
    paths = tree(tmp_path, monkeypatch, {"one.py": one, "main.py": text})
    with pytest.raises(ToolError, match="^main.py, " + words):
        shorten.shorten(paths)


def is_taken(path):
    """Tell whether shorten() takes a file; of the tests some call with `**`."""
    try:
        shorten.shorten([path])
    except ToolError:
        return False
    return True


def test_the_whole_firmware_does_the_same_under_short_names(tmp_path):
    names = ("test_gnss_sentences", "test_filter", "test_reporter", "test_cold")
    tests = sorted(SHARED.glob("*.py"))
    texts = shorten.shorten(device_files("unix") + [path for path in tests if is_taken(path)])
    assert {SHARED / f"{name}.py" for name in names} <= set(texts)
    (tmp_path / "tests" / "shared").mkdir(parents=True)
    for path in tests:
        shutil.copy(path, tmp_path / path.relative_to(ROOT))
    for path, text in texts.items():
        target = tmp_path / path.relative_to(ROOT)
        target.parent.mkdir(parents=True, exist_ok=True)
        target.write_text(text)
    runner = tmp_path / "tests" / "shared" / "run.py"
    done = subprocess.run(
        [*require("micropython"), "-X", "heapsize=16m", runner, tmp_path, *names],
        capture_output=True,
        text=True,
        timeout=100,
        cwd=tmp_path,
    )
    wanted = sum(
        len(re.findall(r"^def test_", (SHARED / f"{name}.py").read_text(), re.MULTILINE))
        for name in names
    )
    assert done.stdout.splitlines()[-1:] == [f"{wanted} passed, 0 failed"], (
        done.stdout + done.stderr
    )
