"""The watch: what it sees when the disk stands still, and how old the oldest row is."""

import asyncio
import threading
import time

import pytest

from gateway.config import check
from gateway.log.store import ROUTINE, URGENT, Row, Store, connect
from gateway.ops import watch as module
from gateway.ops.oldest import oldest_s
from gateway.ops.watch import Watch
from gateway.service import Service
from gateway.web.hub import Hub


def config_of(folder):
    return check({"site": {"id": "gw-1", "city": "x", "data": str(folder)}})


def rows(prio, *ages_s):
    now_ms = time.time_ns() // 1_000_000
    return [
        Row(prio, f"{prio}-{n}", "o2o/v1/x/rider/a/fix", 0, int(now_ms - age_s * 1000), b"{}")
        for n, age_s in enumerate(ages_s)
    ]


def test_the_oldest_row_is_each_sink_s_own_and_a_sink_that_is_gone_does_not_count(tmp_path):
    path = tmp_path / "gateway.db"
    connection = connect(path)
    store = Store(connection)
    assert oldest_s(path, ["city", "stream"]) == {"city": 0.0, "stream": 0.0}
    with store.transaction():
        store.add_rows(rows(ROUTINE, 90, 50, 10) + rows(URGENT, 30))
        store.set_cursor("city", ROUTINE, 2, 2)
        store.set_cursor("city", URGENT, 4, 4)
        store.set_cursor("removed", ROUTINE, 0, 0)
    found = oldest_s(path, ["city", "stream"])
    assert 9 < found["city"] < 20 and 89 < found["stream"] < 100
    with store.transaction():
        store.set_cursor("city", ROUTINE, 3, 0)
    assert oldest_s(path, ["city"]) == {"city": 0.0}
    connection.close()
    assert oldest_s(tmp_path / "absent.db", ["city"]) == {}
    (tmp_path / "junk.db").write_bytes(b"no database" * 500)
    assert oldest_s(tmp_path / "junk.db", ["city"]) == {}


def test_a_disk_that_stands_still_does_not_blind_the_watch(tmp_path, monkeypatch):
    stands = threading.Event()
    asked = []

    def stand(path, sinks):
        asked.append(sinks)
        stands.wait(20)
        return {"mqtt": 7.0}

    monkeypatch.setattr(module, "oldest_s", stand)
    monkeypatch.setattr(module, "_TURN_S", 0.01)
    watch = Watch(config_of(tmp_path), dict, Hub())
    turns = []
    monkeypatch.setattr(watch, "turn", lambda: turns.append(watch.figures()))

    async def main():
        task = asyncio.create_task(watch.run())
        while len(turns) < 5:
            await asyncio.sleep(0.01)
        assert asked == [["mqtt"]]  # one that stands is not joined by others
        assert "log_oldest_s" not in turns[-1]
        stands.set()
        while turns[-1].get("log_oldest_s") != 7.0:
            await asyncio.sleep(0.01)
        task.cancel()

    asyncio.run(asyncio.wait_for(main(), 30))


def test_a_defect_of_the_watch_s_own_is_counted_and_it_goes_on(tmp_path, monkeypatch, caplog):
    monkeypatch.setattr(module, "_TURN_S", 0.01)
    watch = Watch(config_of(tmp_path), lambda: {}["defect"], Hub())

    async def main():
        task = asyncio.create_task(watch.run())
        while watch.faults < 3:
            await asyncio.sleep(0.01)
        task.cancel()

    asyncio.run(asyncio.wait_for(main(), 30))
    assert "the watch" in caplog.text and watch.figures()["watch_faults"] >= 3


@pytest.mark.timeout(30)
def test_a_gateway_that_commits_nothing_is_not_ready(tmp_path):
    service = Service(config_of(tmp_path))
    service._committer.start()
    assert service._committer.flush() and service.ready() == ""
    service._watch._committed_s -= 20
    assert "nothing was committed for 20 s" in service.ready()
    assert service._committer.flush()  # which writes nothing
    assert "nothing was committed for 20 s" in service.ready()
    service._keep_house()
    assert service._committer.flush() and service.ready() == ""
    assert service._watch.meters.commit.count == 1
    figures = service.figures()
    assert figures["log_rows"] == 0 and figures["sessions"] == 0
    service._watch.turn()
    levels = {each["name"]: each["level"] for each in service._watch.judge.view()}
    assert levels["commit_age_s"] == levels["disk_free_mb"] == "green"
    service._committer.stop()
