"""Integer geometry of walk lines: flat lists x, y, x, y ... in one unit, dm or mm.

An *offset* counts along a line whose nominal length may differ a little from its drawn one (lengths are
rounded once, when a map is loaded), so places are found by the ratio offset / length.
"""


def isqrt(n):
    """The integer square root of n >= 0; MicroPython has none, and a board's float is too short."""
    if n < 2:
        return n
    r = n
    s = (r + 1) >> 1
    while s < r:
        r = s
        s = (r + n // r) >> 1
    return r


def rounded(a, b):
    """a / b rounded to the nearest integer, b > 0."""
    return (2 * a + b) // (2 * b)


def spans(line):
    """The length of each straight piece of a line: a list, empty for a single point."""
    out = []
    for i in range(0, len(line) - 2, 2):
        dx, dy = line[i + 2] - line[i], line[i + 3] - line[i + 1]
        out.append(isqrt(dx * dx + dy * dy))
    return out


def place(line, pieces, offset, length):
    """The point (x, y) at offset / length of a line whose pieces are `spans(line)`."""
    want = offset * sum(pieces)  # in units of 1 / length: no fraction is lost
    for i in range(len(pieces)):
        piece = pieces[i] * length
        if want <= piece and piece:
            x, y = line[2 * i], line[2 * i + 1]
            return (
                x + rounded((line[2 * i + 2] - x) * want, piece),
                y + rounded((line[2 * i + 3] - y) * want, piece),
            )
        want -= piece
    return line[-2], line[-1]


def cut(line, length, a, b):
    """The points of a line from offset `a` to offset `b` of `length`, both ends included."""
    pieces = spans(line)
    total = sum(pieces)
    low, high = (a, b) if a <= b else (b, a)
    inner = []
    run = 0
    for i in range(1, len(line) // 2 - 1):
        run += pieces[i - 1]
        if low * total < run * length < high * total:
            inner.append((line[2 * i], line[2 * i + 1]))
    out = [place(line, pieces, a, length)]
    out.extend(inner if a <= b else inner[::-1])
    out.append(place(line, pieces, b, length))
    return out


def nearest(line, x, y):
    """The place of a line nearest to (x, y).

    (run, total, squared distance), run / total of the way along.
    """
    pieces = spans(line)
    best = None
    run = 0
    for i in range(len(pieces)):
        ax, ay = line[2 * i], line[2 * i + 1]
        dx, dy = line[2 * i + 2] - ax, line[2 * i + 3] - ay
        square = dx * dx + dy * dy
        if not square:
            continue
        dot = min(max((x - ax) * dx + (y - ay) * dy, 0), square)
        px, py = ax + rounded(dx * dot, square), ay + rounded(dy * dot, square)
        gap = (x - px) * (x - px) + (y - py) * (y - py)
        if best is None or gap < best[1]:
            best = (run + rounded(pieces[i] * dot, square), gap)
        run += pieces[i]
    if best is None:
        gap = (x - line[0]) * (x - line[0]) + (y - line[1]) * (y - line[1])
        return 0, 1, gap
    return best[0], run, best[1]


def tidy(points):
    """Points [(x, y), ...] without repeats and without those in the middle of a straight stretch."""
    out: list = []
    for p in points:
        if out and out[-1] == p:
            continue
        if len(out) >= 2:
            ax, ay = out[-1][0] - out[-2][0], out[-1][1] - out[-2][1]
            bx, by = p[0] - out[-1][0], p[1] - out[-1][1]
            if ax * by == ay * bx and ax * bx + ay * by > 0:
                out[-1] = p
                continue
        out.append(p)
    return out
