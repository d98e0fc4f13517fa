"""What is made of the feed's document: a typed reader, and one HTML page."""

import importlib.util
import json
import re
import subprocess
import sys
from html.parser import HTMLParser

import msgspec
import pytest

from tools.cli import main
from tools.contract.build import schemas
from tools.contract.command import FOLDER, html
from tools.contract.examples import EXAMPLES
from tools.contract.reader import python_reader

DOCUMENT = FOLDER / "asyncapi.yaml"
SENT = [name for name in schemas() if not name.startswith("intake-")]


@pytest.fixture(scope="module")
def reader(tmp_path_factory):
    """The generated reader as a module."""
    path = tmp_path_factory.mktemp("reader") / "feed_reader.py"
    assert main(["contract", "--reader", "python", "--out", str(path)]) == 0
    spec = importlib.util.spec_from_file_location("feed_reader", path)
    module = importlib.util.module_from_spec(spec)
    sys.modules["feed_reader"] = module  # annotations are looked up there
    spec.loader.exec_module(module)
    yield module
    del sys.modules["feed_reader"]


def decode(reader, name, body):
    return msgspec.json.decode(json.dumps(body).encode(), type=reader.STREAMS[name][1])


@pytest.mark.parametrize("name", SENT)
def test_the_readers_structs_take_every_example_and_keep_its_fields(reader, name):
    found = json.loads(msgspec.json.encode(decode(reader, name, EXAMPLES[name])))
    assert set(found) == set(EXAMPLES[name])
    times = {"t", "received", "from"}
    for field, value in EXAMPLES[name].items():
        if field not in times:
            assert found[field] == value


@pytest.mark.parametrize("name", SENT)
def test_the_readers_structs_refuse_what_the_schema_refuses(reader, name):
    schema = schemas()[name]
    for field in schema["required"]:
        with pytest.raises(msgspec.ValidationError):
            decode(reader, name, {k: v for k, v in EXAMPLES[name].items() if k != field})
    for field, each in schema["properties"].items():
        bad = []
        if "maximum" in each:
            bad += [each["minimum"] - 1, each["maximum"] + 1, "1", 1.5]
        if "const" in each:
            bad += ["another"]
        if "pattern" in each:
            bad += ["!"]
        if each.get("type") == "boolean":
            bad += [0]
        for value in bad:
            with pytest.raises(msgspec.ValidationError):
                decode(reader, name, {**EXAMPLES[name], field: value})


def test_the_reader_ignores_what_it_does_not_know(reader):
    body = {**EXAMPLES["order"], "from_the_future": {"a": 1}, "state": "teleported"}
    assert decode(reader, "order", body).state == "teleported"


def test_the_reader_takes_a_text_that_was_sealed(reader):
    sealed = {"enc": 1, "kid": 1, "n": "00" * 12, "c": "ab"}
    assert decode(reader, "order", {**EXAMPLES["order"], "reason": sealed}).reason.c == "ab"
    with pytest.raises(msgspec.ValidationError):
        decode(reader, "order", {**EXAMPLES["order"], "reason": {"enc": 1}})


def test_the_reader_needs_nothing_of_ours(reader, tmp_path):
    source = python_reader(DOCUMENT)
    imported = set(re.findall(r"^(?:from|import) ([a-z_]+)", source, re.MULTILINE))
    assert imported - set(sys.stdlib_module_names) == {"msgspec", "paho"}
    (tmp_path / "feed_reader.py").write_text(source, encoding="utf-8")
    done = subprocess.run(
        [sys.executable, "-I", str(tmp_path / "feed_reader.py")], capture_output=True, text=True
    )
    assert "main() missing 2 required" in done.stderr  # it runs, and wants HOST and PORT


class Page(HTMLParser):
    """Collects ids, links and where anything is loaded from."""

    def __init__(self):
        super().__init__()
        self.ids, self.links, self.loads, self.open = [], [], [], []

    def handle_starttag(self, tag, attrs):
        values = dict(attrs)
        self.ids += [values["id"]] if "id" in values else []
        self.links += [values["href"]] if tag == "a" else []
        self.loads += [values[name] for name in ("src", "data") if name in values]
        self.loads += [values["href"]] if tag == "link" else []
        if tag not in ("meta", "input", "br", "link"):
            self.open.append(tag)

    def handle_endtag(self, tag):
        assert self.open.pop() == tag


def test_the_page_has_every_field_once_and_loads_nothing():
    text = html(DOCUMENT)
    page = Page()
    page.feed(text)
    assert page.open == [] and page.loads == [] and "url(" not in text and "@import" not in text
    assert len(page.ids) == len(set(page.ids))
    assert {link[1:] for link in page.links} <= set(page.ids)
    for name, schema in schemas().items():
        assert name in page.ids
        for field in schema["properties"]:
            assert f"{name}.{field}" in page.ids


def test_a_document_that_is_none_is_told(tmp_path, capsys):
    bad = tmp_path / "bad.yaml"
    bad.write_text("operations: 1\n")
    for words in (["--html", str(tmp_path / "x.html")], ["--reader", "python"]):
        assert main(["contract", *words, "--document", str(bad)]) == 1
        assert "no feed document" in capsys.readouterr().err
    assert main(["contract", "--out", "x.py"]) == 2


def test_text_from_a_document_stays_text(tmp_path):
    (tmp_path / "schema").mkdir()
    for path in (FOLDER / "schema").iterdir():
        (tmp_path / "schema" / path.name).write_text(path.read_text())
    hostile = tmp_path / "hostile.yaml"
    words = "Positions of riders, each epoch"
    assert words in DOCUMENT.read_text()
    hostile.write_text(DOCUMENT.read_text().replace(words, "<script>alert(1)</script>"))
    assert "<script>alert" not in html(hostile)
    tree = DOCUMENT.read_text().replace("version: 1.1.0", 'version: \'a"""\\nimport os\'')
    hostile.write_text(tree)
    path = tmp_path / "schema" / "fix.json"
    schema = json.loads(path.read_text())
    schema["description"] = 'a"""\nimport antigravity\n"""'
    schema["properties"]["x: int\nimport antigravity"] = {"type": "integer", "description": "\n1/0"}
    path.write_text(json.dumps(schema))
    source = python_reader(hostile)
    compile(source, "reader", "exec")
    assert not re.search(r"^\s*(import antigravity|import os|1/0)", source, re.MULTILINE)
