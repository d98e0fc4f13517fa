"""What a worker checks before it starts: the version of the NATS cluster."""

import pytest

from gateway.errors import GatewayError
from gateway.stream.making import check_version


@pytest.mark.parametrize("version", [(2, 9), (1, 4), (0, 0)])
def test_a_cluster_whose_version_loses_what_it_stores_is_refused(version):
    with pytest.raises(GatewayError, match=r"run 2\.10 or later on every one"):
        check_version(version, 3)
    check_version(version, 1)  # one node has no log of its copies to play again


@pytest.mark.parametrize("version", [(2, 10), (2, 15), (3, 0)])
def test_a_later_one_is_taken(version):
    check_version(version, 3)
