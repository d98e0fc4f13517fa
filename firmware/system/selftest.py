"""The self-test of a board at its prompt: what a person wants to know before it goes out.

Run by `o2o board flash` from the slot it has just filled. It opens what the application opens at its
start, and nothing else: the rings keep their records. Two parts, each for a heap of its own (a soft
reset in between): beside the loaded application there is little room.
"""

import gc
import sys

from firmware import VERSION
from protocols.compat import const

_SERIAL_BYTES = const(256)
_TURN_MS = const(50)


def of_firmware(rom, sha256) -> dict:
    """Return what was found of the slot in use, ready for JSON; `ok` says that it loads.

    rom: an object like firmware.boards.rom.Rom; sha256: that of hashlib. `trial` is the starts so far
    of a slot on trial, -1 for a confirmed one; `heap_free_bytes` is with the application loaded.
    """
    from firmware.system.slots import Slots

    slots = Slots(rom, sha256)
    slot, starts, given_up = slots.active()
    hashes = slots.fault(slot) or "yes"
    del slots
    fault = _loads()
    gc.collect()
    return {
        "firmware": VERSION,
        "slot": slot,
        "trial": starts,
        "given_up": given_up,
        "hashes": hashes,
        "loads": fault or "yes",
        "heap_free_bytes": gc.mem_free() if hasattr(gc, "mem_free") else 0,
        "ok": not fault and hashes == "yes",
    }


def of_board(open_board, path: str, listen_ms: int) -> dict:
    """Return what was found of the hardware and its configuration, ready for JSON.

    open_board(config): the hardware, an object of firmware.boards; path: the configuration's;
    listen_ms: how long to wait for a sentence and an advert. `ok` is False only for rings that cannot
    be opened: a missing configuration or a silent receiver is told, and is no fault of the firmware.
    """
    found = {"config": "yes", "ok": True}
    for name in ("rings", "receiver", "radio"):
        found[name] = "not tried"
    found["config"], config = _config(path)
    if config is not None:
        _hardware(found, open_board, config, listen_ms)
    return found


def _loads():
    """Import the application; returns what is wrong with it, '' for nothing."""
    try:
        import firmware.main  # noqa: F401
    except Exception as fault:
        return "{}: {}".format(type(fault).__name__, fault)
    return ""


def _config(path):
    from firmware.system.config import load
    from firmware.system.errors import ConfigError

    try:
        with open(path):
            pass
    except OSError:
        return "missing: run o2o board provision", None
    try:
        return "yes", load(path)
    except ConfigError as fault:
        return str(fault), None


def _hardware(found, open_board, config, listen_ms):
    from firmware.system.clock import Clock
    from firmware.system.journal import open_journal

    try:
        hardware = open_board(config)
    except Exception as fault:
        found["receiver"] = "{}".format(fault)
        return
    try:
        journal = open_journal(hardware, Clock(hardware.ticks_ms, hardware.ticks_diff), 0)
        found["rings"] = "yes"
        found["held"] = [ring.pending for ring in journal.rings]
        del journal
    except Exception as fault:
        found["rings"] = "{}: {}".format(type(fault).__name__, fault)
        found["ok"] = False
    wiring = config["board"]
    sentences, adverts = _listen(hardware, listen_ms)
    # A desktop has what its wiring names; a board has both built in.
    built_in = sys.platform != "linux"
    found["receiver"] = _heard(sentences, wiring.get("serial", built_in))
    found["sentences"] = sentences
    found["radio"] = _heard(adverts, wiring.get("radio_port", built_in))
    found["adverts"] = adverts


def _heard(count, wired):
    return "yes" if count else "no" if wired else "absent"


def _listen(hardware, listen_ms):
    """Return (sentences with a right checksum, adverts) heard within `listen_ms`."""
    from protocols.nmea import Framer

    framer = Framer()
    buf = bytearray(_SERIAL_BYTES)
    adverts = [0]

    def count(*_):
        adverts[0] += 1

    start_ms = hardware.ticks_ms()
    passed_ms = 0
    while passed_ms < listen_ms:
        hardware.wait(_TURN_MS)
        n = hardware.serial_into(buf)
        pos = 0
        while pos < n:
            pos = framer.feed(buf, pos, n)
        hardware.adverts(count, passed_ms)
        passed_ms = hardware.ticks_diff(hardware.ticks_ms(), start_ms)
        if framer.valid and adverts[0]:
            break
    return framer.valid, adverts[0]
