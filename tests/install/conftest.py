import signal
import socket
import ssl
import subprocess
import time
from collections.abc import AsyncIterator, Callable, Iterator
from contextlib import (
    AbstractAsyncContextManager,
    asynccontextmanager,
    contextmanager,
    suppress,
)
from dataclasses import dataclass
from functools import partial
from pathlib import Path

import aiohttp
import pytest
from aiohttp import web

from tests.install.device import Device
from tests.install.shell import CERTIFICATE, RENDER, free_ports, succeed


@dataclass(frozen=True)
class Site:
    """A real nginx before a port on which there may be a daemon."""

    https: str
    http: str
    upstream: int
    directory: Path

    @property
    def nginx(self) -> list[str]:
        """The command that runs it; with -t, -s … what it says of it."""
        place = self.directory / "nginx"
        return [
            *("nginx", "-p", str(place), "-c", str(place / "main.conf")),
            *("-e", str(place / "error.log")),
        ]

    @property
    def trusted(self) -> ssl.SSLContext:
        """Of a client that trusts the local CA and nobody else."""
        return ssl.create_default_context(cafile=str(self.directory / "tls" / "ca.crt"))


@pytest.fixture(scope="session")
def tls(tmp_path_factory: pytest.TempPathFactory) -> Path:
    directory = tmp_path_factory.mktemp("site") / "tls"
    succeed(CERTIFICATE, directory, "--host", "kitchen", "--address", "192.168.1.20")
    return directory


def write_page(directory: Path) -> Path:
    """A page of the shape that Vite builds."""
    page = directory / "page"
    (page / "assets").mkdir(parents=True)
    (page / "index.html").write_text("<title>the page</title>")
    (page / "trust.html").write_text("<title>how to trust</title>")
    (page / "down.html").write_text("<title>it is starting</title>")
    (page / "assets" / "index-1a2b.js").write_text("export {}")
    (page / ".stamp").write_text("not for the world")
    return page


@contextmanager
def serving(tls: Path, **keys: str) -> Iterator[Site]:
    """A real nginx with the certificate in `tls`, on ports of its own; its files beside `tls`."""
    directory = tls.parent
    page = write_page(directory)
    https, http, upstream = free_ports(3)
    site = directory / "nginx"
    (site / "temp").mkdir(parents=True)
    # The workers of a test need not be anybody else than its owner.
    user = "user root;" if directory.owner() == "root" else ""
    places = {"USER": user, "ADDRESS": "127.0.0.1", "HTTPS_PORT": https, "HTTP_PORT": http}
    places |= {"UPSTREAM": f"127.0.0.1:{upstream}", "PAGE": page, "TLS": tls, "LOG": site, **keys}
    succeed(RENDER, site, *(f"{key}={value}" for key, value in places.items()))
    running = Site(f"https://localhost:{https}", f"http://localhost:{http}", upstream, directory)
    tested = subprocess.run([*running.nginx, "-t"], capture_output=True, text=True, check=False)
    assert tested.returncode == 0, tested.stderr
    assert "[warn]" not in tested.stderr
    process = subprocess.Popen(running.nginx)
    try:
        _await_answer(process, http)
        yield running
    finally:
        process.send_signal(signal.SIGTERM)
        assert process.wait(timeout=10) == 0


@pytest.fixture(scope="session")
def site(tls: Path) -> Iterator[Site]:
    with serving(tls, ORIGINS="https://friend.example") as running:
        yield running


def _await_answer(process: subprocess.Popen[bytes], port: int) -> None:
    """nginx listens before it has written its pid and can be told anything by a signal; its workers
    answer after that."""
    while process.poll() is None:
        with suppress(OSError), socket.create_connection(("127.0.0.1", port), 10) as one:
            one.sendall(b"GET /trust.json HTTP/1.0\r\n\r\n")
            if one.recv(1):
                return
        time.sleep(0.02)
    raise AssertionError("nginx ended by itself")


@pytest.fixture
async def client(site: Site) -> AsyncIterator[aiohttp.ClientSession]:
    connector = aiohttp.TCPConnector(ssl=site.trusted)
    async with aiohttp.ClientSession(connector=connector) as session:
        yield session


async def _describe(request: web.Request) -> web.Response:
    """What of the request has reached the daemon."""
    size = len(await request.read())
    heard = {"path": request.path_qs, "headers": dict(request.headers), "size": size}
    return web.json_response(heard)


STRANGER = {"Cookie": "stranger"}


async def _authorise(request: web.Request) -> web.Response:
    """Everybody is paired but who says not to be; nothing else of a request may come here."""
    allowed = {"Host", "Cookie", "Authorization", "Origin", "X-Forwarded-For", "X-Forwarded-Proto"}
    if set(request.headers) - allowed or request.can_read_body:
        return web.Response(status=500)
    return web.Response(status=401 if request.headers.get("Cookie") == "stranger" else 204)


async def _full(_: web.Request) -> web.Response:
    return web.json_response({"error": {"code": "session_limit"}}, status=503)


async def _echo(request: web.Request) -> web.WebSocketResponse:
    socket = web.WebSocketResponse()
    await socket.prepare(request)
    async for message in socket:
        await socket.send_bytes(message.data)
    return socket


@asynccontextmanager
async def echoing(port: int) -> AsyncIterator[None]:
    """A small HTTP server where nginx expects the appliance."""
    app = web.Application()
    app.router.add_post("/api/sessions", _full)
    app.router.add_get("/internal/auth", _authorise)
    app.router.add_get("/ws/{session}", _echo)
    app.router.add_route("*", "/{rest:.*}", _describe)
    runner = web.AppRunner(app)
    await runner.setup()
    await web.TCPSite(runner, "127.0.0.1", port).start()
    try:
        yield
    finally:
        await runner.cleanup()


@pytest.fixture
def daemon(site: Site) -> Callable[[], AbstractAsyncContextManager[None]]:
    """Opens the small server behind the site."""
    return partial(echoing, site.upstream)


@pytest.fixture
def device(tmp_path: Path) -> Device:
    return Device(tmp_path)
