"""`o2o simulate coldbox`: hours of a cold box's adverts, with what was true in every line.

A box with coolant keeps its temperature; an open lid lets warm air in; coolant that is used up lets it
drift to the street's temperature. Sensors say what they feel with noise, fall silent for a while, or
die. Equal seeds give equal lines. Everything here is simulated, and the first word of --truth says so.
"""

import argparse
import json
import random
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from tools.errors import UsageError
from tools.simulate.coldbox import FORMATS, Sensor

HELP = (
    "adverts of a cold box as JSON lines, with lid openings, silences, a dying sensor, excursions"
)

# profile -> what the box is set to, degC
_SET_C = {
    "frozen": -21.0,
    "deep_chill": 2.0,
    "chilled": 4.5,
    "pharma": 5.0,
    "hot": 68.0,
    "ambient": 22.0,
}
_STREET_C = 29.0
_BOX_TAU_S = 90.0  # how fast the box comes back to its set point
_LID_TAU_S = 120.0  # how fast warm air fills it while the lid is open
_DRIFT_TAU_S = 2_400.0  # how fast it warms up without coolant
_NOISE_C = 0.02
_HOURS_MAX = 48.0
_ADDRESS = "C4:38:00:00:00:{:02X}"


@dataclass(frozen=True, slots=True)
class Event:
    """Something that happens from `from_s` to `to_s`: lid, silence, death, coolant."""

    what: str
    from_s: float
    to_s: float
    sensor: int = 0


@dataclass(frozen=True, slots=True)
class Plan:
    """A box, what happens to it, and the sensors in it."""

    profile: str
    seed: int
    seconds: int
    interval_s: float
    formats: tuple[str, ...]
    events: tuple[Event, ...]


def plan(
    profile: str,
    seed: int,
    hours: float,
    formats: tuple[str, ...],
    interval_s: float = 1.0,
    excursion: bool = False,
    death: bool = False,
) -> Plan:
    """Draw what happens: a lid opening every 20 minutes, a silence every hour, the rest if asked."""
    dice = random.Random(seed)
    seconds = int(hours * 3_600)
    events = []
    now = dice.uniform(60, 1_500)
    while now < seconds:
        span = dice.uniform(5, 40)
        events.append(Event("lid", now, min(now + span, seconds)))
        now += span + dice.uniform(300, 2_100)
    for number in range(len(formats)):
        now = dice.uniform(300, 4_500)
        while now < seconds:
            span = dice.choice((20.0, 45.0, 90.0, 240.0))
            events.append(Event("silence", now, min(now + span, seconds), number))
            now += span + dice.uniform(1_800, 5_400)
    if excursion:
        begin = dice.uniform(0.2, 0.5) * seconds
        events.append(Event("coolant", begin, seconds))
    if death:
        events.append(Event("death", dice.uniform(0.5, 0.9) * seconds, seconds, len(formats) - 1))
    events.sort(key=lambda event: (event.from_s, event.what))
    return Plan(profile, seed, seconds, interval_s, formats, tuple(events))


def keys(made: Plan) -> list[bytes | None]:
    """Return each sensor's key: 16 bytes for a sealed format, else None."""
    dice = random.Random(f"keys {made.seed}")
    return [dice.randbytes(16) if format_.endswith("sealed") else None for format_ in made.formats]


