"""A whole run at its most talkative: nothing that it says holds a secret or a payload."""

import json
import signal
import subprocess
import sys
import time
from http.client import HTTPConnection

import pytest

from gateway.web.users import Users
from tools.demo.site import answers, free_ports

PASSWORD = "Zx9-password-of-ada"
PAYLOAD = "Zx9-payload-marker"


@pytest.mark.timeout(90)
def test_no_secret_and_no_payload_is_in_what_a_gateway_says(tmp_path):
    (port,) = free_ports(1)
    data = tmp_path / "data"
    config = tmp_path / "gateway.toml"
    config.write_text(
        f'[site]\nid = "gw-1"\ncity = "x"\ndata = "{data}"\n[broker]\nport = 1\n'
        f'[http]\nport = {port}\n[logging]\nformat = "json"\nlevel = "debug"\n'
    )
    users = Users(data / "users.json")
    users.put("ada", "admin", PASSWORD)
    token, link = users.add_token("ada"), users.add_link("ada")
    out = tmp_path / "out"
    with out.open("wb") as file:
        child = subprocess.Popen(
            [sys.executable, "-m", "gateway", "run", "--verbose", "--config", str(config)],
            stdout=file,
            stderr=subprocess.STDOUT,
        )
    secrets = [PASSWORD, PAYLOAD, token, link]
    try:
        while not answers(port):
            assert child.poll() is None, out.read_text()
            time.sleep(0.05)

        def ask(method, path, body=None, **headers):
            connection = HTTPConnection("127.0.0.1", port, timeout=20)
            text = None if body is None else json.dumps(body)
            connection.request(method, path, text, {"Content-Type": "application/json", **headers})
            answer = connection.getresponse()
            found = answer.status, answer.headers, answer.read()
            connection.close()
            return found

        bearer = {"Authorization": f"Bearer {token}"}
        logged_in = [
            ask("POST", "/login", {"name": "ada", "password": PASSWORD}),
            ask("POST", "/login/link", {"link": link}),
        ]
        for status, headers, _ in logged_in:
            assert status == 200
            secrets.append(headers["Set-Cookie"].split("=", 1)[1].split(";")[0])
        cookie = f"o2o-{port}={secrets[-1]}"
        asked = [
            (401, ask("POST", "/login", {"name": PASSWORD, "password": PASSWORD + "x"})),
            (401, ask("POST", "/login/link", {"link": link})),
            (400, ask("POST", "/login", {"name": "ada", "passwrod": PASSWORD})),
            (401, ask("GET", "/api/me", Authorization=f"Bearer {token}x")),
            (200, ask("GET", "/api/me", Cookie=cookie)),
            (200, ask("GET", "/api/users", **bearer)),
            (404, ask("GET", f"/?{PAYLOAD}={token}/../{link}", **bearer)),
            (400, ask("POST", "/orders", {"order": "A1", "device": PAYLOAD + "#"}, **bearer)),
            (404, ask("POST", "/orders", {"order": PAYLOAD, "action": "cancel"}, **bearer)),
            (200, ask("POST", "/logout", Cookie=cookie)),
        ]
        statuses = [(wanted, found[0]) for wanted, found in asked]
        # `/?...` is the page itself: the query is nobody's business.
        assert statuses == [
            (wanted, 200 if wanted == 404 and n == 6 else wanted)
            for n, (wanted, _) in enumerate(statuses)
        ]
        shown = asked[5][1][2].decode() + asked[4][1][2].decode()
        child.send_signal(signal.SIGTERM)
        assert child.wait(20) == 0
    finally:
        child.kill()
        child.wait()
    for path in data.iterdir():
        # The lock was made by this test's own process.
        assert path.stat().st_mode & 0o077 == 0, path
    said = out.read_text()
    kept = (data / "users.json").read_text() + (data / "sessions.json").read_text()
    secrets += list(json.loads((data / "keys.json").read_text()).values())
    hashes = [json.loads(kept.split("][")[0].rstrip("]") + "]")[0]["password"]["hash"]]
    assert len(said.splitlines()) > 5
    for line in said.splitlines():
        assert json.loads(line)["t"]
    for secret in secrets:
        assert secret not in said and secret not in kept
    for secret in (*secrets, *hashes):
        assert secret not in shown
