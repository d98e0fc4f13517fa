"""`o2o simulate fleet`: light boards against a real broker and a real gateway."""

import json

from tools.cli import main


def test_forty_riders_lose_nothing_and_the_account_says_so(capsys):
    assert main(["simulate", "fleet", "--riders", "40", "--seconds", "2"]) == 0
    figures, account = [json.loads(line) for line in capsys.readouterr().out.splitlines()]
    assert figures["riders"] == 40 and figures["arrived_per_s"] > 0
    account = account["account"]
    assert account["recorded"] == account["arrived"] > 40
    assert account["lost"] == account["out_of_order"] == account["refused_by_full_rings"] == 0


def test_a_fleet_of_none_is_refused(capsys):
    assert main(["simulate", "fleet", "--riders", "0"]) == 1
    assert "--riders" in capsys.readouterr().err
