"""Child processes that cannot outlive the demo, each with a log file of its own."""

import contextlib
import os
import shutil
import signal
import subprocess
import time
from collections.abc import Callable, Mapping
from pathlib import Path

from tools.errors import ToolError

_STOP_S = 5.0


class Child:
    """One process: started, killed the hard way, started again, stopped."""

    def __init__(
        self, name: str, command: list[str], log: Path, env: Mapping[str, str] | None = None
    ):
        self.name = name
        self._command = command
        self._log = log
        self._env = {**os.environ, **(env or {})}
        self._process: subprocess.Popen[bytes] | None = None
        self.may_end = False
        self.kills = 0

    def start(self) -> None:
        """Start it, unless it runs, in a session of its own: Ctrl-C is the demo's to handle."""
        if self.alive:
            return
        # The kernel ends the child when the demo dies, however it dies.
        guard = ["setpriv", "--pdeathsig", "KILL", "--"] if shutil.which("setpriv") else []
        with self._log.open("ab") as log:
            self._process = subprocess.Popen(
                [*guard, *self._command],
                stdin=subprocess.DEVNULL,
                stdout=log,
                stderr=log,
                env=self._env,
                start_new_session=True,
            )

    @property
    def pid(self) -> int:
        """The process id; 0 before it was started."""
        return self._process.pid if self._process else 0

    @property
    def alive(self) -> bool:
        """True while it runs."""
        return self._process is not None and self._process.poll() is None

    @property
    def ended_well(self) -> bool:
        """True when it has ended with exit code 0."""
        return self._process is not None and self._process.poll() == 0

    def ending(self) -> str:
        """Return how it ended: by which signal, or with which exit code and last words."""
        code = self._process.poll() if self._process is not None else None
        if code is None:
            return "it runs" if self._process is not None else "it was never started"
        if code < 0:
            return f"killed by signal {-code}"
        return f"exit code {code}: {self._last_words() or 'it said nothing'}"

    def _last_words(self) -> str:
        """Return the last line of its log."""
        try:
            lines = self._log.read_text(errors="replace").strip().splitlines()
        except OSError:
            return ""
        return lines[-1] if lines else ""

    def kill(self) -> None:
        """kill -9: no clean-up, no goodbye."""
        if self._process is not None and self.alive:
            with contextlib.suppress(ProcessLookupError):
                os.killpg(self._process.pid, signal.SIGKILL)
            self._process.wait()
            self.kills += 1

    def stop(self) -> None:
        """Ask it to end, and see to it."""
        if self._process is None or not self.alive:
            return
        with contextlib.suppress(ProcessLookupError):
            os.killpg(self._process.pid, signal.SIGTERM)
        try:
            self._process.wait(_STOP_S)
        except subprocess.TimeoutExpired:
            with contextlib.suppress(ProcessLookupError):
                os.killpg(self._process.pid, signal.SIGKILL)
            self._process.wait()


class Children:
    """All of them; stopped in the opposite order of their start."""

    def __init__(self, folder: Path):
        self._folder = folder
        self._all: list[Child] = []

    def start(
        self,
        name: str,
        command: list[str],
        env: Mapping[str, str] | None = None,
        may_end: bool = False,
    ) -> Child:
        """Start a process whose output goes to `name`.log; may_end: it ends by itself, with code 0."""
        child = Child(name, command, self._folder / f"{name}.log", env)
        child.may_end = may_end
        self._all.append(child)
        child.start()
        return child

    def check(self) -> None:
        """Raise ToolError when a process has ended that nobody asked to."""
        for child in self._all:
            if not child.alive and not (child.may_end and child.ended_well):
                raise ToolError(f"{child.name} has stopped: {child.ending()}")

    def stop(self) -> None:
        """Stop them all."""
        for child in reversed(self._all):
            child.stop()


def wait_for(
    condition: Callable[[], bool], timeout_s: float, children: Children, what: str
) -> None:
    """Wait until condition() is true; ToolError when a child dies or the time is up."""
    deadline = time.monotonic() + timeout_s
    while not condition():
        children.check()
        if time.monotonic() > deadline:
            raise ToolError(f"{what} did not come up in {timeout_s:.0f} s; see its log")
        time.sleep(0.05)
