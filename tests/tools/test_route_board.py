"""What runs on a board for `o2o route`: a job in, answers out; a task leaves the next one alone."""

import io
import json

import pytest
from walk_checker import Checker

from firmware.picker import maps
from tools.cli import main
from tools.errors import ToolError
from tools.route import device, on_board

SQUARE = {
    "junctions": [[0, 0], [40, 0], [40, 40], [0, 40]],
    "edges": [[0, 1, 40], [1, 2, 40], [2, 3, 40], [3, 0, 40]],
    "zone": [0, 1, 2, 0],
    "oneway": [],
    "depot": 0,
}
PICKS = [(1, 10), (2, 20), (1, 30)]


@pytest.fixture
def graph():
    made, reason = maps.from_map(SQUARE)
    assert reason is None
    return made


def answers_of(path):
    told = []
    on_board.run(str(path), told.append)
    return [json.loads(line) for line in told]


def judge(answer, picks=PICKS, start=None, blocked=()):
    faults = Checker(SQUARE, blocked).faults(
        picks, answer["order"], answer["length_dm"], answer["unreachable"], start
    )
    assert faults == []


def test_a_job_is_done_line_by_line(graph, tmp_path, monkeypatch):
    tasks = [
        device.task_of(PICKS),
        device.task_of([], (-1, 2)),
        device.task_of(PICKS, (1, 5), repeat=4),
    ]
    job = device.write_job(tmp_path / "job", graph, tasks)
    first, none, third = answers_of(job)
    judge(first)
    judge(third, start=(1, 5))
    assert none["order"] == [] and none["length_dm"] == 80
    assert len(first["us"]) == 1 and len(third["us"]) == 4
    monkeypatch.setattr("sys.stdin", io.StringIO(job.read_text()))
    again = answers_of("-")
    assert [each["order"] for each in again] == [first["order"], [], third["order"]]


def test_an_edge_is_closed_for_one_task(graph, tmp_path):
    graph.block(3)
    tasks = [device.task_of(PICKS, block=[1, 3]), device.task_of(PICKS)]
    closed, open_again = answers_of(device.write_job(tmp_path / "job", graph, tasks))
    judge(closed, blocked=[1, 3])
    judge(open_again, blocked=[3])  # what the map itself has closed stays so
    assert closed["unreachable"] == [0, 1, 2] and open_again["unreachable"] == []


def test_a_damaged_map_is_a_fault(graph, tmp_path):
    job = device.write_job(tmp_path / "job", graph, [device.task_of(PICKS)])
    text = job.read_text()
    job.write_text(text[:40] + ("0" if text[40] != "0" else "1") + text[41:])
    (answer,) = answers_of(job)
    assert "damaged" in answer["fault"]


@pytest.mark.parametrize("part", [device.UNIX, device.WASM])
def test_interpreters_do_the_same_job(graph, part):
    tasks = [device.task_of(PICKS), device.task_of(PICKS, block=[1]), device.task_of([])]
    found = list(device.answers(part, 120 << 10, graph, tasks))
    judge(found[0])
    judge(found[1], blocked=[1])
    assert found[2]["length_dm"] == 0
    assert all(each["taken_bytes"] > 0 and each["free_bytes"] > 0 for each in found)


def test_the_least_heap_is_enough_and_a_step_less_is_not(capsys, tmp_path):
    picks = [(k % 4, 3 * k % 41) for k in range(40)]
    path = tmp_path / "map.json"
    path.write_text(json.dumps({**SQUARE, "instances": [{"id": "a", "picks": picks}]}))

    def said(heap_bytes):
        code = main(["route", str(path), "--micropython", "--heap", str(heap_bytes)])
        return code, json.loads(capsys.readouterr().out or "{}")

    _, first = said(100_000)
    least = first["heap_bytes"]
    assert 16 << 10 < least < 100_000 and least % 4096 == 0
    code, again = said(least)
    assert code == 0 and again["heap_bytes"] == least
    assert (again["length_dm"], again["method"]) == (first["length_dm"], first["method"])
    code, less = said(least - 4096)
    assert code or (less["length_dm"], less["method"]) != (first["length_dm"], first["method"])


def test_the_least_heap_is_found_by_bisection(graph, monkeypatch):
    wanted = {"method": "exact", "length_dm": 160, "bound_dm": 160}
    tried = []

    def answers(part, heap_bytes, graph, tasks):
        tried.append(heap_bytes)
        if heap_bytes < least - 40_000:
            raise ToolError("ended without an answer")
        if heap_bytes < least - 20_000:
            return iter([{"fault": "out of heap"}])
        if heap_bytes < least:
            return iter([{**wanted, "method": "best-found"}])
        return iter([wanted])

    monkeypatch.setattr(device, "answers", answers)
    for least in (1, 16_384, 16_385, 20_480, 61_000, 118_784, 119_999, 120_000):
        tried.clear()
        found = device.least_heap(device.UNIX, 120_000, graph, {}, wanted)
        grid = -(-max(least, 16_384) // 4096) * 4096
        assert found == min(grid, 120_000) and len(tried) <= 5, least
        assert all(16_384 <= size < 120_000 and size % 4096 == 0 for size in tried)
    tried.clear()
    assert device.least_heap(device.UNIX, 9000, graph, {}, wanted) == 9000 and not tried


def test_an_interpreter_that_dies_is_said(graph):
    with pytest.raises(ToolError, match="ended without an answer"):
        list(device.answers(device.UNIX, 8 << 10, graph, [device.task_of(PICKS)]))


def test_everything_the_program_imports_is_packed():
    names = set(device.code_files())
    assert {"tools/route/on_board.mpy", "firmware/__init__.mpy", "protocols/compat.mpy"} <= names
    assert {"firmware/picker/sequence.mpy", "firmware/picker/graph.mpy"} <= names
    assert not any(name.startswith(("gateway", "ar_picking")) for name in names)
