"""What the harness does to a gateway and its upstream, and when."""

from dataclasses import dataclass, field


@dataclass(frozen=True)
class Mode:
    """total messages at rate a second (0: saturated); what happens when, seconds after the begin."""

    total: int
    rate: int
    events: list = field(default_factory=list)


def kills(count, every_s):
    told = []
    for number in range(count):
        told += [(2 + number * every_s, "kill"), (2.05 + number * every_s, "start")]
    return told


MODES = {
    "sat": Mode(30_000, 0),
    "rate": Mode(5_000, 500),
    "kill9": Mode(5_000, 500, [(5, "kill"), (6, "start")]),
    "down30": Mode(20_000, 500, [(5, "up_stop"), (35, "up_start")]),
    "downkill": Mode(8_000, 500, [(3, "up_stop"), (12, "kill"), (13, "start"), (18, "up_start")]),
    "killsat": Mode(30_000, 0, [(1, "kill"), (2, "start")]),
    "frozen": Mode(8_000, 500, [(3, "up_freeze"), (12, "up_thaw")]),
    "slow": Mode(8_000, 500, [(0, "slow")]),
    "full": Mode(8_000, 500, [(3, "fill"), (12, "free")]),
    "kills50": Mode(45_000, 500, kills(50, 1.7)),
    "ci": Mode(6_000, 0, [(0.3, "up_stop"), (0.8, "kill"), (1.0, "start"), (3, "up_start")]),
}
