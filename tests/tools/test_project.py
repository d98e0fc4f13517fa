"""The project's own set-up: what `make test` runs, and locks that name no address."""

import tomllib

from tools.parts.place import ROOT


def test_every_folder_of_tests_is_run_and_measurements_are_not():
    with (ROOT / "pyproject.toml").open("rb") as file:
        listed = tomllib.load(file)["tool"]["pytest"]["ini_options"]["testpaths"]
    there = {f"tests/{path.parent.name}" for path in (ROOT / "tests").glob("*/test_*.py")}
    assert set(listed) == there - {"tests/bench"}


def test_no_lock_names_an_address():
    # Where a package comes from is this machine's business; its hash says that it is the one.
    locks = [*ROOT.glob("requirements/*.txt"), ROOT / "tools/node/package-lock.json"]
    assert len(locks) == 5
    for lock in locks:
        text = lock.read_text(encoding="utf-8")
        assert "://" not in text and "index-url" not in text, lock.name
