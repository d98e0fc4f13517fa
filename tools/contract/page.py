"""Renders the AsyncAPI document as one HTML page that needs nothing else: no script from outside."""

from __future__ import annotations

import json
from html import escape
from pathlib import Path
from string import Template
from typing import Any

from protocols.units import suffix_of, suffixes

_TEMPLATE = Path(__file__).with_name("page.html")
_LISTS = (("Streams", "send"), ("Sent by the platform", "receive"))
_HEAD = (
    "<thead><tr><th>field</th><th>type</th><th>unit</th><th>range, words</th>"
    "<th>class</th><th>meaning</th></tr></thead>"
)
_SEVERAL = " or "


def page(tree: dict[str, Any], schemas: dict[str, dict[str, Any]]) -> str:
    """Return the HTML of a document (as read from its YAML) and its {name: JSON Schema}."""
    links, sections, common = [], [], _common(schemas)
    for title, action in _LISTS:
        links.append(f"<h2>{title}</h2>")
        for operation in tree["operations"].values():
            if operation["action"] != action:
                continue
            name = operation["channel"]["$ref"].rsplit("/", 1)[1]
            links.append(f'<a href="#{escape(name)}">{escape(name)}</a>')
            own = schemas[name]
            shared = common if common <= set(own["properties"]) else set()
            sections.append(_section(name, tree, operation, own, shared))
    about = "".join(
        f"<p>{_ticks(escape(each))}</p>" for each in tree["info"]["description"].split("\n\n")
    )
    return Template(_TEMPLATE.read_text(encoding="utf-8")).substitute(
        title=escape(tree["info"]["title"]),
        version=escape(tree["info"]["version"]),
        asyncapi=escape(tree["asyncapi"]),
        about=about,
        links="\n".join(links),
        sections="\n".join(sections),
    )


def _section(
    name: str,
    tree: dict[str, Any],
    operation: dict[str, Any],
    schema: dict[str, Any],
    common: set[str],
) -> str:
    channel, message = tree["channels"][name], tree["components"]["messages"][name]
    marks = "".join(
        f'<span class="mark">{escape(text)}</span>' for text in _marks(operation, message)
    )
    example = json.dumps(message["examples"][0]["payload"], indent=2, ensure_ascii=False)
    rows = _rows(name, schema, "")
    tables = _table([row for field, row in rows if field not in common])
    shared = [row for field, row in rows if field in common]
    if shared:
        tables += (
            f'<details class="common"><summary>and the {len(shared)} fields of every record'
            f"</summary>{_table(shared)}</details>"
        )
    words = f"{name} {channel['description']} {channel['address']}".lower()
    return f"""\
<section id="{escape(name)}" data-text="{escape(words)}">
<h2><a href="#{escape(name)}">{escape(name)}</a></h2>
<p>{_ticks(escape(channel["description"]))}</p>
<code class="address">{escape(channel["address"])}</code>
<div class="marks">{marks}</div>
{tables}
<details><summary>An example</summary><pre>{escape(example)}</pre></details>
</section>"""


def _table(rows: list[str]) -> str:
    body = "\n".join(rows)
    return f'<div class="wide"><table>{_HEAD}<tbody>\n{body}\n</tbody></table></div>'


def _common(schemas: dict[str, dict[str, Any]]) -> set[str]:
    """Return the fields that every record has: what has a place in a log."""
    records = [set(each["properties"]) for each in schemas.values() if "seq" in each["properties"]]
    return set.intersection(*records) if records else set()


def _marks(operation: dict[str, Any], message: dict[str, Any]) -> list[str]:
    binding = operation["bindings"]["mqtt"]
    marks = [f"QoS {binding['qos']}", message["contentType"]]
    marks.append("retained" if binding["retain"] else "not retained")
    if "messageExpiryInterval" in binding:
        marks.append(f"expires after {binding['messageExpiryInterval']} s")
    if "headers" in message:
        marks.append(f"user properties {', '.join(message['headers']['properties'])}")
    return marks


def _rows(name: str, schema: dict[str, Any], prefix: str) -> list[tuple[str, str]]:
    """Return (name, table row) of every field, what lies inside an object behind it."""
    rows: list[tuple[str, str]] = []
    required = schema.get("required", ())
    for field, each in schema.get("properties", {}).items():
        path = prefix + field
        label = f"<code>{escape(path)}</code>"
        if field in required:
            label += ' <span class="must" title="must be there">*</span>'
        level = each.get("x-class", "")
        cells = (
            f'<td><a href="#{escape(name)}.{escape(path)}">{label}</a></td>',
            f"<td>{escape(_type(each))}</td>",
            f"<td>{escape(_unit(field, each))}</td>",
            f'<td class="range">{_range(each)}</td>',
            f'<td class="{escape(level)}">{escape(level)}</td>',
            f'<td class="words">{_words(each)}</td>',
        )
        row = f'<tr id="{escape(name)}.{escape(path)}">{"".join(cells)}</tr>'
        rows.append((path, row))
        if each.get("type") == "object":
            rows += _rows(name, each, path + ".")
        elif isinstance(each.get("items"), dict):
            rows += _rows(name, each["items"], path + "[].")
    return rows


def _words(schema: dict[str, Any]) -> str:
    text, _, _ = schema.get("description", "").partition(" Unit: ")  # it has a column here
    return _ticks(escape(text))


def _type(schema: dict[str, Any]) -> str:
    kind = schema.get("type", "")
    if kind == ["string", "object"]:
        return "string, or sealed"
    if isinstance(kind, list):
        kind = _SEVERAL.join(kind)
    if schema.get("format"):
        kind = kind.replace("string", str(schema["format"]))
    return str(kind)


def _unit(field: str, schema: dict[str, Any]) -> str:
    suffix = suffix_of(field)
    if suffix is None or schema.get("type") != "integer":
        return ""
    unit, scale = (str(word) for word in suffixes()[suffix])
    if unit == "none":
        return scale
    return unit if scale == "1" else f"{scale} {unit}"


def _range(schema: dict[str, Any]) -> str:
    if "const" in schema:
        return f"<code>{escape(str(schema['const']))}</code>"
    words = schema.get("x-extensible-enum") or schema.get("enum")
    if words:
        more = ", and words to come" if "x-extensible-enum" in schema else ""
        return " ".join(f"<code>{escape(str(word))}</code>" for word in words) + more
    if "minimum" in schema or "maximum" in schema:
        lo, hi = schema.get("minimum"), schema.get("maximum")
        return f"{lo:,} to {hi:,}" if hi is not None else f"from {lo:,}"
    if "x-max-bytes" in schema:
        return f"{schema['minLength']} to {schema['x-max-bytes']} bytes of UTF-8"
    if "maxLength" in schema:
        return f"{schema['minLength']} to {schema['maxLength']} characters"
    if "maxItems" in schema:
        return f"{schema['minItems']} to {schema['maxItems']} items"
    if "pattern" in schema and schema.get("format") is None:
        return f"<code>{escape(schema['pattern'])}</code>"
    return ""


def _ticks(text: str) -> str:
    """Turn `word` into code, in text that is escaped already."""
    parts = text.split("`")
    if len(parts) % 2 == 0:
        return text
    return "".join(f"<code>{each}</code>" if at % 2 else each for at, each in enumerate(parts))
