"""Physics of goods in integers: the product that follows the air, mean kinetic temperature, long sums.

Nothing here takes heap. What is read of the sums once, at the end: rider.verdict.
"""

from protocols.compat import const

_FINE = const(14)
_KELVIN_CC = const(27_315)
_LOG2E_512 = const(738_659_840)  # 1e6 / ln 2 * 512, see _reciprocal
_ONE = const(32_768)
_LOW_BITS = const(11)
_LOW_MASK = const(2_047)
_MID_BITS = const(20)
_MID_MASK = const(1_048_575)


def follow(state, at: int, inertia: int) -> None:
    """Let one second pass: the product comes nearer to the air by 1/inertia of the difference.

    `state[at]` is product minus air in 2^-14 * 0.01 degC, `state[at + 1]` >= 0 the next 14 bits.
    p += (a - p) * dt / (tau + dt) with dt = 1 s and inertia = tau + 1, on a grid of whole seconds, so
    that the result does not depend on when readings came. The difference is rounded towards the product,
    so it never arrives before the formula does: it stays within inertia * 4e-9 * 0.01 degC of it.
    """
    high = state[at]
    low = state[at + 1]
    below = high < 0
    if below:
        high = -high
        if low:
            high -= 1
            low = (1 << _FINE) - low
    part = high // inertia
    low -= ((high - part * inertia << _FINE) + low) // inertia
    high -= part
    if low < 0:
        low += 1 << _FINE
        high -= 1
    if below:
        high = -high
        if low:
            high -= 1
            low = (1 << _FINE) - low
    state[at] = high
    state[at + 1] = low


def add_sum(state, at: int, value: int, dt_ms: int) -> None:
    """Add value * dt_ms to the long sum `state[at:at + 3]`; |value| < 2^23, 0 <= dt_ms <= 120,000."""
    low = state[at] + (value & _LOW_MASK) * dt_ms
    mid = state[at + 1] + (value >> _LOW_BITS) * dt_ms + (low >> _LOW_BITS)
    state[at] = low & _LOW_MASK
    state[at + 1] = mid & _MID_MASK
    state[at + 2] += mid >> _MID_BITS


def weight(temp_cc: int, base_cc: int) -> int:
    """Return 32,768 * exp(10,000/T0 - 10,000/T), at most 2^22: the weight of degradation (T, T0 in K).

    10,000 K is dH/R for dH = 83.144 kJ/mol, USP <1079.2>. Within 0.015 % of the true value or half a
    count: a mean kinetic temperature made of it is within 0.01 degC of the formula, where the readings
    lie within 25 degC of base_cc; beyond that, and below base_cc most of all, the counts are coarse.
    """
    power = _reciprocal(base_cc) - _reciprocal(temp_cc) >> 8  # of two, in 2^-15
    whole = power >> 15
    if whole >= 7:
        return 1 << 22
    if whole < -15:
        return 0
    f = power & _ONE - 1
    # 2^f by a cubic that meets both ends; fitted for this file, largest error 0.0105 %.
    mantissa = _ONE + (f * (22_787 + (f * (7_419 + (f * 2_562 >> 15)) >> 15)) >> 15)
    return mantissa << whole if whole >= 0 else (mantissa >> -whole - 1) + 1 >> 1


def _reciprocal(temp_cc):
    """Return 10,000 / T / ln 2 in 2^-23: two divisions, so that no number leaves the small ints."""
    kelvin_cc = max(temp_cc + _KELVIN_CC, 12_000)
    part = _LOG2E_512 // kelvin_cc
    return (part << 14) + ((_LOG2E_512 - part * kelvin_cc << 14) // kelvin_cc)
