"""What stands under a drawing of a walk: what was planned and proven, and what the signs mean."""

from __future__ import annotations

from itertools import pairwise
from typing import Any

from ar_picking.store.lanes import triangle
from ar_picking.store.picture import Point, Shape, text_px
from firmware.picker import sequence

WALK, PICK, DEPOT, CLOSED, WAY = "#0072b2", "#e69f00", "#009e73", "#d55e00", "#e4e4e4"
ZONES = ("#ddd8cf", "#a9dcf2", "#c3b1e1")  # told apart by their hatching, too
PARTLY = "#f0b070"
_ZONE_WORDS = ("常温 ambient", "冷藏 chilled", "冷冻 frozen")
_SIGN_PX = 46.0
_TITLE_ROWS = 4


def headline(plan: Any, count: int) -> str:
    """A plan's figures in one line, Chinese and English."""
    if plan.length_dm is None:
        return f"{count} 件 picks · 无路可达 no way out"
    words = [f"{count} 件 picks", f"步行 walk {plan.length_dm / 10:.1f} m"]
    if plan.method == sequence.EXACT:
        words.append("已证最短 proven shortest")
    else:
        words.append("目前最好 best found")
        if plan.bound_dm:
            over = 100 * (plan.length_dm - plan.bound_dm) / plan.bound_dm
            words.append(f"下界 bound {plan.bound_dm / 10:.1f} m (≤ {over:.1f} % 多 more)")
    if plan.unreachable:
        words.append(f"{len(plan.unreachable)} 件到不了 unreachable")
    return " · ".join(words)


def shapes(
    at: Point, width_px: float, size_px: float, title: str, line: str, signs: list[str]
) -> tuple[list[Shape], float]:
    """The legend from its upper left corner on, and its height in px.

    signs: of walk, pick, depot, start, unreachable, blocked, oneway, zone0, zone1, zone2, marker,
    blind, partly, put.
    """
    x, y = at
    out: list[Shape] = []
    row, left = y + size_px, x
    for part in _title(title, width_px, size_px * 1.25):
        out.append(_text(part, (x, row), size_px * 1.25))
        row += size_px * 1.9
    for part in _wrapped(line, width_px, size_px * 1.1):
        out.append(_text(part, (x, row), size_px * 1.1))
        row += size_px * 1.8
    row += size_px * 0.2
    for name in signs:
        words = _words(name)
        wide = _SIGN_PX + 10 + text_px(words, size_px) + 30
        if left > x and left + wide > x + width_px:
            row, left = row + size_px * 1.9, x
        out += _sign(name, (left, row))
        out.append(_text(words, (left + _SIGN_PX + 10, row), size_px))
        left += wide
    return out, row + size_px * 1.3 - y


def _title(title: str, width_px: float, size_px: float) -> list[str]:
    """A title in a few rows; what does not fit into them is left out, and three dots say so."""
    most = int(_TITLE_ROWS * width_px / (0.5 * size_px))  # no more can fit
    rows = _wrapped(title[:most], width_px, size_px)
    if len(rows) > _TITLE_ROWS or len(title) > most:
        rows = rows[:_TITLE_ROWS]
        rows[-1] = rows[-1][:-1] + "…"
    return rows


