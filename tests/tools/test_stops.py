"""`o2o stops`: instances as JSON, one line each, here and under MicroPython; what is wrong is said."""

import json
import random
from itertools import pairwise

import pytest

from tools.cli import main


def town(seed, n):
    """Shops and doors in a town; costs are seconds, the last leg costs nothing."""
    chance = random.Random(seed)
    places = [(chance.randrange(3_000), chance.randrange(3_000)) for _ in range(2 * n + 2)]
    return [
        [0 if j == 1 else (abs(a[0] - b[0]) + abs(a[1] - b[1])) // 4 for j, b in enumerate(places)]
        for a in places
    ]


@pytest.fixture
def file(tmp_path):
    """Write instances to a file and return its path."""

    def write(*instances, **more):
        path = tmp_path / "riders.json"
        path.write_text(json.dumps({"instances": list(instances), **more}))
        return path

    return write


def solve(capsys, *words):
    code = main(["stops", *map(str, words)])
    return code, [json.loads(line) for line in capsys.readouterr().out.splitlines()]


def length_of(sequence, matrix):
    return sum(matrix[a][b] for a, b in pairwise(sequence))


def check(answer, n, matrix):
    sequence = answer["sequence"]
    assert sequence[0] == 0 and sequence[-1] == 1 and sorted(sequence) == list(range(2 * n + 2))
    assert all(sequence.index(2 + 2 * k) < sequence.index(3 + 2 * k) for k in range(n))
    assert answer["length"] == length_of(sequence, matrix)


def test_one_line_an_instance(capsys, file):
    matrices = [town(1, 3), town(2, 8)]
    path = file(
        {"id": "a", "n": 3, "matrix": matrices[0]}, {"id": 7, "n": 8, "matrix": matrices[1]}
    )
    code, answers = solve(capsys, path)
    assert code == 0 and [each["id"] for each in answers] == ["a", 7]
    for answer, n, matrix in zip(answers, (3, 8), matrices, strict=True):
        check(answer, n, matrix)
        assert answer["n"] == n and answer["ms"] >= 0
    assert [each["method"] for each in answers] == ["exact", "best-found"]


def test_the_board_finds_the_same(capsys, file):
    matrices = {n: town(n, n) for n in (1, 4, 9, 12)}
    path = file(*({"id": n, "n": n, "matrix": matrices[n], "opt": 100} for n in matrices))
    _, here = solve(capsys, path)
    code, there = solve(capsys, path, "--micropython")
    assert code == 0 and len(there) == 4
    for answer, mine in zip(there, here, strict=True):
        check(answer, answer["n"], matrices[answer["n"]])
        for key in ("id", "length", "sequence", "method", "gap_pct"):
            assert answer[key] == mine[key]
        assert answer["first_length"] >= answer["length"]
        assert 0 < answer["heap_bytes"] < 8_000
        assert answer["first_ms"] >= 0 and answer["slice_ms"] >= 0


def test_promises_and_what_is_aboard(capsys, file):
    matrix = [[0] * 6 for _ in range(6)]
    matrix[0][3], matrix[0][5], matrix[3][5], matrix[5][3] = 100, 70, 30, 90
    base = {"id": 1, "n": 2, "matrix": matrix, "aboard": [1, 1]}
    cases = ((None, [0, 3, 5, 1], None), ([None, 80], [0, 5, 3, 1], 0), ([0, 0], [0, 3, 5, 1], 2))
    for due, sequence, late in cases:
        for words in ((), ("--micropython",)):
            _, answers = solve(capsys, file(base if due is None else {**base, "due": due}), *words)
            assert answers[0]["sequence"] == sequence and answers[0].get("late") == late


@pytest.mark.parametrize("words", [(), ("--micropython",)])
def test_a_budget_ends_the_search(capsys, file, words):
    matrix = town(5, 12)
    path = file({"id": 1, "n": 12, "matrix": matrix})
    code, answers = solve(capsys, path, "--budget-ms", 30, *words)
    assert code == 0 and answers[0]["ms"] >= 30  # there is always more to try
    check(answers[0], 12, matrix)


GOOD = {"id": "x", "n": 1, "matrix": [[0] * 4] * 4}


@pytest.mark.parametrize(
    ("change", "why"),
    [
        ({"id": None}, "an object with an id"),
        ({"n": 0}, "1 to 12 orders, not 0"),
        ({"n": 13}, "not 13"),
        ({"n": True}, "not True"),
        ({"n": 2}, "not 6 rows of 6"),
        ({"matrix": [[0] * 4] * 3}, "not 4 rows"),
        ({"matrix": [[0] * 4] * 3 + [[0] * 3]}, "not 4 rows"),
        ({"matrix": [[0] * 4] * 3 + [[0, 0, 0, -1]]}, "no integer from 0"),
        ({"matrix": [[0] * 4] * 3 + [[0, 0, 0, 65_536]]}, "no integer from 0"),
        ({"matrix": [[0] * 4] * 3 + [[0, 0, 0, 1.5]]}, "no integer from 0"),
        ({"due": [1, 2]}, "due is not 1"),
        ({"due": [200_001]}, "due is not 1"),
        ({"aboard": [2]}, "aboard is not 1"),
        ({"aboard": 1}, "aboard is not 1"),
    ],
)
def test_a_bad_instance_is_named(capsys, file, change, why):
    assert main(["stops", str(file(GOOD, {**GOOD, **change}))]) == 1
    heard = capsys.readouterr()
    assert why in heard.err and heard.out == "" and "riders.json" in heard.err


def test_what_is_no_file_of_ours(capsys, tmp_path):
    path = tmp_path / "x.json"
    for text, why in (
        ("{", "no JSON"),
        ("[]", "no list"),
        ('{"instances": []}', "no list"),
        ("[" * 100_000, "nested too deeply"),
    ):
        path.write_text(text)
        assert main(["stops", str(path)]) == 1 and why in capsys.readouterr().err
    path.write_bytes(b"\xff\xfe\x00")
    assert main(["stops", str(path)]) == 1 and "no JSON" in capsys.readouterr().err
    assert main(["stops", str(tmp_path / "none")]) == 1
    assert main(["stops", str(path), "--budget-ms", "-1"]) == 2
    assert main(["stops", str(path), "--budget-ms", "x"]) == 2
