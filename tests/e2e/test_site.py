"""A site as `gateway init-site` makes it: mosquitto and gateway as they stand, and who must not get in.

One site for the file. A good rider goes on sending through all of it, and at the end every record of his
is in the gateway's log and acknowledged; what was refused is counted.
"""

import json
import time

import pytest
from site_world import BAD, GOOD, NOT_AUTHORISED, OTHER, Board, Good, Talker, World, frame, until

from firmware.boards.linux import LinuxBoard
from firmware.system.brokers import Brokers
from firmware.system.config import check
from firmware.system.mqtt import UP, Mqtt
from gateway.log.store import connect
from gateway.site.authority import DAY_S, Authority, cert_pem, key_pem, new_key
from protocols.topics import device_topic
from tools.image import START, rider_image
from tools.parts import require


@pytest.fixture(scope="module")
def world(tmp_path_factory):
    world = World(tmp_path_factory.mktemp("site"))
    good = Good(world)
    good.start()
    world.good = good
    yield world
    good.ends = True
    good.join(15)
    figures = world.figures()
    world.stop()
    print({name: count for name, count in sorted(figures.items()) if isinstance(count, int)})
    # Nothing of the good rider's was lost to all that went on, nothing came twice, and in order.
    assert good.fault == "" and good.acked > 20
    db = connect(world.site.path / "data" / "gateway.db")
    found = db.execute("SELECT next FROM logs WHERE device=? AND log=77", (GOOD,)).fetchone()
    rows = db.execute("SELECT payload FROM rows ORDER BY id").fetchall()
    mine = {each[0] for each in db.execute("SELECT subject FROM roster WHERE device=?", (GOOD,))}
    db.close()
    assert found[0] in (good.acked + 1, good.acked + 2)  # the last one may not have been answered
    told = [json.loads(row[0]) for row in rows]
    orders = [each for each in told if each["stream"] == "order" and each["log"] != "gateway"]
    assert [each["seq"] for each in orders if each["subject"] in mine] == list(range(1, found[0]))


# -- who gets in --------------------------------------------------------------------------------------


def test_without_the_right_certificate_nobody_gets_in(world, tmp_path):
    site = world.site
    cert, key = site.authority("ca")
    own = Authority.load(cert.read_bytes(), key.read_bytes(), "ca")
    now = time.time()
    made = {
        "good": own.client(OTHER, (pair := new_key()).public_key(), now, DAY_S),
        "stranger": Authority.make("ca", now).client(OTHER, pair.public_key(), now, DAY_S),
        "expired": own.client(OTHER, pair.public_key(), now - 2 * DAY_S, DAY_S),
        "early": own.client(OTHER, pair.public_key(), now + 2 * DAY_S, DAY_S),
    }
    for name, each in made.items():
        (tmp_path / f"{name}.crt").write_bytes(cert_pem(each))
        (tmp_path / f"{name}.key").write_bytes(key_pem(pair))
    let_in = {name: Talker(world, name, bundle=tmp_path, client=OTHER).is_in for name in made}
    assert let_in == {"good": True, "stranger": False, "expired": False, "early": False}
    assert not Talker(world, "", client=OTHER).is_in  # none at all


def test_a_certificate_counts_at_its_own_listener_alone(world):
    assert world.device("enrol", "tracking", "--kind", "reader", "--may", "feed") == 0
    let_in = {
        (name, kind): Talker(world, name, port=port).is_in
        for name in (OTHER, "tracking", "spy")
        for kind, port in world.ports.items()
    }
    assert {pair for pair, is_in in let_in.items() if is_in} == {
        (OTHER, "devices"),
        ("tracking", "readers"),
        ("spy", "gateways"),
    }


def test_nobody_ends_a_session_of_another_by_its_client_id(world):
    bad = Talker(world, BAD, client=GOOD)
    assert bad.is_in and bad.say(device_topic("rider", BAD, "presence"), b"online") in (0, 0x10)
    assert world.good.talker.is_in


