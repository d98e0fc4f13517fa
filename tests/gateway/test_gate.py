"""The gate: every route has its role, who may do what, and what strangers hear."""

import asyncio
import json

import pytest
from aiohttp.test_utils import TestClient, TestServer

from gateway.config import check
from gateway.ops.watch import Watch
from gateway.web import passwords
from gateway.web.attempts import Attempts
from gateway.web.events import Streams
from gateway.web.front import Front
from gateway.web.gate import Gate
from gateway.web.http import Parts, make_app
from gateway.web.hub import Hub
from gateway.web.login import Login
from gateway.web.routes import ADMIN, DISPATCHER, OPEN, PROBE, VIEWER, Route, table
from gateway.web.sessions import ABSOLUTE_S, IDLE_S, Sessions
from gateway.web.users import Users

PASSWORD = "correct horse"
ROLES = {"vera": VIEWER, "dana": DISPATCHER, "ada": ADMIN}


class House:
    """An application with one user of each role; `now_s` is its clock."""

    def __init__(self, folder):
        self.now_s = 1_800_000_000.0
        self.users = Users(folder / "users.json", lambda: self.now_s)
        for name, role in ROLES.items():
            self.users.put(name, role, PASSWORD)
        self.sessions = Sessions(folder / "sessions.json", lambda: self.now_s)
        self.gate = Gate(self.users, self.sessions, ("gw.example",))
        self.login = Login(self.gate)
        self.hub = Hub()
        self.taken = []

    async def take(self, body):
        self.taken.append(body)
        return {}

    def app(self):
        return make_app(
            self.hub, dict, lambda: "", self.take, self.take, Parts(self.gate, self.login)
        )

    def use(self, work, peer=None):
        async def main():
            async with TestClient(TestServer(self.app())) as client:
                await asyncio.wait_for(work(client), 30)

        asyncio.run(main())

    def cookie(self, name, role=""):
        epoch = "" if role else self.users.epoch(name)
        session, cookie = self.sessions.begin(name, role, epoch)
        return session, cookie


@pytest.fixture
def house(tmp_path, monkeypatch):
    monkeypatch.setattr(passwords, "COST", (1 << 4, 8, 1))
    return House(tmp_path)


def with_cookie(client, cookie, more=()):
    return {"Cookie": f"o2o-{client.port}={cookie}", **dict(more)}


JSON = {"Content-Type": "application/json"}
PASSED_ON = {"X-Forwarded-For": "203.0.113.9"}  # as if it came through a proxy from elsewhere


def body_of(route):
    if route.path == "/login":
        return {"name": "nobody", "password": "wrong"}
    return {"link": "x"} if route.path == "/login/link" else {}


def test_every_route_asks_for_its_role_and_for_no_more(house):
    """Walks the one table as nobody, as each role by token, and as each role by cookie."""

    async def ask(client, route, headers):
        if route.path == "/api/events":
            async with client.get(route.path, headers=headers) as answer:
                return answer.status
        answer = await client.request(
            route.method,
            route.path,
            headers={**PASSED_ON, **headers, **JSON},
            data=json.dumps(body_of(route)),
            allow_redirects=False,
        )
        return answer.status

    async def work(client):
        order = (VIEWER, DISPATCHER, ADMIN)
        tokens = {name: f"Bearer {house.users.add_token(name)}" for name in ROLES}
        for route in table():
            refused = {401, 303} if route.path == "/" else {401}
            status = await ask(client, route, {})
            if route.role == OPEN:
                assert status in (200, 401, 303), route  # 401: of the log-in itself
            else:
                assert status in refused, (route, status)
            is_file = route.path.endswith((".js", ".css"))
            for name, role in list(ROLES.items())[: 1 if is_file else None]:  # all alike
                token = {"Authorization": tokens[name]}
                cookie = with_cookie(client, house.cookie(name)[1])
                needed = VIEWER if route.role in (OPEN, PROBE) else route.role
                is_enough = order.index(role) >= order.index(needed)
                for headers in (token, cookie):
                    status = await ask(client, route, headers)
                    if is_enough:
                        assert status < 400 or route.path.startswith("/login"), (
                            route,
                            role,
                            status,
                        )
                    else:
                        assert status == 403, (route, role, status)

    house.use(work)
    assert house.gate.counters["http_forbidden"] > 0
    assert house.gate.counters["http_unauthorised"] > 0


