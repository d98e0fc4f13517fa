"""`o2o feed tail` and `replay`: what is shown, what is kept, what is moved in time."""

import json

import pytest
from feed_day import gap, heard, message, roster
from mutate import Chance, damaged, rounds

from tools.cli import main
from tools.feed.heard import Heard, read_file, write_line
from tools.feed.replay import moved
from tools.feed.tail import text_of


@pytest.fixture
def recorded(tmp_path):
    """A short recorded feed: a repeat, a gap, a wrong message, one that was taken back."""
    path = tmp_path / "day.jsonl"
    bodies = [
        roster("aaaaaaaaaa", "rider-0001", 1),
        message("order", 1),
        message("order", 1),
        message("order", 2, state="arrived"),
        message("order", 5, reason="\x1b[31mred\u202e"),
        message("order", 6, state=7),
        gap("aaaaaaaaaa", "evidence", 3, 4, 2),
    ]
    with path.open("w", encoding="utf-8") as file:
        for body in bodies:
            write_line(file, heard(body))
        write_line(file, Heard(0, "o2o/v1/shanghai/rider/aaaaaaaaaa/last", b"", True))
    return path


def test_lines_for_people_are_without_repeats_colours_and_control_characters(recorded, capsys):
    assert main(["feed", "tail", str(recorded)]) == 0
    out, err = capsys.readouterr()
    lines = out.splitlines()
    assert len(lines) == 5 and "\x1b" not in out and "\u202e" not in out
    assert "11:52:28.000" in lines[1] and "order=A1001 state=assigned" in lines[1]
    assert "gap 3..4 (not told)" in err and "!! " in err and "state" in err


def test_json_lines_are_the_messages_as_they_are(recorded, capsys):
    assert main(["feed", "tail", str(recorded), "--json", "--stream", "order"]) == 0
    out, err = capsys.readouterr()
    bodies = [json.loads(line) for line in out.splitlines()]
    assert bodies == [
        message("order", 1),
        message("order", 2, state="arrived"),
        message("order", 5, reason="\x1b[31mred\u202e"),
    ]
    assert "gap" not in err  # of one stream only, numbers are missing by nature


def test_what_is_recorded_again_is_the_same_and_ends_by_count(recorded, tmp_path, capsys):
    again = tmp_path / "again.jsonl"
    assert main(["feed", "tail", str(recorded), "--record", str(again), "--quiet"]) == 0
    assert again.read_bytes() == recorded.read_bytes()
    assert main(["feed", "tail", str(recorded), "--count", "2"]) == 0
    assert len(capsys.readouterr().out.splitlines()) == 2


def test_a_stream_that_there_is_not_is_told(recorded, capsys):
    assert main(["feed", "tail", str(recorded), "--stream", "hover"]) == 2
    assert "no stream 'hover'" in capsys.readouterr().err


def test_a_terminal_gets_colours_and_still_no_control_characters_of_the_feeds():
    text = text_of(message("alert", text_en="\x1b]0;title\x07 near"), coloured=True)
    assert text.count("\x1b") == 2 and "\x1b]" not in text and "near" in text
    assert text_of({"stream": "order", "kind": "rider"}, coloured=False).startswith("--:--")


def test_times_are_moved_by_one_constant_and_nothing_else_is_touched():
    body = message("track", **{"from": "2026-11-22T23:59:59.999Z"}, note="2026-11-22", t=None)
    payload = json.dumps(body).encode()
    found = json.loads(moved(payload, 90_000))
    assert found["from"] == "2026-11-23T00:01:29.999Z" and found["t"] is None
    assert found["received"] == "2026-11-22T11:53:58.710Z"
    same = {key for key, value in body.items() if found[key] == value}
    assert set(body) - same == {"from", "received"}
    assert moved(moved(payload, 90_000), -90_000) == payload
    assert moved(payload, 10**15) == payload  # beyond every calendar: left as it is
    old = b'{"t":"0026-11-22T11:52:28.000Z"}'  # the C library would write the year with two digits
    assert moved(old, 1_000) == b'{"t":"0026-11-22T11:52:29.000Z"}'


def test_any_bytes_can_be_moved_and_read():
    chance = Chance("times in damaged messages")
    for n in range(rounds(500)):
        payload = damaged(json.dumps(message("order", 1 + n)).encode(), chance)
        assert len(moved(payload, chance.below(10**9))) == len(payload)


@pytest.mark.parametrize(
    ("words", "code", "says"),
    [
        (["--broker", "feed.example:1883"], 2, "--force"),
        (["--broker", "192.0.2.1:1883"], 2, "--force"),
        ([], 2, "--broker"),
        (["--broker", "127.0.0.1:1883", "--speed", "-1"], 2, "--speed"),
        (["--broker", "127.0.0.1:1883", "--speed", "nan"], 2, "--speed"),
        (["--broker", "127.0.0.1:1"], 1, "no broker answers"),
    ],
)
def test_replay_says_what_it_will_not_do(recorded, capsys, words, code, says):
    assert main(["feed", "replay", str(recorded), *words]) == code
    assert says in capsys.readouterr().err


def test_the_file_of_a_hostile_hand_is_read_or_refused_by_its_line(tmp_path):
    from tools.errors import ToolError

    chance = Chance("recorded files")
    path = tmp_path / "day.jsonl"
    for n in range(rounds(300)):
        with path.open("w", encoding="utf-8") as file:
            write_line(file, heard(message("order", 1 + n)))
        path.write_bytes(damaged(path.read_bytes(), chance))
        try:
            list(read_file(path))
        except ToolError as fault:
            assert "day.jsonl:" in str(fault)
