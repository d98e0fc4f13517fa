"""A circle round a place, entered and left without flapping.

A plain fence flaps 360 times an hour when a rider parks on its edge. Here the way out is
h = max(20 m, 3 sigma) beyond the edge and must last 20 s, which is as long as a receiver's wander; the
way in is h/4 inside the edge, at once: arriving matters to the second, leaving does not.
"""

from protocols.compat import const

_OUTSIDE = const(0)
_INSIDE = const(1)
_LEAST_CM = const(2_000)
_DWELL_S = const(20)
_SIGMA_MAX_CM = const(100_000)


def step(state: int, dist_cm: int, radius_cm: int, sigma_cm: int, now_s: int) -> int:
    """Return the fence's next state: 0 outside, 1 inside, more than 1 inside but perhaps on the way out.

    Entered is the step from 0 to 1, left the one back to 0. `state` is what the last call returned (0 at
    first), `dist_cm` from the centre, `sigma_cm` the position's one sigma (unknown, below 0, counts as
    1 km), `now_s` any clock in whole seconds 0..2^29. One integer is the whole state, and is saved as it
    is. Uses no heap.
    """
    if not 0 <= sigma_cm <= _SIGMA_MAX_CM:
        sigma_cm = _SIGMA_MAX_CM
    band_cm = max(_LEAST_CM, 3 * sigma_cm)
    if state == _OUTSIDE:
        # Never less than half the radius: a poor position shall not make arriving impossible.
        edge_cm = max(radius_cm - band_cm // 4, radius_cm // 2)
        return _INSIDE if dist_cm <= edge_cm else _OUTSIDE
    if dist_cm <= radius_cm + band_cm:
        return _INSIDE
    if state == _INSIDE:
        return _INSIDE + 1 + now_s
    since_s = state - _INSIDE - 1
    # A clock that went back or was set begins the dwell anew.
    if not 0 <= now_s - since_s <= 3_600:
        return _INSIDE + 1 + now_s
    return _OUTSIDE if now_s - since_s >= _DWELL_S else state
