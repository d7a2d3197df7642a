"""The site in a real nginx: what is served, what is passed on, and what stays inside."""

import io
import plistlib
import re
import resource
from collections.abc import Callable
from contextlib import AbstractAsyncContextManager
from pathlib import Path

import aiohttp
import pytest

from appliance.api import cross_origin
from appliance.errors import Forbidden, NotPaired, TooManyRequests, WrongHost
from tests.install.conftest import STRANGER, Site, serving
from tests.install.shell import CERTIFICATE, RENDER, ROOT, succeed

Daemon = Callable[[], AbstractAsyncContextManager[None]]
HTML = {"Accept": "text/html,application/xhtml+xml"}


async def test_the_page_comes_over_trusted_tls_with_its_policy(
    site: Site, client: aiohttp.ClientSession
) -> None:
    async with client.get(site.https) as answer:
        assert await answer.text() == "<title>the page</title>"
        policy = answer.headers["Content-Security-Policy"]
        port = site.https.rpartition(":")[2]
        assert "default-src 'self'" in policy
        assert f"connect-src 'self' wss://localhost:{port}" in policy
        assert "unsafe" not in policy
        assert answer.headers["Permissions-Policy"].startswith("microphone=(self)")
        assert answer.headers["X-Content-Type-Options"] == "nosniff"
        assert answer.headers["Referrer-Policy"] == "no-referrer"
        assert answer.headers["Cache-Control"] == "no-cache"
        assert "Strict-Transport-Security" not in answer.headers


async def test_files_named_by_content_are_kept_for_ever(
    site: Site, client: aiohttp.ClientSession
) -> None:
    async with client.get(f"{site.https}/assets/index-1a2b.js") as answer:
        assert answer.headers.getall("Cache-Control") == ["public, max-age=31536000, immutable"]
        assert "javascript" in answer.headers["Content-Type"]


@pytest.mark.parametrize("path", ["/metrics", "/metrics/", "/.stamp", "/nothing", "/../tls/ca.key"])
async def test_what_is_not_for_the_network_is_not_found(
    site: Site, client: aiohttp.ClientSession, daemon: Daemon, path: str
) -> None:
    async with daemon(), client.get(site.https + path) as answer:
        assert answer.status == 404
        assert "Content-Security-Policy" in answer.headers


@pytest.mark.parametrize("path", ["/health", "/ready", "/config", "/api/status?full=1"])
async def test_the_daemon_hears_who_asked_and_under_which_name(
    site: Site, client: aiohttp.ClientSession, daemon: Daemon, path: str
) -> None:
    forged = {"X-Forwarded-For": "10.9.9.9", "X-Forwarded-Proto": "gopher"}
    async with daemon(), client.get(site.https + path, headers=forged) as answer:
        heard = await answer.json()
        assert heard["path"] == path
        assert heard["headers"]["Host"] == site.https.removeprefix("https://")
        assert heard["headers"]["X-Forwarded-For"] == "127.0.0.1"
        assert heard["headers"]["X-Forwarded-Proto"] == "https"
        assert "Cache-Control" not in answer.headers


@pytest.mark.parametrize(("allowed", "files"), [(1000, 1000), (20_000, 8192)])
def test_connections_fit_the_files_that_are_allowed(
    tls: Path, tmp_path: Path, allowed: int, files: int
) -> None:
    if (most := resource.getrlimit(resource.RLIMIT_NOFILE)[1]) < allowed:
        pytest.skip(f"this user may open {most} files only")
    keys = ("USER=", "UPSTREAM=127.0.0.1:1", f"PAGE={tmp_path}", f"TLS={tls}", f"LOG={tmp_path}")
    limited = f'ulimit -n {allowed} && exec "$@"'
    succeed("bash", "-c", limited, "bash", RENDER, tmp_path / "site", *keys)
    main = (tmp_path / "site" / "main.conf").read_text()
    assert f"worker_rlimit_nofile {files};" in main
    assert f"worker_connections {files // 2};" in main


def port_of(site: Site) -> str:
    return site.https.rpartition(":")[2]


