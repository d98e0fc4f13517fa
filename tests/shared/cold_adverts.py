"""Adverts of a cold box, written from the formats' documents and not from our code; and a journal."""

from protocols import messages
from protocols.aes import Aes
from protocols.cbor import Reader, Writer
from protocols.ccm import Ccm

BOX = bytes((0xC4, 0x38, 0, 0, 0, 1))
LID = bytes((0xC4, 0x38, 0, 0, 0, 2))
KEY = bytes(range(16))


def u16(value):
    return bytes((value & 255, value >> 8 & 255))


def bthome(objects):
    body = b"\x16\xd2\xfc\x40" + objects
    return bytes((len(body),)) + body


def temperature(cc, packet=None):
    """BTHome v2: packet id (its counter) if given, temperature."""
    head = b"" if packet is None else bytes((0, packet & 255))
    return bthome(head + b"\x02" + u16(cc))


def sealed(cc, counter, address=BOX, key=KEY):
    """bthome.io/encryption."""
    count = u16(counter) + u16(counter >> 16)
    nonce = address + b"\xd2\xfc\x41" + count
    text = Ccm(Aes(key), 4, 13).seal(nonce, b"\x02" + u16(cc))
    body = b"\x16\xd2\xfc\x41" + text[:-4] + count + text[-4:]
    return bytes((len(body),)) + body


def ruuvi(cc, force=(0, 0, 1_000), mv=2_950, seq=1):
    """Ruuvi data format 5, big endian."""
    data = b"\x05"
    for value in (2 * cc, 20_000, 51_325, force[0], force[1], force[2], (mv - 1_600) << 5 | 22):
        data += bytes((value >> 8 & 255, value & 255))
    data += b"\x00" + bytes((seq >> 8 & 255, seq & 255)) + BOX
    body = b"\xff\x99\x04" + data
    return bytes((len(body),)) + body


class Journal:
    """Keeps records as a reader gets them back: through the bytes of the wire."""

    def __init__(self):
        self.records = []

    def record(self, kind, values):
        writer = Writer(bytearray(640))
        messages.put_record(writer, kind, (1, 0, -1, 0), values)
        assert not writer.full
        found, why, values, unknown = messages.check_record(Reader(writer.buf, 0, writer.n).read())
        assert found == kind and not unknown, why
        self.records.append((kind, values))
        return True

    def of(self, kind):
        return [values for each, values in self.records if each == kind]

    def told(self):
        """The words of the integrity events, in their order."""
        return [values["what"] for values in self.of(messages.INTEGRITY)]


class Clock:
    """Board time and UTC that a test moves; day -1 while it is not set."""

    def __init__(self, now_ms=0, day=-1, ms=0):
        self.now_ms = now_ms
        self._day = day
        self._ms = ms

    def set(self, day, ms):
        self._day, self._ms = day, ms

    def day(self):
        return self._day

    def ms(self):
        return self._ms

    def move(self, ms):
        self.now_ms += ms
        if self._day >= 0:
            self._day += (self._ms + ms) // 86_400_000
            self._ms = (self._ms + ms) % 86_400_000


class Order:
    def __init__(self, name, profile):
        self.name = name
        self.profile = profile
