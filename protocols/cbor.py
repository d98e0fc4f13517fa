"""CBOR (RFC 8949), the subset a board needs: integers, byte and text strings, arrays, maps, true,
false, null; definite lengths only; no tags, no floats.

The writer fills a buffer that its caller owns and never allocates for integers; the reader never
raises on bad input: it returns None and says why in `error`.
"""

from protocols.compat import MICROPYTHON, const

_UINT = const(0)
_NINT = const(1)
_BYTES = const(2)
_TEXT = const(3)
_ARRAY = const(4)
_MAP = const(5)
_SIMPLE = const(7)
_FALSE = const(20)
_TRUE = const(21)
_NULL = const(22)

# Nested containers deeper than this are refused: no record of ours needs more than three.
DEPTH_MAX = const(6)
_E7_LOW = const(38_528)  # 10**7 = 152 * 65536 + 38528
_E7_HIGH = const(152)


class Writer:
    """Writes items one after the other into `buf` (bytearray).

    `n` is the number of bytes written. When an item does not fit, `full` becomes True, nothing of
    that item counts, and every later item is ignored: check `full` once at the end.
    """

    def __init__(self, buf):
        self.buf = buf
        self.reset()

    def reset(self):
        """Start again at the beginning of the buffer."""
        self.n = 0
        self.full = False

    def _room(self, size: int) -> bool:
        if self.full or self.n + size > len(self.buf):
            self.full = True
            return False
        return True

    def head(self, major: int, value: int):
        """Write an item head: major type 0..7 and its argument 0..2^64-1 in the shortest form."""
        buf = self.buf
        n = self.n
        major <<= 5
        if value < 24:
            if self._room(1):
                buf[n] = major | value
                self.n = n + 1
        elif value < 256:
            if self._room(2):
                buf[n] = major | 24
                buf[n + 1] = value
                self.n = n + 2
        elif value < 65_536:
            if self._room(3):
                buf[n] = major | 25
                buf[n + 1] = value >> 8
                buf[n + 2] = value & 255
                self.n = n + 3
        else:
            size = 4 if value >> 31 < 2 else 8
            if self._room(1 + size):
                buf[n] = major | (26 if size == 4 else 27)
                for i in range(size, 0, -1):
                    buf[n + i] = value & 255
                    value >>= 8
                self.n = n + 1 + size

    def integer(self, value: int):
        """Write an integer, -2^64..2^64-1."""
        if value >= 0:
            self.head(_UINT, value)
        else:
            self.head(_NINT, -1 - value)

    def e7(self, degrees: int, fraction: int):
        """Write `degrees * 10**7 + fraction` as one integer without ever forming it.

        A longitude in 1e-7 degree passes 2^30 beyond 107.37 degrees (Beijing, Shanghai), where it
        would be a heap object on a 32-bit board. Both parts carry the sign; |degrees| <= 180,
        |fraction| < 10**7.
        """
        negative = degrees < 0 or fraction < 0
        if negative:
            degrees = -degrees
            fraction = -fraction
        low = degrees * _E7_LOW + (fraction & 0xFFFF)
        high = degrees * _E7_HIGH + (fraction >> 16) + (low >> 16)
        low &= 0xFFFF
        if high < 0x3FFF:  # below 2^30: an ordinary small int
            value = high << 16 | low
            self.integer(-value if negative else value)
            return
        if negative:  # CBOR holds -1 - value
            if low:
                low -= 1
            else:
                low = 0xFFFF
                high -= 1
        n = self.n
        if self._room(5):
            buf = self.buf
            buf[n] = (_NINT << 5 | 26) if negative else 26
            buf[n + 1] = high >> 8
            buf[n + 2] = high & 255
            buf[n + 3] = low >> 8
            buf[n + 4] = low & 255
            self.n = n + 5

    def _string(self, major, data):
        start = self.n
        size = len(data)
        self.head(major, size)
        if self._room(size):
            self.buf[self.n : self.n + size] = data
            self.n += size
        else:
            self.n = start

    def octets(self, data):
        """Write a byte string."""
        self._string(_BYTES, data)

    def text(self, value: str):
        """Write a text string as UTF-8."""
        self._string(_TEXT, value.encode())

    def array(self, count: int):
        """Write the head of an array; its `count` items follow."""
        self.head(_ARRAY, count)

    def map(self, count: int):
        """Write the head of a map; `count` pairs follow."""
        self.head(_MAP, count)

    def boolean(self, value):
        """Write true or false."""
        self.head(_SIMPLE, _TRUE if value else _FALSE)

    def null(self):
        """Write null."""
        self.head(_SIMPLE, _NULL)

    def value(self, item):
        """Write any supported Python value; a type outside the subset sets `full` and writes nothing."""
        if item is None:
            self.null()
        elif item is True or item is False:
            self.boolean(item)
        elif isinstance(item, int):
            self.integer(item)
        elif isinstance(item, str):
            self.text(item)
        elif isinstance(item, (bytes, bytearray, memoryview)):
            self.octets(item)
        elif isinstance(item, (list, tuple)):
            self.array(len(item))
            for each in item:
                self.value(each)
        elif isinstance(item, dict):
            self.map(len(item))
            for key in item:
                self.value(key)
                self.value(item[key])
        else:
            self.full = True


