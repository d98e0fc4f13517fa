"""The feed's document before its official judge: @asyncapi/parser, unchanged, under node."""

import json
import shutil
import subprocess
from pathlib import Path

import pytest
import yaml

from tools.contract.command import FOLDER
from tools.parts import require

CHECK = Path(__file__).with_name("asyncapi_check.mjs")


def no_action(tree):
    del tree["operations"]["send-fix"]["action"]


def lost_message(tree):
    tree["channels"]["temp"]["messages"]["temp"]["$ref"] = "#/components/messages/tmp"


def lost_schema(tree):
    tree["components"]["messages"]["fix"]["payload"]["$ref"] = "./schema/absent.json"


def lost_parameter(tree):
    del tree["channels"]["fix"]["parameters"]["city"]


DAMAGES = (no_action, lost_message, lost_schema, lost_parameter)


@pytest.fixture(scope="module")
def verdicts(tmp_path_factory):
    """The judge's words on the document, and on a copy with each damage."""
    folder = tmp_path_factory.mktemp("asyncapi")
    shutil.copytree(FOLDER / "schema", folder / "schema")
    paths = [FOLDER / "asyncapi.yaml"]
    for damage in DAMAGES:
        tree = yaml.safe_load(paths[0].read_text(encoding="utf-8"))
        damage(tree)
        paths.append(folder / f"{damage.__name__}.yaml")
        paths[-1].write_text(yaml.safe_dump(tree), encoding="utf-8")
    *node, parser = require("asyncapi-parser")
    done = subprocess.run(
        [*node, str(CHECK), parser, *map(str, paths)], capture_output=True, text=True, timeout=100
    )
    assert done.returncode == 0, done.stderr
    return [json.loads(line) for line in done.stdout.splitlines()]


def faults(verdict):
    return [each for each in verdict["diagnostics"] if each[0] < 2]


def test_the_official_parser_takes_the_document_without_error_or_warning(verdicts):
    assert faults(verdicts[0]) == []
    tree = yaml.safe_load((FOLDER / "asyncapi.yaml").read_text(encoding="utf-8"))
    assert verdicts[0]["channels"] == len(tree["channels"])
    assert verdicts[0]["operations"] == len(tree["operations"])
    assert verdicts[0]["messages"] == len(tree["components"]["messages"])


def test_the_judge_sees_what_is_wrong(verdicts):
    for damage, verdict in zip(DAMAGES, verdicts[1:], strict=True):
        assert faults(verdict), damage.__name__
