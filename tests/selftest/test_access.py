"""The check that clients without a token are refused, by judgement and by real requests."""

import os
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import replace
from pathlib import Path

import pytest
from aiohttp import web

from appliance.network.nginx_site import Site
from appliance.selftest.check import Finding, Verdict
from appliance.selftest.checks.access import AccessCheck
from appliance.selftest.context import CheckContext, gather
from appliance.selftest.daemon_client import DaemonClient, control_socket
from tests.daemon import running
from tests.install.conftest import Site as Nginx
from tests.install.shell import free_ports
from tests.selftest.conftest import MakeContext, bad, good, skipped

OK, WARNING, FAILURE = Verdict.OK, Verdict.WARNING, Verdict.FAILURE

TCP = DaemonClient(Path("control.sock"), "http://127.0.0.1:8080", "")
UNIX = DaemonClient(Path("control.sock"), "http://localhost", "/run/voice-appliance/http.sock")
EXPOSED = DaemonClient(Path("control.sock"), "http://0.0.0.0:8080", "")
EVERYWHERE = Site(Path("site.conf"), "0.0.0.0", 443, Path("server.crt"), None)
HERE = Site(Path("site.conf"), "127.0.0.1", 443, Path("server.crt"), None)
OPEN, PUBLIC = {"ACCESS__MODE": "open"}, {"SERVER__PUBLIC_URL": "https://voice.example"}


@pytest.mark.parametrize(
    ("daemon", "nginx", "settings", "way"),
    [
        (TCP, None, {}, ""),
        (TCP, HERE, {}, ""),
        (TCP, EVERYWHERE, {}, "nginx at port 443"),
        (UNIX, None, {}, "whatever stands before /run/voice-appliance/http.sock"),
        (EXPOSED, None, {}, "0.0.0.0"),
        (TCP, None, PUBLIC, "https://voice.example"),
    ],
)
def test_open_access_is_a_warning_where_other_machines_reach_it(
    make_context: MakeContext,
    daemon: DaemonClient,
    nginx: Site | None,
    settings: dict[str, str],
    way: str,
) -> None:
    made = make_context(site=nginx, settings=OPEN | settings)
    finding = AccessCheck().judge("open", 200, made, daemon)
    if not way:
        assert "a web server before it would let everybody in" in good(finding)
        return
    message, advice = bad(finding, WARNING)
    assert f"comes by {way} may talk" in message
    assert 'access.mode = "paired"' in advice


def test_open_access_that_the_configuration_does_not_explain(make_context: MakeContext) -> None:
    message, advice = bad(AccessCheck().judge("open", 200, make_context(), UNIX), WARNING)
    assert message.startswith("open: everybody")
    assert "APPLIANCE__ACCESS__MODE" in advice


@pytest.mark.parametrize(
    ("status", "message", "advice"),
    [(200, "strangers are let in", "stop nginx"), (502, "answers 502", "`page`")],
)
def test_paired_access_is_judged_by_the_answer_to_a_request_without_a_token(
    make_context: MakeContext, status: int, message: str, advice: str
) -> None:
    told = bad(AccessCheck().judge("paired", status, make_context(), TCP), FAILURE)
    assert message in told[0]
    assert advice in told[1]
    assert "only paired" in good(AccessCheck().judge("paired", 401, make_context(), TCP))


def test_a_daemon_that_listens_on_the_network_itself(make_context: MakeContext) -> None:
    message, advice = bad(AccessCheck().judge("paired", 401, make_context(), EXPOSED), WARNING)
    assert "listens on 0.0.0.0" in message
    assert "nginx" in advice


async def test_without_a_daemon_the_check_is_skipped(make_context: MakeContext) -> None:
    assert "does not run" in skipped(await AccessCheck().run(make_context()))


@asynccontextmanager
async def fake_daemon(
    context: CheckContext, mode: str, port: int, answer: int
) -> AsyncIterator[CheckContext]:
    """A context with a fake daemon that reports `mode` and answers requests without a token."""

    async def status(_: web.Request) -> web.Response:
        return web.json_response({"access": mode, "address": f"http://127.0.0.1:{port}"})

    async def stranger(request: web.Request) -> web.Response:
        assert "Authorization" not in request.headers
        return web.Response(status=answer)

    control, public = web.Application(), web.Application()
    control.router.add_get("/status", status)
    public.router.add_get("/api/me", stranger)
    public.router.add_get("/internal/auth", stranger)
    runners = [web.AppRunner(control), web.AppRunner(public)]
    context.state.mkdir(exist_ok=True)
    try:
        for runner in runners:
            await runner.setup()
        await web.UnixSite(runners[0], str(control_socket(context.config))).start()
        await web.TCPSite(runners[1], "127.0.0.1", port).start()
        found = await DaemonClient.find(context.config)
        assert found
        assert found.base_url == f"http://127.0.0.1:{port}"
        yield CheckContext(
            context.config, context.hardware, context.plan, daemon=found, site=context.site
        )
    finally:
        for runner in runners:
            await runner.cleanup()


async def found(context: CheckContext, mode: str, port: int, answer: int) -> Finding:
    async with fake_daemon(context, mode, port, answer) as made:
        return await AccessCheck().run(made)


@pytest.mark.parametrize(
    ("mode", "answer", "verdict"),
    [("paired", 401, OK), ("paired", 200, FAILURE), ("open", 200, OK)],
)
async def test_the_request_goes_to_the_address_that_the_daemon_reports(
    make_context: MakeContext, mode: str, answer: int, verdict: Verdict
) -> None:
    (port,) = free_ports(1)
    assert (await found(make_context(settings=OPEN), mode, port, answer)).verdict is verdict


@pytest.mark.parametrize(
    ("answer", "verdict", "word"),
    [(401, OK, "401"), (204, FAILURE, "let in"), (500, FAILURE, "502")],
)
async def test_the_request_goes_through_nginx_where_there_is_one(
    make_context: MakeContext, site: Nginx, here: Site, answer: int, verdict: Verdict, word: str
) -> None:
    finding = await found(make_context(site=here), "paired", site.upstream, answer)
    assert finding.verdict is verdict
    assert word in finding.message


async def test_an_unreachable_nginx_is_a_failure(
    make_context: MakeContext, site: Nginx, here: Site
) -> None:
    gone = replace(here, port=free_ports(1)[0])
    finding = await found(make_context(site=gone), "paired", site.upstream, 401)
    message, advice = bad(finding, FAILURE)
    assert "cannot be tested" in message
    assert "nginx" in advice


@pytest.mark.slow
@pytest.mark.parametrize("mode", ["open", "paired"])
async def test_the_settings_of_the_running_daemon_count_and_not_those_of_the_file(
    tmp_path: Path, make_context: MakeContext, mode: str
) -> None:
    """The daemon's unit may set variables that the self-test's does not; the file may be newer."""
    state = tmp_path / "state"
    overrides = {
        "APPLIANCE__ACCESS__MODE": mode,
        "APPLIANCE__SERVER__HOST": "0.0.0.0",
        "APPLIANCE__STORE__PATH": str(state / "voice.db"),
    }
    other = {"ACCESS__MODE": "paired" if mode == "open" else "open", "SERVER__PORT": "1"}
    async with running(state, overrides, until="/health"):
        made = await gather(make_context(settings=other).config, os.environ)
        message, _ = bad(await AccessCheck().run(made), WARNING)
    assert ("everybody who comes by 0.0.0.0" in message) is (mode == "open")
    assert ("itself listens" in message) is (mode == "paired")
