"""The simulated board's inside: the unix port with a file system, a `romfs` partition and a prompt.

The unix port (as packaged, 1.25) has neither a raw REPL nor ROMFS segments nor resets: this gives it
them, so that the real mpremote and the same boot.py meet what they meet on a board. It lies in a ROMFS
image of its own, outside the board's heap. tools/board/sim.py starts it and moves its bytes to a pty.

Folder `root` of the host: vfs.img (littlefs, at /), rom.img (mapped), flash.img (the rings), boots.
A reset ends the process; the exit code says which, and the outside starts the next one: nothing of the
old life can remain. Protocol of the raw REPL: MicroPython docs, reference/repl.
"""

# mypy: ignore-errors
import gc
import io
import os
import sys
import time

import vfs

from firmware.boards.repl_parts import (
    EXIT_SOFT_FRIENDLY,
    EXIT_SOFT_RAW,
    Blocks,
    Machine,
    Vfs,
    leave,
)
from protocols.compat import const

HOST = "/host"  # where the host's files are seen
_WINDOW = const(128)
_EOT = b"\x04"
_RAW_BANNER = b"raw REPL; CTRL-B to exit\r\n>"
_LINE_MAX = const(1_024)


class Prompt:
    """The REPL, raw and friendly, on the process's standard streams.

    busy: a file of the outside; "1" is written while a program runs, so that the outside knows when a
    Ctrl-C has to become an interrupt.
    """

    def __init__(self, busy):
        self._in = sys.stdin.buffer
        self._out = sys.stdout.buffer
        self._busy = busy
        self._globals = {"__name__": "__main__"}
        self.is_raw = False

    def run_file(self, path, may_stop):
        """Run a source file as the port does at start; its faults are printed.

        may_stop: whether a Ctrl-C interrupts it. Not boot.py: an interrupt of this port may come in
        the middle of a collection, and leave the interpreter locked (seen).
        """
        try:
            with open(path) as file:
                code = file.read()
        except OSError:
            return
        fault = self._run(code, path, may_stop)
        if fault is not None:
            sys.print_exception(fault)

    def _run(self, code, name="<stdin>", may_stop=True):
        """Run code; returns what it raised, None for nothing."""
        if may_stop:
            self._busy.write(b"1")
        try:
            # exec() of a str would keep the text in the heap while it runs.
            code = compile(code, name, "exec")
            exec(code, self._globals)  # noqa: S102 (a prompt is for that)
        except SystemExit:
            leave(EXIT_SOFT_RAW if self.is_raw else EXIT_SOFT_FRIENDLY)
        except BaseException as fault:
            return fault
        finally:
            self._busy.write(b"0")
        return None

    def _next(self):
        byte = self._in.read(1)
        if not byte:
            leave(0)  # the outside is gone: power off
        return byte

    def serve(self):
        """Answer until a reset."""
        while True:
            try:
                if self.is_raw:
                    self._raw()
                else:
                    self._friendly()
            except KeyboardInterrupt:
                pass  # a Ctrl-C that came when nothing ran any more

    def _raw(self):
        self._out.write(_RAW_BANNER)
        code = bytearray()
        while True:
            byte = self._next()
            if byte == b"\x01":
                self._out.write(_RAW_BANNER)
                code = bytearray()
            elif byte == b"\x02":
                self.is_raw = False
                return
            elif byte == b"\x03":
                code = bytearray()
            elif byte == _EOT:
                if not code:
                    self._out.write(b"OK\r\n")
                    self._soft(EXIT_SOFT_RAW)
                self._out.write(b"OK")
                self._answer(code)
                code = bytearray()
            elif byte == b"\x05" and not code:
                if self._next() == b"A" and self._next() == b"\x01":
                    self._answer(self._paste())
                    code = bytearray()
                else:
                    self._out.write(b"R\x00")
            else:
                code += byte

    def _paste(self):
        """Receive a program by raw paste, a window at a time; None when the heap has no room for it."""
        self._out.write(b"R\x01" + bytes((_WINDOW & 255, _WINDOW >> 8)) + b"\x01")
        code = bytearray()
        left = _WINDOW
        while True:
            byte = self._next()
            if byte == _EOT:
                self._out.write(_EOT)
                return code
            if byte == b"\x03":
                self._out.write(_EOT)
                return b""
            try:
                code += byte
            except MemoryError:
                code = None
                self._out.write(_EOT)  # an abrupt end; the host answers with one
                while self._next() != _EOT:
                    pass
                return None
            left -= 1
            if not left:
                self._out.write(b"\x01")
                left = _WINDOW

    def _answer(self, code):
        fault = None
        if code is not None:
            try:
                fault = self._run(bytes(code))
            except MemoryError:
                code = None
        self._out.write(_EOT)
        if code is None:
            self._out.write(b"MemoryError: no room for the program\r\n")
        elif fault is not None:
            self._tell(fault)
        self._out.write(b"\x04>")
        code = fault = None
        gc.collect()

    def _tell(self, fault):
        try:
            text = io.StringIO()
            sys.print_exception(fault, text)
            self._out.write(text.getvalue().replace("\n", "\r\n").encode())
        except MemoryError:
            self._out.write(b"MemoryError\r\n")

    def _soft(self, code):
        self._out.write(b"MPY: soft reboot\r\n")
        leave(code)

    def _friendly(self):
        self._out.write(b"MicroPython on the simulated board; Ctrl-D restarts, Ctrl-A raw\r\n>>> ")
        line = bytearray()
        while True:
            byte = self._next()
            if byte == b"\x01":
                self.is_raw = True
                return
            if byte == _EOT and not line:
                self._out.write(b"\r\n")
                self._soft(EXIT_SOFT_FRIENDLY)
            elif byte == b"\r" or byte == b"\n":
                self._out.write(b"\r\n")
                self._line(bytes(line).decode())
                self._out.write(b">>> ")
                line = bytearray()
            elif byte == b"\x02" or byte == b"\x03":
                self._out.write(b"\r\n>>> ")
                line = bytearray()
            elif byte == b"\x7f" or byte == b"\x08":
                if line:
                    line = line[:-1]
                    self._out.write(b"\x08 \x08")
            elif byte >= b" " and len(line) < _LINE_MAX:
                line += byte
                self._out.write(byte)

    def _line(self, text):
        if not text.strip():
            return
        try:
            compile(text, "<stdin>", "eval")
            text = "_ = ({})\nif _ is not None: print(repr(_))".format(text)
        except SyntaxError:
            pass
        fault = self._run(text)
        if fault is not None:
            sys.print_exception(fault)


