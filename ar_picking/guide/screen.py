"""What a screen shows of a guide, as plain values for JSON."""

from ar_picking.guide import words
from ar_picking.guide.lines import OPEN, OTHER_GOODS, PICKED, SHORT, SUBSTITUTED, WORDS
from ar_picking.guide.shop import MARKERS, ZONE
from ar_picking.guide.steps import DONE, IDLE, PICK, RETURN, WALK
from firmware.picker import line as geometry

_SHOWN = ("line", "order", "sku", "name", "bin", "qty", "slot")


def line(guide):
    """The line at hand: line, order, sku, name, bin, qty, slot, zone, barcode; None without one."""
    if guide.current < 0 or guide.state not in (WALK, PICK):
        return None
    return _line(guide, guide.current)


def _line(guide, i):
    now = guide.lines.now(i)
    out = {}
    for key in _SHOWN:
        out[key] = now[key]
    out["zone"] = guide.shop.bins[now["bin"]][ZONE]
    out["barcode"] = guide.shop.barcode_of(now["sku"], now["bin"])
    return out


def _lines(guide, order):
    """All lines, ended ones first, then in the sequence of the walk."""
    lines = guide.lines
    out: list = []
    if lines is None:
        return out
    for i in lines.ended + [i for i in order if lines.status[i] == OPEN]:
        now = lines.now(i)
        row = {}
        for key in _SHOWN:
            row[key] = now[key]
        row["qty"] = lines.lines[i]["qty"]
        row["status"] = WORDS[lines.status[i]]
        row["found"] = lines.found[i] if lines.status[i] != OPEN else lines.had(i)
        out.append(row)
    return out


def proposal(guide):
    """What is proposed for a line that is short: {sku, name, bin, qty}, or None."""
    if guide.propose is None:
        return None
    kind, name, found = guide.propose
    whole = guide.lines.lines[guide.current]
    now = guide.lines.now(guide.current)
    rest = whole["qty"] - guide.lines.had(guide.current) - found
    if kind == OTHER_GOODS:
        other = whole["substitute"]
        qty = (rest * other["qty"] + whole["qty"] - 1) // whole["qty"]
        return {"sku": other["sku"], "name": other["name"], "bin": name, "qty": qty}
    return {"sku": now["sku"], "name": now["name"], "bin": name, "qty": rest}


def can(guide):
    """The events that make sense now; "list", "manual", "confirm" and what cameras tell always do."""
    out = []
    if guide.state in (WALK, PICK):
        if guide.propose is not None:
            out += ["substitute", "undo"]
        else:
            step = guide.step()
            looks = (
                step == "bin" and guide.shop.bins[guide.lines.now(guide.current)["bin"]][MARKERS]
            )
            if not looks or guide.manual:
                out.append("tap")
            out += ["scan", "short"]
            if step == "qty":
                out.append("count")
            elif step == "put":
                out.append("put")
            if guide.lines.count(OPEN) > 1:
                out.append("skip")
    elif guide.state == RETURN:
        out.append("tap")
    if guide.state in (WALK, PICK, RETURN):
        if "undo" not in out and (guide.done or guide.lines.history):
            out.append("undo")
        if guide.stop is not None and guide.propose is None:
            out.append("blocked")
    if guide.blocked:
        out.append("open")
    return out


def view(guide):
    """Everything a screen shows; the keys are in docs/picking.md."""
    lines, figures = guide.lines, guide.figures
    order = guide.order()
    at_hand = line(guide)
    path = guide.path()
    after = None
    if at_hand and len(order) > 1:
        after = lines.now(order[1])
        after = {"bin": after["bin"], "name": after["name"]}
    shown_list = guide.list
    if guide.state == IDLE and guide.waiting:
        shown_list = guide.waiting[0]["list"]
    out = {
        "state": guide.state,
        "step": guide.step(),
        "list": shown_list,
        "line": at_hand,
        "next": after,
        "to_go_dm": length_dm(path) if path else None,
        "total": len(lines) if lines else 0,
        "picked": lines.count(PICKED) if lines else 0,
        "short": lines.count(SHORT) if lines else 0,
        "substituted": lines.count(SUBSTITUTED) if lines else 0,
        "orders": len(lines.slots()) if lines else 0,
        "lines": _lines(guide, order),
        "walk_dm": figures["walk_dm"],
        "bound_dm": figures["bound_dm"],
        "method": figures["method"],
        "list_order_dm": figures["list_order_dm"],
        "walked_dm": guide.walked_mm // 100,
        "slots": lines.slots() if lines else [],
        "confirm": dict(guide.confirm),
        "pieces": guide.pieces,
        "propose": proposal(guide),
        "can": can(guide),
        "manual": guide.manual,
        "blocked": list(guide.blocked),
        "waiting": len(guide.waiting),
        "planning": guide.planning,
    }
    out["hint"] = words.hint(hint_code(guide), at_hand, out)
    return out


def sign(guide):
    """What differs where two views do, but for to_go_dm and walked_dm; cheap to make."""
    lost = guide.walk.lost() if guide.walk is not None else []
    told = (guide.revision, guide.state, guide.current, guide.planning, guide.is_held)
    return told + (guide.stop is None, guide.order(), lost)


def hint_code(guide):
    """The code of what the picker is to do now."""
    if guide.state in (IDLE, DONE) and guide.waiting:
        return "journal_full" if guide.is_held else "planning"
    if guide.state == IDLE:
        return "no_list"
    if guide.state == DONE:
        return "list_done"
    if guide.state == RETURN:
        return "go_to_exit"
    if guide.propose is not None:
        return "take_instead"
    step = guide.step()
    if guide.state == WALK and guide.current in guide.walk.lost():
        return "way_blocked"
    if step == "bin" or guide.state == WALK:
        return "go_to"
    return {"item": "take", "qty": "count", "put": "put_to"}[step]


def tour(guide):
    """The rest of the walk after the target, as points [(x_dm, y_dm), ...]."""
    if guide.state not in (WALK, PICK):
        return []
    graph = guide.shop.graph
    stops = [guide.shop.place(guide.lines.now(i)["bin"]) for i in guide.order()]
    stops.append(guide.exit())
    points: list = []
    for k in range(len(stops) - 1):
        leg = graph.path(stops[k], stops[k + 1]) or []
        points.extend(leg[1:] if points and leg and points[-1] == leg[0] else leg)
    return points


def length_dm(points):
    """The length of a line of points, dm."""
    total = 0
    for k in range(1, len(points)):
        dx, dy = points[k][0] - points[k - 1][0], points[k][1] - points[k - 1][1]
        total += int(geometry.isqrt(dx * dx + dy * dy))
    return total
