"""npm packages as tools/node locks them, by their hashes, in a folder of the cache."""

import shutil
import subprocess
from pathlib import Path

from tools.errors import PartMissingError
from tools.parts.place import ROOT, cache_dir

_LOCK = ROOT / "tools" / "node" / "package-lock.json"


def installed(module: str) -> Path | None:
    """Return a file of a package; None when it is absent or was installed from another lock."""
    folder = cache_dir() / "node"
    lock, file = folder / _LOCK.name, folder / "node_modules" / module
    if not lock.exists() or lock.read_bytes() != _LOCK.read_bytes() or not file.exists():
        return None
    return file


def install() -> None:
    """Install everything locked beside what is there, and change over when it is whole.

    PartMissingError: npm is absent, or it failed; with npm's own word for why.
    """
    npm = shutil.which("npm")
    if npm is None:
        raise PartMissingError("npm is not here; install nodejs and npm")
    folder, fresh, old = (cache_dir() / name for name in ("node", "node.new", "node.old"))
    for each in (fresh, old):
        shutil.rmtree(each, ignore_errors=True)
    fresh.mkdir(parents=True)
    for name in ("package.json", _LOCK.name):
        shutil.copy(_LOCK.parent / name, fresh / name)
    done = subprocess.run(
        [npm, "ci", "--no-audit", "--no-fund", "--ignore-scripts"],
        cwd=fresh,
        capture_output=True,
        text=True,
    )
    if done.returncode:
        said = [line for line in done.stderr.splitlines() if "code" in line or "network" in line]
        raise PartMissingError(f"npm ci failed ({said[0] if said else 'no word why'})")
    if folder.exists():
        folder.rename(old)
    fresh.rename(folder)
    shutil.rmtree(old, ignore_errors=True)
