"""Topics: what is built is parsed, and no other string is."""

from mutate import Chance, damaged, rounds

from protocols import topics


def test_a_device_topic_is_parsed_as_it_was_built():
    for kind in topics.KINDS:
        for leaf in topics.LEAVES:
            topic = topics.device_topic(kind, "rider-0001", leaf)
            assert topics.parse_device_topic(topic) == (kind, "rider-0001", leaf)
    # crc32(b"rider-0001") = 0x8a80a3e8: part 40 of 64
    assert topics.device_topic("rider", "rider-0001", "up") == "o2od/v1/rider/40/rider-0001/up"


def test_topics_that_are_no_devices():
    for topic in (
        "",
        "o2od/v1/rider/41/rider-0001/up",  # another worker's part
        "o2od/v1/rider/40/rider-0001",
        "o2od/v1/rider/40/rider-0001/up/x",
        "o2od/v2/rider/40/rider-0001/up",
        "o2o/v1/rider/40/rider-0001/up",
        "o2od/v1/plane/40/rider-0001/up",
        "o2od/v1/rider/40/rider-0001/sideways",
        "o2od/v1/rider/40/RIDER/up",
        "o2od/v1/rider/00//up",
    ):
        assert topics.parse_device_topic(topic) is None, topic


def test_names():
    for name in ("a", "0", "rider-0001", "x" * 32):
        assert topics.is_name(name)
    for name in ("", "-a", "a-", "A", "a_b", "a/b", "+", "#", "\u9a91", "x" * 33):
        assert not topics.is_name(name), name


def test_intake_topics():
    assert topics.parse_intake_topic("o2o/v1/shanghai/intake/A1/order-in") == ("order", "A1")
    assert topics.parse_intake_topic("o2o/v1/shanghai/intake/L/picklist-in") == ("picklist", "L")
    for topic in (
        "o2o/v1/shanghai/rider/x/fix",
        "o2o/v1/shanghai/intake//order-in",
        "o2o/v1/shanghai/intake/A1/order",
        "o2o/v1/shanghai/intake/A1",
    ):
        assert topics.parse_intake_topic(topic) is None, topic


def test_fuzz_topics():
    chance = Chance("topics")
    good = [
        topics.device_topic("rider", "rider-%04d" % i, leaf) for i, leaf in enumerate(topics.LEAVES)
    ]
    good += ["o2o/v1/shanghai/intake/A1/order-in", "o2o/v1/shanghai/intake/L/picklist-in"]
    taken = 0
    for _ in range(rounds(2000)):
        data = damaged(chance.pick(good).encode(), chance)
        try:
            topic = data.decode()
        except (UnicodeError, ValueError):
            continue  # MQTT hands over no such topic
        found = topics.parse_device_topic(topic)
        if found is not None:
            assert topics.device_topic(found[0], found[1], found[2]) == topic
            taken += 1
        found = topics.parse_intake_topic(topic)
        if found is not None:
            assert topic.endswith("/intake/" + found[1] + "/" + found[0] + "-in")
            taken += 1
    assert taken  # some damage leaves a topic that is one
