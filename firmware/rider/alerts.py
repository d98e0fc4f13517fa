"""Tells a customer once each: 1 km away, 300 m away, arrived; and what is remembered of an order.

What was told is a bit of the order's watch, which the order's owner saves: after a restart nothing is
told twice. A record that the full evidence log refused is not told and is tried again.
"""

from array import array

from firmware.rider import fence
from firmware.rider.eta import are_ints
from protocols import messages
from protocols.compat import const

# A watch is an array('i') of 64 bytes, for an object would need three times that. By place:
_TOLD = const(0)  # bits of what was told
_LEVEL = const(1)  # of risk, by its place in messages.RISK_LEVELS
_FENCE = const(2)  # the arrival's fence.step() state
_ARRIVED = const(3)  # when he arrived, in UTC seconds since 2020; -1 not, or away again
_CALM = const(4)  # since when the risk is lower than its level, in the same seconds; -1 it is not
_HANDOVER = const(5)  # expected hand-over seconds, 0 to be asked for
_SPREAD = const(6)  # one sigma of it
_PLACES = const(7)

# Bits of _TOLD.
_APPROACH = const(1)
_NEAR = const(2)
_AT_DOOR = const(4)

_APPROACH_CM = const(100_000)
_NEAR_CM = const(30_000)
_ARRIVED_CM = const(2_500)
# A position may say "300 m" when it is off by no more than 60 m: a fifth.
_FITS = const(5)
_ARRIVED_DOUBT_CM = const(3_000)
_ETA_MAX_S = const(86_400)
# One string, cut when it is needed: each text of its own would cost a board 40 bytes for good.
_TEXTS = const(
    "approach|骑手距您{}公里，约{}分钟|Rider {} km from you, about {} min|"
    "near|骑手距您{}米，约{}分钟|Rider {} m from you, about {} min|"
    "arrived|骑手已到您楼下{}，约{}分钟送到|Rider has arrived{}, at your door in about {} min|"
    "，您前面还有{}站|, {} stops before you|, {} stop before you"
)


def new_watch():
    """Return the watch of an order of which nothing was told."""
    watch = array("i", [0] * _PLACES)
    watch[_ARRIVED] = watch[_CALM] = -1
    return watch


def save_watch(watch):
    """Return what must survive a restart: a list, None for an order without a watch."""
    return None if watch is None else list(watch[:_HANDOVER])


def restore_watch(value):
    """Return the watch that save_watch() was given; None (a new one is made then) for anything else."""
    if not are_ints(value, _HANDOVER, -1, 0x3FFF_FFFF) or value[_FENCE] < 0:
        return None
    if not 0 <= value[_TOLD] < 8 or not 0 <= value[_LEVEL] < 4:
        return None
    watch = new_watch()
    for i in range(_HANDOVER):
        watch[i] = value[i]
    return watch


def due(watch, dist_cm: int, doubt_cm: int, acc_cm: int, now_s: int) -> int:
    """Return the one alert that a position `dist_cm` from the door makes due, or 0; keeps the fence.

    `doubt_cm` how far off the position may be by now, `acc_cm` its one sigma, `now_s` UTC seconds since
    2020 (or any seconds while the clock is unset). Uses no heap.
    """
    if doubt_cm <= _ARRIVED_DOUBT_CM or watch[_FENCE]:
        watch[_FENCE] = fence.step(watch[_FENCE], dist_cm, _ARRIVED_CM, acc_cm, now_s)
    told = watch[_TOLD]
    if watch[_FENCE] == 1 and not told & _AT_DOOR:
        return _AT_DOOR
    if told >= _NEAR:
        return 0
    if dist_cm <= _NEAR_CM:
        return _NEAR if doubt_cm * _FITS <= _NEAR_CM else 0
    if not told and dist_cm <= _APPROACH_CM and doubt_cm * _FITS <= _APPROACH_CM:
        return _APPROACH
    return 0


def tell(journal, order, alert: int, dist_cm: int, outlook) -> bool:
    """Record an alert and latch it with those it makes needless; False when the log refused it.

    `outlook` has ride_s, handover_s, eta_s, sigma_s, stops_before of this order.
    """
    minutes = max(1, (outlook.eta_s + 30) // 60)
    before = outlook.stops_before
    metres = (dist_cm + 50) // 100
    texts = _TEXTS.split("|")
    kind = alert // 2 * 3
    away = ""
    if alert == _APPROACH:
        away = "{}.{}".format((metres + 50) // 1_000, (metres + 50) % 1_000 // 100)
    elif alert == _NEAR:
        away = str((metres + 5) // 10 * 10)
    text_zh = texts[kind + 1].format(away, minutes)
    text_en = texts[kind + 2].format(away, minutes)
    if before:
        text_zh += texts[9].format(before)
        text_en += texts[11 if before == 1 else 10].format(before)
    if not journal.record(
        messages.ALERT,
        {
            "order": order.name,
            "alert": texts[kind],
            "dist_m": metres,
            "eta_s": outlook.eta_s,
            "ride_s": outlook.ride_s,
            "handover_s": outlook.handover_s,
            "text_zh": text_zh,
            "text_en": text_en,
            # Nine of ten arrive within 1.28 sigma more.
            "eta_p90_s": min(outlook.eta_s + outlook.sigma_s * 32 // 25, _ETA_MAX_S),
            "stops_before": before,
        },
    ):
        return False
    # An order that begins, or is found again, inside 300 m is not told of the kilometre afterwards.
    order.watch[_TOLD] |= 2 * alert - 1
    return True
