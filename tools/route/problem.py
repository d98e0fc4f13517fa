"""What `o2o route` and `o2o store plot` are given: a map with its instances, or a store folder.

Everything from outside is checked here; what is wrong is a ToolError of one line that names the file.
"""

import json
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from firmware.picker import maps
from firmware.picker.graph import StoreGraph
from protocols.storemap import printable
from tools.errors import ToolError, UsageError

MAX_FILE_BYTES = 20_000_000
MAX_PICKS = 10_000
_DIGITS = 9  # of a number on the command line
_QUOTED = 60  # characters of a wrong word that are said again
Stop = tuple[int, int]


@dataclass(frozen=True, slots=True)
class Instance:
    """Picks in the customer's sequence; `opt`: a proven length in dm; of a store's pick list also `bins`
    and `orders`, the names of both for each pick.
    """

    id: str | int
    picks: list[Stop]
    opt: int | None = None
    bins: list[str] | None = None
    orders: list[str] | None = None


@dataclass(frozen=True, slots=True)
class Problem:
    """A checked map and what is to be picked there; `shelf`: the edges that hold stock."""

    name: str
    graph: StoreGraph
    instances: list[Instance]
    shelf: set[int] = field(default_factory=set)


def read(path: Path, list_path: Path | None = None) -> Problem:
    """Return what `path` says: a JSON map of the pick format, or a store folder with a pick list.

    UsageError when the two do not go together, ToolError (or StoreError) for what cannot be read.
    """
    if path.is_dir():
        if list_path is None:
            raise UsageError(f"{path.name} is a store folder; say what to pick: --picklist FILE")
        return _of_folder(path, list_path)
    if list_path is not None:
        raise UsageError("--picklist goes with a store folder; a map has instances of its own")
    return _of_map(path)


def choose(problem: Problem, wanted: str | None) -> list[Instance]:
    """Return the instance of that id, or of that number from 0; all of them for None."""
    if wanted is None:
        return problem.instances
    for instance in problem.instances:
        if str(instance.id) == wanted:
            return [instance]
    number = _number(wanted)
    if number is not None and number < len(problem.instances):
        return [problem.instances[number]]
    raise UsageError(
        f"--instance {wanted[:_QUOTED]}: {problem.name[:_QUOTED]} has the numbers 0 to "
        f"{len(problem.instances) - 1}, or their ids, as {str(problem.instances[0].id)[:_QUOTED]}"
    )


def block(problem: Problem, words: str | None) -> None:
    """Block the edges of '3,17' or, in a store folder, of their ids; UsageError for unknown ones."""
    graph = problem.graph
    for word in (words or "").split(",") if words is not None else ():
        name = word.strip()
        if name in graph.names:
            graph.block(graph.names.index(name))
            continue
        number = _number(name)
        if number is not None and number < graph.edges:
            graph.block(number)
        else:
            raise UsageError(
                f"--blocked '{name[:_QUOTED]}': an edge is a number from 0 to {graph.edges - 1}"
                + (", or its id in walk.geojson" if graph.names else "")
            )


def _number(word: str) -> int | None:
    """Return the number a word is; None for anything else, or for more digits than any number has."""
    return int(word) if word.isascii() and word.isdigit() and len(word) <= _DIGITS else None


def start_of(problem: Problem, junction: int | None) -> Stop | None:
    """Return the place where an open walk starts; None for a tour from the depot."""
    if junction is None:
        return None
    if not 0 <= junction < problem.graph.junctions:
        raise UsageError(
            f"--start {junction}: a junction is a number from 0 to {problem.graph.junctions - 1}"
        )
    return (-1, junction)


def _of_folder(path: Path, list_path: Path) -> Problem:
    from ar_picking.commands.guide import read_list
    from ar_picking.guide import picklist
    from ar_picking.store import folder

    store = folder.load(path)
    checked, reason = picklist.check(read_list(list_path), store.bins, store.id)
    if checked is None:
        raise ToolError(f"{list_path.name}: {reason}")
    bins = [line["bin"] for line in checked["lines"]]
    orders = [line["order"] for line in checked["lines"]]
    instance = Instance(checked["list"], [store.stops[name] for name in bins], None, bins, orders)
    shelf = {edge for edges in store.graph.aisles.values() for edge in edges}
    return Problem(store.id, store.graph, [instance], shelf)


def _of_map(path: Path) -> Problem:
    if path.stat().st_size > MAX_FILE_BYTES:
        raise ToolError(f"{path.name}: larger than {MAX_FILE_BYTES // 1_000_000} MB")
    try:
        found = json.loads(path.read_bytes().decode("utf-8-sig"))
    except ValueError as fault:
        raise ToolError(f"{path.name} is no JSON: {fault}") from None
    except RecursionError:
        raise ToolError(f"{path.name} is no map: it is nested too deeply") from None
    graph, reason = maps.from_map(found)
    if graph is None:
        raise ToolError(f"{path.name}: {reason}")
    listed = found.get("instances")
    if not isinstance(listed, list) or not listed:
        raise ToolError(f"{path.name} has no list 'instances'")
    instances = []
    for number, each in enumerate(listed):
        why = _fault(each, graph)
        if why:
            named = each["id"] if isinstance(each, dict) and _is_id(each.get("id")) else number
            raise ToolError(f"{path.name}, instance {named}: {why}")
        picks = [(edge, offset) for edge, offset in each["picks"]]
        instances.append(Instance(each.get("id", number), picks, each.get("opt")))
    shelf = found.get("shelf", [])
    if not isinstance(shelf, list) or not all(_whole(e, 0, graph.edges - 1) for e in shelf):
        raise ToolError(f"{path.name}: shelf is not a list of edges")
    name = found.get("name")
    if not isinstance(name, str):
        name = "".join(char if _plain(char) else "?" for char in path.stem)
    if not _plain(name):
        raise ToolError(f"{path.name}: name is no text that can be printed")
    return Problem(name, graph, instances, set(shelf))


def _fault(instance: Any, graph: StoreGraph) -> str | None:
    """Say why an instance cannot be planned, or None."""
    if not isinstance(instance, dict):
        return "it is not an object"
    if not _is_id(instance.get("id", 0)):
        return "its id is no number and no text that can be printed"
    picks: Any = instance.get("picks")
    if not isinstance(picks, list) or len(picks) > MAX_PICKS:
        return f"picks is not a list of at most {MAX_PICKS}"
    for number, pick in enumerate(picks):
        if not isinstance(pick, list) or len(pick) != 2 or not all(_whole(c) for c in pick):
            return f"pick {number} is not [edge, offset_dm] in whole numbers"
        if not graph.is_stop((pick[0], pick[1])):
            return f"pick {number}, {pick}, is not on the map"
    opt: Any = instance.get("opt")
    if opt is not None and not _whole(opt, 0):
        return "opt is no length in dm"
    return None


def _is_id(value: Any) -> bool:
    return isinstance(value, int) or (isinstance(value, str) and _plain(value))


def _plain(text: str) -> bool:
    """Tell whether a text can be printed: no half of a surrogate pair, no control characters."""
    return bool(printable(text, 0, len(text)))


def _whole(value: Any, low: int = -1, high: int = 1 << 30) -> bool:
    return isinstance(value, int) and not isinstance(value, bool) and low <= value <= high
