"""Sealed adverts and their guard: what is believed, what is only kept, what survives a restart."""

from mutate import Chance, damaged, rounds

from protocols.adverts import NONE, Reading, decode
from protocols.adverts.guard import COUNTED, DUPLICATE, PLAIN, SIGNED, UNTRUSTED, Guard
from protocols.adverts.sealed import Key
from protocols.aes import Aes
from protocols.ccm import Ccm

# bthome.io/encryption, the example: address, key, counter 0x33221100, 25.06 degC and 50.55 %
ADDRESS = bytes.fromhex("5448e68f80a5")
KEY = bytes.fromhex("231d39c1d7cc1ab1aee224cd096db932")
EXAMPLE = bytes.fromhex("0201061216d2fc41a47266c95f730011223378237214")
EXAMPLE_COUNTER = 0x33221100
MINUTE_MS = 60_000


def seal(counter, objects, key=KEY, address=ADDRESS, info=0x41):
    """The AD payload of a BTHome sensor, written from bthome.io/encryption and not from our code."""
    count = bytes([counter >> 8 * i & 255 for i in range(4)])
    nonce = address + b"\xd2\xfc" + bytes((info,)) + count
    sealed = Ccm(Aes(key), 4, 13).seal(nonce, objects)
    body = b"\x16\xd2\xfc" + bytes((info,)) + sealed[:-4] + count + sealed[-4:]
    return b"\x02\x01\x06" + bytes((len(body),)) + body


def temperature(value_cc):
    return b"\x02" + bytes((value_cc & 255, value_cc >> 8 & 255))


def guarded(floor=-1):
    guard = Guard(ADDRESS, KEY)
    guard.enrol(floor)
    return guard


def take(guard, payload, now_ms=0):
    reading = Reading()
    return guard.take(payload, len(payload), reading, now_ms), reading


def test_the_published_example_opens():
    reading = Reading()
    key = Key(ADDRESS, KEY)
    assert decode(EXAMPLE, len(EXAMPLE), reading, key) == "bthome"
    assert (reading.temp_cc, reading.hum_cpct) == (2506, 5055)
    assert key.sealed and key.counter == EXAMPLE_COUNTER
    assert seal(EXAMPLE_COUNTER, bytes.fromhex("02ca0903bf13")) == EXAMPLE
    # the form that carries the address
    other = bytes.fromhex("0201061816d2fc43a5808fe64854f196c06ffb4900112233f08ecbde")
    assert decode(other, len(other), reading, key) == "bthome" and reading.temp_cc == 2506


def test_pvvx_and_atc1441_sealed():
    # captured adverts with a published key (LYWSD03MMC): 23.45 degC 41.73 % 61 %; 26.5 degC 47 % 100 %
    key = Key(bytes.fromhex("a4c1388d18b2"), bytes.fromhex("b9ea895fac7eea6d30532432a516f3a3"))
    reading = Reading()
    data = bytes.fromhex("0e161a1811d603fbfa7b6dfb1e26fd")
    assert decode(data, len(data), reading, key) == "pvvx"
    assert (reading.temp_cc, reading.hum_cpct, reading.batt_pct) == (2345, 4173, 61)
    assert (reading.packet_id, reading.opened, key.counter) == (0x11, 0, -1)
    data = bytes.fromhex("0b161a1858e9e6556581b3f9")
    assert decode(data, len(data), reading, key) == "atc1441"
    assert (reading.temp_cc, reading.hum_cpct, reading.batt_pct) == (2650, 4700, 100)
    guard = Guard(bytes.fromhex("a4c1388d18b2"), bytes.fromhex("b9ea895fac7eea6d30532432a516f3a3"))
    guard.enrol()
    assert take(guard, data)[0] == COUNTED  # its 8-bit counter comes back: never signed
    assert take(guard, data)[0] == DUPLICATE


def test_sealed_whole_signed_range():
    guard = guarded()
    for counter, value in enumerate(range(-32768, 32768, 1311)):
        trust, reading = take(guard, seal(counter, temperature(value)))
        assert trust == SIGNED and reading.temp_cc == value


def test_without_or_with_another_key_nothing_is_read():
    reading = Reading()
    for key in (
        None,
        Key(ADDRESS, bytes(16)),
        Key(bytes(6), KEY),  # the address is part of the nonce
    ):
        assert decode(EXAMPLE, len(EXAMPLE), reading, key) is None
        assert reading.temp_cc == NONE and reading.format is None
        assert key is None or (key.failed and not key.sealed)


def test_counters_must_rise():
    guard = guarded()
    assert take(guard, seal(5, temperature(400)))[0] == SIGNED
    assert take(guard, seal(6, temperature(410)))[0] == SIGNED
    assert take(guard, seal(6, temperature(410)))[0] == DUPLICATE
    assert not guard.replay_or_reset
    trust, reading = take(guard, seal(5, temperature(400)))
    assert trust == UNTRUSTED and reading.temp_cc == 400  # kept, not dropped
    assert guard.replay_or_reset and guard.refused_counter == 5 and guard.replays == 1
    assert take(guard, seal(7, temperature(420)))[0] == SIGNED
    assert guard.replay_or_reset  # stays until an operator has looked


