"""A tablet on a real broker and gateway: lists down, picks up, program and network gone in between."""

import time

import pytest

from ar_picking.errors import PickingError
from ar_picking.guide.shop import Shop
from ar_picking.link import TabletLink
from ar_picking.store.sample import sample_list
from tools.demo.backend import Backend
from tools.demo.children import Children, wait_for
from tools.demo.site import CITY, Site, free_ports


def test_a_memory_that_cannot_be_written_is_told_in_a_sentence(store, tmp_path):
    link = TabletLink(tmp_path, "picker-0001", ("127.0.0.1", 1), Shop.of_store(store))
    link.start()

    def full(*_):
        raise OSError(28, "No space left on device")

    link._tablet.evidence.flash.program = full
    assert link.event({"type": "list", "list": sample_list(store, "L1", 2)}) is None
    until = time.monotonic() + 20
    while link.is_alive() and time.monotonic() < until:  # the list begins in its thread
        time.sleep(0.02)
    assert not link.is_alive()
    with pytest.raises(PickingError, match="make room"):
        link.event({"type": "tap"})
    link.stop()


@pytest.mark.timeout(90)
def test_a_tablet_that_is_killed_goes_on_where_it_was_and_the_feed_has_every_pick_once(
    store, tmp_path
):
    """Real broker and gateway; the network is away for half the list, the program ends in its middle."""
    children = Children(tmp_path)
    site = Site(tmp_path, children, 0, "mosquitto")
    site.start_broker()
    site.start_gateway()
    backend = Backend(site.broker_port, CITY, lambda order: None)
    backend.start()
    shop = Shop.of_store(store)
    links = []

    def started(broker_port):
        links.append(
            TabletLink(tmp_path / "tablet", "picker-0001", ("127.0.0.1", broker_port), shop)
        )
        links[-1].start()
        return links[-1]

    def picks():
        return backend.snapshot()[1].get("pick", [])

    try:
        link = started(site.broker_port)
        body = {**sample_list(store, "L1", 6, orders=2, seed=3), "device": "picker-0001"}
        assert site.post("/picklists", body) == ""
        wait_for(lambda: link.screen()[0]["state"] == "walk", 20, children, "the list")
        pick_lines(link, 2)
        link.stop()
        link = started(free_ports(1)[0])  # there is no broker
        view, path, tour = link.screen()
        assert view["picked"] == 2 and view["list"] == "L1" and path == [] and tour
        pick_lines(link, 2)
        assert link.pending() > 0
        link.stop()
        link = started(site.broker_port)
        assert link.screen()[0]["picked"] == 4
        pick_lines(link, 2)
        time.sleep(0.3)  # sooner, it would be the same press
        assert link.event({"type": "tap"}) is None and link.screen()[0]["state"] == "done"
        wait_for(lambda: not link.pending(), 20, children, "the gateway's acknowledgement")
        wait_for(
            lambda: any(each["event"] == "list_done" for each in picks()), 20, children, "the feed"
        )
        found = [each for each in picks() if each["event"] == "picked"]
        assert sorted(each["line"] for each in found) == [1, 2, 3, 4, 5, 6]
        wanted = {line["line"]: line["sku"] for line in body["lines"]}
        assert {each["line"]: each["sku"] for each in found} == wanted
        assert all(each["checks"] == 2 + 8 + 128 for each in found)
    finally:
        for each in links:
            each.stop()
        backend.stop()
        children.stop()


def pick_lines(link, count):
    for _ in range(count):
        line = link.screen()[0]["line"]
        for event in (
            {"type": "scan", "code": line["bin"]},
            {"type": "scan", "code": line["barcode"]},
            {"type": "put", "slot": line["slot"]},
        ):
            assert link.event(event) is None, (event, line)
