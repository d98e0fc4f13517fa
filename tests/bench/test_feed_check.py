"""How many messages a second `o2o feed check` holds against the contract, and what a reader decodes."""

import importlib.util
import sys
import time

from feed_day import heard, message

from tools.contract.command import FOLDER
from tools.contract.reader import python_reader
from tools.feed.judge import Judge
from tools.feed.schemas import load

MESSAGES = 40_000
LETTERS = "abcdefghijklmnopqrstuvwxyz"
# As a shift's feed is made up: mostly readings and positions.
STREAMS = ("fix", "temp", "fix", "temp", "health", "order", "fix", "temp", "alert", "pick")


def feed():
    return [
        heard(
            message(
                STREAMS[n % len(STREAMS)],
                1 + n // 200,
                "aaaaaaaa" + LETTERS[n % 200 // 20] + LETTERS[n % 20],
                "track",
            )
        )
        for n in range(MESSAGES)
    ]


def test_messages_checked_and_decoded_per_second(tmp_path):
    messages = feed()
    judge = Judge(load())
    begin_s = time.process_time()
    for each in messages:
        judge.judge(each)
    cpu_s = time.process_time() - begin_s
    summary = judge.summary()
    assert summary["messages"] == MESSAGES and summary["violations"].keys() <= {"order", "gap"}
    print(f"\no2o feed check: {MESSAGES / cpu_s:,.0f} messages per CPU second")
    path = tmp_path / "feed_reader.py"
    path.write_text(python_reader(FOLDER / "asyncapi.yaml"), encoding="utf-8")
    spec = importlib.util.spec_from_file_location("feed_reader", path)
    reader = importlib.util.module_from_spec(spec)
    sys.modules["feed_reader"] = reader
    spec.loader.exec_module(reader)
    taken = []
    client = reader.FeedReader("127.0.0.1", 1, "bench", lambda _topic, body: taken.append(body))
    begin_s = time.process_time()
    for each in messages:
        client._message(None, None, each)
    cpu_s = time.process_time() - begin_s
    del sys.modules["feed_reader"]
    assert len(taken) == MESSAGES and client.repeats == 0
    size = sum(len(each.payload) for each in messages) / MESSAGES
    print(
        f"generated reader: {MESSAGES / cpu_s:,.0f} messages per CPU second ({size:.0f} bytes each)"
    )
