"""The two servers: the public one, and a control socket that only its owner can reach."""

import asyncio
import logging
import socket
from collections.abc import AsyncIterator, Sequence
from contextlib import AsyncExitStack, asynccontextmanager
from dataclasses import dataclass
from pathlib import Path

from aiohttp import web

from appliance.api.audit import REFUSALS, refusals
from appliance.api.auth import guarded
from appliance.api.control import control_app
from appliance.api.dependencies import BACKEND, ApiDependencies
from appliance.api.middleware import errors, same_origin
from appliance.api.routes import ROUTES
from appliance.config.schema import ServerConfig
from appliance.errors import ApplianceError

log = logging.getLogger(__name__)

MAX_BODY_BYTES = 64 * 1024
# Sessions are ended before the server is; what is left then need not be waited for.
SHUTDOWN_SECONDS = 2.0
# How many may wait at a socket that was lent; as in voice-appliance.socket, because whoever
# listens last decides, and aiohttp's 128 are used up by a restart of some seconds.
BACKLOG = 4096
# What a connection that was accepted a moment ago may take to say what it wants.
SETTLE_SECONDS = 0.2


@dataclass(frozen=True, slots=True)
class Listener:
    """Where the public server listens: on sites of its own, or on lent sockets."""

    address: str
    lent: Sequence[web.BaseSite] = ()

    async def stop_accepting(self) -> None:
        """Takes nobody more from the sockets that were lent: who comes now waits for the next
        process that gets them. On a socket of our own nobody would come, so there it goes on."""
        for site in self.lent:
            await site.stop()
        if self.lent:
            await asyncio.sleep(SETTLE_SECONDS)


def public_app(backend: ApiDependencies) -> web.Application:
    app = web.Application(middlewares=[errors, same_origin], client_max_size=MAX_BODY_BYTES)
    app[BACKEND] = backend
    app[REFUSALS] = refusals()
    for route in ROUTES:
        handler = guarded(route.handler, route.role)
        app.router.add_route(route.method, route.path, handler)
    return app


@asynccontextmanager
async def serving(
    server: ServerConfig,
    backend: ApiDependencies,
    control: Path,
    lent: Sequence[socket.socket] = (),
) -> AsyncIterator[Listener]:
    """Listens until left: on the sockets that were lent, else where the configuration says."""
    runner = web.AppRunner(public_app(backend), access_log=None, shutdown_timeout=SHUTDOWN_SECONDS)
    private = web.AppRunner(control_app(backend), access_log=None)
    async with AsyncExitStack() as stack:
        for each in (private, runner):
            await each.setup()
            stack.push_async_callback(each.cleanup)
        try:
            door = await (_take_up(runner, lent) if lent else _listen(runner, server))
            # Only now that the address is ours is the control socket: the running appliance
            # whose address we failed to take keeps its own.
            control.unlink(missing_ok=True)
            stack.callback(control.unlink, missing_ok=True)
            await web.UnixSite(private, str(control)).start()
            control.chmod(0o600)
        except OSError as error:
            raise ApplianceError(
                f"the appliance cannot listen: {error.strerror or error}",
                advice="Is it running already? Else set server.host, server.port or server.listen.",
            ) from None
        yield door


async def _take_up(runner: web.AppRunner, lent: Sequence[socket.socket]) -> Listener:
    sites = [web.SockSite(runner, each, backlog=BACKLOG) for each in lent]
    for site in sites:
        await site.start()
    return Listener(_name(lent[0]), sites)


def _name(bound: socket.socket) -> str:
    name = bound.getsockname()
    if bound.family == socket.AF_UNIX:
        return f"unix:{name}"
    host = f"[{name[0]}]" if bound.family == socket.AF_INET6 else name[0]
    return f"http://{host}:{name[1]}"


async def _listen(runner: web.AppRunner, server: ServerConfig) -> Listener:
    if server.listen:
        path = Path(server.listen.removeprefix("unix:"))
        path.unlink(missing_ok=True)
        await web.UnixSite(runner, str(path)).start()
        # nginx is another user; the directory decides who gets this far.
        path.chmod(0o666)
        return Listener(server.listen)
    site = web.TCPSite(runner, server.host, server.port, reuse_address=True)
    await site.start()
    host, port = runner.addresses[0][:2]
    return Listener(f"http://{host}:{port}")
