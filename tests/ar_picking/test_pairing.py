"""Given a box with two tablets, when codes and sessions are offered, then each opens its own device
only, once, in time, and nothing that is kept opens anything.
"""

import errno
import json
import stat
from pathlib import Path

import pytest
from mutate import Chance, damaged

from ar_picking.errors import ConfigError, PickingError
from ar_picking.web.pairing import CODE_S, SESSION_S, Pairings, TooManyTriesError

NAMES = ("picker-0001", "picker-0002")


class Clock:
    def __init__(self, s=1_000.0):
        self.s = s

    def __call__(self):
        return self.s


class Desk:
    """Pairings with clocks that stand still, and the devices whose session was ended."""

    def __init__(self, folder=None, names=NAMES):
        self.steady, self.wall, self.ended = Clock(), Clock(1_800_000_000.0), []
        self.pairings = Pairings(names, folder, self.ended.append, self.steady, self.wall)

    def paired(self, device):
        device, token = self.pairings.pair(self.pairings.new_code(device), "10.0.0.5")
        return token


def test_a_code_opens_its_device_once():
    desk = Desk()
    code = desk.pairings.new_code("picker-0002")
    assert len(code) == 16 and code.isalnum()  # 80 bits
    device, token = desk.pairings.pair(code, "10.0.0.5")
    assert device == "picker-0002" and len(token) >= 43
    assert desk.pairings.device_of(token) == "picker-0002"
    assert desk.pairings.pair(code, "10.0.0.5") is None, "replayed"
    assert desk.pairings.counts == {
        "paired": 1,
        "wrong_codes": 1,
        "refused_tries": 0,
        "unpaired": 0,
    }


def test_a_code_is_void_after_ten_minutes_and_when_a_newer_one_is_made():
    desk = Desk()
    old = desk.pairings.new_code("picker-0001")
    new = desk.pairings.new_code("picker-0001")
    assert desk.pairings.pair(old, "a") is None
    desk.steady.s += CODE_S - 0.1
    assert desk.pairings.has_code("picker-0001")
    desk.steady.s += 0.1
    assert not desk.pairings.has_code("picker-0001")
    assert desk.pairings.pair(new, "a") is None


def test_a_new_pairing_ends_the_old_session_of_that_device_alone():
    desk = Desk()
    first, other = desk.paired("picker-0001"), desk.paired("picker-0002")
    second = desk.paired("picker-0001")
    assert desk.ended == ["picker-0001"]
    assert desk.pairings.device_of(first) is None
    assert desk.pairings.device_of(second) == "picker-0001"
    assert desk.pairings.device_of(other) == "picker-0002"


def test_unpairing_ends_the_session_and_voids_the_code():
    desk = Desk()
    token = desk.paired("picker-0001")
    code = desk.pairings.new_code("picker-0001")
    assert desk.pairings.unpair("picker-0001") and desk.ended == ["picker-0001"]
    assert desk.pairings.device_of(token) is None and desk.pairings.pair(code, "a") is None
    assert not desk.pairings.unpair("picker-0001")
    assert desk.pairings.paired_since_s("picker-0001") is None


def test_a_restarted_box_knows_its_tablets_and_its_file_opens_nothing(tmp_path):
    token = Desk(tmp_path / "state").paired("picker-0001")
    path = tmp_path / "state" / "sessions.json"
    assert token not in path.read_text() and stat.S_IMODE(path.stat().st_mode) == 0o600
    kept = json.loads(path.read_text())["picker-0001"]["sha256"]
    again = Desk(tmp_path / "state").pairings
    assert again.device_of(token) == "picker-0001" and again.device_of(kept) is None
    assert Desk(tmp_path / "state", ("picker-0002",)).pairings.device_of(token) is None
    Desk(tmp_path / "state").pairings.unpair("picker-0001")
    assert Desk(tmp_path / "state").pairings.device_of(token) is None


def test_a_session_that_nobody_renewed_ends_after_a_season():
    desk = Desk()
    token = desk.paired("picker-0001")
    desk.wall.s += SESSION_S - 1
    assert desk.pairings.device_of(token) == "picker-0001"
    desk.wall.s += 1
    assert desk.pairings.device_of(token) is None
    assert desk.pairings.paired_since_s("picker-0001") is None