# -- what a device may say and hear -------------------------------------------------------------------


@pytest.mark.parametrize("version", [4, 5])
def test_a_device_speaks_for_itself_alone(world, version):
    world.passed(OTHER)
    bad = Talker(world, BAD, version=version)
    refused = [
        *(device_topic("rider", GOOD, leaf) for leaf in ("up", "presence", "down", "ack")),
        *(device_topic("rider", BAD, leaf) for leaf in ("down", "ack")),  # forged acks, to itself
        *(device_topic("picker", BAD, leaf) for leaf in ("up", "presence")),  # as another kind
        f"o2od/v1/rider/00/{BAD}/up",
        f"{device_topic('rider', BAD, 'up')}/more",
        "o2o/v1/shanghai/rider/somebody/fix",
        "o2o/v1/shanghai/intake/x/order-in",
        "$SYS/broker/version",
    ]
    answers = [bad.say(topic, frame(5, 1), retain) for topic in refused for retain in (0, 1)]
    # 3.1.1 has no word for it: the broker takes the message and drops it.
    assert set(answers) == ({NOT_AUTHORISED} if version == 5 else {0})
    own = device_topic("rider", BAD, "up")
    assert bad.say(own, b"own") == 0
    heard = [each for each in world.passed(OTHER) if each[0] != own]
    assert heard == []
    bad.end()


def test_a_device_hears_its_own_topics_alone(world):
    bad, other = Talker(world, BAD), Talker(world, OTHER)
    world.spy.say(device_topic("rider", OTHER, "down"), b"kept", retain=True)
    every = [device_topic("rider", OTHER, leaf) for leaf in ("up", "down", "ack", "presence")]
    bad.subscribe("#", "+/+/+/+/+/+", "o2od/#", "o2o/#", "$SYS/#", *every)
    other.subscribe(device_topic("rider", OTHER, "down"))
    for topic in (device_topic("rider", BAD, "ack"), device_topic("rider", OTHER, "ack")):
        world.spy.say(topic, b"ack")
    world.spy.say("o2o/v1/shanghai/rider/x/roster", b"{}")
    world.spy.say(device_topic("rider", BAD, "down"), b"last")
    until(lambda: any(each[1] == b"last" for each in bad.got))
    mine = {device_topic("rider", BAD, leaf) for leaf in ("down", "ack")}
    assert {each[0] for each in bad.got} == mine
    until(lambda: (device_topic("rider", OTHER, "down"), b"kept") in other.got)
    world.spy.say(device_topic("rider", OTHER, "down"), b"", retain=True)
    bad.end()


def test_a_will_on_the_presence_of_another_is_not_told(world):
    world.passed(OTHER)
    topic = device_topic("rider", GOOD, "presence")
    for version in (4, 5):
        Talker(world, BAD, version=version, will=topic).vanish()
    own = device_topic("rider", BAD, "presence")
    Talker(world, BAD, will=own).vanish()
    until(lambda: (own, b"offline") in world.spy.got)
    assert (topic, b"offline") not in world.spy.got


def test_readers_read_what_they_may(world):
    assert world.device("enrol", "names", "--kind", "reader", "--may", "roster") == 0
    assert world.device("enrol", "shop", "--kind", "reader", "--may", "intake") == 0
    port = world.ports["readers"]
    tracking, names, shop = (
        Talker(world, name, port=port) for name in ("tracking", "names", "shop")
    )
    for each in (tracking, names, shop):
        each.subscribe("#")
    streams = ("fix", "order", "roster")
    for stream in streams:
        world.spy.say(f"o2o/v1/shanghai/rider/x/{stream}", b"told")
        world.spy.say(f"o2o/v1/beijing/rider/x/{stream}", b"told")
    intake = "o2o/v1/shanghai/intake/x/order-in"
    before = world.figures()
    assert [each.say(intake, b"{") for each in (tracking, names, shop)] == [
        *(NOT_AUTHORISED, NOT_AUTHORISED, 0)
    ]
    world.rises("intake_refused", 1, before)

    def heard(reader):
        return {each[0].split("/")[-1] for each in reader.got if each[1] == b"told"}

    until(lambda: heard(tracking) >= {"fix", "order"} and heard(names))
    assert heard(tracking) == {"fix", "order"} and heard(names) == {"roster"}
    assert heard(shop) == set()
    assert not any("beijing" in each[0] for each in tracking.got)
    assert tracking.say("o2o/v1/shanghai/rider/x/fix") == NOT_AUTHORISED