@pytest.mark.parametrize("host", ["localhost", "127.0.0.1", "[::1]", "kitchen", "kitchen.local"])
async def test_it_answers_to_every_name_of_the_certificate(
    site: Site, client: aiohttp.ClientSession, daemon: Daemon, host: str
) -> None:
    name = f"{host}:{port_of(site)}"
    headers = {"Host": name, "Origin": f"https://{name}"}
    async with daemon(), client.get(f"{site.https}/api/status", headers=headers) as answer:
        assert answer.status == 200
        assert (await answer.json())["headers"]["Host"] == name


@pytest.mark.parametrize(
    "host",
    [
        *("evil.example", "kitchen.evil.example", "203.0.113.9", "kitchen.lan", "-", "[::2]"),
        *("somebody@localhost", "localhost@evil.example", "localhost:8443@evil.example"),
    ],
)
async def test_a_name_of_somebody_elses_is_misdirected(
    site: Site, client: aiohttp.ClientSession, daemon: Daemon, host: str
) -> None:
    async with daemon():
        for path in (
            "/",
            "/api/status",
            "/api/pair",
            "/health",
            "/ca.crt",
            "/assets/index-1a2b.js",
        ):
            async with client.get(site.https + path, headers={"Host": host}) as answer:
                assert answer.status == 421
                error = (await answer.json())["error"]
                assert error["code"] == WrongHost.code
                assert site.https in error["advice"]


@pytest.mark.parametrize(
    "origin",
    [
        "https://evil.example",
        "null",
        "http://localhost:{port}",
        "https://localhost",
        "https://localhost:{port}.evil.example",
        "https://localhost:{port} https://localhost:{port}",
        "https://kitchen:{port}",
        "https://friendXexample",
        "https://friend.example.evil.example",
    ],
)
async def test_another_page_is_refused(
    site: Site, client: aiohttp.ClientSession, daemon: Daemon, origin: str
) -> None:
    headers = {"Origin": origin.format(port=port_of(site))}
    async with daemon():
        async with client.post(f"{site.https}/api/sessions", headers=headers) as answer:
            assert answer.status == 403
            assert (await answer.json())["error"]["code"] == Forbidden.code
        with pytest.raises(aiohttp.WSServerHandshakeError) as refused:
            await client.ws_connect(f"{site.https}/ws/one", headers=headers)
        assert refused.value.status == 403


async def test_the_page_itself_and_a_friend_are_let_through(
    site: Site, client: aiohttp.ClientSession, daemon: Daemon
) -> None:
    async with daemon():
        for origin in (site.https, "https://friend.example"):
            headers = {"Origin": origin}
            async with client.get(f"{site.https}/api/x", headers=headers) as answer:
                assert (await answer.json())["headers"]["Origin"] == origin
            async with client.ws_connect(f"{site.https}/ws/one", headers=headers) as socket:
                assert not socket.closed


FRIEND = {"Origin": "https://friend.example"}


async def test_nginx_tells_a_friend_what_the_daemon_would(
    site: Site, client: aiohttp.ClientSession
) -> None:
    asks = {"Access-Control-Request-Method": "POST"}
    async with client.options(f"{site.https}/api/start", headers=FRIEND | asks) as answer:
        assert answer.status == 204
        assert answer.headers["Access-Control-Allow-Origin"] == FRIEND["Origin"]
        assert answer.headers["Access-Control-Allow-Methods"] == cross_origin.METHODS
        assert answer.headers["Access-Control-Allow-Headers"] == cross_origin.HEADERS
        assert answer.headers["Access-Control-Max-Age"] == str(cross_origin.PREFLIGHT_SECONDS)