def test_a_tablet_in_use_stays_paired_and_is_noted_once_a_day(tmp_path):
    desk = Desk(tmp_path)
    token = desk.paired("picker-0001")
    since_s, noted = desk.wall.s, 0
    for _ in range(200 * 4):
        desk.wall.s += 86_400 / 4
        assert desk.pairings.device_of(token) == "picker-0001"
        noted += desk.pairings.renew("picker-0001")
    assert noted == 200 and desk.pairings.paired_since_s("picker-0001") == since_s
    again = Desk(tmp_path)
    again.wall.s = desk.wall.s + SESSION_S - 1
    assert again.pairings.device_of(token) == "picker-0001"
    again.wall.s += 1
    assert again.pairings.device_of(token) is None
    assert not desk.pairings.renew("picker-0002"), "it has no session"


def test_the_file_of_a_box_that_did_not_note_the_use_is_read(tmp_path):
    token = Desk(tmp_path).paired("picker-0001")
    path = tmp_path / "sessions.json"
    kept = json.loads(path.read_text())
    del kept["picker-0001"]["used_s"]
    path.write_text(json.dumps(kept))
    assert Desk(tmp_path).pairings.device_of(token) == "picker-0001"


def test_on_a_full_disk_who_is_unpaired_is_out_and_who_pairs_is_in(tmp_path, monkeypatch, capsys):
    desk = Desk(tmp_path)
    first, other = desk.paired("picker-0001"), desk.paired("picker-0002")

    def full(path, _):
        raise OSError(errno.ENOSPC, "No space left on device")

    with monkeypatch.context() as patched:
        patched.setattr(Path, "replace", full)
        assert desk.pairings.unpair("picker-0001") and desk.ended == ["picker-0001"]
        newer = desk.paired("picker-0002")
        assert desk.ended == ["picker-0001", "picker-0002"] and not desk.pairings.is_saved
        desk.pairings.save_again()
        assert not desk.pairings.is_saved
    assert capsys.readouterr().err.count("No space left on device; pairings are not kept") == 1
    assert desk.pairings.device_of(newer) == "picker-0002"
    # A box that is restarted now lets nobody in whose session is over.
    again = Desk(tmp_path).pairings
    assert [again.device_of(token) for token in (first, other, newer)] == [None] * 3
    desk.pairings.save_again()
    assert desk.pairings.is_saved
    again = Desk(tmp_path).pairings
    assert [again.device_of(token) for token in (first, other, newer)] == [
        None,
        None,
        "picker-0002",
    ]


@pytest.mark.parametrize("damage", [b"", b"{", b"[]", b"1", b"[" * 9000, b'{"picker-0001": 1}'])
def test_a_damaged_file_says_what_to_do(tmp_path, damage):
    Desk(tmp_path).paired("picker-0001")
    (tmp_path / "sessions.json").write_bytes(damage)
    if damage == b"[]":  # no session in it: nothing is lost that was there
        assert Desk(tmp_path).pairings.paired_since_s("picker-0001") is None
        return
    with pytest.raises(PickingError, match="pair the tablets anew"):
        Desk(tmp_path)


def test_ten_wrong_codes_of_one_address_are_enough_for_a_minute():
    desk = Desk()
    code = desk.pairings.new_code("picker-0001")
    for _ in range(10):
        assert desk.pairings.pair("A" * 16, "10.0.0.9") is None
    with pytest.raises(TooManyTriesError, match="minute"):
        desk.pairings.pair(code, "10.0.0.9")
    assert desk.pairings.counts["refused_tries"] == 1
    assert desk.pairings.pair(code, "10.0.0.5") is not None, "another address is not held back"
    code = desk.pairings.new_code("picker-0001")
    desk.steady.s += 60.0
    assert desk.pairings.pair(code, "10.0.0.9") is not None


def test_a_flood_from_many_addresses_takes_no_more_memory():
    desk = Desk()
    for number in range(5_000):
        desk.pairings.pair("wrong", f"10.1.{number >> 8}.{number & 255}")
    assert len(desk.pairings._tries) == 256


def test_no_session_and_no_code_comes_from_guesses():
    chance = Chance("pairing")
    desk = Desk()
    token = desk.paired("picker-0001")
    desk.pairings.new_code("picker-0002")
    guesses = ["", token[:-1], token + "A", token.lower(), " " + token, "é" * 40, "\ud800", None]
    guesses += [damaged(token.encode(), chance).decode("latin-1") for _ in range(300)]
    for number, guess in enumerate(guesses):
        assert guess == token or desk.pairings.device_of(guess) is None
        assert guess is None or desk.pairings.pair(guess, str(number)) is None


def test_names_that_are_no_names_are_refused():
    for names in ((), ("Picker",), ("a b",), ("",), ("a/b",), tuple(f"p-{i}" for i in range(65))):
        with pytest.raises(ConfigError, match="--pickers"):
            Pairings(names, None)
    with pytest.raises(PickingError, match="--pickers"):
        Desk().pairings.new_code("picker-0003")