def _wrapped(line: str, width_px: float, size_px: float) -> list[str]:
    """The line, broken where it is wider than the page: at middle dots, or else inside a part."""
    out: list[str] = []
    for part in line.split(" · "):
        if out and text_px(f"{out[-1]} · {part}", size_px) <= width_px:
            out[-1] += f" · {part}"
            continue
        rest = part
        while len(rest) > 1 and text_px(rest, size_px) > width_px:
            fits = 1
            while text_px(rest[: fits + 1], size_px) <= width_px:
                fits += 1
            space = rest.rfind(" ", fits // 2, fits + 1)  # when there is one near
            at = space if space > 0 else fits
            out.append(rest[:at])
            rest = rest[at:].strip()
        if rest or not out:
            out.append(rest)
    return out


def _text(words: str, at: Point, size_px: float) -> Shape:
    return {"text": words, "at": at, "size": size_px, "color": "#222222", "align": "start"}


def _words(name: str) -> str:
    if name.startswith("zone"):
        return _ZONE_WORDS[int(name[4:])]
    return {
        "walk": "路线，靠右走 walk, on the right",
        "pick": "拣货点与顺序 pick, in sequence",
        "depot": "出入口 depot",
        "start": "从这里开始 start",
        "unreachable": "到不了 out of reach",
        "blocked": "封闭 blocked",
        "oneway": "单行 one way",
        "marker": "标签及其朝向 marker and where it faces",
        "blind": "定位盲区 lost here",
        "partly": "部分方向看不到 lost in these directions only",
        "put": "建议加标签 put a marker here",
    }[name]


def _sign(name: str, at: Point) -> list[Shape]:
    x, y = at
    end, mid = x + _SIGN_PX, x + _SIGN_PX / 2
    if name.startswith("zone"):
        return band((x, y), (end, y), -7.0, 7.0, int(name[4:]))
    if name == "walk":
        lane: Shape = {"line": [(x, y), (end, y)], "color": WALK, "width": 5}
        return [lane, triangle((mid, y), (1.0, 0.0), 9.0, WALK)]
    if name == "blocked":
        return closed([(x, y), (end, y)])
    if name == "oneway":
        return one_way([(x, y), (end, y)])
    if name == "marker":
        return [triangle((mid, y), (1.0, 0.0), 9.0, "#000000")]
    if name in ("blind", "partly"):
        fan = [(x, y), (end, y - 12), (end, y + 12)]
        return [{"area": fan, "color": CLOSED if name == "blind" else PARTLY}]
    return {"put": put, "pick": pick, "depot": depot, "start": start, "unreachable": missed}[name](
        (mid, y)
    )


def pick(at: Point) -> list[Shape]:
    """A place where goods are taken."""
    return [{"dot": at, "radius": 6.5, "color": PICK, "edge": "#5a3a00", "width": 1.5}]


def missed(at: Point) -> list[Shape]:
    """A pick that no walk can visit."""
    ring: Shape = {"dot": at, "radius": 8.0, "color": "#ffffff", "edge": CLOSED, "width": 2}
    return [ring, *_cross(at, 3.0, 2.0)]


def put(at: Point) -> list[Shape]:
    """A place where a marker is missing."""
    x, y = at
    diamond = [(x, y - 9), (x + 9, y), (x, y + 9), (x - 9, y)]
    return [{"area": diamond, "color": "#ffffff", "edge": WALK, "width": 3}]


def depot(at: Point) -> list[Shape]:
    """Where walks begin and end."""
    x, y = at
    square = [(x - 11, y - 11), (x + 11, y - 11), (x + 11, y + 11), (x - 11, y + 11)]
    return [{"area": square, "color": DEPOT, "edge": "#00402e", "width": 2}]


def start(at: Point) -> list[Shape]:
    """Where an open walk begins."""
    x, y = at
    points = [(x, y - 13), (x + 12, y + 9), (x - 12, y + 9)]
    return [{"area": points, "color": DEPOT, "edge": "#00402e", "width": 2}]


def closed(points: list[Point]) -> list[Shape]:
    """An edge that nobody can walk: dashed, with crosses."""
    out: list[Shape] = [{"line": points, "color": CLOSED, "width": 3, "dash": (8.0, 6.0)}]
    for a, b in pairwise(points):
        for share in (0.3, 0.7):
            out += _cross((a[0] + (b[0] - a[0]) * share, a[1] + (b[1] - a[1]) * share), 6.0)
    return out


def _cross(at: Point, r: float, width: float = 3.0) -> list[Shape]:
    x, y = at
    return [
        {"line": [(x - r, y - r), (x + r, y + r)], "color": CLOSED, "width": width},
        {"line": [(x - r, y + r), (x + r, y - r)], "color": CLOSED, "width": width},
    ]


def one_way(points: list[Point]) -> list[Shape]:
    """Grey arrow heads along an edge that is walked in one direction only."""
    out: list[Shape] = []
    for (ax, ay), (bx, by) in pairwise(points):
        length = max(1.0, ((bx - ax) ** 2 + (by - ay) ** 2) ** 0.5)
        d = (bx - ax) / length, (by - ay) / length
        count = max(1, int(length // 40))
        for k in range(count):
            share = (k + 0.5) / count
            out.append(triangle((ax + (bx - ax) * share, ay + (by - ay) * share), d, 8, "#555555"))
    return out


def band(a: Point, b: Point, near_px: float, far_px: float, zone: int) -> list[Shape]:
    """A shelf beside the line from a to b, hatched by its zone: plain, slanted, crossed."""
    length = max(1.0, ((b[0] - a[0]) ** 2 + (b[1] - a[1]) ** 2) ** 0.5)
    dx, dy = (b[0] - a[0]) / length, (b[1] - a[1]) / length

    def place(along: float, across: float) -> Point:
        side = near_px + across
        return a[0] + dx * along - dy * side, a[1] + dy * along + dx * side

    deep = far_px - near_px
    corners = [place(0, 0), place(length, 0), place(length, deep), place(0, deep)]
    out: list[Shape] = [{"area": corners, "color": ZONES[zone], "edge": "#8c8c8c", "width": 1}]
    lean, step, ink = abs(deep), 11.0, ("", "#2b7ba3", "#5b3f97")[zone]
    for k in range(int((length - lean) // step) + 1 if zone else 0):
        at = k * step
        out.append({"line": [place(at, 0), place(at + lean, deep)], "color": ink, "width": 1.2})
        if zone == 2:
            out.append({"line": [place(at + lean, 0), place(at, deep)], "color": ink, "width": 1.2})
    return out
