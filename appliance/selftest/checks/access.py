"""Checks that clients that are not paired are refused."""

import ipaddress
from typing import ClassVar
from urllib.parse import urlsplit

from appliance.network.nginx_site import ANYWHERE, Site
from appliance.selftest import site_client
from appliance.selftest.check import BaseCheck, Finding
from appliance.selftest.checks.nginx import unreachable
from appliance.selftest.context import CheckContext
from appliance.selftest.daemon_client import DAEMON_GONE_ADVICE, DaemonClient

PROTECTED_PATH = "/api/me"  # the cheapest route that needs a token

_PAIR = (
    'Set access.mode = "paired", restart the appliance, and pair browsers with `appliance pair`.'
)
_RESTART = (
    "Restart it: `sudo systemctl restart voice-appliance`. If it stays open, `systemctl cat"
    " voice-appliance` shows what sets APPLIANCE__ACCESS__MODE."
)
_NO_TLS = (
    'Set server.host = "127.0.0.1" and let nginx stand before it: browsers give a microphone to'
    " https only, and nginx holds off floods."
)


class AccessCheck(BaseCheck):
    name: ClassVar[str] = "access"
    title: ClassVar[str] = "Access"
    limit: ClassVar[float] = 20.0

    async def run(self, context: CheckContext) -> Finding:
        """Sends a request without a token to the running daemon.

        The daemon's settings count and not the file's, which may be newer.
        """
        import aiohttp

        if context.daemon is None:
            mode = context.config.access.mode
            return self.skipped(f"the appliance does not run; by its settings it is {mode}")
        mode = (await context.daemon.status()).get("access", context.config.access.mode)
        try:
            status = await _status_without_token(context, context.daemon)
        except (aiohttp.ClientError, OSError) as error:
            return self.failure(
                f"whether strangers are let in cannot be tested: {error}",
                unreachable(context.site) if context.site else DAEMON_GONE_ADVICE,
            )
        return self.judge(mode, status, context, context.daemon)

    def judge(self, mode: str, status: int, context: CheckContext, daemon: DaemonClient) -> Finding:
        """`mode` is the daemon's access mode, `status` the answer to a request without a token."""
        if mode == "paired" and status != 401:
            return self.failure(*_not_refused(status))
        if mode == "open" and (way := _route_from_network(context, daemon)):
            differs_from_file = context.config.access.mode == "paired"
            return self.warning(
                f"open: everybody who comes by {way} may talk, and read and delete conversations",
                _RESTART if differs_from_file else _PAIR,
            )
        if exposed := _exposed_host(daemon):
            return self.warning(f"the appliance itself listens on {exposed}, without TLS", _NO_TLS)
        if mode == "open":
            # A proxy of the owner's is invisible from here unless public_url names it.
            return self.ok(
                "open, but it listens to this machine alone; a web server before it would let"
                " everybody in"
            )
        return self.ok("only paired clients are admitted; others are refused (401)")


def _not_refused(status: int) -> tuple[str, str]:
    """Message and advice for any status but 401."""
    if status < 400:
        return (
            f"strangers are let in: without a token, {PROTECTED_PATH} answers {status}"
            " instead of 401",
            "Keep everybody out with `sudo systemctl stop nginx`, and run the installer again:"
            " nginx's site file or the installation was changed.",
        )
    return (
        f"without a token, {PROTECTED_PATH} answers {status} instead of 401",
        "Strangers are not let in, nor is anybody else: see the check `page`.",
    )


async def _status_without_token(context: CheckContext, daemon: DaemonClient) -> int:
    """The HTTP status of PROTECTED_PATH without a token, through nginx where there is one."""
    import aiohttp

    if context.site:
        url = await site_client.page_url(context, context.site)
        async with (
            site_client.http_client(context.site) as http,
            http.get(f"{url}{PROTECTED_PATH}") as response,
        ):
            return response.status
    async with (
        aiohttp.ClientSession(
            connector=aiohttp.UnixConnector(daemon.socket) if daemon.socket else None,
        ) as http,
        http.get(f"{daemon.base_url}{PROTECTED_PATH}") as response,
    ):
        return response.status


def _route_from_network(context: CheckContext, daemon: DaemonClient) -> str:
    """The way from another machine to the appliance, in words; empty where none is known."""
    if context.site and not _is_loopback(context.site.address):
        return f"nginx at {_listen_address(context.site)}"
    if daemon.socket:
        return f"whatever stands before {daemon.socket}"
    public = context.config.server.public_url
    if public and not _is_loopback(urlsplit(public).hostname or ""):
        return public
    return _exposed_host(daemon)


def _listen_address(site: Site) -> str:
    return f"port {site.port}" if site.address == ANYWHERE else f"{site.address}:{site.port}"


def _exposed_host(daemon: DaemonClient) -> str:
    """The network address on which the daemon itself listens; empty for the loopback."""
    host = urlsplit(daemon.base_url).hostname or ""
    return "" if daemon.socket or _is_loopback(host) else host


def _is_loopback(host: str) -> bool:
    try:
        return ipaddress.ip_address(host).is_loopback
    except ValueError:
        return host == "localhost"
