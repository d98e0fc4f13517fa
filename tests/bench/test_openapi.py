"""schemathesis against a running gateway, as each role: no 5xx but 503, no answer off the document.

O2O_EXAMPLES: requests of a kind for each operation (default 40).
"""

import json
import os
import re
import subprocess
import sys
import time
from http.client import HTTPConnection
from pathlib import Path

import pytest

from gateway.web.routes import ROLES
from gateway.web.users import Users
from tools.demo.site import answers, free_ports

EXAMPLES = os.environ.get("O2O_EXAMPLES", "40")
CHECKS = (
    "not_a_server_error,status_code_conformance,content_type_conformance,"
    "response_schema_conformance,response_headers_conformance,unsupported_method,ignored_auth"
)


def get(port, path, token):
    peer = HTTPConnection("127.0.0.1", port, timeout=20)
    peer.request("GET", path, headers={"Authorization": f"Bearer {token}"})
    answer = peer.getresponse()
    body = answer.read()
    peer.close()
    assert answer.status == 200, body
    return json.loads(body)


@pytest.mark.timeout(900)
@pytest.mark.parametrize("role", ROLES)
def test_schemathesis_finds_nothing(tmp_path, role):
    (port,) = free_ports(1)
    config = tmp_path / "gateway.toml"
    config.write_text(
        f'[site]\nid = "gw-1"\ncity = "x"\ndata = "{tmp_path}/data"\n'
        f"[broker]\nport = 1\n[http]\nport = {port}\n"
    )
    users = Users(tmp_path / "data" / "users.json")
    users.put("probe", role, None)
    token = users.add_token("probe")
    log = tmp_path / "gateway.log"
    with log.open("wb") as file:
        child = subprocess.Popen(
            [sys.executable, "-m", "gateway", "run", "--config", str(config)], stderr=file
        )
    try:
        while not answers(port):
            assert child.poll() is None, log.read_text()
            time.sleep(0.1)
        document = tmp_path / "openapi.json"
        document.write_text(json.dumps(get(port, "/openapi.json", token)))
        done = subprocess.run(
            [
                *(str(Path(sys.executable).with_name("st")), "run", str(document)),
                *("--url", f"http://127.0.0.1:{port}", "-H", f"Authorization: Bearer {token}"),
                *("--exclude-path", "/api/events", "--max-examples", EXAMPLES, "--checks", CHECKS),
                *("--phases", "examples,coverage,fuzzing", "--continue-on-failure", "--no-color"),
            ],
            cwd=tmp_path,
            capture_output=True,
            text=True,
        )
        figures = get(port, "/api/figures", token)
    finally:
        child.terminate()
        child.wait(20)
    found = re.search(r"(\d+) generated, (\d+) passed", done.stdout)
    print(f"\n{role}: {found.group(0) if found else done.stdout[-3000:]}")
    refused = {name: n for name, n in figures.items() if name.startswith(("http_", "logins_"))}
    print(f"  counted: {refused}")
    assert done.returncode == 0, done.stdout[-6000:]
    assert found is not None and found[1] == found[2] and int(found[1]) > 300
    assert figures["jobs_failed"] == 0 and "http_500" not in figures
    assert "Traceback" not in log.read_text()