def power_on(root, mode, cause, vfs_blocks, rom_bytes):
    """Start the board in folder `root`; mode: 'raw' or 'friendly'; cause: a reset cause of `machine`."""
    busy = open("/dev/fd/3", "wb")
    blocks = Blocks(root + "/vfs.img", vfs_blocks)
    module = Vfs(root + "/rom.img", rom_bytes)
    vfs.umount("/")
    try:
        system = vfs.VfsLfs2(blocks)
    except OSError:
        vfs.VfsLfs2.mkfs(blocks)
        system = vfs.VfsLfs2(blocks)
    vfs.mount(system, "/")
    # Without a root of its own: rename() of a rooted VfsPosix mixes its two paths up (1.25).
    vfs.mount(vfs.VfsPosix(), HOST)
    os.chdir("/")
    gone = []
    for name in sys.modules:
        if name.split(".")[0] in ("firmware", "protocols"):
            gone.append(name)  # the board has its own
    for name in gone:
        del sys.modules[name]
    sys.path[:] = ["", "/lib"]
    sys.modules["vfs"] = module
    sys.modules["machine"] = Machine(cause)
    prompt = Prompt(busy)
    prompt.is_raw = mode == "raw"
    gc.collect()
    prompt.run_file("/boot.py", False)
    if not prompt.is_raw:
        prompt.run_file("/main.py", True)
    time.sleep_ms(1)
    prompt.serve()
