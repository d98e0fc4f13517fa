"""The lessons of the trainer, from the first list to the exam: what each one practises.

A lesson is a made-up list of the store's own goods with something that goes wrong in it. Which bins it
visits comes from its seed, so that everybody who takes it has the same walk, and scores compare.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

from ar_picking.store import sample
from ar_picking.store.records import Store


@dataclass(frozen=True, slots=True)
class Scenario:
    """One lesson.

    guided: the way and the frame are shown all the time; else only while a hint is asked for. shorts:
    at how many of the list's bins goods are missing; blocked: whether an aisle on the way is closed;
    dark: for how many seconds out of twenty the camera sees nothing.
    """

    key: str
    title: tuple[str, str]
    goal: tuple[str, str]
    lines: int
    orders: int = 1
    seed: int = 1
    guided: bool = True
    shorts: int = 0
    blocked: bool = False
    dark_s: int = 0

    def as_json(self) -> dict[str, Any]:
        """What a page shows of it."""
        return {
            "key": self.key,
            "title": list(self.title),
            "goal": list(self.goal),
            "lines": self.lines,
            "orders": self.orders,
            "guided": self.guided,
        }


SCENARIOS = (
    Scenario(
        "first",
        ("第一张拣货单", "The first list"),
        ("跟着地上的路走，看货位标签，取货，放好", "Follow the way, look at the label, take, put"),
        lines=3,
        seed=11,
    ),
    Scenario(
        "orders",
        ("三个订单一车", "Three orders, one cart"),
        ("每件商品放进自己订单的格位", "Every article goes into its own order's slot"),
        lines=6,
        orders=3,
        seed=12,
    ),
    Scenario(
        "short",
        ("缺货", "Goods are missing"),
        ("货不够时数清楚再报，不要硬找", "Count what is there and report it; do not search on"),
        lines=5,
        orders=2,
        seed=13,
        shorts=2,
    ),
    Scenario(
        "blocked",
        ("前面不通", "The aisle is blocked"),
        ("走不过去就报告，跟新路线走", "Report what you cannot pass, and take the new way"),
        lines=5,
        orders=2,
        seed=14,
        blocked=True,
    ),
    Scenario(
        "dark",
        ("定位丢失", "The camera is lost"),
        (
            "画面上没有路线时看地图，把镜头对准标签",
            "Use the map, and look at labels until it is back",
        ),
        lines=4,
        seed=15,
        dark_s=6,
    ),
    Scenario(
        "exam",
        ("考试", "The exam"),
        ("没有路线提示；需要时按提示，会扣分", "No way is shown; a hint costs points"),
        lines=8,
        orders=3,
        seed=16,
        guided=False,
        shorts=1,
        blocked=True,
    ),
)
BY_KEY = {each.key: each for each in SCENARIOS}


@dataclass(frozen=True, slots=True)
class Lesson:
    """A scenario in one store: its list, and how many pieces really lie in the bins that are short."""

    scenario: Scenario
    picklist: dict[str, Any]
    found: dict[str, int]


def lesson(store: Store, scenario: Scenario) -> Lesson:
    """The scenario with this store's goods; a store with fewer bins than lines gets a shorter list."""
    lines = min(scenario.lines, len(store.bins))
    picklist = sample.sample_list(
        store, f"train-{scenario.key}", lines, min(scenario.orders, lines), scenario.seed
    )
    found: dict[str, int] = {}
    for line in picklist["lines"][1 :: max(1, lines // (scenario.shorts + 1))][: scenario.shorts]:
        line["qty"] = max(2, line["qty"])  # so that some are there, and have to be counted
        found[line["bin"]] = line["qty"] - 1
    return Lesson(scenario, picklist, found)