def test_a_reader_without_a_group_misses_nothing_whatever_a_device_subscribes_to(world):
    """Shared subscriptions are the hole that is left (gateway/site/acl.py): who uses none has none."""
    reader = Talker(world, "tracking", port=world.ports["readers"])
    bad = Talker(world, BAD)
    topic = "o2o/v1/shanghai/rider/x/fix"
    bad.subscribe(topic, f"$share/group/{topic}", "$share/group/o2o/v1/shanghai/+/+/fix")
    reader.subscribe(topic)
    sent = [b"%d" % n for n in range(50)]
    for each in sent:
        world.spy.say(topic, each)
    until(lambda: len(reader.got) >= 50)
    assert [each[1] for each in reader.got] == sent and bad.got == []


# -- what an enrolled device may do to harm -----------------------------------------------------------


def test_what_an_enrolled_device_sends_by_the_thousand_is_counted_and_harms_nobody(world):
    up, presence = (device_topic("rider", BAD, leaf) for leaf in ("up", "presence"))
    before = world.figures()
    bad = Talker(world, BAD, version=4)
    for n in range(1_000):
        bad.mqtt.publish(up, b"\xff" + n.to_bytes(2, "big"), 1)
    world.rises("frames_malformed", 1_000, before)
    for _ in range(100):
        bad.mqtt.publish(up, frame(9, 1), 1)  # the same record, a hundred times
        bad.mqtt.publish(up, bytes(2_000), 1)
        bad.mqtt.publish(presence, b"on fire", 1)
    world.rises("records_repeated", 99, before)
    world.rises("frames_oversize", 100, before)
    world.rises("presence_malformed", 100, before)
    assert bad.is_in
    # A packet above the broker's limit ends the connection that it came over, and only that.
    bad.mqtt.publish(up, bytes(300_000), 1)
    until(lambda: bad.events[-1] == "down")
    bad.end()


def test_the_gateway_refuses_by_itself_what_a_broker_lets_through(world):
    """A broker whose list was spoilt: everybody may write everything."""
    kept = world.site.acl.read_bytes()
    world.site.acl.write_bytes(
        kept.replace(b"user rider-0003\n", b"user rider-0003\ntopic write #\n")
    )
    _hup(world)
    bad = Talker(world, BAD)
    topic = device_topic("rider", "nobody-1", "up")
    until(lambda: bad.say(topic, frame(1, 1)) == 0)  # until the list is read
    before = world.figures()
    for n in range(2_000):
        name = f"nobody-{n}"
        bad.mqtt.publish(device_topic("rider", name, "up"), frame(1, 1), 1)
    for leaf in ("up", "presence"):
        bad.mqtt.publish(device_topic("picker", BAD, leaf), b"online", 1)
    bad.mqtt.publish(device_topic("rider", "tracking", "up"), frame(1, 1), 1)
    world.rises("devices_refused_unknown", 2_000, before)
    world.rises("devices_refused_kind", 3, before)
    assert world.figures()["devices_broker"]
    bad.end()
    world.site.acl.write_bytes(kept)
    _hup(world)


def _hup(world):
    from gateway.site.broker import tell

    assert tell(world.site)


# -- taking back --------------------------------------------------------------------------------------