class Reader:
    """Reads the items of `buf[pos:end]` one by one.

    `read()` returns the next item, or None with `error` set to a word ('truncated', 'unsupported',
    'depth', 'utf8', 'key') when the bytes are not of the subset. After an error nothing more is read.
    Null is also None, with `error` left at None. `pos` is the number of bytes taken so far.
    """

    def __init__(self, buf, pos: int = 0, end: int = -1):
        self.buf = buf
        self.pos = pos
        self.end = len(buf) if end < 0 else end
        self.error: "str | None" = None

    def more(self) -> bool:
        """Return True while unread bytes are left and no error was met."""
        return self.error is None and self.pos < self.end

    def read(self, depth: int = DEPTH_MAX):
        """Return the next item; see the class for what bad input gets."""
        if self.error is not None:
            return None
        pos = self.pos
        if pos >= self.end:
            return self._fail("truncated")
        first = self.buf[pos]
        if first < 24:  # every key of ours, most enumerations and counts
            self.pos = pos + 1
            return first
        major = first >> 5
        info = first & 31
        pos += 1
        if info < 24:
            value = info
        elif info < 28:
            size = 1 << (info - 24)
            if pos + size > self.end:
                return self._fail("truncated")
            value = 0
            for i in range(pos, pos + size):
                value = value << 8 | self.buf[i]
            pos += size
        else:
            return self._fail("unsupported")
        self.pos = pos
        if major == _UINT:
            return value
        if major == _NINT:
            return -1 - value
        if major == _SIMPLE:
            if info == _NULL:
                return None
            if info == _TRUE or info == _FALSE:
                return info == _TRUE
            return self._fail("unsupported")
        if major == _BYTES or major == _TEXT:
            return self._string(major, value)
        if major == _ARRAY or major == _MAP:
            return self._container(major, value, depth)
        return self._fail("unsupported")

    def _fail(self, why):
        self.error = why
        return None

    def _string(self, major, size):
        start = self.pos
        if start + size > self.end:
            return self._fail("truncated")
        self.pos = start + size
        data = bytes(self.buf[start : start + size])
        if major == _BYTES:
            return data
        try:
            # MicroPython's decode() alone lets overlong forms and surrogates through.
            return data.decode() if not MICROPYTHON or is_utf8(data) else self._fail("utf8")
        except (UnicodeError, ValueError):
            return self._fail("utf8")

    def _container(self, major, count, depth):
        if depth == 0:
            return self._fail("depth")
        # Every item takes at least a byte: refuse a lying count before it makes us build anything.
        if (count if major == _ARRAY else 2 * count) > self.end - self.pos:
            return self._fail("truncated")
        if major == _ARRAY:
            items = []
            for _ in range(count):
                items.append(self.read(depth - 1))
                if self.error is not None:
                    return None
            return items
        pairs = {}
        for _ in range(count):
            key = self.read(depth - 1)
            if self.error is not None:
                return None
            # True is 1 to a dict, so as a key it could pass for the field of that number.
            if not isinstance(key, (int, str)) or key is True or key is False or key in pairs:
                return self._fail("key")
            pairs[key] = self.read(depth - 1)
            if self.error is not None:
                return None
        return pairs


def is_utf8(data) -> bool:
    """Tell whether `data` is UTF-8 as RFC 3629 has it: shortest forms, no surrogates, to U+10FFFF."""
    follow = low = high = 0
    for byte in data:
        if follow:
            if not low <= byte <= high:
                return False
            follow -= 1
            low, high = 0x80, 0xBF
        elif byte >= 0x80:
            if not 0xC2 <= byte <= 0xF4:
                return False
            follow = 1 if byte < 0xE0 else 2 if byte < 0xF0 else 3
            low = 0xA0 if byte == 0xE0 else 0x90 if byte == 0xF0 else 0x80
            high = 0x9F if byte == 0xED else 0x8F if byte == 0xF4 else 0xBF
    return follow == 0
