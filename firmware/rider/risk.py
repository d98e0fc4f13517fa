"""Delay risk of an order in three levels, from the probability that it comes late.

slack = promised - (now + expected time); P(late) = normal CDF of -slack / sigma. A level rises at once
and falls when P was 10 points below it for 60 s. Every change is a record with its inputs. No text asks
anybody to ride faster: what is late is the platform's to mend.
"""

from protocols import messages
from protocols.compat import const

# P(late) in percent from which warn, intervene and compensate hold: the rules as data.
LEVELS_PCT = (30, 60, 95)
_FALL_PCT = const(10)
_FALL_S = const(60)
# 400 * (normal CDF(z) - 0.5) for z = 0, 0.1 .. 3.0, by the series of erf (Abramowitz, Stegun 7.1.5).
_CDF_400 = (
    b"\x00\x10\x20\x2f\x3e\x4d\x5a\x67\x73\x7e\x89\x92\x9a\xa1\xa8\xad"
    b"\xb2\xb6\xba\xbd\xbf\xc1\xc2\xc4\xc5\xc6\xc6\xc7\xc7\xc7\xc7"
)
# One string, cut when it is needed: each text of its own would cost a board 40 bytes for good.
_TEXTS = const(
    "订单预计可按时送达|Order is expected on time again|"
    "订单可能晚到，平台已知晓，请照常骑行，安全第一|"
    "Order may be late; the platform knows. Ride as usual, safety first|"
    "订单很可能晚到，请调度联系顾客或改派；骑手照常骑行，安全第一|"
    "Order is likely late: dispatcher to tell the customer or reassign; ride as usual|"
    "订单将晚到，请平台按规则补偿顾客；骑手照常骑行，安全第一|"
    "Order will be late: platform to compensate the customer; ride as usual"
)


def late_pct(slack_s: int, sigma_s: int) -> int:
    """Return the probability of being late in percent: 0..100, 50 at a slack of 0.

    slack_s -86,400..86,400; a sigma_s below 1 counts as 1.
    """
    z_100 = min(abs(slack_s) * 100 // max(sigma_s, 1), 300)
    at = z_100 // 10
    off = _CDF_400[at]
    if at < 30:
        off += (_CDF_400[at + 1] - off) * (z_100 % 10) // 10
    return (200 - off + 2) // 4 if slack_s > 0 else (200 + off + 2) // 4


def judge(level: int, calm_s: int, pct: int, now_s: int):
    """Return the level that P(late) `pct` leads to, or, when it stays, the next `calm_s` as -2 - calm_s.

    `calm_s` is since when P has been below what holds the level (-1: it is not), `now_s` UTC seconds
    since 2020. One integer for both answers, so that nothing is allocated.
    """
    high = low = 0
    for limit in LEVELS_PCT:
        high += pct >= limit
        low += pct + _FALL_PCT > limit
    if high > level:
        return high
    if low >= level:
        return -1  # calm is over: -2 - (-1)
    if not 0 <= calm_s <= now_s:
        return -2 - now_s
    return low if now_s - calm_s >= _FALL_S else -2 - calm_s


def tell(journal, order, level: int, was: int, pct: int, slack: int, outlook, age_ms: int) -> bool:
    """Record a change of level; False when the log refused it. `outlook` as for alerts.tell()."""
    texts = _TEXTS.split("|")
    return journal.record(
        messages.RISK,
        {
            "order": order.name,
            "level": messages.RISK_LEVELS[level],
            "was": messages.RISK_LEVELS[was],
            "late_pct": pct,
            "slack_s": slack,
            "eta_s": outlook.eta_s if outlook.dist_m >= 0 else None,
            "sigma_s": outlook.sigma_s if outlook.dist_m >= 0 else None,
            "dist_m": outlook.dist_m if outlook.dist_m >= 0 else None,
            "stops_before": outlook.stops_before,
            "age_ms": age_ms if outlook.dist_m >= 0 else None,
            "text_zh": texts[2 * level],
            "text_en": texts[2 * level + 1],
        },
    )
