"""What runs in the tablet's page is found by its imports: all of it, nothing else, and it runs."""

import json
import subprocess

import pytest

from ar_picking.errors import PickingError
from ar_picking.web import bundle
from tools.parts import require


def tree(root, files):
    for path, text in files.items():
        (root / path).parent.mkdir(parents=True, exist_ok=True)
        (root / path).write_text(text)
    return root


BASE = {
    "ar_picking/__init__.py": "import os\nraise SystemError('not in a page')\n",
    "ar_picking/guide/__init__.py": "",
    "protocols/__init__.py": "",
    "firmware/__init__.py": "VERSION = '1'\n",
    "firmware/boards/__init__.py": "",
}


def test_every_way_of_importing_is_followed_and_what_is_not_ours_is_left_out(tmp_path):
    root = tree(
        tmp_path,
        BASE
        | {
            "ar_picking/guide/page.py": (
                "import json, js\nfrom ar_picking.guide import words\nfrom . import near\n"
                "def late():\n    import protocols.cbor\n    from firmware.system.ring import Ring\n"
                "if 0:\n    from ..guide.far import x\n"
            ),
            "ar_picking/guide/words.py": "from firmware import VERSION\n",
            "ar_picking/guide/near.py": "import ar_picking.guide.page\n",
            "ar_picking/guide/far.py": "",
            "ar_picking/guide/unused.py": "",
            "protocols/cbor.py": "",
            "firmware/system/__init__.py": "",
            "firmware/system/ring.py": "",
            "json.py": "not ours",
        },
    )
    found = bundle.sources("ar_picking.guide.page", root)
    assert sorted(found) == [
        "ar_picking/__init__.py",
        "ar_picking/guide/__init__.py",
        "ar_picking/guide/far.py",
        "ar_picking/guide/near.py",
        "ar_picking/guide/page.py",
        "ar_picking/guide/words.py",
        "firmware/__init__.py",
        "firmware/system/__init__.py",
        "firmware/system/ring.py",
        "protocols/__init__.py",
        "protocols/cbor.py",
    ]
    assert found["ar_picking/__init__.py"] == "", "what it checks is not in a page"
    assert found["firmware/__init__.py"] == "VERSION = '1'\n"
    assert json.loads(bundle.pack("ar_picking.guide.page", root)) == found


@pytest.mark.parametrize(
    ("page", "why"),
    [
        ("from ar_picking.vision import pose", "cannot run ar_picking.vision"),
        ("import ar_picking.errors", "cannot run ar_picking.errors"),
        ("from firmware.boards import linux", "firmware.boards.linux is another board's"),
    ],
)
def test_what_a_page_cannot_run_is_said_with_the_way_that_leads_there(tmp_path, page, why):
    more = {"ar_picking/guide/page.py": "import ar_picking.guide.between\n"}
    more["ar_picking/guide/between.py"] = page + "\n"
    for name in ("vision/__init__", "vision/pose", "errors"):
        more[f"ar_picking/{name}.py"] = ""
    more["firmware/boards/linux.py"] = ""
    with pytest.raises(PickingError, match=why) as fault:
        bundle.sources("ar_picking.guide.page", tree(tmp_path, BASE | more))
    assert "ar_picking.guide.page > ar_picking.guide.between > " in str(fault.value)


def test_the_pages_own_board_may_use_what_boards_share(tmp_path):
    more = {
        "ar_picking/guide/page.py": "from firmware.boards.page import PageBoard\n",
        "firmware/boards/page.py": "from firmware.boards.flash import Flash\n",
        "firmware/boards/flash.py": "",
    }
    found = bundle.sources("ar_picking.guide.page", tree(tmp_path, BASE | more))
    assert "firmware/boards/flash.py" in found


def test_without_a_page_it_is_said(tmp_path):
    with pytest.raises(PickingError, match="no tablet page"):
        bundle.sources("ar_picking.guide.page", tree(tmp_path, BASE))


def test_the_real_modules_are_all_there_and_run_on_micropython_from_the_bundle_alone(tmp_path):
    starts = ("ar_picking.guide.machine", "firmware.system.device", "firmware.picker.mapfile")
    for start in starts:
        for path, text in bundle.sources(start).items():
            (tmp_path / path).parent.mkdir(parents=True, exist_ok=True)
            (tmp_path / path).write_text(text, encoding="utf-8")
    code = "import sys; sys.path[:] = ['', '.frozen']\n"
    code += "".join(f"import {start}\n" for start in starts) + "print('runs')\n"
    done = subprocess.run(
        [*require("micropython"), "-c", code], cwd=tmp_path, capture_output=True, text=True
    )
    assert (done.stdout, done.stderr) == ("runs\n", "")


def test_the_page_gets_one_board_and_no_code_of_the_rider():
    found = bundle.sources()
    boards = {path for path in found if path.startswith("firmware/boards/")}
    assert "firmware/boards/page.py" in boards and "firmware/boards/linux.py" not in boards
    assert not [path for path in found if path.startswith(("firmware/rider", "ar_picking/vision"))]
    assert found["ar_picking/__init__.py"] == ""
