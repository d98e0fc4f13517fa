"""The page in two languages: every text has its Chinese, and none goes into the document as HTML."""

import re
from importlib.resources import files

import pytest

from gateway.ops.thresholds import THRESHOLDS

PAGE = files("gateway.web").joinpath("page")
# What is made at run time from words of the feed, or stands in a table.
SIGNS = {"✕", "…", ""}


def text(name):
    return PAGE.joinpath(name).read_text()


def scripts():
    names = [each.name for each in PAGE.iterdir() if each.name.endswith(".js")]
    return [name for name in names if name not in ("zh.js", "login.js")]


KNOWN = set(re.findall(r'"((?:[^"\\]|\\.)*)":', text("zh.js")))


def test_every_text_of_the_scripts_has_its_chinese():
    said = set()
    for name in scripts():
        said |= set(re.findall(r'\b(?:t|say)\("((?:[^"\\]|\\.)*)"', text(name)))
    assert len(said) > 100
    assert {each for each in said if each not in KNOWN and each not in SIGNS} == set()


def test_every_text_of_the_document_has_its_chinese():
    said = set(re.findall(r'data-t(?:-[a-z]+)?="([^"]*)"', text("index.html")))
    assert len(said) > 60 and said - KNOWN == set()


def test_every_threshold_has_a_name_and_a_text_in_both_languages():
    labels = dict(re.findall(r'(\w+): "([^"]+)"', text("health.js")))
    for each in THRESHOLDS:
        assert labels[each.name] in KNOWN, each.name
        assert each.text in KNOWN, each.text


def test_placeholders_are_the_same_in_both_languages():
    for english, chinese in re.findall(r'"((?:[^"\\]|\\.)*)": "((?:[^"\\]|\\.)*)"', text("zh.js")):
        assert sorted(re.findall(r"\{\d\}", english)) == sorted(re.findall(r"\{\d\}", chinese)), (
            english
        )


@pytest.mark.parametrize("name", scripts())
def test_nothing_is_written_as_html(name):
    found = re.findall(
        r"innerHTML|outerHTML|insertAdjacentHTML|document\.write|\beval\b|new Function", text(name)
    )
    assert found == []


def test_the_document_has_nothing_inline():
    page = text("index.html")
    assert re.findall(r"\son\w+=|\sstyle=|<style|<script(?![^>]*src=)|https?://", page) == []


@pytest.mark.parametrize("name", [*scripts(), "zh.js"])
def test_files_stay_readable(name):
    assert len(text(name).splitlines()) <= 300


@pytest.mark.parametrize("name", ["index.html", "login.html"])
def test_the_documents_ask_for_nothing_that_the_policy_forbids(name):
    asked = re.findall(r'(?:href|src|action)="([^"]*)"', text(name))
    assert asked and [each for each in asked if not re.fullmatch(r"#|/[a-z./]*", each)] == []
