"""A simulated board on a pty: MicroPython's unix port with flash in files, as mpremote meets a board.

The inside is firmware/boards/repl_server.py; here are its power switch, its cable and its reset button.
`root` holds the flash: vfs.img (files), rom.img (slots), flash.img (rings); it stays over power cuts.
"""

import contextlib
import math
import os
import pty
import select
import signal
import threading
import time
import tty
from pathlib import Path

from tools.board.partitions import KIB
from tools.image import HEAP, sim_image
from tools.parts import require

VFS_BYTES = 576 * KIB  # as in firmware/boards/esp32s3_partitions.csv
ROM_BYTES = 1536 * KIB
_EXIT_SOFT_RAW, _EXIT_SOFT_FRIENDLY, _EXIT_HARD = 40, 41, 42  # repl_parts.EXIT_*
_POWER_ON, _HARD, _SOFT = 1, 2, 5  # reset causes, as repl_parts.Machine numbers them
_INTERRUPT = 3
# What the inside takes for itself (12.1 kB measured), which a board has in C: given on top, so that the
# board's own heap is the one that was asked for.
_INSIDE_HEAP_BYTES = 12 * KIB
# The unix port's Ctrl-C may come in the middle of a collection and leave the interpreter locked: so not
# while a program is just being loaded, and if it happens a watchdog ends it, as it would on a board.
_SETTLE_S = 0.4
_STUCK_S = 2.0
_RESTARTS = {
    _EXIT_SOFT_RAW: ("raw", _SOFT),
    _EXIT_SOFT_FRIENDLY: ("friendly", _SOFT),
    _EXIT_HARD: ("friendly", _HARD),
}
# Maps the server's own image and starts it; a file of source would lie in the board's heap.
_START = """
import ffi,os,sys,uctypes,vfs
_l=ffi.open(None)
_n=os.stat({image!r})[6]
_a=_l.func("P","mmap","PLiiil")(None,_n,1,2,_l.func("i","open","si")({image!r},0),0)
vfs.mount(vfs.VfsRom(uctypes.bytearray_at(_a,_n)),"/sim")
sys.path[:]=["/sim"]
from firmware.boards.repl_server import power_on
power_on({root!r},{mode!r},{cause},{vfs_blocks},{rom_bytes})
"""


