"""What is retained on the feed is taken back whole, a bounded number at a time."""

from gateway.feed.last import LastPositions


class Upstream:
    def __init__(self, room):
        self.room, self.kept = room, []

    def keep(self, topic, payload, expiry_s):
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


def world(site, room, topics=1_200):
    engine, upstream = Engine(site), Upstream(room)
    positions = LastPositions(site.feed, [upstream], engine)
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
