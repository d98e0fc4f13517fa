"""The customer's page: what he may know, nothing after the end, and nobody else's."""

import json
import threading
import urllib.error
import urllib.request
from datetime import UTC, datetime

import pytest
from feed_day import message, snapshot

from tools.feed.consumers.tracking import Tracking

NOW = datetime(2026, 11, 22, 12, 0, tzinfo=UTC)


def at(minute, second=0):
    return f"2026-11-22T{11 + minute // 60:02}:{minute % 60:02}:{second:02}.000Z"


def payloads(bodies):
    return [json.dumps(body).encode() for body in bodies]


@pytest.fixture
def tracking(tmp_path):
    page = Tracking(tmp_path / "tracking.db")
    yield page
    page.inbox.db.close()


def told(page, *bodies):
    page.inbox.take(payloads(bodies))
    return page.page(page.token("A1001"), NOW) or ""


def shown(minute=59, **fields):
    return snapshot("customer", **{"t": at(minute), **fields})


def test_the_page_says_what_the_customer_may_know_and_nothing_after_the_end(tracking):
    text = told(tracking, shown())
    assert "距您1公里以内" in text and "about 4 min" in text and "31.2300, 121.4706" in text
    text = told(tracking, message("order", 5, order="A1001", state="handed_over", t=at(59, 30)))
    assert "已送达" in text and "121.4" not in text and "min" not in text
    # A word from before the end that comes after it.
    text = told(tracking, shown())
    assert "已送达" in text and "121.4" not in text
    rows = tracking.inbox.db.execute("SELECT lat_e7,lon_e7,eta_s FROM shown").fetchall()
    assert rows == [(None, None, None)]


def said(seq, state, minute, subject, **fields):
    return message("order", seq, subject, order="A1001", state=state, t=at(minute), **fields)


ONE, TWO = "aaaaaaaaaa", "bbbbbbbbbb"


def test_who_has_lost_the_order_does_not_end_it_for_the_customer(tracking):
    given = [said(1, "received", 1, ONE, log="gateway"), said(2, "received", 3, TWO, log="gateway")]
    for n, minute in enumerate((4, 2)):
        late = said(9 + n, "cancelled", minute, ONE)
        assert "Order received" in told(tracking, *given, late)
    no = {"kind": "gateway", "log": "gateway"}
    assert "Order received" in told(tracking, said(12, "refused", 5, "gw-1", **no))
    assert "已取消" in told(tracking, said(13, "cancelled", 6, TWO))


def test_an_end_is_undone_when_it_turns_out_that_the_rider_had_lost_the_order(tracking):
    assert "已取消" in told(tracking, said(1, "received", 1, ONE), said(2, "cancelled", 4, ONE))
    # The word that it was given to another comes late, and is older by the clocks.
    assert "Order received" in told(tracking, said(3, "received", 3, TWO, log="gateway"))
    assert "about 4 min" in told(tracking, shown())


@pytest.mark.parametrize(
    "bad",
    [
        {"eta_s": 2**63},
        {"eta_s": "soon"},
        {"order": 7},
        {"stops_before": [1]},
        {"position": {"lat_e7": "31", "lon_e7": 2**80}},
        {"position": [1]},
        {"t": "today"},
        {"t": 5},
        {"t": None},
        {"distance": {}},
        {"order": None},
    ],
)
def test_a_poisoned_message_is_put_aside_and_the_page_stands(tracking, bad):
    for _ in range(2):
        text = told(tracking, shown(**bad), message("order", 5, order="A1001", t=at(59, 30)))
        assert "A rider has your order" in text
    assert tracking.inbox.malformed == 2


def test_an_old_word_is_said_to_be_old(tracking):
    text = told(tracking, shown(30))
    assert "last heard 30 min ago" in text and "121.4" not in text


def test_without_the_customers_stream_the_states_remain(tracking):
    assert "A rider has your order" in told(
        tracking, message("order", 1, order="A1001", state="assigned", t=at(1))
    )


def test_the_address_is_secret_lasts_over_a_restart_and_its_page_runs_no_script(tracking, tmp_path):
    hostile = '<script>alert("1")</script>'
    tracking.inbox.take(payloads([shown(order=hostile), shown()]))
    assert "<script" not in tracking.page(tracking.token(hostile), NOW)
    again = Tracking(tmp_path / "tracking.db")
    assert again.token("A1001") == tracking.token("A1001")
    assert Tracking(tmp_path / "other.db").token("A1001") != tracking.token("A1001")
    assert (tmp_path / "tracking.db").stat().st_mode & 0o077 == 0
    again.inbox.db.close()


def test_the_server_gives_the_page_to_its_address_alone(tracking):
    tracking.inbox.take(payloads([shown()]))
    server = tracking.server(0)
    thread = threading.Thread(target=server.serve_forever)
    thread.start()
    base = f"http://127.0.0.1:{server.server_address[1]}"
    try:
        with urllib.request.urlopen(f"{base}/t/{tracking.token('A1001')}", timeout=5) as answer:
            assert "A1001" in answer.read().decode()
            assert answer.headers["Cache-Control"] == "no-store"
        for path in ("/", "/t/", "/t/A1001", "/t/../etc/passwd", "/t/%00"):
            with pytest.raises(urllib.error.HTTPError) as fault:
                urllib.request.urlopen(base + path, timeout=5)
            assert fault.value.code == 404
            fault.value.close()
    finally:
        server.shutdown()
        thread.join()
        server.server_close()
