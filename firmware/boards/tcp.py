"""TCP connections of MicroPython boards, whatever carries them: the streams of system.mqtt."""

# mypy: ignore-errors
import errno
import select
import socket


class Stream:
    """A TCP connection that never blocks; the stream of system.mqtt.

    A name is looked up, and waited for: brokers are best given by their address.
    """

    def __init__(self, poller, host: str, port: int):
        self._poller = poller
        self._open = False
        address = socket.getaddrinfo(host, port)[0][-1]
        self.socket = socket.socket()
        self.socket.setblocking(False)
        try:
            self.socket.connect(address)
        except OSError as fault:
            if fault.args[0] != errno.EINPROGRESS:
                self.socket.close()
                raise
        self._probe = select.poll()
        self._probe.register(self.socket, select.POLLOUT)

    def ready(self) -> bool:
        """Tell whether the connection stands; OSError when it was refused."""
        if not self._open:
            for _, event in self._probe.poll(0):
                if event & (select.POLLERR | select.POLLHUP):
                    raise OSError(errno.ECONNREFUSED)
                self._open = True
                self._poller.register(self.socket, select.POLLIN)
        return self._open

    def read_into(self, buf):
        """Read what is there into `buf`: its size, 0 at the end of the stream, None when nothing."""
        return self.socket.readinto(buf)

    def write(self, buf, start: int = 0, size: int = 0):
        """Write what fits of `buf` from `start`, `size` bytes at most (0: all): how much, or None."""
        return self.socket.write(buf, start, size or len(buf))

    def close(self) -> None:
        """Close the connection."""
        if self._open:
            self._poller.unregister(self.socket)
        self.socket.close()
