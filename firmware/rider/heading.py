"""Speed and course to north and east, and back, in integers: no float is made for a fix."""

# sin of 0, 5, .. 90 degrees, 12 bits behind the point, two bytes each.
_SIN = (
    b"\x00\x00\x65\x01\xc7\x02\x24\x04\x79\x05\xc3\x06\x00\x08\x2d\x09\x49\x0a\x50\x0b"
    b"\x42\x0c\x1b\x0d\xdb\x0d\x80\x0e\x09\x0f\x74\x0f\xc2\x0f\xf0\x0f\x00\x10"
)


def east_part(value: int, course_cdeg: int) -> int:
    """Return value * sin(course) for |value| below 200,000 and any course; within 0.1 %.

    The north part is that of course + 9,000.
    """
    course_cdeg %= 36_000
    if course_cdeg >= 18_000:
        value = -value
        course_cdeg -= 18_000
    if course_cdeg > 9_000:
        course_cdeg = 18_000 - course_cdeg
    at = course_cdeg // 500 * 2
    sine = _SIN[at] | _SIN[at + 1] << 8
    rest = course_cdeg % 500
    if rest:
        sine += ((_SIN[at + 2] | _SIN[at + 3] << 8) - sine) * rest // 500
    return value * sine >> 12


def course_of(north: int, east: int) -> int:
    """Return the direction of (north, east), both below 2^18, in 0.01 degree, 0..35,999.

    Within 0.3 degree; 0 for no direction at all.
    """
    x = abs(north)
    y = abs(east)
    low = min(x, y)
    high = max(x, y)
    if not high:
        return 0
    ratio = (low << 12) // high
    # atan(r) = 45 r + 15.64 r (1 - r) degrees, within 0.22 (Rajan et al., "Efficient approximations
    # for the arctangent function", IEEE Signal Processing Magazine 23 (3), 2006, equation 6).
    course_cdeg = (4_500 * ratio + (1_564 * ratio >> 12) * (4_096 - ratio)) >> 12
    if y > x:
        course_cdeg = 9_000 - course_cdeg
    if north < 0:
        course_cdeg = 18_000 - course_cdeg
    if east < 0:
        course_cdeg = 36_000 - course_cdeg
    return course_cdeg % 36_000
