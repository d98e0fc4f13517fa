"""The log: one line each, whatever is in it; no flood; a token that is in no line."""

import io
import json
import logging
import sys

import pytest

from gateway.ops.logs import JsonLines, Quiet, TextLines, setup
from gateway.sections import Logging


@pytest.fixture
def root():
    kept = logging.getLogger().handlers[:], logging.getLogger().level
    yield logging.getLogger()
    logging.getLogger().handlers[:] = kept[0]
    logging.getLogger().setLevel(kept[1])


def one_line(formatter, *args, **more):
    record = logging.LogRecord("gateway.x", logging.WARNING, "f", 1, *args, None)
    record.__dict__.update(more)
    return formatter.format(record)


def test_a_json_line_has_time_level_name_text_and_ids_and_nothing_else():
    line = one_line(
        JsonLines(),
        "%s sent %d bytes",
        ("rider-1", 7),
        device="rider-1",
        payload=b"secret",
        password="secret",
        value=1.5,
    )
    body = json.loads(line)
    assert body.pop("t").endswith("Z")
    assert body == {
        "level": "warning",
        "name": "gateway.x",
        "text": "rider-1 sent 7 bytes",
        "device": "rider-1",
        "value": 1.5,
    }


@pytest.mark.parametrize(
    "hostile",
    ["a\nb", "\r\x1b[2J", "\u202egnp", "\x00", "\ud800", '"}\n{"level":"info', "x" * 100_000],
)
def test_what_comes_from_outside_makes_no_second_line_and_no_error(hostile):
    for formatter in (JsonLines(), TextLines()):
        line = one_line(formatter, "%s is odd", (hostile,), device=hostile)
        assert "\n" not in line and "\x1b" not in line and "\x00" not in line
        assert len(line) < 20_000
        line.encode()
    assert json.loads(one_line(JsonLines(), "%s", (hostile,)))["level"] == "warning"


def test_a_template_of_ours_that_does_not_fit_is_told_all_the_same():
    assert "%d of %d" in one_line(TextLines(), "%d of %d", ("x",))


def test_a_defect_has_its_trace():
    try:
        {}["inside"]
    except KeyError:
        record = logging.LogRecord("g", logging.ERROR, "f", 1, "failed", None, sys.exc_info())
    assert "KeyError" in json.loads(JsonLines().format(record))["trace"]
    assert "KeyError" in TextLines().format(record)


def test_what_says_the_same_over_and_over_is_counted():
    now = [0.0]
    out = io.StringIO()
    handler = Quiet(out, lambda: now[0])
    handler.setFormatter(TextLines())

    def say(template, device):
        handler.handle(logging.LogRecord("g", logging.WARNING, "f", 1, template, (device,), None))

    for number in range(5_000):
        say("%s sent a message that is not a frame", f"rider-{number}")
        if number < 3:
            say("%s: something else", "x")
    lines = out.getvalue().splitlines()
    assert len(lines) == 13
    now[0] = 10.0
    handler.tick()
    assert (
        out.getvalue()
        .splitlines()[-1]
        .endswith("4990 more of: %s sent a message that is not a frame")
    )
    say("%s sent a message that is not a frame", "again")
    assert out.getvalue().splitlines()[-1].endswith("again sent a message that is not a frame")
    handler.tick()
    now[0] = 20.0
    handler.tick()
    assert len(out.getvalue().splitlines()) == 15


def test_its_memory_is_bounded_when_templates_are_many():
    out = io.StringIO()
    handler = Quiet(out)
    handler.setFormatter(TextLines())
    for number in range(3_000):
        handler.handle(logging.LogRecord("g", logging.INFO, "f", 1, f"t{number}", None, None))
    assert len(handler._seen) <= 500


def test_what_is_left_out_is_told_at_the_end(root):
    out = io.StringIO()
    handler = setup(Logging(format="json", level="warning"), stream=out)
    for _ in range(15):
        logging.getLogger("gateway.y").warning("again and again")
    logging.getLogger("gateway.y").info("not at this level")
    handler.close()
    lines = [json.loads(line)["text"] for line in out.getvalue().splitlines()]
    assert lines == ["again and again"] * 10 + ["5 more of: again and again"]
