"""Where fetched and built things are kept."""

import os
from pathlib import Path

ROOT = Path(__file__).resolve().parents[2]


def cache_dir() -> Path:
    """Return the folder for fetched parts: $O2O_CACHE, .cache of a checkout, else the user's cache."""
    if os.environ.get("O2O_CACHE"):
        return Path(os.environ["O2O_CACHE"])
    if (ROOT / "pyproject.toml").exists():
        return ROOT / ".cache"
    return Path(os.environ.get("XDG_CACHE_HOME", Path.home() / ".cache")) / "o2o-edge"


def shared_dir() -> Path | None:
    """Return the folder with the real captures: $O2O_SHARED, else ../shared; None when absent."""
    named = os.environ.get("O2O_SHARED")
    folder = Path(named) if named else ROOT.parent / "shared"
    return folder if folder.is_dir() else None
