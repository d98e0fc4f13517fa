"""What root writes into another user's folders: it is that user's, and nothing else becomes his.

Root and the service's user are played where the tests run as somebody else: who one is, and to whom a
file is given, is asked of the system by name.
"""

import os
import time

import pytest

from gateway.errors import GatewayError
from gateway.site.enrolment import changing
from gateway.site.folder import SiteFolder, lock_file, make_folder, write_whole
from gateway.site.making import Plan, make_site
from gateway.site.moves import Ask, ask
from gateway.web import passwords
from gateway.web.users import Users

SERVICE = (10_001, 10_002)


class Root:
    """Root, in folders of SERVICE; `given`: device and inode of what was handed over, to whom."""

    def __init__(self, monkeypatch):
        self.given = {}
        self._fchown, self._fstat = os.fchown, os.fstat
        self.is_root = os.geteuid() == 0
        monkeypatch.setattr(os, "geteuid", lambda: 0)
        if not self.is_root:
            monkeypatch.setattr(os, "fstat", self._of_service)
        monkeypatch.setattr(os, "fchown", self._give)

    def _of_service(self, number):
        found = self._fstat(number)
        return os.stat_result((*found[:4], *SERVICE, *found[6:]))

    def _give(self, number, uid, gid):
        found = self._fstat(number)
        self.given[found.st_dev, found.st_ino] = (uid, gid)
        if self.is_root:
            self._fchown(number, uid, gid)

    def owner(self, path):
        found = path.lstat()
        return self.given.get((found.st_dev, found.st_ino))


@pytest.fixture
def root(monkeypatch):
    monkeypatch.setattr(passwords, "COST", (1 << 4, 8, 1))
    return Root(monkeypatch)


def to_service(*paths):
    """Make it the service's: as root really, else it counts as his by the played fstat()."""
    for path in paths:
        if os.getuid() == 0:
            os.chown(path, *SERVICE, follow_symlinks=False)


@pytest.fixture
def site(tmp_path):
    folder = SiteFolder(tmp_path / "site")
    ports = {"devices": 1, "readers": 2, "gateways": 3}
    data = tmp_path / "data"
    plan = Plan("shanghai", "gw-1", ("localhost",), ports, "", data, "127.0.0.1", 8443)
    make_site(folder, tmp_path / "gateway.toml", plan, time.time())
    with changing(folder, time.time()) as change:
        change.enrol("rider-0001", "rider")
    to_service(folder.path, *folder.path.rglob("*"))
    return folder


def test_what_root_changes_in_a_site_stays_the_sites_owners(site, root):
    before = {path: path.stat().st_mtime_ns for path in site.path.rglob("*") if path.is_file()}
    time.sleep(0.01)
    (site.path / ".lock").unlink()
    with changing(site, time.time()) as change:
        change.revoke("rider-0001")
        change.enrol("rider-0002", "rider")
    ask(site.moves, Ask("gone", "rider-0001"))
    new = [
        path
        for path in site.path.rglob("*")
        if path.is_file() and path.stat().st_mtime_ns != before.get(path)
    ]
    names = {path.name for path in new}
    assert {"devices.json", "acl", "crl.pem", ".lock", "rider-0002-1.key"} <= names
    assert any(path.parent == site.moves for path in new)
    for path in (*new, site.issued / "rider-0002"):
        assert root.owner(path) == SERVICE, path


def test_users_that_root_adds_stay_the_services(tmp_path, root):
    data = tmp_path / "data"
    data.mkdir(mode=0o700)
    to_service(data)
    Users(data / "users.json").put("ada", "viewer", None)
    for name in ("users.json", "users.lock"):
        assert root.owner(data / name) == SERVICE
    assert root.owner(data) is None  # it was there before


@pytest.mark.parametrize("name", ["users.lock", "users.new", "users.json.new", "users.json"])
def test_a_link_in_the_services_folder_hands_no_file_of_root_over(tmp_path, root, name):
    data = tmp_path / "data"
    data.mkdir(mode=0o700)
    victim = tmp_path / "root-only"
    victim.write_text("[]")
    victim.chmod(0o600)
    (data / name).symlink_to(victim)
    to_service(data, data / name)
    try:
        Users(data / "users.json").put("ada", "viewer", None)
    except GatewayError as fault:
        assert name in str(fault)  # noqa: PT017
    assert victim.read_text() == "[]" and root.owner(victim) is None
    assert not (data / "users.json.new").is_symlink()


@pytest.mark.parametrize("how", ["link", "second name", "pipe", "folder"])
def test_what_is_no_lock_is_refused_and_handed_to_nobody(tmp_path, root, how):
    victim = tmp_path / "root-only"
    victim.write_text("")
    data = tmp_path / "data"
    data.mkdir()
    lock = data / "users.lock"
    {
        "link": lambda: lock.symlink_to(victim),
        "second name": lambda: lock.hardlink_to(victim),
        "pipe": lambda: os.mkfifo(lock),
        "folder": lock.mkdir,
    }[how]()
    to_service(data)
    with pytest.raises(GatewayError, match=r"users\.lock"), lock_file(lock):
        pass
    assert root.given == {}


def test_root_follows_no_link_of_the_services_to_a_folder(tmp_path, root):
    elsewhere = tmp_path / "etc"
    elsewhere.mkdir()
    link = tmp_path / "broker"
    link.symlink_to(elsewhere)
    to_service(link)
    for write in (lambda: write_whole(link / "acl", b"x"), lambda: make_folder(link / "x")):
        with pytest.raises(GatewayError, match="broker"):
            write()
    assert list(elsewhere.iterdir()) == []


def test_who_is_not_root_gives_nothing_away(tmp_path, root, monkeypatch):
    monkeypatch.setattr(os, "geteuid", lambda: 1_000)
    to_service(tmp_path)
    write_whole(tmp_path / "x", b"x")
    make_folder(tmp_path / "y")
    Users(tmp_path / "z" / "users.json").put("ada", "viewer", None)
    assert root.given == {}


def test_a_site_is_not_made_by_root_in_another_users_folder(tmp_path, root):
    place = tmp_path / "site"
    place.mkdir()
    to_service(place)
    with pytest.raises(GatewayError, match="have that user make the site"):
        SiteFolder(place).make()
    assert list(place.iterdir()) == []
