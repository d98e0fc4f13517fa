"""MQTT 3.1.1 on a plain socket, as little as the harness needs: its cost is not the gateway's."""

import select
import socket
import time


def text(value):
    data = value.encode()
    return len(data).to_bytes(2, "big") + data


def packet(first, body):
    size, head = len(body), bytearray([first])
    while size > 127:
        head.append(size & 127 | 128)
        size >>= 7
    head.append(size)
    return bytes(head) + body


class Connection:
    """One session that outlives its connections. packets() yields (first byte, body)."""

    def __init__(self, port, name):
        self.port, self.name = port, name
        self.sock = None
        self.out = bytearray()
        self.rest = b""
        self.connects = 0

    def connect(self, filters=()):
        """Connect, again until it works; subscribe to the filters."""
        self.close()
        while True:
            try:
                self.sock = socket.create_connection(("127.0.0.1", self.port), timeout=2)
                self.sock.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
                self.sock.sendall(
                    packet(0x10, text("MQTT") + b"\x04\x00\x00\x3c" + text(self.name))
                )
                answer = self.sock.recv(4)
                if len(answer) == 4 and answer[3] == 0:
                    break
            except OSError:
                pass
            self.close()
            time.sleep(0.05)
        self.sock.setblocking(False)
        self.rest, self.out = b"", bytearray()
        self.connects += 1
        if filters:
            body = b"".join(text(each) + b"\x01" for each in filters)
            self.out += packet(0x82, b"\xff\xff" + body)

    def close(self):
        if self.sock is not None:
            self.sock.close()
        self.sock = None

    def exchange(self, timeout_s):
        """Write what waits and return the packets that came; ConnectionError when it broke."""
        poll = select.poll()
        poll.register(self.sock, select.POLLIN | (select.POLLOUT if self.out else 0))
        events = poll.poll(timeout_s * 1000)
        if not events:
            return []
        try:
            if self.out and events[0][1] & select.POLLOUT:
                sent = self.sock.send(self.out)
                del self.out[:sent]
            if not events[0][1] & ~select.POLLOUT:
                return []
            data = self.sock.recv(1 << 18)
        except BlockingIOError:
            return []
        except OSError as fault:
            raise ConnectionError(str(fault)) from fault
        if not data:
            raise ConnectionError("closed")
        if hasattr(socket, "TCP_QUICKACK"):
            self.sock.setsockopt(socket.IPPROTO_TCP, socket.TCP_QUICKACK, 1)
        return self.split(self.rest + data)

    def split(self, buf):
        found, at, end = [], 0, len(buf)
        while end - at >= 2:
            size, shift, body = 0, 0, at + 1
            while body < end:
                byte = buf[body]
                body += 1
                size |= (byte & 127) << shift
                shift += 7
                if byte < 128:
                    break
            else:
                break
            if buf[body - 1] >= 128 or body + size > end:
                break
            found.append((buf[at], buf[body : body + size]))
            at = body + size
        self.rest = buf[at:]
        return found
