"""/boot.py of a board: mounts one of the two firmware slots at /rom, and never fails to start.

The partition `romfs` holds two halves, slot a and slot b, each with a ROMFS image. /slots/a and /slots/b
say what lies there ("size sha256 version"; empty while a slot is being filled), /active which one is
started: "a ok", or "b 2" for a slot on trial that was started twice and not confirmed yet, or "a ok b"
after b was given up. On littlefs a small file is replaced whole or not at all (measured at every flash
operation, clean and torn).

A slot on trial that is not confirmed within TRIALS starts gives way to the other one. So does a slot
whose bytes do not have their hash. When neither can be started there is a prompt, and a line that says
what to do.
Stands alone: it is flashed as source, before there is anything to import.
"""

# mypy: ignore-errors
TRIALS = 3
BLOCK_BYTES = 4096
ACTIVE = "/active"
RECORDS = "/slots/"
MOUNT = "/rom"


def other(slot: str) -> str:
    """Return the other slot's name."""
    return "b" if slot == "a" else "a"


def slot_range(slot: str, rom_bytes: int):
    """Return (first byte, bytes) of a slot in a partition of `rom_bytes`: halves of whole blocks."""
    half = rom_bytes // 2 // BLOCK_BYTES * BLOCK_BYTES
    return (0 if slot == "a" else half), half


def read_text(path: str) -> str:
    """Return the small text file `path`, '' when it is not there or cannot be read."""
    try:
        with open(path) as file:
            return file.read(160)
    except (OSError, ValueError):
        return ""


def write_text(path: str, text: str) -> None:
    """Replace the text file `path`; OSError when the file system is full."""
    with open(path, "w") as file:
        file.write(text)


def parse_active(text: str):
    """Return (slot, trial starts so far or -1 if confirmed, slot given up or ''), or None."""
    words = text.split()
    if not 2 <= len(words) <= 3 or words[0] not in ("a", "b"):
        return None
    given_up = words[2] if len(words) == 3 else ""
    if given_up not in ("", other(words[0])):
        return None
    if words[1] == "ok":
        return words[0], -1, given_up
    if len(words[1]) > 2 or not words[1].isdigit():
        return None
    return words[0], int(words[1]), given_up


def parse_record(text: str):
    """Return (size in bytes, sha256 as 64 hex digits, version) of a slot; None if not understood."""
    words = text.split()
    if len(words) != 3 or len(words[0]) > 8 or not words[0].isdigit() or len(words[1]) != 64:
        return None
    return int(words[0]), words[1], words[2]


def hex_of(digest: bytes) -> str:
    """Return bytes as hex digits."""
    return "".join(["{:02x}".format(byte) for byte in digest])


def fault_of(slot: str, rom, sha256) -> str:
    """Return why a slot cannot be started, '' when its bytes are what its record says."""
    record = parse_record(read_text(RECORDS + slot))
    if record is None:
        return "empty"
    start, room = slot_range(slot, len(rom))
    if not 0 < record[0] <= room:
        return "record of a wrong size"
    if hex_of(sha256(rom[start : start + record[0]]).digest()) != record[1]:
        return "damaged"
    return ""


def choose(rom, sha256, counted: bool):
    """Return (slot to start or '', words about the others); counts the start of a slot on trial.

    rom: a memoryview of the partition; counted: False for a soft reset, which is no trial.
    """
    slot, starts, _ = parse_active(read_text(ACTIVE)) or ("a", -1, "")
    if 0 <= starts < TRIALS and counted:
        try:
            # Before anything of the slot is touched: a crash while mounting must count too.
            write_text(ACTIVE, "{} {}".format(slot, starts + 1))
        except OSError:
            starts = TRIALS  # what cannot be counted is not tried
    order = (slot, other(slot)) if starts < TRIALS else (other(slot), slot)
    told = ""
    for each in order:
        fault = fault_of(each, rom, sha256)
        if not fault:
            if each != slot:
                told += "slot {} given up; ".format(slot)
                try:
                    write_text(ACTIVE, "{} ok {}".format(each, slot))
                except OSError:
                    told += "no room to note it; "
            return each, told
        told += "slot {}: {}; ".format(each, fault)
    return "", told


def start():
    """Mount what can be started and say so in one line."""
    import gc
    import hashlib
    import sys

    import machine
    import vfs

    gc.threshold(4_096)  # what imports leave behind would else lie scattered in the heap
    # The port mounts the partition's first image by itself; which slot it is, is decided here.
    try:
        vfs.umount(MOUNT)
    except OSError:
        pass
    sys.path[:] = [each for each in sys.path if not each.startswith(MOUNT)]
    told = ""
    try:
        rom = memoryview(vfs.rom_ioctl(2, 0))
        # Waking up from deep sleep is no new start: a board may do so every five minutes.
        quiet = (machine.SOFT_RESET, getattr(machine, "DEEPSLEEP_RESET", -1))
        counted = machine.reset_cause() not in quiet
        slot, told = choose(rom, hashlib.sha256, counted)
        if slot:
            begin, _ = slot_range(slot, len(rom))
            size, _, version = parse_record(read_text(RECORDS + slot))
            vfs.mount(vfs.VfsRom(rom[begin : begin + size]), MOUNT)
            sys.path.insert(0, MOUNT)
            print("o2o: {}slot {}, firmware {}".format(told, slot, version))  # noqa: T201
            return
    except Exception as fault:
        told += "{}: {}; ".format(type(fault).__name__, fault)
    print("o2o: no firmware to start ({}); run: o2o board flash".format(told[:-2]))  # noqa: T201


if __name__ == "__main__":
    start()
    # Names live as long as the board runs, and the heap is small.
    del TRIALS, BLOCK_BYTES, ACTIVE, RECORDS, MOUNT, other, slot_range, read_text, write_text
    del parse_active, parse_record, hex_of, fault_of, choose, start
