"""What has to go over the line: copies out of the old slot where a file is the same, else its bytes."""

import binascii
import zlib
from collections.abc import Iterator
from dataclasses import dataclass, field

from tools.image import Image

_PIECE = 2_048  # bytes of image in one piece: what a board without PSRAM unpacks with ease
_PROGRAM = 1_200  # characters of program sent at a time
_SMALL = 64  # bytes that are not worth packing
_WINDOW_BITS = 11  # of the packed pieces: 2 kB of the board's heap


@dataclass(slots=True)
class Recipe:
    """How an image is put together on a board that holds the files `old` {name: sha256} in a slot.

    files_sent names of the files that go over the line, files_copied how many are taken from the old
    slot, sent_bytes bytes of image that go over the line before packing.
    """

    image: Image
    old: dict[str, str]
    files_sent: list[str] = field(default_factory=list)
    files_copied: int = 0
    sent_bytes: int = 0

    def programs(self) -> Iterator[tuple[str, int]]:
        """Yield (program to run on the board, bytes of image it makes) in order."""
        lines: list[str] = []
        made = size = 0
        for line, count in self._steps():
            lines.append(line)
            made += count
            size += len(line) + 1
            if size >= _PROGRAM:
                yield "\n".join(lines), made
                lines, made, size = [], 0, 0
        if lines:
            yield "\n".join(lines), made

    def _steps(self) -> Iterator[tuple[str, int]]:
        data = self.image.data
        start = pos = 0  # start: where what has not been told yet begins
        for part in self.image.parts:
            if part.size and self.old.get(part.name) == part.sha256:
                yield from self._pieces(data[start : part.offset])
                yield f"copy({part.name!r})", part.size
                start = part.offset + part.size
                self.files_copied += 1
            else:
                self.files_sent.append(part.name)
            pos = part.offset + part.size
        yield from self._pieces(data[start : max(pos, len(data))])

    def _pieces(self, data: bytes) -> Iterator[tuple[str, int]]:
        self.sent_bytes += len(data)
        if len(data) <= _SMALL:
            if data:
                yield f"put({data!r})", len(data)
            return
        for at in range(0, len(data), _PIECE):
            piece = data[at : at + _PIECE]
            packer = zlib.compressobj(9, wbits=_WINDOW_BITS)
            packed = packer.compress(piece) + packer.flush()
            text = binascii.b2a_base64(packed, newline=False).decode()
            yield f"data({text!r})", len(piece)