def test_low_counters_are_no_exception():
    # bthome-ble accepts every counter below 100 (its issue 234): a window for replays
    guard = guarded()
    assert take(guard, seal(1000, temperature(400)))[0] == SIGNED
    for counter in (0, 1, 50, 99, 100, 999):
        assert take(guard, seal(counter, temperature(2000)))[0] == UNTRUSTED, counter


def test_one_counter_with_several_object_sets():
    # pvvx sends one measurement in two adverts under one counter (pvvx issue 468)
    guard = guarded()
    first = seal(9, temperature(400))
    second = seal(9, b"\x01\x62")
    assert take(guard, first)[0] == SIGNED
    assert take(guard, second)[0] == SIGNED
    assert take(guard, first)[0] == DUPLICATE
    assert take(guard, second)[0] == DUPLICATE
    assert not guard.replay_or_reset
    assert take(guard, seal(9, temperature(2000)))[0] == UNTRUSTED  # the same set, another value
    assert guard.replay_or_reset
    for objects in (b"\x03\x10\x10", b"\x1a\x01"):
        assert take(guard, seal(9, objects))[0] == SIGNED
    assert take(guard, seal(9, b"\x2d\x01"))[0] == UNTRUSTED  # a fifth set: no sensor does that


def test_u32_counters():
    guard = guarded()
    for counter in (0x3FFFFFFF, 0x40000000, 0x7FFFFFFF, 0x80000000, 0xFFFFFFFE, 0xFFFFFFFF):
        assert take(guard, seal(counter, temperature(400)))[0] == SIGNED, counter
        assert take(guard, seal(counter, temperature(400)))[0] == DUPLICATE
        restored = Guard(ADDRESS, KEY)
        assert restored.load(guard.pack()) and restored.counter == counter
    assert take(guard, seal(0, temperature(400)))[0] == UNTRUSTED  # wrapped: re-enrol


def test_a_sensor_is_believed_only_once_it_is_enrolled():
    guard = Guard(ADDRESS, KEY)
    trust, reading = take(guard, EXAMPLE)
    assert trust == UNTRUSTED and reading.temp_cc == 2506
    assert guard.refused_counter == EXAMPLE_COUNTER and not guard.replay_or_reset
    guard.enrol()
    assert take(guard, EXAMPLE)[0] == SIGNED


def test_a_change_of_battery_loses_no_sample_and_one_command_mends_it():
    guard = guarded()
    assert take(guard, seal(50_000, temperature(400)))[0] == SIGNED
    kept = []
    for counter in range(5):
        trust, reading = take(guard, seal(counter, temperature(410 + counter)))
        assert trust == UNTRUSTED
        kept.append(reading.temp_cc)
    assert kept == [410, 411, 412, 413, 414] and guard.replay_or_reset
    guard.enrol(guard.refused_counter)
    assert not guard.replay_or_reset
    assert take(guard, seal(4, temperature(414)))[0] == UNTRUSTED
    guard.enrol(4)
    assert take(guard, seal(5, temperature(420)))[0] == SIGNED


def test_unsealed_adverts_under_a_keyed_sensor_s_address_are_not_believed():
    guard = guarded()
    plain = bytes.fromhex("0201060a16d2fc4002ca0903bf13")
    trust, reading = take(guard, plain)
    assert trust == UNTRUSTED and reading.temp_cc == 2506


def test_sensors_without_a_key():
    guard = Guard(ADDRESS)
    plain = bytes.fromhex("0201060a16d2fc4002ca0903bf13")
    assert take(guard, plain)[0] == PLAIN
    assert take(guard, plain)[0] == PLAIN  # no counter: a repeat and the same value look alike
    counted = bytes.fromhex("0916d2fc40000902ca09")
    assert take(guard, counted)[0] == COUNTED
    assert take(guard, counted)[0] == DUPLICATE
    assert take(guard, bytes.fromhex("0916d2fc40000902cb09"))[0] == PLAIN  # it does not count
    assert take(guard, bytes.fromhex("0916d2fc40000a02cb09"))[0] == COUNTED
    assert take(guard, b"\x02\x01\x06")[0] is None
    assert take(guard, EXAMPLE)[0] is None


