"""Three workers on three NATS nodes (R3): what survives, how long a part stands, how much goes through.

`make bench`: one point of each fault; `make soak` (O2O_WORKER_POINTS=5) five of each. One machine plays
all of it, so the rates are what two cores do with three copies of everything, no capacity of a cluster.
"""

import os
import random
import time
from collections import Counter

import pytest

from tools.demo.children import Children
from tools.simulate.workers.account import check
from tools.simulate.workers.city import City

POINTS = int(os.environ.get("O2O_WORKER_POINTS", "1"))
WORKERS = ["w0", "w1", "w2"]
LEASE_S = 3.0


def say(what, **figures):
    print(f"  {what:34s} " + "  ".join(f"{name} {value}" for name, value in figures.items()))


# What a zombie lets go of: commits that the stream refused, jobs that it dropped when it saw that its
# lease had lapsed, messages for parts that it had given up.
FENCED = ("commits_refused", "jobs_fenced", "jobs_not_ours")


class Play:
    """A city, and what was measured in it."""

    def __init__(self, folder):
        self.children = Children(folder)
        self.city = City(folder, self.children, workers=3, nodes=3, lease_s=LEASE_S)
        self.taken_s = {}
        self.copied_s = []

    def start(self, count, rate_per_s):
        self.city.nodes.start()
        self.city.start_broker()
        for name in WORKERS:
            self.city.start_worker(name)
        self.city.wait_served(WORKERS, 60, at_least=16)
        self.city.start_devices(count, rate_per_s)
        self.city.wait_records(500)

    def settle(self):
        self.city.wait_served(WORKERS, 60, at_least=16)
        self.copied_s.append(round(self.city.nodes.wait_replicated(), 1))
        time.sleep(random.uniform(0.5, 3.0))

    def timed(self, what, survivors):
        took_s, _ = self.city.wait_served(survivors, 60)
        self.taken_s.setdefault(what, []).append(round(took_s, 1))

    def sums(self, *names):
        return {name: self.city.total(name) for name in names}


@pytest.mark.timeout(1800)
def test_nothing_is_lost_whatever_dies(tmp_path):
    play = Play(tmp_path)
    city, marks = play.city, []
    fenced, lapses = Counter(), 0
    try:
        play.start(200, 300)
        for point in range(POINTS):
            name = WORKERS[point % 3]
            rest = [each for each in WORKERS if each != name]
            play.settle()
            marks.append(("kill -9 a worker", time.time()))
            city.workers[name].kill()
            play.timed("kill -9 a worker", rest)
            city.start_worker(name)

            play.settle()
            marks.append(("kill -9 the leading node", time.time()))
            node = city.nodes.leader("O2O_parts")
            city.nodes.all[node].kill()
            time.sleep(12.0)
            city.nodes.all[node].start()

            play.settle()
            # Of the first, third and fifth point the node that leads, of the others another one.
            leader = city.nodes.leader("O2O_parts")
            node = leader if point % 2 == 0 else (leader + 1) % 3
            kind = "a site wiped, its node led" if node == leader else "a site wiped"
            marks.append((kind, time.time()))
            city.wipe(name, node)
            play.timed(kind, rest)
            city.nodes.all[node].start()
            city.start_worker(name)

            play.settle()
            zombie = WORKERS[(point + 1) % 3]
            rest = [each for each in WORKERS if each != zombie]
            before = city.figures(zombie)
            marks.append(("SIGSTOP", time.time()))
            city.pause(zombie)
            play.timed("SIGSTOP", rest)
            time.sleep(random.uniform(0, 2))
            city.wake(zombie)
            play.settle()
            after = city.figures(zombie)
            fenced.update({name: after.get(name, 0) - before.get(name, 0) for name in FENCED})
            lapses += after["lease_lapses"] - before["lease_lapses"]
            # A zombie mostly sees its lease first; here the lease stands, and only the stream refuses.
            marks.append(("two owners of a part", time.time()))
            city.usurp(f"rider-{point:04d}")
        play.settle()
        marks.append(("kill -9 all nodes", time.time()))
        for node in city.nodes.all:
            node.kill()
        for node in city.nodes.all:
            node.start()
        play.settle()
        account = city.finish_devices()
        verdict = check(account, city.servers, city.folder)
        held = city.nodes.wait_same()
    finally:
        play.children.stop()
    print()
    for what, times_s in play.taken_s.items():
        say(what, all_parts_served_again_s=times_s)
    for what in dict.fromkeys(mark for mark, _ in marks):
        spans = [
            max(
                (
                    took_s
                    for until, took_s, _ in account["silences"]
                    if at < until < min(at + 20, end)
                ),
                default=0,
            )
            for (mark, at), (_, end) in zip(marks, [*marks[1:], ("", time.time())], strict=True)
            if mark == what
        ]
        say(what, longest_wait_of_a_device_s=[round(each, 1) for each in spans])
    say("copies up to date again", longest_wait_s=max(play.copied_s))
    say("zombies", lapsed=lapses, **fenced)
    say("each copy holds", **{name: copies[0][2] for name, copies in held.items()})
    say(
        f"{len(account['devices'])} devices",
        records=verdict.records,
        resends=account["resends"],
        lost=verdict.lost,
        twice=verdict.twice,
        out_of_order=verdict.out_of_order,
    )
    assert verdict.is_good and verdict.messages == verdict.records, verdict
    assert lapses == POINTS and fenced.total() > 0


@pytest.mark.timeout(300)
@pytest.mark.parametrize("rate_per_s", [500, 1_000, 2_000, 4_000])
def test_rate(tmp_path, rate_per_s):
    play = Play(tmp_path)
    seconds = 12.0
    names = ("records", "acknowledged", "commits", "commit_bytes")
    try:
        play.start(200, rate_per_s)
        before, begin = play.sums(*names), time.monotonic()
        cpu = play.city.cpu_s()
        time.sleep(seconds)
        after, took_s = play.sums(*names), time.monotonic() - begin
        cpu = {name: used - cpu[name] for name, used in play.city.cpu_s().items()}
        account = play.city.finish_devices()
        verdict = check(account, play.city.servers, play.city.folder)
    finally:
        play.children.stop()
    done = {name: after[name] - before[name] for name in names}
    print()
    say(
        f"{rate_per_s} records/s offered",
        committed_per_s=round(done["records"] / took_s),
        on_the_feed_per_s=round(done["acknowledged"] / took_s),
        records_a_commit=round(done["records"] / max(1, done["commits"]), 1),
        bytes_a_record=round(done["commit_bytes"] / max(1, done["records"])),
    )
    say(
        "cpu s per 100k records",
        **{name: round(used / max(1, done["records"]) * 1e5, 1) for name, used in cpu.items()},
    )
    assert verdict.is_good, verdict
