"""What is retained on the feed is taken back whole, a bounded number at a time."""

from gateway.feed.last import LastPositions


class Upstream:
    def __init__(self, room, refused=()):
        self.room, self.refused, self.kept = room, refused, []

    def keep(self, topic, payload, expiry_s):
        if topic in self.refused:
            return False
        if len(self.kept) >= self.room:
            return False
        self.kept.append((topic, payload))
        return True


class Engine:
    """Runs a job when the test says so."""

    def __init__(self, site):
        self.site, self.jobs = site, []

    def offer(self, job, size=0, part=""):
        self.jobs.append(job)
        return True

    def flush(self):
        while self.jobs:
            self.site.run(self.jobs.pop(0))


def world(site, room, topics=1_200, others=()):
    engine, upstream = Engine(site), Upstream(room)
    positions = LastPositions(site.feed, [upstream, *others], engine)
    site.run(lambda store: [store.retain(f"t/{n:05d}") for n in range(topics)] and [])
    return engine, upstream, positions


def left(site):
    return site.connection.execute("SELECT count(*) FROM retained").fetchone()[0]


def test_all_is_taken_back_in_pieces(site):
    engine, upstream, positions = world(site, 10_000)
    positions.sweep()
    engine.flush()
    assert len({topic for topic, payload in upstream.kept if payload == b""}) == 1_200
    assert left(site) == 0 and not positions.is_sweeping


def test_what_an_upstream_did_not_take_stays_written_down_and_is_tried_again(site):
    engine, upstream, positions = world(site, 700)
    positions.sweep()
    engine.flush()
    assert left(site) == 500 and positions.is_sweeping
    upstream.room = 10_000
    positions.sweep_on()
    engine.flush()
    assert left(site) == 0 and len({topic for topic, _ in upstream.kept}) == 1_200


def test_one_that_was_taken_back_is_forgotten_and_one_that_was_not_is_kept(site):
    engine, _, positions = world(site, 1, topics=2)
    positions.take_back("t/00000")
    positions.take_back("t/00001")
    engine.flush()
    assert left(site) == 1


def test_while_one_upstream_is_down_all_is_taken_back_at_the_other_once(site):
    down = Upstream(0)
    engine, upstream, positions = world(site, 10_000, others=[down])
    positions.sweep()
    for _ in range(4):  # rounds of housekeeping
        engine.flush()
        positions.sweep_on()
    engine.flush()
    assert len(upstream.kept) == len({topic for topic, _ in upstream.kept}) == 1_200
    assert left(site) == 1_200 and positions.is_sweeping  # the other one has them still
    down.room = 10_000
    positions.sweep_on()
    engine.flush()
    assert len(down.kept) == 1_200 and len(upstream.kept) == 1_200
    assert left(site) == 0 and not positions.is_sweeping


def test_one_that_is_never_taken_holds_up_no_other(site):
    engine, upstream, positions = world(site, 10_000)
    upstream.refused = {"t/00000", "t/00700"}
    positions.sweep()
    engine.flush()
    assert len(upstream.kept) == 1_198 and left(site) == 2


def test_what_is_told_anew_during_a_sweep_stands_and_is_written_down(site):
    down = Upstream(0)
    engine, upstream, positions = world(site, 10_000, topics=3, others=[down])
    positions.sweep()
    engine.flush()
    positions.keep("t/00001", b"{}", 300)  # it was not yet taken back everywhere
    down.room = 10_000
    positions.sweep_on()
    engine.flush()
    assert [topic for topic, _ in down.kept] == ["t/00000", "t/00002"] and not positions.is_sweeping
    assert upstream.kept[-1] == ("t/00001", b"{}") and left(site) == 1
    positions.keep("t/00002", b"{}", 300)  # it was, and is forgotten
    engine.flush()
    assert left(site) == 2


def test_who_dies_in_a_sweep_finds_what_is_left(site):
    engine, upstream, positions = world(site, 10_000)
    positions.sweep()
    site.run(engine.jobs.pop(0))
    engine.jobs.clear()
    assert len(upstream.kept) == 500 and left(site) == 1_200  # once more does no harm
    positions = LastPositions(site.feed, [upstream], engine)
    positions.sweep()
    engine.flush()
    assert left(site) == 0
