"""The OpenAPI document: complete, right, and held by every answer to odd questions, for every role.

schemathesis does the same from outside against a running gateway: tests/bench/test_openapi.py.
"""

import asyncio
import json
import os
import random
import re

import jsonschema
import pytest
from aiohttp.test_utils import TestClient, TestServer

from gateway.config import check
from gateway.service import Service
from gateway.web import passwords
from gateway.web.front import Front
from gateway.web.openapi import document
from gateway.web.routes import ADMIN, DISPATCHER, ROLES, VIEWER, table
from gateway.web.users import Users

DOC = json.loads(document())
PAGES = {route.path for route in table() if re.search(r"\.(js|css)$", route.path)} | {"/"}
ROUNDS = int(os.environ.get("HTTP_ROUNDS", "12"))
ODD_TEXTS = (
    *("", "A1", "../x", "%2e%2e", "\x00", "\ud800", "'; DROP TABLE rows--", "<script>", "九" * 50),
    *("x" * 400, "-1", "1e9", "null", "\u202e", "{}", "\r\nX-Evil: 1"),
)
ODD_VALUES = (*ODD_TEXTS, None, True, 0, -1, 2**63, 2**200, 1.5, [], {}, [[]], {"": {}})


@pytest.fixture(scope="module")
def service(tmp_path_factory):
    folder = tmp_path_factory.mktemp("gateway")
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(passwords, "COST", (1 << 4, 8, 1))
        users = Users(folder / "users.json")
        for role in ROLES:
            users.put(role, role, None)
        config = check({"site": {"id": "gw-1", "city": "x", "data": str(folder)}})
        service = Service(config)
        service.tokens = {role: users.add_token(role) for role in ROLES}
        service._committer.start()
        yield service
        service._committer.stop()


def resolved(schema):
    return {"components": DOC["components"], **schema}


def test_every_route_is_in_the_document_and_the_reverse(service):
    said = {
        (method.upper(), path): operation
        for path, item in DOC["paths"].items()
        for method, operation in item.items()
    }
    routes = [*table(), *(route for route, _ in service._views.routes())]
    real = {(route.method, route.path): route.role for route in routes if route.path not in PAGES}
    assert said.keys() == real.keys()
    for key, role in real.items():
        if role in ROLES:
            assert f"Role: {role}." in said[key]["description"], key
            assert {"401", "403"} <= said[key]["responses"].keys()


def test_the_document_stands_by_itself():
    assert DOC["openapi"].startswith("3.1")
    text = json.dumps(DOC)
    for name in set(re.findall(r'"#/components/schemas/(\w+)"', text)):
        jsonschema.Draft202012Validator.check_schema(DOC["components"]["schemas"][name])
    assert DOC["components"]["schemas"]["Order"]["title"] == "intake-order"


def questions(path, operation, rng):
    """Yield (path, query, body, headers) that are more or less wrong."""
    shape = operation.get("requestBody", {}).get("content", {}).get("application/json", {})
    name = shape.get("schema", {}).get("$ref", "").rpartition("/")[2]
    fields = list(DOC["components"]["schemas"].get(name, {}).get("properties", {}))
    for _ in range(ROUNDS):
        where = path
        while "{" in where:
            part = rng.choice(ODD_TEXTS).encode("utf-8", "replace")
            quoted = "".join(f"%{each:02x}" for each in part) or "x"
            where = re.sub(r"\{\w+\}", quoted, where, count=1)
        query = {
            each["name"]: str(rng.choice(ODD_VALUES)).encode("utf-8", "replace").decode()
            for each in operation.get("parameters", ())
            if each["in"] == "query" and rng.random() < 0.7
        }
        body = {each: rng.choice(ODD_VALUES) for each in fields if rng.random() < 0.8}
        data = rng.choice(
            (
                json.dumps(body).encode(),
                json.dumps(body).encode()[:-3],
                b"\xff\xfe",
                b"",
                b"[" * 999,
            )
        )
        headers = {"Content-Type": rng.choice(("application/json",) * 4 + ("text/plain", "a;;b"))}
        yield where, query, data, headers


@pytest.mark.parametrize("role", ["", *ROLES])
def test_every_answer_is_one_of_the_document_s(service, role):
    rng = random.Random(f"{os.environ.get('FUZZ_SEED', '1')}-{role}")
    statuses = {}

    async def ask(client, path, method, operation):
        for where, query, data, headers in questions(path, operation, rng):
            if role:
                headers["Authorization"] = f"Bearer {service.tokens[role]}"
            async with client.request(
                method,
                where,
                params=query,
                data=data if method == "post" else None,
                headers=headers,
                allow_redirects=False,
            ) as answer:
                # 503 is /readyz saying no, or the past being read by too many.
                assert answer.status < 500 or answer.status == 503, (where, await answer.text())
                said = operation["responses"].get(str(answer.status))
                assert said is not None, (method, where, query, data, answer.status)
                statuses.setdefault((method, path), set()).add(answer.status)
                if "content" not in said or (path == "/api/events" and answer.status == 200):
                    continue
                content = said["content"].get(answer.content_type)
                assert content is not None, (where, answer.content_type)
                if answer.content_type == "application/json":
                    found = json.loads(await answer.read())
                    jsonschema.validate(found, resolved(content["schema"]))

    async def main():
        front = Front(
            *(service._config, service._hub, service._desk, service._watch),
            *(service.figures, service.ready, service._views.routes()),
        )
        async with TestClient(TestServer(front.app)) as client:
            for path, item in DOC["paths"].items():
                for method, operation in item.items():
                    await ask(client, path, method, operation)

    asyncio.run(main())
    orders = statuses["post", "/orders"]
    if role in ("", VIEWER):
        assert orders == ({401} if not role else {403})
    else:
        assert 400 in orders and not orders & {401, 403}
    assert (200 in statuses["get", "/api/users"]) == (role == ADMIN)
    assert (200 in statuses["get", "/api/state"]) == bool(role)
    assert service._committer.failed == 0 and DISPATCHER in ROLES
