"""Packages from the machine's own apt sources, unpacked into our cache: no root, no service started.

apt runs with folders of its own (lists, cache), so the system's state is only read, and checks the
signatures as it always does. A part may also come from the next Debian release's suite of the same
mirror, when this release has none; it then brings that release's libc along and runs through its
loader.
"""

import os
import re
import shutil
import subprocess
from pathlib import Path

from tools.errors import PartMissingError

NEXT_SUITE = {"bookworm": "trixie"}
_TIMEOUT_S = 300


def available() -> bool:
    """Tell whether this machine has apt at all."""
    return all(shutil.which(name) for name in ("apt-get", "dpkg-deb"))


def codename() -> str:
    """Return the release's code name, e.g. 'bookworm'; '' when it is unknown."""
    try:
        text = Path("/etc/os-release").read_text()
    except OSError:
        return ""
    found = re.search(r"^VERSION_CODENAME=(\S+)", text, re.MULTILINE)
    return found[1] if found else ""


class AptBox:
    """apt with its own folders under `folder`.

    suite: None for the machine's own sources, else the name of a suite on the same mirror; in that case
    nothing counts as installed. architecture: Debian's name of another one than the machine's own.
    """

    def __init__(self, folder: Path, suite: str | None = None, architecture: str | None = None):
        self._folder = folder
        for name in ("etc", "state/lists/partial", "cache/archives/partial", "deb"):
            (folder / name).mkdir(parents=True, exist_ok=True)
        self._options = [
            f"Dir::State={folder / 'state'}",
            f"Dir::Cache={folder / 'cache'}",
            f"Dir::State::status={'/dev/null' if suite else '/var/lib/dpkg/status'}",
        ]
        if os.geteuid() == 0:
            self._options.append("APT::Sandbox::User=root")  # our folder need not be world-readable
        if architecture:
            self._options += [
                f"APT::Architecture={architecture}",
                f"APT::Architectures={architecture}",
            ]
        if suite:
            source = folder / "etc" / f"{suite}.sources"
            source.write_text(_source_for(suite))
            self._options += [f"Dir::Etc::sourcelist={source}", "Dir::Etc::sourceparts=/dev/null"]

    def _apt(self, *words: str) -> str:
        command = ["apt-get", *(word for each in self._options for word in ("-o", each)), *words]
        try:
            done = subprocess.run(
                command,
                cwd=self._folder / "deb",
                capture_output=True,
                text=True,
                timeout=_TIMEOUT_S,
                env={**os.environ, "LC_ALL": "C", "DEBIAN_FRONTEND": "noninteractive"},
            )
        except subprocess.TimeoutExpired as fault:
            raise PartMissingError("the package mirror does not answer; try again later") from fault
        if done.returncode:
            lines = [line for line in done.stderr.splitlines() if line.startswith("E:")]
            raise PartMissingError(f"apt: {lines[0][3:] if lines else done.stderr.strip()}")
        return done.stdout

    def update(self) -> None:
        """Fetch the lists."""
        try:
            # Without this apt calls a mirror that it cannot reach a success with a warning.
            self._apt("-qq", "-o", "APT::Update::Error-Mode=any", "update")
        except PartMissingError as fault:
            raise PartMissingError(f"the package mirror cannot be reached ({fault})") from fault

    def missing_for(self, package: str) -> list[str]:
        """Return `package` and what it depends on that this machine lacks."""
        text = self._apt("-qq", "--print-uris", "--no-install-recommends", "install", package)
        return [line.split()[1].split("_")[0] for line in text.splitlines() if line.startswith("'")]

    def unpack(self, packages: list[str], into: Path) -> None:
        """Download `packages` and unpack them into the folder `into`."""
        self._apt("-qq", "download", *packages)
        fresh = into.with_name(into.name + ".new")
        shutil.rmtree(fresh, ignore_errors=True)
        for package in packages:
            for deb in (self._folder / "deb").glob(f"{package}_*.deb"):
                subprocess.run(["dpkg-deb", "-x", str(deb), str(fresh)], check=True)
        shutil.rmtree(into, ignore_errors=True)
        fresh.rename(into)

    def discard(self) -> None:
        """Remove the lists and the downloads; what was unpacked stays."""
        shutil.rmtree(self._folder, ignore_errors=True)


def _source_for(suite: str) -> str:
    """Return a deb822 source for `suite` on the mirror that this machine uses."""
    here = codename()
    for path in [
        *sorted(Path("/etc/apt/sources.list.d").glob("*.sources")),
        Path("/etc/apt/sources.list"),
        *sorted(Path("/etc/apt/sources.list.d").glob("*.list")),
    ]:
        if path.exists():
            found = _mirror_in(path.read_text(), here)
            if found:
                uri, signed_by = found
                return (
                    f"Types: deb\nURIs: {uri}\nSuites: {suite}\nComponents: main\n"
                    f"Signed-By: {signed_by}\n"
                )
    raise PartMissingError(f"no apt source for '{here}' found on this machine")


def _mirror_in(text: str, suite: str) -> tuple[str, str] | None:
    """Return (URI, keyring) of the entry of an apt source file that serves `suite`."""
    keyring = "/usr/share/keyrings/debian-archive-keyring.gpg"
    for stanza in re.split(r"\n\s*\n", text):
        fields = dict(re.findall(r"^(URIs|Suites|Signed-By): *(.+)$", stanza, re.MULTILINE))
        if suite in fields.get("Suites", "").split():
            return fields["URIs"].split()[0], fields.get("Signed-By", keyring).strip()
    for line in text.splitlines():
        found = re.match(rf"deb\s+(?:\[[^\]]*\]\s+)?(\S+)\s+{suite}\s", line)
        if found:
            return found[1], keyring
    return None


def install_system(packages: list[str]) -> None:
    """Install packages into the system, as root; PartMissingError says what to type otherwise."""
    wanted = " ".join(packages)
    if not available():
        raise PartMissingError("this machine has no apt")
    if os.geteuid() != 0:
        raise PartMissingError("only root can install it")
    env = {**os.environ, "DEBIAN_FRONTEND": "noninteractive"}
    for command in (
        ["apt-get", "-qq", "update"],
        ["apt-get", "-qq", "-y", "--no-install-recommends", "install", *packages],
    ):
        try:
            done = subprocess.run(
                command, env=env, capture_output=True, text=True, timeout=2 * _TIMEOUT_S
            )
        except subprocess.TimeoutExpired as fault:
            raise PartMissingError("the package mirror does not answer; try again later") from fault
        if done.returncode:
            line = (done.stderr.strip().splitlines() or ["no word from apt-get"])[-1]
            raise PartMissingError(f"apt-get install {wanted} failed: {line}")
