"""Runs a script with the tablet page's modules under node, without a browser."""

import json
import subprocess
from typing import Any

from tools.parts import require
from tools.parts.place import ROOT

PAGE = ROOT / "ar_picking" / "web" / "page"
_BEFORE = """
globalThis.HTMLInputElement = class {};
globalThis.HTMLTextAreaElement = class {};
globalThis.document = { documentElement: {} };
const told = [];
let clock = 0;
const say = (...words) => told.push(words);
const pause = (ms) => new Promise((done) => setTimeout(done, ms));
"""


def run(script: str) -> Any:
    """What a module script that has `told`, `clock`, `say` and `pause` leaves in `told`.

    PAGE in it is the folder of the page's modules, as an address.
    """
    text = _BEFORE + script.replace("PAGE", PAGE.as_uri())
    text += "\nprocess.stdout.write(JSON.stringify(told), () => process.exit(0));"
    done = subprocess.run(
        [*require("node"), "--input-type=module", "-e", text],
        capture_output=True,
        text=True,
        timeout=30,
    )
    assert done.returncode == 0, done.stderr
    return json.loads(done.stdout)
