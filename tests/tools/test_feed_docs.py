"""What docs/feed.md shows is true: the sketch of a Kafka sink keeps the outlet's promises, the commands
exist, the table has every stream."""

import re
import sys
from collections import deque
from types import ModuleType

import pytest
from mutate import Chance, rounds

from gateway.sinks.outlet import Outlet, Sent
from tools.contract.build import schemas
from tools.parts.place import ROOT

PAGE = (ROOT / "docs" / "feed.md").read_text(encoding="utf-8")


class Cluster:
    """Stands in for Kafka: keeps what it took, per key in order; fails when told to."""

    def __init__(self, chance):
        self.chance = chance
        self.kept = []
        self.retained = {}

    def producer(self, _config):
        cluster = self

        class Producer:
            """The methods of confluent_kafka.Producer that the sketch uses."""

            def __init__(self):
                self.queue = deque()
                self.is_dead = False

            def list_topics(self, timeout):
                return type("Metadata", (), {"brokers": {} if self.is_dead else {1: "a"}})

            def produce(self, topic, value, key, on_delivery=None, headers=()):
                if on_delivery is None:
                    cluster.retained[key] = value
                    return
                if len(self.queue) > 50:
                    raise BufferError
                self.queue.append((topic, key, value, dict(headers), on_delivery))

            def poll(self, _timeout):
                for _ in range(cluster.chance.below(4)):
                    if not self.queue:
                        return
                    if cluster.chance.below(60) == 0:
                        self.is_dead = True  # a fatal error: nothing goes through this one any more
                    if self.is_dead:
                        self.queue.popleft()[4]("fatal", None)
                        continue
                    topic, key, value, headers, on_delivery = self.queue.popleft()
                    cluster.kept.append((topic, key, value, headers))
                    if cluster.chance.below(60) == 0:
                        self.is_dead = True  # kept, and its answer is lost
                        on_delivery("fatal", None)
                    else:
                        on_delivery(None, None)

            def purge(self):
                while self.queue:
                    self.queue.popleft()[4]("purged", None)

            def flush(self, _timeout):
                """Nothing to wait for."""

        return Producer()


@pytest.fixture
def kafka(monkeypatch):
    """The class of the sketch, and the cluster that it speaks to."""
    module, cluster = ModuleType("confluent_kafka"), Cluster(Chance("a Kafka that fails"))
    module.Producer, module.KafkaException = cluster.producer, RuntimeError
    monkeypatch.setitem(sys.modules, "confluent_kafka", module)
    source = re.search(r"<!-- sketch: .*?-->\n```python\n(.*?)```", PAGE, re.DOTALL)[1]
    names = {}
    exec(compile(source, "docs/feed.md", "exec"), names)
    return names["KafkaOutlet"], cluster


def drained(outlet, messages, chance, window=40):
    """Bring messages to an outlet as gateway.sinks.drain does: a window, and back to what is safe."""
    safe = read = 0
    under_way, open_tickets = deque(), {}
    for _ in range(200_000):
        for ticket in outlet.answered():
            if ticket in open_tickets:
                open_tickets[ticket][1] = True
        while under_way and open_tickets[under_way[0]][1]:
            safe = open_tickets.pop(under_way.popleft())[0] + 1
        if outlet.lost():
            under_way.clear()
            open_tickets.clear()
            read = max(0, safe - chance.below(10))
            safe = read
        if safe == len(messages):
            return
        while read < len(messages) and len(under_way) < window:
            ticket = outlet.send(messages[read])
            if not ticket:
                break
            open_tickets[ticket] = [read, False]
            under_way.append(ticket)
            read += 1
    raise AssertionError("it never came to an end")


def test_the_sketched_sink_loses_nothing_and_keeps_each_log_in_order(kafka):
    make, cluster = kafka
    for _ in range(rounds(20)):
        cluster.kept.clear()
        messages = [
            Sent(n, f"ID{n}", f"o2o/v1/shanghai/rider/subject{n % 3}/order", 0, b"%d" % n)
            for n in range(300)
        ]
        outlet = make("kafka:9092")
        outlet.start(lambda: None)
        drained(outlet, messages, cluster.chance)
        ids = [headers["id"] for _, _, _, headers in cluster.kept]
        assert set(ids) == {each.feed_id for each in messages}
        for key in {key for _, key, _, _ in cluster.kept}:
            numbers = [int(value) for _, who, value, _ in cluster.kept if who == key]
            first = list(dict.fromkeys(numbers))  # without repeats, as consumers read
            assert first == sorted(first), (cluster.chance.seed, numbers)
        assert cluster.kept[0][0] == "o2o.order" and cluster.kept[0][3]["schema"] == "order.v1"
        outlet.stop()


def test_the_sketched_sink_has_what_an_outlet_must_have(kafka):
    make, cluster = kafka
    outlet = make("kafka:9092")
    wanted = [name for name in vars(Outlet) if not name.startswith("_")]
    assert wanted and all(hasattr(outlet, name) for name in wanted)
    assert outlet.up and outlet.keep("o2o/v1/shanghai/rider/a/last", b"{}", 300)
    assert outlet.keep("o2o/v1/shanghai/rider/a/last", b"", 300)
    assert cluster.retained == {"o2o/v1/shanghai/rider/a/last": None}


def test_the_page_names_every_stream_and_every_file_that_it_links():
    streams = set(re.findall(r"^\| `(\w+)` \|", PAGE, re.MULTILINE))
    named = {name for name in schemas() if not name.startswith("intake-")}
    assert named <= streams
    for link in re.findall(r"\]\(([^)#]+)\)", PAGE):
        assert (ROOT / "docs" / link).exists(), link


def test_the_commands_of_the_page_exist():
    from tools.cli import COMMANDS, main

    for line in re.findall(r"^o2o (.+?)(?:\s+#.*)?$", PAGE, re.MULTILINE):
        words = line.split()
        assert words[0] in COMMANDS
        if words[0] in ("feed", "contract"):
            options = [word for word in words if word.startswith("--")]
            assert all(
                option in help_of(main, words[: 2 if words[0] == "feed" else 1])
                for option in options
            ), line


def help_of(main, words):
    """What --help says."""
    import contextlib
    import io

    out = io.StringIO()
    with contextlib.redirect_stdout(out):
        assert main([*words, "--help"]) == 0
    return out.getvalue()