def adverts(made: Plan) -> Iterator[dict[str, Any]]:
    """Yield adverts in order of time: t_s, address, name, adv, rssi_dbm, truth; bindkey if sealed."""
    dice = random.Random(f"air {made.seed}")
    secrets = keys(made)
    sensors = [
        Sensor(_ADDRESS.format(number + 1), format_, 0.0, key=secrets[number])
        for number, format_ in enumerate(made.formats)
    ]
    air_c = _SET_C[made.profile]
    due_s = [dice.uniform(0, made.interval_s) for _ in sensors]
    for second in range(made.seconds):
        is_open = _happens(made, "lid", second)
        is_dead = _happens(made, "coolant", second)
        # One second of the air: towards the street, back to the coolant, or slowly adrift.
        if is_open:
            air_c += (_STREET_C - air_c) / _LID_TAU_S
        elif is_dead:
            air_c += (_STREET_C - air_c) / _DRIFT_TAU_S
        else:
            air_c += (_SET_C[made.profile] - air_c) / _BOX_TAU_S
        heard: list[tuple[float, int, dict[str, Any]]] = []
        for number, sensor in enumerate(sensors):
            while due_s[number] < second + 1:
                at_s = due_s[number]
                due_s[number] += made.interval_s * dice.uniform(0.98, 1.02)
                felt_c = air_c + dice.gauss(0, _NOISE_C)
                payload = sensor.say(felt_c, is_open)
                if _silent(made, number, at_s):
                    continue
                line = {
                    "t_s": round(at_s, 3),
                    "address": sensor.address,
                    "name": f"box-{number + 1}",
                    "adv": payload.hex(),
                    "rssi_dbm": -round(dice.uniform(48, 75)),
                    "truth": {"air_c": round(air_c, 3), "open": is_open},
                }
                if sensor.key is not None:
                    line["bindkey"] = sensor.key.hex()
                heard.append((at_s, number, line))
        for _, _, line in sorted(heard, key=lambda each: each[:2]):
            yield line


def truth(made: Plan) -> dict[str, Any]:
    """Return the plan as plain data."""
    return {
        "simulated": True,
        "profile": made.profile,
        "seed": made.seed,
        "seconds": made.seconds,
        "sensors": [
            {
                "address": _ADDRESS.format(number + 1),
                "name": f"box-{number + 1}",
                "format": format_,
                "key": key.hex() if key else None,
            }
            for number, (format_, key) in enumerate(zip(made.formats, keys(made), strict=True))
        ],
        "events": [
            {
                "what": event.what,
                "from_s": round(event.from_s, 1),
                "to_s": round(event.to_s, 1),
                "sensor": event.sensor + 1,
            }
            for event in made.events
        ],
    }


def _happens(made: Plan, what: str, second: float) -> bool:
    return any(e.what == what and e.from_s <= second < e.to_s for e in made.events)


def _silent(made: Plan, sensor: int, at_s: float) -> bool:
    return any(
        e.what in ("silence", "death") and e.sensor == sensor and e.from_s <= at_s < e.to_s
        for e in made.events
    )


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """Declare the command line."""
    parser.add_argument("--profile", choices=sorted(_SET_C), default="chilled")
    parser.add_argument("--seed", type=int, default=1, metavar="N")
    parser.add_argument("--hours", type=float, default=1.0, metavar="H")
    parser.add_argument(
        "--formats",
        default="bthome",
        metavar="F,..",
        help=f"a sensor for each, of: {', '.join(FORMATS)}",
    )
    parser.add_argument(
        "--interval", type=float, default=1.0, metavar="S", help="s between adverts"
    )
    parser.add_argument("--excursion", action="store_true", help="the coolant is used up halfway")
    parser.add_argument("--death", action="store_true", help="the last sensor dies on the way")
    parser.add_argument("--truth", metavar="FILE", help="write the plan there, as one JSON object")


def run(args: argparse.Namespace) -> int:
    """Print the adverts."""
    if not 0 < args.hours <= _HOURS_MAX:
        raise UsageError(f"--hours is above 0 and at most {_HOURS_MAX:g}, not {args.hours:g}")
    if not 0.1 <= args.interval <= 600:
        raise UsageError(f"--interval is 0.1 to 600 s, not {args.interval:g}")
    formats = tuple(args.formats.split(","))
    for format_ in formats:
        if format_ not in FORMATS:
            raise UsageError(f"--formats knows {', '.join(FORMATS)}, not '{format_}'")
    if len(formats) > 16:
        raise UsageError(f"a box has at most 16 sensors, not {len(formats)}")
    made = plan(
        *(args.profile, args.seed, args.hours, formats, args.interval),
        excursion=args.excursion,
        death=args.death,
    )
    if args.truth:
        Path(args.truth).write_text(json.dumps(truth(made), indent=1) + "\n")
    for line in adverts(made):
        print(json.dumps(line))
    return 0
