"""Sends requests to the running daemon over its control socket."""

from typing import TYPE_CHECKING, Any

from appliance.config.loader import Config
from appliance.errors import ApplianceError
from appliance.selftest.daemon_client import control_socket

if TYPE_CHECKING:
    import aiohttp


class DaemonUnreachable(ApplianceError):
    """Nothing answers at the control socket, or this user may not open it."""


async def request(
    config: Config, method: str, path: str, body: dict[str, Any] | None = None
) -> dict[str, Any]:
    """The JSON answer of the daemon to one request, empty for 204 No Content.

    Raises DaemonUnreachable where the daemon does not run, ApplianceError with the daemon's own
    message and advice where it refuses.
    """
    import aiohttp

    socket = control_socket(config)
    connector = aiohttp.UnixConnector(str(socket))
    try:
        async with (
            aiohttp.ClientSession(connector=connector) as http,
            http.request(method, f"http://appliance{path}", json=body) as response,
        ):
            return await _checked_body(response)
    except aiohttp.ClientConnectionError as error:
        raise DaemonUnreachable(
            f"the appliance does not answer at {socket}",
            advice="Is it running, with the same configuration, and are you root or its user?",
        ) from error


async def _checked_body(response: "aiohttp.ClientResponse") -> dict[str, Any]:
    body: dict[str, Any] = await response.json() if response.status != 204 else {}
    if response.status >= 400:
        error = body.get("error", {})
        raise ApplianceError(str(error.get("message")), advice=str(error.get("advice")))
    return body
