"""The two servers: the public one, and a control socket that only its owner can reach."""

import logging
from collections.abc import AsyncIterator
from contextlib import AsyncExitStack, asynccontextmanager
from pathlib import Path

from aiohttp import web

from appliance.api.backend import BACKEND, Backend
from appliance.api.control import control_app
from appliance.api.middleware import errors, same_origin
from appliance.api.routes import ROUTES
from appliance.config import Server
from appliance.errors import ApplianceError

log = logging.getLogger(__name__)

MAX_BODY_BYTES = 64 * 1024
# Sessions are ended before the server is; what is left then need not be waited for.
SHUTDOWN_SECONDS = 2.0


def public_app(backend: Backend) -> web.Application:
    app = web.Application(middlewares=[errors, same_origin], client_max_size=MAX_BODY_BYTES)
    app[BACKEND] = backend
    for method, path, handler in ROUTES:
        app.router.add_route(method, path, handler)
    return app


@asynccontextmanager
async def serving(server: Server, backend: Backend, control: Path) -> AsyncIterator[str]:
    """Listens until left; yields the address of the public server."""
    runner = web.AppRunner(public_app(backend), access_log=None, shutdown_timeout=SHUTDOWN_SECONDS)
    private = web.AppRunner(control_app(backend), access_log=None)
    async with AsyncExitStack() as stack:
        for each in (private, runner):
            await each.setup()
            stack.push_async_callback(each.cleanup)
        try:
            address = await _listen(runner, server)
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
        yield address


async def _listen(runner: web.AppRunner, server: Server) -> str:
    if server.listen:
        path = Path(server.listen.removeprefix("unix:"))
        path.unlink(missing_ok=True)
        await web.UnixSite(runner, str(path)).start()
        # nginx is another user; the directory decides who gets this far.
        path.chmod(0o666)
        return server.listen
    site = web.TCPSite(runner, server.host, server.port, reuse_address=True)
    await site.start()
    host, port = runner.addresses[0][:2]
    return f"http://{host}:{port}"
