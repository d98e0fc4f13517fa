"""Two upstreams at once, each with its own place in the log; one of them takes fixes in batches."""

import json
import sqlite3
import time

import harness_site
import pytest
from harness_modes import MODES, Mode
from harness_site import read

_SECOND = """
[[sinks]]
name = "second"
batch_max = 64
[sinks.broker]
port = {port}
"""


class TwoUpstreams(harness_site.Run):
    """A run whose gateway has a second sink, and a reader there."""

    def start_gateway(self, target):
        self.second_port = harness_site.free_ports(1)[0]
        self.second = self.broker("second", self.second_port, "autosave_interval 5\n")
        pattern, path = "o2o/v1/+/batch/+/fixes", self.folder / "second.json"
        self.second_sink = self.script("sink", self.second_port, pattern, path)
        template = harness_site._GATEWAY
        more = _SECOND.format(port=self.second_port)
        try:
            harness_site._GATEWAY = template.replace("[feed]", more + "[feed]")
            super().start_gateway(target)
        finally:
            harness_site._GATEWAY = template

    def do(self, what):
        """'up_stop' and 'up_start' are about the second upstream here."""
        if what == "up_stop":
            self.second.stop()
        elif what == "up_start":
            self.second.start()
            path, end = self.folder / "second.json", time.monotonic() + 30
            while read(path).get("distinct", 0) < self.total and time.monotonic() < end:
                time.sleep(0.1)
        else:
            super().do(what)
        self.batches = read(self.folder / "second.json")


@pytest.mark.timeout(120)
def test_an_upstream_that_is_down_holds_nobody_up_and_loses_nothing(tmp_path, monkeypatch):
    events = [(0.3, "up_stop"), (4.0, "up_start")]
    monkeypatch.setitem(MODES, "twin", Mode(3_000, 1_000, events))
    run = TwoUpstreams("gateway", "twin", tmp_path / "run")
    told = run.play()
    assert told["lost"] == told["behind"] == told["bad"] == 0
    # The first upstream did not wait for the second one, which was away for more than three seconds.
    assert told["repeated"] == 0
    state = read(tmp_path / "run" / "second.json")
    assert state["distinct"] == 3_000 and state["behind"] == state["bad"] == 0
    database = sqlite3.connect(tmp_path / "run" / "gateway" / "gateway.db")
    names = {row[0] for row in database.execute("SELECT sink FROM cursors")}
    database.close()
    assert names == {"mqtt", "second"}
    assert json.dumps(told["figures"]["sinks"]["second"]["up"]) == "true"
