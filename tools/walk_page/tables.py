"""The tables of docs/walk.md, as they stand there."""

from firmware.picker.exact.elimination import CLOSED, OPEN
from tools.walk_page.pictures import CLASSES, tiny
from tools.walk_page.sweep import WORDS, Sweep

WORKED = 4  # the step that is worked through: the middle aisle with its two picks


def tables() -> list[str]:
    """Return the page's tables in its order: the step worked through, and how many states there are."""
    return [worked(tiny()), counts()]


def worked(run: Sweep) -> str:
    """Return the candidates of one step: a row a state before it, a column a state after it."""
    kinds = list(CLASSES)
    before = run.layers[WORKED - 1]
    onward = run.onward(WORKED)
    kept = {(s.before, s.pieces, s.odd): s.choice for s in run.layers[WORKED]}
    lines = ["| before | dm | " + " | ".join(f"to {CLASSES[k]}" for k in kinds) + " |"]
    lines.append("|---" * (2 + len(kinds)) + "|")
    for kind in kinds:
        for place, each in enumerate(before):
            if (each.pieces, each.odd) != kind:
                continue
            cells = []
            for to in kinds:
                made = [s for s in onward[place] if (s.pieces, s.odd) == to]
                words = f"{WORDS[made[0].choice]} {made[0].cost_dm}" if made else ""
                cells.append(f"**{words}**" if (place, *to) in kept else words)
            lines.append(f"| {CLASSES[kind]} | {each.cost_dm} | " + " | ".join(cells) + " |")
    return "\n".join(lines)


def counts() -> str:
    """Return the most states of a layer by slots, on a map without crossings."""
    lines = ["| slots | closed walk | open walk |", "|---|---|---|"]
    lines += [f"| {k} | {CLOSED[k]:,} | {OPEN[k]:,} |" for k in range(2, len(CLOSED))]
    return "\n".join(lines)