def test_a_route_without_a_role_is_a_defect_that_stops_the_start(house):
    async def handler(_request):
        raise AssertionError

    extra = ((Route("GET", "/api/me", VIEWER), handler),)
    make_app(house.hub, dict, lambda: "", house.take, house.take, Parts(more=extra))
    for broken in (
        [each for each in table() if each.path != "/api/me"],
        [*table(), Route("GET", "/api/nothing", VIEWER)],
    ):
        with pytest.MonkeyPatch.context() as patch:
            patch.setattr("gateway.web.http.table", lambda broken=broken: tuple(broken))
            with pytest.raises(AssertionError, match="do not match"):
                house.app()


def test_log_in_gives_a_cookie_that_scripts_cannot_read_and_log_out_ends_it(house):
    async def work(client):
        answer = await client.post("/login", json={"name": "dana", "password": PASSWORD})
        assert answer.status == 200 and await answer.json() == {"name": "dana", "role": DISPATCHER}
        told = answer.headers["Set-Cookie"]
        assert f"o2o-{client.port}=" in told
        assert "HttpOnly" in told and "SameSite=Strict" in told and "Path=/" in told
        cookie = told.split("=", 1)[1].split(";")[0]
        assert len(cookie) == 43  # 256 bits
        assert cookie not in house.sessions._path.read_text()
        headers = with_cookie(client, cookie)
        me = await (await client.get("/api/me", headers=headers)).json()
        assert me == {"name": "dana", "role": DISPATCHER, "login": True}
        assert (await client.get("/api/users", headers=headers)).status == 403
        assert (await client.post("/logout", headers=headers)).status == 200
        assert (await client.get("/api/me", headers=headers)).status == 401

    house.use(work)


def test_with_tls_the_cookie_is_for_tls_and_this_host_alone(house):
    house.gate.is_tls = True

    async def work(client):
        answer = await client.post("/login", json={"name": "ada", "password": PASSWORD})
        told = answer.headers["Set-Cookie"]
        assert told.startswith("__Host-o2o=") and "Secure" in told and "Domain" not in told

    house.use(work)


def test_an_unknown_name_and_a_wrong_password_get_the_same_answer(house):
    async def work(client):
        answers = []
        for name in ("ada", "nobody"):
            answer = await client.post("/login", json={"name": name, "password": "wrong wrong"})
            headers = {k: v for k, v in answer.headers.items() if k not in ("Date",)}
            answers.append((answer.status, await answer.read(), headers))
        assert answers[0] == answers[1] and answers[0][0] == 401

    house.use(work)
    assert house.gate.counters["logins_failed"] == 2


@pytest.mark.parametrize(
    ("body", "status"),
    [
        (b"", 400),
        (b"null", 400),
        (b'{"name":"ada"}', 400),
        (b'{"name":1,"password":"x"}', 400),
        (b'{"name":"ada","password":"x","role":"admin"}', 400),
        (b'{"name":"\\ud800","password":"\\ud800"}', 400),
        (b'{"name":"' + b"a" * 9_000 + b'","password":"x"}', 413),
        (b"[" * 4_000, 400),
        (b"\xff\xfe", 400),
    ],
)
def test_a_log_in_that_is_none_is_told_so(house, body, status):
    async def work(client):
        answer = await client.post("/login", data=body, headers=JSON)
        assert answer.status in (status, 401) and "error" in await answer.json()

    house.use(work)


def test_many_wrong_passwords_make_it_slow_and_the_right_person_still_gets_in(house):
    clock = [0.0]
    house.login._attempts._clock_s = lambda: clock[0]

    async def work(client):
        wrong = {"name": "ada", "password": "wrong wrong"}
        for _ in range(4):
            assert (await client.post("/login", json=wrong)).status == 401
        answer = await client.post("/login", json={"name": "ada", "password": PASSWORD})
        assert answer.status == 429 and int(answer.headers["Retry-After"]) >= 1
        # However often somebody tries meanwhile: it takes no longer for that.
        for _ in range(50):
            assert (await client.post("/login", json=wrong)).status == 429
        clock[0] += 31
        answer = await client.post("/login", json={"name": "ada", "password": PASSWORD})
        assert answer.status == 200
        link = house.users.add_link("ada")  # and a link of the command line never waits
        assert (await client.post("/login/link", json={"link": link})).status == 200

    house.use(work)
    assert house.gate.counters["logins_slowed"] == 51


