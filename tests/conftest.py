"""Where the real captures are, and what happens to the tests that read them when they are absent.

$O2O_SHARED, else ../shared. Where the variable is set, absence is a failure; else those tests are
deselected, and the count is printed once. Nothing is ever skipped.
"""

import os

import pytest

from gateway.feed import FeedWriter
from gateway.identity import Identity
from gateway.store import Store, connect
from tools.parts.place import shared_dir


def pytest_collection_modifyitems(config: pytest.Config, items: list[pytest.Item]) -> None:
    """Deselect the oracle tests where there are no captures."""
    if shared_dir() is not None or os.environ.get("O2O_SHARED"):
        return
    away = [item for item in items if item.get_closest_marker("oracle")]
    if away:
        items[:] = [item for item in items if item not in away]
        config.hook.pytest_deselected(items=away)
        print(f"\n{len(away)} oracle tests deselected: no captures at $O2O_SHARED or ../shared")


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
