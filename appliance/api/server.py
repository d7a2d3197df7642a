"""Serves the two HTTP interfaces: the public one, and a control socket for the machine's owner."""

import asyncio
import logging
import socket
from collections.abc import AsyncIterator, Sequence
from contextlib import AsyncExitStack, asynccontextmanager
from pathlib import Path

from aiohttp import web

from appliance.api.audit import READINGS, REFUSALS, readings, refusals
from appliance.api.auth import guarded
from appliance.api.control import control_app
from appliance.api.cross_origin import add_headers, preflight
from appliance.api.dependencies import DEPENDENCIES, ApiDependencies
from appliance.api.middleware import errors, same_origin
from appliance.api.resumption import BEGUN, BegunConversations
from appliance.api.routes import ROUTES
from appliance.api.settings import PREVIEWS, preview_rate
from appliance.config.schema import ServerConfig
from appliance.errors import ApplianceError

log = logging.getLogger(__name__)

MAX_BODY_BYTES = 64 * 1024
# Sessions end before the server does; other requests need no longer grace.
SHUTDOWN_SECONDS = 2.0
# The queue of connections at an inherited socket. The same as in voice-appliance.socket, because
# the last call of listen() decides, and aiohttp's 128 are used up by a restart of some seconds.
BACKLOG = 4096
# The time in which a connection that was just accepted sends its request.
SETTLE_SECONDS = 0.2


class Server:
    """The public server and the control socket. Used once: `serving`, then `stop_accepting`.

    The public server listens on the `inherited` sockets (systemd's), or else where `config` says.
    `control` is the path of the control socket.
    """

    def __init__(
        self, config: ServerConfig, control: Path, inherited: Sequence[socket.socket] = ()
    ) -> None:
        self._config = config
        self._control = control
        self._inherited = inherited
        self._sites: list[web.BaseSite] = []
        self._address = ""

    @property
    def address(self) -> str:
        """The address of the public server, http:// or unix:; empty until it listens."""
        return self._address

    @asynccontextmanager
    async def serving(self, dependencies: ApiDependencies) -> AsyncIterator[None]:
        """Listens until left. Raises ApplianceError where it cannot."""
        public = web.AppRunner(
            public_app(dependencies), access_log=None, shutdown_timeout=SHUTDOWN_SECONDS
        )
        control = web.AppRunner(control_app(dependencies), access_log=None)
        async with AsyncExitStack() as stack:
            for runner in (control, public):
                await runner.setup()
                stack.push_async_callback(runner.cleanup)
            try:
                self._address = await (
                    self._take_over(public) if self._inherited else self._listen(public)
                )
                # After the public address, never before it: where another appliance runs at that
                # address, its control socket stays as it is.
                self._control.unlink(missing_ok=True)
                stack.callback(self._control.unlink, missing_ok=True)
                await web.UnixSite(control, str(self._control)).start()
                self._control.chmod(0o600)
            except OSError as error:
                raise ApplianceError(
                    f"the appliance cannot listen: {error.strerror or error}",
                    advice="If it is running already, stop it first;"
                    " otherwise set another server.host, server.port or server.listen.",
                ) from None
            log.info("listening on %s", self._address)
            yield

    async def stop_accepting(self) -> None:
        """Takes no more connections from inherited sockets, where the next process answers them.

        A socket of our own closes with the process, so there it keeps accepting.
        """
        for site in self._sites:
            await site.stop()
        if self._sites:
            await asyncio.sleep(SETTLE_SECONDS)

    async def _take_over(self, runner: web.AppRunner) -> str:
        self._sites = [
            web.SockSite(runner, inherited, backlog=BACKLOG) for inherited in self._inherited
        ]
        for site in self._sites:
            await site.start()
        return _address(self._inherited[0])

    async def _listen(self, runner: web.AppRunner) -> str:
        if self._config.listen:
            path = Path(self._config.listen.removeprefix("unix:"))
            path.unlink(missing_ok=True)
            await web.UnixSite(runner, str(path)).start()
            # nginx runs as another user; the rights of the directory decide who may connect.
            path.chmod(0o666)
            return self._config.listen
        await web.TCPSite(runner, self._config.host, self._config.port, reuse_address=True).start()
        host, port = runner.addresses[0][:2]
        return f"http://[{host}]:{port}" if ":" in host else f"http://{host}:{port}"


def public_app(dependencies: ApiDependencies) -> web.Application:
    """The routes of routes.py, each behind the role that it demands."""
    middlewares = [errors, same_origin, preflight]
    app = web.Application(middlewares=middlewares, client_max_size=MAX_BODY_BYTES)
    app.on_response_prepare.append(add_headers)
    app[DEPENDENCIES] = dependencies
    app[REFUSALS] = refusals()
    app[READINGS] = readings()
    app[BEGUN] = BegunConversations()
    app[PREVIEWS] = preview_rate()
    for route in ROUTES:
        handler = guarded(route.handler, route.role, by_ticket=route.by_ticket)
        app.router.add_route(route.method, route.path, handler)
    return app


def _address(bound: socket.socket) -> str:
    name = bound.getsockname()
    if bound.family == socket.AF_UNIX:
        return f"unix:{name}"
    host = f"[{name[0]}]" if bound.family == socket.AF_INET6 else name[0]
    return f"http://{host}:{name[1]}"
