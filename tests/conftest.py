"""Where the real captures are, and what happens to the tests that read them when they are absent.

$O2O_SHARED, else ../shared. Where the variable is set, absence is a failure; else those tests are
deselected, and the count is printed once. Nothing is ever skipped.
"""

import os

import pytest

from gateway.feed.identity import Identity
from gateway.feed.writer import FeedWriter
from gateway.log.store import Store, connect
from tools.parts.place import shared_dir


def pytest_collection_modifyitems(config: pytest.Config, items: list[pytest.Item]) -> None:
    """Deselect the oracle tests where there are no captures."""
    if shared_dir() is not None or os.environ.get("O2O_SHARED"):
        return
    away = [item for item in items if item.get_closest_marker("oracle")]
    if away:
        items[:] = [item for item in items if item not in away]
        config.hook.pytest_deselected(items=away)
        if hasattr(config, "workeroutput"):  # one of several processes: the first one says it
            config.workeroutput["away"] = len(away)
        else:
            _say_away(len(away))


@pytest.hookimpl(optionalhook=True)
def pytest_testnodedown(node, error) -> None:
    """Say once what the processes of a run on several cores have left out."""
    away = getattr(node, "workeroutput", {}).get("away")
    if away and node.gateway.id == "gw0":
        _say_away(away)


def _say_away(count: int) -> None:
    print(f"\n{count} oracle tests deselected: no captures at $O2O_SHARED or ../shared")


@pytest.fixture(scope="session")
def shared():
    """The folder with the real captures."""
    folder = shared_dir()
    if folder is None:
        pytest.fail(f"$O2O_SHARED is {os.environ.get('O2O_SHARED')!r}, but there is no such folder")
    return folder


@pytest.fixture
def feed(tmp_path):
    """A feed's writer and a store to write rows with."""
    connection = connect(tmp_path / "gateway.db")
    writer = FeedWriter("shanghai", "gw-1", Identity(tmp_path, 8))
    yield writer, Store(connection)
    connection.close()
