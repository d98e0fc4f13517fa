"""What a board's flash says it has written: the other side of the demo's accounts."""

import shutil
import tempfile
from dataclasses import dataclass
from pathlib import Path

from firmware.boards.flash import partition
from firmware.system.ringlog import BUFFER_SIZE, RingLog
from protocols import messages


@dataclass(frozen=True, slots=True)
class Written:
    """One ring: its log id and how many records it ever accepted (sequence numbers 1..count)."""

    log: int
    count: int


def read(image: Path) -> dict[str, Written]:
    """Return what the two rings of a flash image hold, by name; the image is not touched.

    Works on a copy, because a board may be writing to it right now.
    """
    with tempfile.TemporaryDirectory() as folder:
        copy = Path(folder) / "flash.img"
        shutil.copy(image, copy)
        return {
            messages.LOGS[kind]: _ring(copy, kind) for kind in (messages.EVIDENCE, messages.TRACK)
        }


def _ring(image: Path, kind: int) -> Written:
    flash = partition(str(image), messages.LOGS[kind])
    ring = RingLog(flash, kind, kind == messages.TRACK, lambda: 1, bytearray(BUFFER_SIZE))
    flash.close()
    return Written(ring.log, ring.next - 1)