async def test_a_friend_reads_answers_once_and_refusals_too(
    site: Site, client: aiohttp.ClientSession, daemon: Daemon
) -> None:
    async with daemon():
        for path, cookie, status in (("x", {}, 200), ("ping", {}, 200), ("x", STRANGER, 401)):
            headers = FRIEND | cookie
            async with client.get(f"{site.https}/api/{path}", headers=headers) as answer:
                assert answer.status == status
                for name, value in (("Origin", FRIEND["Origin"]), ("Credentials", "true")):
                    assert answer.headers.getall(f"Access-Control-Allow-{name}") == [value]
    # While the daemon is away, too.
    async with client.get(f"{site.https}/api/ping", headers=FRIEND) as answer:
        assert answer.status == 502
        assert answer.headers["Access-Control-Allow-Origin"] == FRIEND["Origin"]


async def test_only_a_friend_is_told(
    site: Site, client: aiohttp.ClientSession, daemon: Daemon
) -> None:
    async with daemon():
        for headers in ({}, {"Origin": site.https}):
            async with client.get(f"{site.https}/api/x", headers=headers) as answer:
                assert not [name for name in answer.headers if name.startswith("Access-Control")]
        async with client.get(f"{site.https}/", headers=FRIEND) as page:
            assert "Access-Control-Allow-Origin" not in page.headers


async def test_a_friends_websocket_reaches_the_daemon_which_asks_for_its_ticket(
    site: Site, client: aiohttp.ClientSession, daemon: Daemon
) -> None:
    async with daemon():
        headers = FRIEND | STRANGER
        async with client.ws_connect(f"{site.https}/ws/one?token=x", headers=headers) as socket:
            await socket.send_bytes(b"hello")
            assert await socket.receive_bytes() == b"hello"


async def test_who_is_not_paired_gets_no_further_than_nginx(
    site: Site, client: aiohttp.ClientSession, daemon: Daemon
) -> None:
    async with daemon():
        for path in ("/api/status", "/api/sessions", "/api/pair/x", "/api/", "/config"):
            async with client.get(site.https + path, headers=STRANGER) as answer:
                assert answer.status == 401
                assert (await answer.json())["error"]["code"] == NotPaired.code
        with pytest.raises(aiohttp.WSServerHandshakeError) as refused:
            await client.ws_connect(f"{site.https}/ws/one?token=x", headers=STRANGER)
        assert refused.value.status == 401
        for path in ("/api/ping", "/health", "/ready"):
            async with client.get(site.https + path, headers=STRANGER) as answer:
                assert answer.status == 200


async def test_a_body_is_not_lost_on_the_way_past_the_question_who_asks(
    site: Site, client: aiohttp.ClientSession, daemon: Daemon
) -> None:
    headers = {"Authorization": "Bearer x", "Content-Type": "text/plain", "X-Role": "admin"}
    place = f"{site.https}/api/clients/1"
    async with daemon(), client.patch(place, data=b"y" * 60_000, headers=headers) as answer:
        heard = await answer.json()
    assert heard["size"] == 60_000
    assert heard["headers"]["Authorization"] == "Bearer x"


@pytest.mark.parametrize("path", ["/internal/auth", "/internal/", "/local", "/control.sock"])
async def test_what_is_inside_stays_inside(
    site: Site, client: aiohttp.ClientSession, daemon: Daemon, path: str
) -> None:
    async with daemon(), client.get(site.https + path) as answer:
        assert answer.status == 404


def test_nginx_refuses_in_the_words_of_the_appliance() -> None:
    """Where the words depend on the case they may differ, never in their code and status."""
    site = (ROOT / "nginx" / "site.conf").read_text()
    for error in (NotPaired, Forbidden, WrongHost, TooManyRequests):
        assert f'return {error.status} \'{{"error": {{"code": "{error.code}", ' in site
    assert f'"advice": "{NotPaired.default_advice}"' in site
    assert f'"advice": "{TooManyRequests.default_advice}"' in site
    assert f'"advice": "{Forbidden.default_advice}"' in site


async def test_a_websocket_passes_through_tls(
    site: Site, client: aiohttp.ClientSession, daemon: Daemon
) -> None:
    async with daemon(), client.ws_connect(f"{site.https}/ws/one?token=secret") as socket:
        for frame in (b"a", b"b" * 65536):
            await socket.send_bytes(frame)
            assert await socket.receive_bytes() == frame


