"""Is the door closed to strangers?"""

import ipaddress
from typing import ClassVar
from urllib.parse import urlsplit

from appliance.network.nginx_site import ANYWHERE, Site
from appliance.selftest import site_client
from appliance.selftest.check import BaseCheck, Finding
from appliance.selftest.checks.nginx import unreachable
from appliance.selftest.context import CheckContext
from appliance.selftest.daemon_client import GONE, DaemonClient

PROTECTED = "/api/me"  # of what only the paired may ask, the least

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

    async def run(self, facts: CheckContext) -> Finding:
        """The running appliance is asked, as a stranger asks: its settings may be older than the
        file, or come from elsewhere."""
        import aiohttp

        if facts.daemon is None:
            mode = facts.config.access.mode
            return self.skipped(f"the appliance does not run; by its settings it is {mode}")
        mode = (await facts.daemon.status()).get("access", facts.config.access.mode)
        try:
            status = await _as_a_stranger(facts, facts.daemon)
        except (aiohttp.ClientError, OSError) as error:
            return self.failure(
                f"whether strangers are let in cannot be asked: {error}",
                unreachable(facts.site) if facts.site else GONE,
            )
        return self.judge(mode, status, facts, facts.daemon)

    def judge(self, mode: str, status: int, facts: CheckContext, daemon: DaemonClient) -> Finding:
        """`mode` is what the appliance says of itself, `status` what a stranger got."""
        if mode == "paired" and status != 401:
            return self.failure(*_not_sent_away(status))
        if mode == "open" and (way := _way_in(facts, daemon)):
            drifted = facts.config.access.mode == "paired"
            return self.warning(
                f"open: everybody who comes by {way} may talk, and read and delete what was said",
                _RESTART if drifted else _PAIR,
            )
        if exposed := _exposed(daemon):
            return self.warning(f"the appliance itself listens on {exposed}, without TLS", _NO_TLS)
        if mode == "open":
            # A proxy of the owner's own leaves no trace here unless public_url names it.
            return self.ok(
                "open, but it listens to this machine alone; a web server before it would let"
                " everybody in"
            )
        return self.ok("only paired clients; a stranger is sent away (401)")


def _not_sent_away(status: int) -> tuple[str, str]:
    if status < 400:
        return (
            f"strangers are let in: without a token, {PROTECTED} answers {status} instead of 401",
            "Keep everybody out with `sudo systemctl stop nginx`, and run the installer again:"
            " nginx's site file was changed, or what is installed.",
        )
    return (
        f"without a token, {PROTECTED} answers {status} instead of 401",
        "Strangers are not let in, nor is anybody else: see the check `page`.",
    )


async def _as_a_stranger(facts: CheckContext, daemon: DaemonClient) -> int:
    """The status of a protected route without a token: through nginx, where there is one."""
    import aiohttp

    if facts.site:
        address = await site_client.address(facts, facts.site)
        async with (
            site_client.visiting(facts.site) as http,
            http.get(f"{address}{PROTECTED}") as answer,
        ):
            return answer.status
    async with (
        aiohttp.ClientSession(
            connector=aiohttp.UnixConnector(daemon.socket) if daemon.socket else None,
        ) as http,
        http.get(f"{daemon.base_url}{PROTECTED}") as answer,
    ):
        return answer.status


def _way_in(facts: CheckContext, daemon: DaemonClient) -> str:
    """How somebody on another machine may come in; empty where none is seen."""
    if facts.site and not _is_loopback(facts.site.address):
        return f"nginx at {_shown(facts.site)}"
    if daemon.socket:
        return f"whatever stands before {daemon.socket}"
    public = facts.config.server.public_url
    if public and not _is_loopback(urlsplit(public).hostname or ""):
        return public
    return _exposed(daemon)


def _shown(site: Site) -> str:
    return f"port {site.port}" if site.address == ANYWHERE else f"{site.address}:{site.port}"


def _exposed(daemon: DaemonClient) -> str:
    """The address at which the appliance listens to the network itself; empty where none."""
    host = urlsplit(daemon.base_url).hostname or ""
    return "" if daemon.socket or _is_loopback(host) else host


def _is_loopback(host: str) -> bool:
    try:
        return ipaddress.ip_address(host).is_loopback
    except ValueError:
        return host == "localhost"
