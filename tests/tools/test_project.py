"""The project's own set-up: what `make test` runs."""

import tomllib

from tools.parts.place import ROOT


def test_every_folder_of_tests_is_run_and_measurements_are_not():
    with (ROOT / "pyproject.toml").open("rb") as file:
        listed = tomllib.load(file)["tool"]["pytest"]["ini_options"]["testpaths"]
    there = {f"tests/{path.parent.name}" for path in (ROOT / "tests").glob("*/test_*.py")}
    assert set(listed) == there - {"tests/bench"}