class SimulatedBoard:
    """A board in folder `root` with a heap like '200k'; switch it on with power_on().

    cut_after_bytes: after so many bytes from the host the cable is pulled, and with it the power; with
    has_battery the board stays on, in the middle of what it was told.
    `path` the pty to connect to (a new one for every plugging in), `received` bytes from the host,
    `starts` how often the inside was started, `is_cut` whether the cable was pulled.
    """

    def __init__(
        self,
        root: Path,
        heap: str = HEAP,
        cut_after_bytes: int | None = None,
        has_battery: bool = False,
    ):
        self.root = root.resolve()
        self.heap = heap
        self.cut_after_bytes = cut_after_bytes
        self.has_battery = has_battery
        self.received = 0
        self.starts = 0
        self.is_cut = False
        self.path = ""
        self._inside: _Inside | None = None
        self._is_running = False
        self._since_s = 0.0
        self._interrupt_s = self._stuck_s = math.inf
        self._lines: tuple[int, int] | None = None
        self._thread: threading.Thread | None = None
        self._stop = threading.Event()
        self.root.mkdir(parents=True, exist_ok=True)
        self._make("vfs.img", VFS_BYTES)
        self._make("rom.img", ROM_BYTES)

    def _make(self, name: str, size: int) -> None:
        path = self.root / name
        if not path.exists():
            path.write_bytes(b"\xff" * size)

    # -- power and cable --------------------------------------------------------------------------

    def power_on(self) -> str:
        """Plug the cable in and switch on; returns the pty's path. Moves no bytes yet: see serve()."""
        self.plug_in()
        if self._inside is None:
            self._boot("friendly", _POWER_ON)
        return self.path

    def plug_in(self) -> None:
        """Plug the cable in: a new pty."""
        leader, follower = pty.openpty()
        tty.setraw(follower)
        # The follower stays open here: a host that disconnects must not hang up the line.
        self._lines = (leader, follower)
        self.path = os.ttyname(follower)
        self.is_cut = False

    def power_off(self) -> None:
        """Cut the power, without warning."""
        if self._inside is not None:
            self._inside.end()
            self._inside = None

    def pull(self) -> None:
        """Pull the cable; without a battery it is also what feeds the board."""
        self.is_cut = True
        if not self.has_battery:
            self.power_off()
        if self._lines is not None:
            for line in self._lines:
                os.close(line)
            self._lines = None

    def _boot(self, mode: str, cause: int) -> None:
        start = _START.format(
            image=str(sim_image()),
            root=str(self.root),
            mode=mode,
            cause=cause,
            vfs_blocks=VFS_BYTES // 4096,
            rom_bytes=ROM_BYTES,
        )
        self._inside = _Inside(
            [
                *require("micropython"),
                "-X",
                f"heapsize={_bytes_of(self.heap) + _INSIDE_HEAP_BYTES}",
                "-c",
                start,
            ],
            {**os.environ, "O2O_BOARD_ROOT": f"/host{self.root}"},
        )
        self._is_running = False
        self._interrupt_s = self._stuck_s = math.inf
        self.starts += 1

    # -- bytes ------------------------------------------------------------------------------------

    def serve(self, until_s: float | None = None) -> None:
        """Move bytes until stop(), a pulled cable, or `until_s` of time.monotonic()."""
        while not self._stop.is_set() and not self.is_cut:
            if until_s is not None and time.monotonic() >= until_s:
                return
            self._move(0.2)

    def start(self) -> str:
        """power_on() and serve() in a thread; returns the pty's path."""
        path = self.power_on()
        self._stop.clear()
        self._thread = threading.Thread(target=self.serve, daemon=True)
        self._thread.start()
        return path

    def stop(self) -> None:
        """Stop serving, take the cable out, and switch off."""
        self._stop.set()
        if self._thread is not None:
            self._thread.join()
            self._thread = None
        if not self.is_cut:
            self.pull()
        self.power_off()

    def _move(self, wait_s: float) -> None:
        inside, lines = self._inside, self._lines
        if inside is None or lines is None:
            return
        self._interrupt(inside)
        due_s = min(self._interrupt_s, self._stuck_s) - time.monotonic()
        waits_s = max(0.0, min(wait_s, due_s))
        ready, _, _ = select.select([lines[0], inside.output, inside.busy], [], [], waits_s)
        if inside.busy in ready and (told := os.read(inside.busy, 4096)):
            self._is_running = told.endswith(b"1")
            self._since_s = time.monotonic()
        if inside.output in ready:
            data = os.read(inside.output, 4096)
            if not data:
                self._restart(inside)
                return
            self._stuck_s = math.inf
            self._to_host(lines[0], data)
        if lines[0] in ready:
            self._to_board(inside, os.read(lines[0], 4096))

    def _interrupt(self, inside: "_Inside") -> None:
        """Make a Ctrl-C that came while a program runs an interrupt, when it is time."""
        now_s = time.monotonic()
        if now_s >= self._stuck_s:
            self._stuck_s = math.inf
            inside.end_now()
        if not self._is_running:
            self._interrupt_s = math.inf  # it ended by itself; at a prompt a Ctrl-C is a byte
        elif now_s >= self._interrupt_s:
            os.kill(inside.pid, signal.SIGINT)
            self._interrupt_s = math.inf
            self._stuck_s = now_s + _STUCK_S

    def _to_host(self, line: int, data: bytes) -> None:
        """Write to the pty; where nobody reads it, as with an unplugged terminal, bytes are lost."""
        _, writable, _ = select.select([], [line], [], 5.0)
        while data and writable:
            data = data[os.write(line, data) :]
            _, writable, _ = select.select([], [line], [], 5.0)

    def _to_board(self, inside: "_Inside", data: bytes) -> None:
        limit = self.cut_after_bytes
        last = limit is not None and self.received + len(data) >= limit
        if limit is not None and last:
            data = data[: limit - self.received]
        self.received += len(data)
        if _INTERRUPT in data and self._is_running:
            self._interrupt_s = max(time.monotonic(), self._since_s + _SETTLE_S)
        with contextlib.suppress(BrokenPipeError):  # it is just restarting
            while data:
                data = data[os.write(inside.input, data) :]
        if last:
            self.pull()

    def _restart(self, inside: "_Inside") -> None:
        code = inside.wait()
        self.power_off()
        # A crash of the interpreter is what a watchdog would end: a hard reset.
        mode, cause = _RESTARTS.get(code, ("friendly", _HARD))
        self._boot(mode, cause)


def _bytes_of(size: str) -> int:
    """Return the bytes of a size like '120k' or '2m'."""
    scale = {"k": KIB, "m": KIB * KIB}.get(size[-1:].lower(), 1)
    return int(size[:-1] if scale > 1 else size) * scale


class _Inside:
    """The process inside: `input`, `output` its standard streams, `busy` what it tells about itself.

    By posix_spawn: the board restarts in a thread, beside whatever locks another thread holds at that
    moment; a fork there was seen to hang.
    """

    def __init__(self, command: list[str], environment: dict[str, str]):
        theirs_in, self.input = os.pipe()
        self.output, theirs_out = os.pipe()
        self.busy, theirs_busy = os.pipe()
        os.set_blocking(self.busy, False)
        self.pid = os.posix_spawnp(
            command[0],
            command,
            environment,
            file_actions=[
                (os.POSIX_SPAWN_DUP2, theirs_in, 0),
                (os.POSIX_SPAWN_DUP2, theirs_out, 1),
                (os.POSIX_SPAWN_DUP2, theirs_out, 2),
                (os.POSIX_SPAWN_DUP2, theirs_busy, 3),
            ],
        )
        for end in (theirs_in, theirs_out, theirs_busy):
            os.close(end)
        self._code: int | None = None

    def wait(self) -> int:
        """Wait for its end and return its exit code; negative for a signal."""
        if self._code is None:
            self._code = os.waitstatus_to_exitcode(os.waitpid(self.pid, 0)[1])
        return self._code

    def end_now(self) -> None:
        """Kill it, if it still runs."""
        if self._code is None:
            os.kill(self.pid, signal.SIGKILL)
            self.wait()

    def end(self) -> None:
        """Kill it, if it still runs, and close its lines."""
        self.end_now()
        for end in (self.input, self.output, self.busy):
            os.close(end)
