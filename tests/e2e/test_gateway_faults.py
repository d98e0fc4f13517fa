"""The gateway killed with its log full of work and its upstream down: real brokers, real processes.

The short one of tests/bench/test_harness.py (`make bench ARGS="-k harness"` has all modes, and
the peers).
"""

import harness_site
import pytest


@pytest.mark.timeout(120)
def test_nothing_is_lost_when_it_is_killed_at_saturation_with_its_upstream_down(tmp_path):
    told = harness_site.play("gateway", "ci", tmp_path / "run")
    assert told["kills"] == 1
    assert told["lost"] == 0 and told["behind"] == 0 and told["bad"] == 0
    assert told["freed"] == told["total"]  # the boards were told so, record by record