def test_a_revoked_device_is_out_at_once_with_its_session(world, capsys):
    world.device("enrol", "rider-0010", "--kind", "rider")
    rider = Talker(world, "rider-0010")
    up = device_topic("rider", "rider-0010", "up")
    assert rider.say(up, frame(3, 1)) == 0
    capsys.readouterr()
    assert world.device("revoke", "rider-0010") == 0
    told = json.loads(capsys.readouterr().out.splitlines()[-1])
    assert told["session_ended"] is True and told["gateway"] == "done"
    until(lambda: rider.events == ["Success", "down"])  # 3. its session was ended
    assert not Talker(world, "rider-0010").is_in  # 4. and it does not come back
    line = _list(world, "rider-0010", capsys)
    assert line["state"] == "revoked" and "serial" not in line


def test_a_session_that_stands_has_no_rights_once_its_lines_are_gone(world):
    """mosquitto keeps a session over SIGHUP: the access list takes its rights, the gateway its word."""
    from gateway.site.enrolment import changing

    world.device("enrol", "rider-0011", "--kind", "rider")
    rider = Talker(world, "rider-0011")
    up = device_topic("rider", "rider-0011", "up")
    assert rider.say(up, frame(3, 1)) == 0
    with changing(world.site, time.time()) as change:
        change.revoke("rider-0011")
    assert change.broker_told
    until(lambda: rider.say(up, frame(3, 2)) == NOT_AUTHORISED)
    assert rider.is_in


def test_a_board_is_replaced_in_one_command(world, capsys, tmp_path):
    """The same rider, another board: the old one is out, the new one is told of the open orders."""
    name = "rider-0020"
    world.device("enrol", name, "--kind", "rider")
    old = Board(world, name, world.out)
    old.hello(boot=4)
    order = {"order": "R20", "device": name, "drop": {"lat_e7": 312345678, "lon_e7": 1214712345}}
    shop = Talker(world, "shop", port=world.ports["readers"])
    shop.say("o2o/v1/shanghai/intake/x/order-in", json.dumps(order).encode())
    until(lambda: old.orders() == ["R20"])
    old.answer()  # nothing waits any more: only its reboot can make the gateway tell it again
    until(lambda: world.waiting(name) == 0)
    capsys.readouterr()
    assert world.device("replace", name, "--out", str(tmp_path)) == 0
    told = json.loads(capsys.readouterr().out.splitlines()[-1])
    assert (told["session_ended"], told["gateway"]) == (True, "done")
    until(lambda: old.talker.events[-1] == "down")
    assert not Talker(world, name).is_in
    new = Board(world, name, tmp_path)
    new.hello(boot=4)  # by chance the same number as the old one's
    until(lambda: new.orders() == ["R20"])
    assert _list(world, name, capsys)["kid"] == 2


def test_another_device_takes_over_the_open_orders(world, capsys, tmp_path):
    old_name, new_name = "rider-0030", "rider-0031"
    world.device("enrol", old_name, "--kind", "rider")
    old = Board(world, old_name, world.out)
    old.hello(boot=1)
    order = {"order": "R30", "device": old_name, "drop": {"lat_e7": 1, "lon_e7": 1}}
    shop = Talker(world, "shop", port=world.ports["readers"])
    shop.say("o2o/v1/shanghai/intake/x/order-in", json.dumps(order).encode())
    until(lambda: old.orders() == ["R30"])
    capsys.readouterr()
    assert world.device("replace", old_name, new_name, "--out", str(tmp_path)) == 0
    told = json.loads(capsys.readouterr().out.splitlines()[-1])
    assert told["orders"] == ["R30"] and told["by"] == new_name and told["session_ended"]
    assert not Talker(world, old_name).is_in
    new = Board(world, new_name, tmp_path)
    new.hello(boot=1)
    until(lambda: new.orders() == ["R30"])
    line = _list(world, old_name, capsys)
    assert (line["state"], line["replaced_by"]) == ("replaced", new_name)


