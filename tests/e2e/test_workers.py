"""Three workers, three NATS nodes, 200 devices: some of it killed, nothing lost, nothing twice.

The short version; `make bench` and `make soak` kill each at five points (tests/bench/test_workers.py).
"""

import pytest

from tools.demo.children import Children
from tools.simulate.workers.account import check
from tools.simulate.workers.city import City
from tools.simulate.workers.platform import post_order, publish_order

WORKERS = ["w0", "w1", "w2"]
HTTP = ("H0", "H1", "H2", "H3", "H4", "H5")
MQTT = ("M0", "M1", "M2", "M3")


@pytest.mark.timeout(150)
def test_a_worker_and_a_node_die_and_a_zombie_wakes_up(tmp_path):
    children = Children(tmp_path)
    city = City(tmp_path, children, workers=3, nodes=3, lease_s=2.0)
    try:
        city.nodes.start()
        city.start_broker()
        for name in WORKERS:
            city.start_worker(name)
        city.wait_served(WORKERS, 60, at_least=16)
        city.start_devices(200, rate_per_s=250)
        city.wait_records(300)
        for number in range(6):  # whoever is asked, and whoever has the device
            post_order(city.http_ports[WORKERS[number % 3]], f"H{number}", f"rider-{number:04d}")
        # A whole site burns down, while the others go on.
        node = next(number for number in range(3) if number != city.nodes.leader("O2O_parts"))
        city.wipe("w0", node)
        city.wait_served(["w1", "w2"], 60)
        # One is only asleep, loses its parts, and wakes up with messages in its hands.
        city.pause("w1")
        city.wait_served(["w2"], 60)
        city.wake("w1")
        city.wait_served(["w1", "w2"], 60, at_least=24)
        assert city.figures("w1")["lease_lapses"] >= 1
        # Two own a part, and the one that lives does not know: its next commit is refused, and nothing
        # of it is acknowledged or told.
        city.usurp("rider-0000")
        city.wait_served(["w1", "w2"], 60)
        for number in range(4):
            publish_order(city.broker_port, f"M{number}", f"rider-{number:04d}")
        post_order(city.http_ports["w1"], "H0", "rider-0000")  # once more: it changes nothing
        account = city.finish_devices()
        verdict = check(account, city.servers, city.folder)
    finally:
        children.stop()
    assert verdict.records > 300 and verdict.is_good, verdict
    assert verdict.messages == verdict.records
    assert verdict.orders == dict.fromkeys((*HTTP, *MQTT), 1)
