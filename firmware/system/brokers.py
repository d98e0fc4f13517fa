"""The ordered list of brokers: the first that answers is used, and the first of the list is preferred.

Every failed attempt moves on to the next; the one that worked is tried first after a lost connection.
While another than the first is in use, the first is knocked at now and then, beside the connection that
stands: only when it answers is that one given up.
"""

from protocols.compat import const

# 10 to 20 minutes, doubled each time that the first opened its door and yet was no use.
_PREFER_MS = const(600_000)
_STEPS = const(4)
_KNOCK_MS = const(10_000)


class Brokers:
    """Hands streams to system.mqtt; on_up() and step() keep its place in the list.

    open_stream(host, port[, tls]) of a board; entries and files: 'brokers', (host, port, server_name or
    None for plain TCP), and 'tls', {'ca', 'cert', 'key'}, of system.config; random(n): 0..n-1.
    `at`: the place in the list of the one that was tried last.
    """

    def __init__(self, open_stream, entries, files, random):
        self._open_stream = open_stream
        self._entries = entries
        self._files = files
        self._random = random
        self._next = 0
        self._due_ms = 0
        self._steps = 0
        self._knock = None
        self.at = 0

    def open(self):
        """Start a connection to the broker whose turn it is; OSError when that fails at once."""
        self.at = self._next
        self._next = (self.at + 1) % len(self._entries)
        return self._start(self.at, True)

    def _start(self, at, secure):
        host, port, server_name = self._entries[at]
        if server_name is None or not secure:
            return self._open_stream(host, port)
        tls = dict(self._files)
        tls["server_name"] = server_name
        return self._open_stream(host, port, tls)

    def on_up(self, now_ms: int) -> None:
        """The connection stands: after it, this one is tried first."""
        self._next = self.at
        if self.at == 0:
            self._steps = 0
        self._later(now_ms)

    def _later(self, now_ms):
        pause_ms = _PREFER_MS << self._steps
        self._due_ms = now_ms + pause_ms + self._random(pause_ms)

    def step(self, now_ms: int, is_up: bool) -> bool:
        """True when the connection is to be closed, because the preferred broker answers again."""
        if self._knock is None:
            if is_up and self.at and now_ms >= self._due_ms:
                self._later(now_ms)
                try:
                    self._knock = self._start(0, False)
                    self._knock_ms = now_ms
                except OSError:
                    pass
            return False
        answers = False
        try:
            answers = self._knock.ready()
            if is_up and not answers and now_ms - self._knock_ms < _KNOCK_MS:
                return False
        except OSError:
            pass
        self._knock.close()
        self._knock = None
        if answers and is_up:
            self._next = 0
            self._steps = min(self._steps + 1, _STEPS)
            return True
        return False