def _list(world, name, capsys):
    capsys.readouterr()
    assert world.device("list") == 0
    lines = [json.loads(each) for each in capsys.readouterr().out.splitlines()]
    return next(each for each in lines if each["name"] == name)


def test_the_sites_own_certificates_are_renewed_while_it_runs(world):
    port = world.ports["devices"]
    before = world.served(port)
    assert world.device("renew", "broker", "dashboard", "gw-1") == 0  # HTTP looks once a minute
    until(lambda: world.served(port) != before)
    assert world.good.talker.is_in and world.figures()["devices_broker"]  # nobody was sent away


def test_metrics_tell_who_may_speak_who_was_refused_and_what_is_due(world):
    figures = world.figures()
    lines = dict(line.rsplit(" ", 1) for line in world.get("/metrics").decode().splitlines())
    for series, name in (
        ("gw_devices_enrolled", "devices_enrolled"),
        ("gw_certificates_due", "certificates_due"),
        ("gw_registry_troubled", "registry_troubled"),
        ('gw_dropped_total{reason="devices_refused_unknown"}', "devices_refused_unknown"),
    ):
        assert float(lines[series]) == figures.get(name, 0), series


# -- a real board -------------------------------------------------------------------------------------


def test_a_board_under_micropython_connects_with_what_enrol_gave_it(world, tmp_path):
    """Its bundle as `o2o board provision` would put it there: DER files beside config.json."""
    from tools.board.provision import _checked, _der, _named

    world.device("enrol", "rider-0040", "--kind", "rider")
    paths = {"ca": "ca.crt", "cert": "rider-0040.crt", "key": "rider-0040.key"}
    files = {kind: _der(kind, world.out / name) for kind, name in paths.items()}
    for kind, data in files.items():
        (tmp_path / _named(kind, data)).write_bytes(data)
    text, device = _checked(world.out / "rider-0040.json", files)
    assert device == "rider-0040"
    (tmp_path / "config.json").write_bytes(text)
    command = [*require("micropython"), "-X", "heapsize=200k", str(START), str(rider_image())]
    board = world.children.start("board", [*command, str(tmp_path)])
    up = device_topic("rider", "rider-0040", "up")
    until(lambda: any(each[0] == up for each in world.spy.got), 30)
    database = world.site.path / "data" / "gateway.db"

    def committed():
        db = connect(database, read_only=True)
        found = db.execute("SELECT sum(next-1) FROM logs WHERE device='rider-0040'").fetchone()
        db.close()
        return found[0]

    until(committed, 30)
    until(lambda: not world.children.check() and board.alive)
    board.stop()


def test_a_linux_board_connects_with_the_bundle_as_it_stands(world):
    """PEM files beside the configuration, and TLS with the broker's name."""
    name = "rider-0041"
    world.device("enrol", name, "--kind", "rider")
    config = check(json.loads((world.out / f"{name}.json").read_text()))
    board = LinuxBoard(str(world.out))
    brokers = Brokers(board.open_stream, config["brokers"], config["tls"], board.random)
    presence = device_topic("rider", name, "presence").encode()
    heard = []
    mqtt = Mqtt(
        brokers.open,
        board.random,
        config["device"],
        (presence, b"offline"),
        lambda: heard.append("up"),
        lambda *_: None,
    )
    deadline = time.monotonic() + 20
    while mqtt.state != UP and time.monotonic() < deadline:
        mqtt.step(board.ticks_ms())
        board.wait(20)
    assert heard == ["up"], mqtt.fault
    while mqtt.publish(presence, b"online", 6, 1, board.ticks_ms(), True) < 0:
        mqtt.step(board.ticks_ms())
    until(lambda: mqtt.step(board.ticks_ms()) or (presence.decode(), b"online") in world.spy.got)
    mqtt.close(board.ticks_ms())