def test_failures_are_limited():
    guard = guarded()
    wrong = bytearray(EXAMPLE)
    wrong[-1] ^= 1
    for i in range(9):
        assert take(guard, wrong, 1000 * i)[0] is None
    assert take(guard, EXAMPLE, 9000)[0] == SIGNED
    assert take(guard, wrong, 9001)[0] is None  # the tenth within the minute
    assert guard.failures == 10
    good = seal(EXAMPLE_COUNTER + 1, temperature(400))
    assert take(guard, good, 9002)[0] is None
    assert take(guard, good, 9000 + MINUTE_MS)[0] is None and guard.ignored == 2
    assert guard.failures == 10  # nothing was tried meanwhile
    assert take(guard, good, 9001 + MINUTE_MS)[0] == SIGNED
    # nine a minute go on for ever, and cost nothing but themselves
    for i in range(40):
        assert take(guard, wrong, 200_000 + 7000 * i)[0] is None
    assert take(guard, seal(EXAMPLE_COUNTER + 2, temperature(400)), 500_000)[0] == SIGNED


def test_state_survives_a_restart():
    guard = guarded()
    assert guard.due
    assert take(guard, seal(10, temperature(400)))[0] == SIGNED
    state = guard.pack()
    assert len(state) == 21 and not guard.due
    assert take(guard, seal(11, temperature(400)))[0] == SIGNED and guard.due
    state = guard.pack()
    again = Guard(ADDRESS, KEY)
    assert again.load(state) and again.enrolled and again.counter == 11 and not again.due
    for counter in range(12):
        assert take(again, seal(counter, temperature(400)))[0] == UNTRUSTED, counter
    # another object set under the stored counter might be a recorded one
    assert take(again, seal(11, b"\x01\x62"))[0] == UNTRUSTED
    assert take(again, seal(12, temperature(400)))[0] == SIGNED


def test_counters_reserved_ahead_save_flash_and_are_never_signed_twice():
    guard = guarded()
    stored = 0
    state = b""
    for counter in range(100):
        assert take(guard, seal(counter, temperature(400)))[0] == SIGNED
        if guard.due:
            state = guard.pack(16)
            stored += 1
    assert stored == 6
    again = Guard(ADDRESS, KEY)
    assert again.load(state) and again.counter == 101
    for counter in range(102):
        assert take(again, seal(counter, temperature(400)))[0] == UNTRUSTED
    assert take(again, seal(102, temperature(400)))[0] == SIGNED


def test_load_takes_only_its_own_whole_state():
    guard = guarded()
    take(guard, seal(7, temperature(400)))
    state = guard.pack()
    other = Guard(ADDRESS, KEY)
    for i in range(len(state)):
        for bit in range(8):
            bad = bytearray(state)
            bad[i] ^= 1 << bit
            assert not other.load(bytes(bad))
        assert not other.load(state[:i])
    assert not other.load(state + b"\x00")
    assert (other.enrolled, other.counter) == (False, -1)
    assert not Guard(ADDRESS, bytes(16)).load(state)  # another key: its counters mean nothing
    assert not Guard(ADDRESS).load(state)
    assert not Guard(bytes(6), KEY).load(state)
    assert other.load(state) and other.counter == 7
    fresh = Guard(ADDRESS, KEY)
    fresh.enrol()
    assert other.load(fresh.pack()) and other.counter == -1 and other.enrolled
    assert take(other, seal(0, temperature(400)))[0] == SIGNED


def test_fuzz_recorded_reordered_flipped_after_a_restart():
    chance = Chance("replay")
    sent = 60
    recorded = [seal(i, temperature(chance.below(65536))) for i in range(sent)]
    guard = guarded()
    for payload in recorded:
        assert take(guard, payload)[0] == SIGNED
    state = guard.pack()
    now_ms = 0
    reading = Reading()
    count = rounds(400)
    tally = {}
    for i in range(count):
        if i % 50 == 0:  # a restart
            guard = Guard(ADDRESS, KEY)
            assert guard.load(state)
        payload = chance.pick(recorded)
        if chance.below(2):
            payload = damaged(payload, chance)
        now_ms += chance.below(20_000)
        trust = guard.take(payload, len(payload), reading, now_ms)
        assert trust in (None, UNTRUSTED), (trust, payload)
        assert trust is not None or reading.format is None
        assert guard.counter == sent - 1
        tally[trust] = tally.get(trust, 0) + 1
    assert tally.get(UNTRUSTED, 0) > count // 10
    assert take(guard, seal(sent, temperature(400)), now_ms + 2 * MINUTE_MS)[0] == SIGNED
    print("replayed:", count, tally)


def test_fuzz_state_of_any_bytes_is_refused():
    chance = Chance("guard state")
    guard = guarded()
    take(guard, seal(7, temperature(400)))
    state = guard.pack()
    other = Guard(ADDRESS, KEY)
    for _ in range(rounds(1000)):
        bad = damaged(state, chance)
        assert other.load(bad) == (bad == state), bad
        if bad == state:
            other = Guard(ADDRESS, KEY)
        assert other.load(chance.bytes(21)) is False
        assert (other.enrolled, other.counter) == (False, -1)
