"""Arrays of numbers as few bytes, for what has to survive a power cut: most of them are small."""


def pack(numbers) -> bytes:
    """Return numbers within +-2^31 as bytes: 7 bits each, least first, 128 where more follow."""
    out = bytearray()
    for number in numbers:
        number = number << 1 if number >= 0 else -number - 1 << 1 | 1
        while number > 127:
            out.append(number & 127 | 128)
            number >>= 7
        out.append(number)
    return bytes(out)


def unpack(data, numbers) -> bool:
    """Fill the array `numbers` from bytes of pack(); False where they are not as many."""
    if not isinstance(data, bytes):
        return False
    at = value = shift = 0
    for byte in data:
        value |= (byte & 127) << shift
        shift += 7
        if byte < 128:
            if at == len(numbers) or value >> 32:
                return False
            numbers[at] = -(value >> 1) - 1 if value & 1 else value >> 1
            at += 1
            value = shift = 0
        elif shift > 28:
            return False
    return at == len(numbers) and not shift
