"""Connections that are not at the door yet, one address has only so many of."""

import asyncio
import socket
import ssl

import pytest
from edge_box import run, running, until

from ar_picking.web import porch
from ar_picking.web.certificate import SiteCertificate, server_context


def test_one_address_has_only_so_many_handshakes_open(store, tmp_path, monkeypatch):
    monkeypatch.setattr(porch, "MOST_YOUNG", 4)

    async def doing():
        site = SiteCertificate(tmp_path, ["127.0.0.1"])
        trust = ssl.create_default_context(cafile=site.ca_path)
        async with running(store, tls=server_context(*site.paths)) as (box, browser):
            port = int(box.url.rsplit(":", 1)[1].strip("/"))
            silent = [await asyncio.open_connection("127.0.0.1", port) for _ in range(6)]
            for reader, _ in silent[4:]:
                assert await reader.read() == b"", "refused at once"
            assert box.figures()["http"]["refused"] == 2
            silent.pop()[1].close()
            silent[0][1].close()
            await until(lambda: not box.porch.is_full("127.0.0.1"))
            async with browser.get(box.url, ssl=trust) as answer:
                assert answer.status == 200
            for _, writer in silent:
                writer.close()

    run(doing)


def test_a_port_that_is_taken_is_said_and_all_addresses_are_listened_on():
    async def doing():
        door = porch.Porch()
        listeners = await door.listen("", 0)
        assert {each.family for each in listeners} >= {socket.AF_INET}
        (taken,) = await door.listen("127.0.0.1", 0)
        taken.listen()
        port = taken.getsockname()[1]
        with pytest.raises(OSError, match=f"127.0.0.1 port {port}: Address already in use"):
            await door.listen("127.0.0.1", port)
        with pytest.raises(OSError, match=r"192\.0\.2\.7 port 0: "):
            await door.listen("192.0.2.7", 0)
        for each in (*listeners, taken):
            each.close()

    run(doing)


def test_old_connections_and_other_addresses_do_not_count_and_memory_is_bounded(monkeypatch):
    monkeypatch.setattr(porch, "MOST_YOUNG", 2)
    door = porch.Porch()
    peers = [socket.socket() for _ in range(5)]
    came = [
        door.admits(peer, "10.0.0.5", at_s) for peer, at_s in zip(peers, range(3), strict=False)
    ]
    assert came == [True, True, False]
    assert door.admits(peers[3], "10.0.0.6", 3.0)
    assert door.admits(peers[4], "10.0.0.5", 10.0), "the first is not young any more"
    for peer in peers:
        peer.close()
    for number in range(5_000):
        assert door.admits(peers[0], f"10.1.{number >> 8}.{number & 255}", 11.0)
    assert len(door._young) == 1_024