def test_a_link_works_once_and_for_ten_minutes(house):
    async def work(client):
        link = house.users.add_link("vera")
        assert link not in house.users.path.read_text()
        statuses = [
            (await client.post("/login/link", json={"link": each})).status
            for each in (link, link, house.users.add_link("vera"), "x" * 43, "")
        ]
        assert statuses == [200, 401, 200, 401, 401]
        late = house.users.add_link("vera")
        house.now_s += 601
        assert (await client.post("/login/link", json={"link": late})).status == 401

    house.use(work)


def test_the_first_start_link_is_for_a_gateway_without_users_only(house, tmp_path):
    async def work(client):
        late = house.login.first_link()
        assert (await client.post("/login/link", json={"link": late})).status == 401  # three users
        for name in ROLES:
            house.users.remove(name)
        assert (await client.post("/login/link", json={"link": late})).status == 401  # and used up
        first = house.login.first_link()
        answer = await client.post("/login/link", json={"link": first})
        assert answer.status == 200 and (await answer.json())["role"] == ADMIN
        assert (await client.post("/login/link", json={"link": first})).status == 401
        house.login.first_link()
        house.login._first_until = 0.0
        assert (await client.post("/login/link", json={"link": first})).status == 401

    house.use(work)


def test_sessions_end_idle_absolutely_and_with_their_user(house):
    async def work(client):
        async def status(cookie):
            return (await client.get("/api/me", headers=with_cookie(client, cookie))).status

        _, idle = house.cookie("vera")
        assert await status(idle) == 200
        house.now_s += IDLE_S + 1
        assert await status(idle) == 401
        _, busy = house.cookie("vera")
        for _ in range(ABSOLUTE_S // IDLE_S):
            house.now_s += IDLE_S
            assert await status(busy) == 200
        house.now_s += 1
        assert await status(busy) == 401
        _, gone = house.cookie("vera")
        house.users.remove("vera")
        assert await status(gone) == 401
        _, lower = house.cookie("ada")
        house.users.put("ada", VIEWER, None)
        answer = await client.get("/api/users", headers=with_cookie(client, lower))
        assert answer.status == 403

    house.use(work)


def test_a_stolen_session_ends_with_a_new_password_and_does_not_come_back_with_the_name(house):
    async def work(client):
        async def status(cookie, path="/api/me"):
            return (await client.get(path, headers=with_cookie(client, cookie))).status

        async def log_in(password):
            client.session.cookie_jar.clear()
            body = {"name": "dana", "password": password}
            answer = await client.post("/login", json=body)
            client.session.cookie_jar.clear()
            return answer.cookies[f"o2o-{client.port}"].value

        stolen = await log_in(PASSWORD)
        house.users.put("dana", ADMIN, None)  # another role is no new password
        assert await status(stolen) == 200
        again = Sessions(house.sessions._path, lambda: house.now_s)  # as after a restart
        assert house.gate.role_of(again.find(stolen)) == ADMIN
        house.users.put("dana", DISPATCHER, "another password")
        assert await status(stolen) == 401 and house.gate.role_of(again.find(stolen)) == ""
        later = await log_in("another password")
        assert await status(later) == 200
        house.users.remove("dana")
        house.users.put("dana", DISPATCHER, "another password")
        assert await status(later) == 401
        link = house.users.add_link("dana")
        answer = await client.post("/login/link", json={"link": link})
        assert await status(answer.cookies[f"o2o-{client.port}"].value) == 200

    house.use(work)


def test_the_first_start_s_session_is_over_when_there_are_users(house):
    async def work(client):
        for name in ROLES:
            house.users.remove(name)
        answer = await client.post("/login/link", json={"link": house.login.first_link()})
        cookie = answer.cookies[f"o2o-{client.port}"].value
        headers = with_cookie(client, cookie)
        client.session.cookie_jar.clear()
        assert (await client.get("/api/users", headers=headers)).status == 200
        house.users.put("ada", ADMIN, PASSWORD)
        for path in ("/api/users", "/api/me"):
            assert (await client.get(path, headers=headers)).status == 401
        house.users.put("first-start", ADMIN, PASSWORD)  # nor by a user of that name
        assert (await client.get("/api/me", headers=headers)).status == 401

    house.use(work)


def test_a_password_that_changes_while_the_old_one_is_checked_lets_nobody_in(house, monkeypatch):
    def slow(kept, given):
        right = passwords.is_password(kept, given)
        house.users.put("ada", ADMIN, "another password")
        return right

    monkeypatch.setattr("gateway.web.login.is_password", slow)

    async def work(client):
        await client.post("/login", json={"name": "ada", "password": PASSWORD})
        assert (await client.get("/api/me")).status == 401

    house.use(work)


def test_a_colleague_s_log_in_does_not_cover_for_guesses_from_a_shared_address():
    now = [0.0]
    attempts = Attempts(lambda: now[0])
    office, guesses = "203.0.113.7", 0
    attempts.passed(office, "boss")  # who works there too
    attempts.passed(office, "mallory")
    while now[0] < 900:
        if not attempts.wait_s(office, "boss"):
            attempts.failed(office, "boss")
            guesses += 1
        attempts.failed(office, "mallory")
        attempts.passed(office, "mallory")
        now[0] += 0.25
    # 5 at once, 1 + 2 + 4 + 8 + 16 s, then one in 30 s
    assert guesses <= 10 + (900 - 31) // 30 + 1
    assert attempts.wait_s(office, "mallory") == 0
    assert attempts.wait_s("198.51.100.7", "clerk") == 0
    attempts.passed(office, "clerk")  # and the right person waits for none of this
    assert attempts.wait_s(office, "clerk") == 0
    now[0] += 30
    assert attempts.wait_s(office, "boss") == 0


def test_a_stream_ends_with_its_session(house, monkeypatch):
    monkeypatch.setattr("gateway.web.events._BEAT_S", 0.05)

    async def work(client):
        for end in (
            house.sessions.end,
            lambda session: house.users.remove(session.user),
        ):
            session, cookie = house.cookie("vera")
            async with client.get("/api/events", headers=with_cookie(client, cookie)) as answer:
                assert answer.status == 200
                assert b"beat" in await answer.content.readline()
                end(session)
                await answer.content.read()  # ends: else this never returns
        token = house.users.add_token("dana")
        bearer = {"Authorization": f"Bearer {token}"}
        async with client.get("/api/events", headers=bearer) as answer:
            assert b"beat" in await answer.content.readline()
            house.users.remove_token("dana", house.users.user("dana").tokens[0].id)
            await answer.content.read()
        assert (await client.get("/api/me", headers=bearer)).status == 401

    house.use(work)


def test_one_person_s_pages_leave_room_for_the_intake(house, monkeypatch):
    monkeypatch.setattr("gateway.web.http.Streams", lambda: Streams(3, 2))

    async def work(client):
        vera = {"Authorization": f"Bearer {house.users.add_token('vera')}"}
        ada = {"Authorization": f"Bearer {house.users.add_token('ada')}"}
        first, _ = [await client.get("/api/events", headers=vera) for _ in range(2)]
        answer = await client.get("/api/events", headers=vera)
        assert answer.status == 429 and answer.headers["Retry-After"]
        assert (await client.get("/api/events", headers=ada)).status == 200
        assert (await client.get("/api/events", headers=ada)).status == 429  # three in all
        first.close()
        for _ in range(200):
            answer = await client.get("/api/events", headers=ada)
            if answer.status == 200:
                return
            await asyncio.sleep(0.02)
        raise AssertionError

    monkeypatch.setattr("gateway.web.events._BEAT_S", 0.05)
    house.use(work)


def test_other_names_and_other_pages_are_refused_whoever_asks(house):
    async def work(client):
        token = {"Authorization": f"Bearer {house.users.add_token('ada')}"}
        from_a_link = {"Sec-Fetch-Site": "cross-site", "Sec-Fetch-Mode": "navigate"}
        for headers, status in (
            ({"Host": "evil.example"}, 403),
            ({"Host": "127.0.0.1.evil.example"}, 403),
            ({"Host": "gw.example"}, 200),
            ({"Host": "GW.example:443"}, 200),
            ({"Origin": "http://evil.example"}, 403),
            ({"Origin": "null"}, 403),
            ({"Sec-Fetch-Site": "cross-site"}, 403),
            ({"Sec-Fetch-Site": "same-origin"}, 200),
            ({**from_a_link, "Sec-Fetch-Dest": "document"}, 200),
            ({**from_a_link, "Sec-Fetch-Dest": "iframe"}, 403),
        ):
            answer = await client.get("/api/me", headers={**token, **headers})
            assert answer.status == status, headers

    house.use(work)
    assert house.gate.counters["http_refused_host"] == 2
    assert house.gate.counters["http_refused_origin"] == 4


@pytest.mark.parametrize(
    "headers",
    [
        {"Authorization": "Bearer"},
        {"Authorization": "Bearer "},
        {"Authorization": "Bearer o2o_" + "A" * 43},
        {"Authorization": "Basic YWRhOmNvcnJlY3QgaG9yc2U="},
        {"Authorization": "bearer " + "x" * 4_000},
        {"Authorization": "Bearer \udcff\udcfe"},
        {"Cookie": "o2o-{port}="},
        {"Cookie": "o2o-{port}=" + "x" * 5_000},
        {"Cookie": "o2o-{port}=x; " * 200},
        {"Cookie": "=;;;=; o2o-{port}; \t"},
        {"Cookie": 'o2o-{port}="$Version=1"; $Path=/'},
    ],
)
def test_odd_credentials_let_nobody_in(house, headers):
    async def work(client):
        headers_here = {
            name: value.replace("{port}", str(client.port)) for name, value in headers.items()
        }
        answer = await client.get("/api/me", headers=headers_here)
        assert answer.status == 401 and "log in" in (await answer.json())["error"]

    house.use(work)


def test_a_link_from_elsewhere_to_the_page_is_asked_once_more_by_ourselves(house):
    async def work(client):
        there = {"Sec-Fetch-Mode": "navigate", "Sec-Fetch-Dest": "document"}
        followed = await client.get("/", headers={**there, "Sec-Fetch-Site": "cross-site"})
        assert followed.status == 200 and "refresh" in await followed.text()
        headers = {**there, "Sec-Fetch-Site": "same-origin"}
        own = await client.get("/", headers=headers, allow_redirects=False)
        assert own.status == 303 and own.headers["Location"] == "/login"
        answer = await client.get("/api/me", headers={**there, "Sec-Fetch-Site": "cross-site"})
        assert answer.status == 401

    house.use(work)


def test_a_cookie_of_another_program_of_this_host_does_not_hide_ours(house):
    async def work(client):
        _, cookie = house.cookie("vera")
        mixed = f"a=b; bad[name]=1; o2o-{client.port}=stale; o2o-{client.port}={cookie}; z"
        assert (await client.get("/api/me", headers={"Cookie": mixed})).status == 200

    house.use(work)


def test_probes_are_for_this_machine_and_for_tokens(house):
    async def work(client):
        token = {"Authorization": f"Bearer {house.users.add_token('vera')}"}
        for path in ("/readyz", "/metrics"):
            assert (await client.get(path)).status == 200
            assert (await client.get(path, headers=PASSED_ON)).status == 401
            assert (await client.get(path, headers={**PASSED_ON, **token})).status == 200
        assert (await client.get("/healthz", headers=PASSED_ON)).status == 200

    house.use(work)


def test_a_defect_costs_one_answer_and_tells_nothing(house, caplog):
    async def take(_body):
        raise KeyError("inside")

    house.take = take

    async def work(client):
        token = {"Authorization": f"Bearer {house.users.add_token('dana')}"}
        answer = await client.post("/orders", json={}, headers=token)
        assert answer.status == 500 and "inside" not in await answer.text()
        assert (await client.get("/healthz")).status == 200

    house.use(work)
    assert house.gate.counters["http_500"] == 1
    assert "inside" in caplog.text


def test_answers_that_are_none_are_json_with_the_policy(house):
    async def work(client):
        for method, path, status in (("GET", "/nothing", 404), ("PUT", "/orders", 405)):
            answer = await client.request(method, path)
            assert answer.status == status and "error" in await answer.json()
            assert "default-src 'self'" in answer.headers["Content-Security-Policy"]
        assert answer.headers["Allow"] == "POST"

    house.use(work)


def test_a_gateway_without_users_says_how_to_get_in_and_one_without_log_in_that_it_has_none(
    tmp_path, caplog
):
    async def said(http):
        config = check(
            {"site": {"id": "gw", "city": "x", "data": str(tmp_path)}, "http": {"port": 0, **http}}
        )
        hub = Hub()
        watch = Watch(config, dict, hub)
        front = Front(config, hub, House.__new__(House), watch, dict, lambda: "")
        caplog.clear()
        await front.start()
        await front.stop()
        return caplog.text

    caplog.set_level("INFO")
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(House, "order", House.take, raising=False)
        patch.setattr(House, "picklist", House.take, raising=False)
        assert "/login#link=" in asyncio.run(said({}))
        assert "every program on this machine is an admin" in asyncio.run(said({"login": False}))
        Users(tmp_path / "users.json").put("ada", ADMIN, None)
        assert "link" not in asyncio.run(said({}))