async def test_an_error_of_the_daemon_passes_unchanged(
    site: Site, client: aiohttp.ClientSession, daemon: Daemon
) -> None:
    async with daemon(), client.post(f"{site.https}/api/sessions", headers=HTML) as answer:
        assert answer.status == 503
        assert await answer.json() == {"error": {"code": "session_limit"}}


async def test_without_a_daemon_a_person_gets_the_page_that_waits(
    site: Site, client: aiohttp.ClientSession
) -> None:
    async with client.get(f"{site.https}/health", headers=HTML) as answer:
        assert answer.status == 502
        assert await answer.text() == "<title>it is starting</title>"


async def test_without_a_daemon_a_program_gets_no_answer_in_the_appliances_shape(
    site: Site, client: aiohttp.ClientSession
) -> None:
    async with client.get(f"{site.https}/api/status") as answer:
        assert answer.status == 502
        assert answer.content_type == "text/plain"
        assert "does not answer" in await answer.text()


async def test_the_daemon_is_found_again_at_once(
    site: Site, client: aiohttp.ClientSession, daemon: Daemon
) -> None:
    async with client.get(f"{site.https}/health") as answer:
        assert answer.status == 502
    async with daemon(), client.get(f"{site.https}/health") as answer:
        assert answer.status == 200


async def test_guessing_pairing_codes_is_slowed_down(
    site: Site, client: aiohttp.ClientSession, daemon: Daemon
) -> None:
    async with daemon():
        answers = [await client.post(f"{site.https}/api/pair", json={}) for _ in range(12)]
    assert [answer.status for answer in answers].count(429) >= 5
    assert answers[0].status == 200
    assert (await answers[-1].json())["error"]["code"] == "too_many_requests"


async def test_one_address_cannot_take_every_socket(
    site: Site, client: aiohttp.ClientSession, daemon: Daemon
) -> None:
    async with daemon():
        opened = [await client.ws_connect(f"{site.https}/ws/{n}") for n in range(16)]
        with pytest.raises(aiohttp.WSServerHandshakeError) as refused:
            await client.ws_connect(f"{site.https}/ws/17")
        assert refused.value.status == 429
        for socket in opened:
            await socket.close()


async def test_a_large_body_is_refused(
    site: Site, client: aiohttp.ClientSession, daemon: Daemon
) -> None:
    async with (
        daemon(),
        client.post(f"{site.https}/api/x", data=io.BytesIO(b"x" * 1_100_000)) as answer,
    ):
        assert answer.status == 413


def addresses_of_the_page() -> list[str]:
    router = (ROOT / "web" / "src" / "app" / "router.tsx").read_text(encoding="utf-8")
    return [path.replace("$id", "20a4") for path in re.findall(r'child\("(/[^"]*)"', router)]


async def test_the_page_answers_at_each_of_its_addresses_and_no_other(
    site: Site, client: aiohttp.ClientSession
) -> None:
    paths = addresses_of_the_page()
    assert len(paths) >= 10
    for path in paths:
        async with client.get(site.https + path) as answer:
            assert await answer.text() == "<title>the page</title>", path
            assert answer.headers["Cache-Control"] == "no-cache"
    for path in ("/nothing", "/tasks/1", "/conversations/a/b", "/status.json", "/assets/gone.js"):
        async with client.get(site.https + path) as answer:
            assert answer.status == 404, path


async def test_plain_http_explains_trust_and_nothing_else(
    site: Site, client: aiohttp.ClientSession, daemon: Daemon
) -> None:
    async with client.get(site.http) as answer:
        assert await answer.text() == "<title>how to trust</title>"
        assert f"connect-src 'self' {site.https}" in answer.headers["Content-Security-Policy"]
    async with client.get(f"{site.http}/trust.json") as answer:
        assert f"https://localhost:{(await answer.json())['https_port']}" == site.https
    async with daemon():
        for path in ("/api/status?x=1", "/index.html", "/health", "/metrics"):
            async with client.get(site.http + path, allow_redirects=False) as answer:
                assert answer.status == 308
                assert answer.headers["Location"] == site.https + path
    async with client.get(f"{site.http}/open", allow_redirects=False) as answer:
        assert answer.headers["Location"] == f"{site.https}/"


