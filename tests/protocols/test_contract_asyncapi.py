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
    tree["components"]["messages"]["order"]["payload"]["$ref"] = "./schema/absent.json"


def lost_parameter(tree):
    del tree["channels"]["fix"]["parameters"]["city"]


def wrong_example(tree):
    tree["components"]["messages"]["fix"]["examples"][0]["payload"]["lat_e7"] = "north"


def wrong_header(tree):
    tree["components"]["messages"]["temp"]["examples"][0]["headers"]["schema"] = "fix.v1"


def wrong_binding(tree):
    tree["operations"]["send-last"]["bindings"]["mqtt"]["qos"] = 7


def lost_security(tree):
    tree["servers"]["site"]["security"][0]["$ref"] = "#/components/securitySchemes/none"


# Each damage with the place where it must be seen. One document has all that is wrong in its form,
# another what only shows when the form is right: a parse takes a second.
FORM = {
    no_action: "operations.send-fix",
    lost_message: "channels.temp.messages.temp.$ref",
    lost_schema: "components.messages.order.payload.$ref",
    lost_parameter: "channels.fix.parameters",
    wrong_binding: "operations.send-last.bindings.mqtt.qos",
    lost_security: "servers.site.security.0.$ref",
}
CONTENT = {wrong_example: "fix example-payload", wrong_header: "temp example-headers"}


@pytest.fixture(scope="module")
def verdicts(tmp_path_factory):
    """The judge's words on the document, and on the two damaged copies."""
    folder = tmp_path_factory.mktemp("asyncapi")
    shutil.copytree(FOLDER / "schema", folder / "schema")
    paths = [FOLDER / "asyncapi.yaml"]
    for number, damages in enumerate((FORM, CONTENT)):
        tree = yaml.safe_load(paths[0].read_text(encoding="utf-8"))
        for damage in damages:
            damage(tree)
        paths.append(folder / f"damaged{number}.yaml")
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
    # Each has an example, which the parser holds against its schema (see `wrong_example` below).
    assert all(each["examples"] for each in tree["components"]["messages"].values())


def test_the_judge_sees_what_is_wrong(verdicts):
    seen = [each[3] for each in faults(verdicts[1])]
    assert {where for where in FORM.values() if where not in seen} == set()
    assert {f"{each[3]} {each[1]}" for each in faults(verdicts[2])} == set(CONTENT.values())