@pytest.mark.parametrize("name", ["ca.crt", "ca.cer"])
async def test_the_ca_certificate_comes_as_what_phones_install(
    site: Site, client: aiohttp.ClientSession, name: str
) -> None:
    for origin in (site.http, site.https):
        async with client.get(f"{origin}/{name}") as answer:
            assert answer.content_type == "application/x-x509-ca-cert"
            assert await answer.read() == (site.directory / "tls" / name).read_bytes()


async def test_an_iphone_gets_the_ca_as_a_profile(
    site: Site, client: aiohttp.ClientSession
) -> None:
    async with client.get(f"{site.http}/voice-appliance.mobileconfig") as answer:
        assert answer.content_type == "application/x-apple-aspen-config"
        profile = plistlib.loads(await answer.read())
    (payload,) = profile["PayloadContent"]
    assert payload["PayloadType"] == "com.apple.security.root"
    assert payload["PayloadContent"] == (site.directory / "tls" / "ca.cer").read_bytes()
    assert payload["PayloadUUID"] != profile["PayloadUUID"]


async def test_a_wrong_name_over_plain_http_leads_to_the_right_address(
    site: Site, client: aiohttp.ClientSession
) -> None:
    stranger = {"Host": "evil.example"}
    for path, headers, place in (
        ("/x?y=1", stranger, f"{site.https}/x?y=1"),
        ("/open", stranger, f"{site.https}/"),
        (
            "/x",
            {"Host": f"kitchen.local:{port_of(site)}"},
            f"https://kitchen.local:{port_of(site)}/x",
        ),
    ):
        async with client.get(site.http + path, headers=headers, allow_redirects=False) as answer:
            assert (answer.status, answer.headers["Location"]) == (308, place)


@pytest.mark.parametrize("name", ["ca.key", "server.key", "names", "hosts", "parameters"])
async def test_keys_are_never_served(site: Site, client: aiohttp.ClientSession, name: str) -> None:
    for origin in (site.http, site.https):
        async with client.get(f"{origin}/{name}") as answer:
            assert answer.status == 404


async def test_plain_http_to_the_https_port_is_sent_on(
    site: Site, client: aiohttp.ClientSession
) -> None:
    plain = site.https.replace("https:", "http:")
    async with client.get(f"{plain}/x", allow_redirects=False) as answer:
        assert (answer.status, answer.headers["Location"]) == (308, f"{site.https}/x")


async def test_no_token_reaches_a_log(
    site: Site, client: aiohttp.ClientSession, daemon: Daemon
) -> None:
    address = f"{site.https}/ws/logged?token=do-not-log-me"
    with pytest.raises(aiohttp.WSServerHandshakeError):
        await client.ws_connect(address)
    async with daemon(), client.ws_connect(address):
        pass
    async with client.get(f"{site.https}/"):
        logs = [file.read_text() for file in (site.directory / "nginx").glob("*.log")]
    assert "/ws/logged" in "".join(logs)
    assert "do-not-log-me" not in "".join(logs)


async def test_a_name_may_be_as_long_as_names_are(tmp_path: Path) -> None:
    """A plain one would have to fit a line of the processor's cache."""
    name = "k" * 63
    tls = tmp_path / "tls"
    succeed(CERTIFICATE, tls, "--host", name, "--address", "192.168.1.20")
    with serving(tls) as site:
        connector = aiohttp.TCPConnector(ssl=site.trusted)
        async with aiohttp.ClientSession(connector=connector) as http:
            for host, status in (
                (f"{name}.local", 200),
                ("192.168.1.20", 200),
                ("192x168x1x20", 421),
                (f"{name}.local.evil.example", 421),
            ):
                async with http.get(site.https, headers={"Host": host}) as answer:
                    assert (host, answer.status) == (host, status)
