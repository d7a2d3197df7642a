"""Applies the proxies of the environment (HTTP_PROXY, HTTPS_PROXY, ALL_PROXY, NO_PROXY).

Hosts on this machine or in its network are always reached directly, whatever the environment says:
a proxy elsewhere would see words that stay at home. The HTTP libraries know NO_PROXY alone.
"""

import asyncio
import time
from collections.abc import Callable, Mapping
from functools import partial
from typing import TYPE_CHECKING, Final
from urllib.parse import urlsplit
from urllib.request import getproxies, proxy_bypass

import httpx2

from appliance.concurrency import run_in_daemon_thread
from appliance.network.addresses import (
    HOME_NETWORKS,
    Locality,
    locality_of_host,
    locality_without_lookup,
)

if TYPE_CHECKING:
    import aiohttp

LOOKUP_SECONDS: Final = 2.0
"""A name that takes longer to resolve is taken to be elsewhere."""
CACHE_SECONDS: Final = 60.0
_NO_PROXY: Final = ("localhost", ".localhost", ".local", "127.0.0.1", "::1", "fe80::/10")
_PROXY_VARIABLES: Final = ("http_proxy", "https_proxy", "all_proxy")
_SECURE: Final = ("https", "wss")


class ProxyRules:
    """Chooses the proxy for a URL. Remembers the locality of names for CACHE_SECONDS."""

    def __init__(self, now: Callable[[], float] = time.monotonic) -> None:
        self._now = now
        self._known: dict[str, tuple[Locality, float]] = {}

    async def proxy_for(self, url: str) -> str | None:
        """The URL of the proxy for `url`; None where it is to be reached directly."""
        proxy = _environment_proxy(url)
        if proxy is None or await self.is_local(urlsplit(url).hostname or ""):
            return None
        return proxy

    async def is_local(self, host: str) -> bool:
        """Whether a host is on this machine or in its network."""
        place = locality_without_lookup(host) or self._remembered(host)
        if place is None:
            try:
                async with asyncio.timeout(LOOKUP_SECONDS):
                    place = await run_in_daemon_thread(partial(locality_of_host, host))
            except TimeoutError:
                place = Locality.ELSEWHERE
            self._known[host] = place, self._now() + CACHE_SECONDS
        return place is not Locality.ELSEWHERE

    def _remembered(self, host: str) -> Locality | None:
        place, until = self._known.get(host, (None, 0.0))
        return place if self._now() < until else None

    async def middleware(
        self, request: "aiohttp.ClientRequest", handler: "aiohttp.ClientHandlerType"
    ) -> "aiohttp.ClientResponse":
        """A client middleware for aiohttp, called for redirects too.

        aiohttp has chosen the proxy by then, from its arguments or (`trust_env`) the environment.
        """
        if request.proxy is not None and await self.is_local(request.url.host or ""):
            request.update_proxy(None, None, None)
        return await handler(request)


async def child_environment(environ: Mapping[str, str], rules: ProxyRules) -> dict[str, str]:
    """The environment for a child process, with local hosts in NO_PROXY if it has a proxy.

    Not every program reads ranges of addresses there, so hosts that a variable names by a URL
    (ANTHROPIC_BASE_URL) are listed too.
    """
    given = dict(environ)
    lower = {name.lower(): value for name, value in given.items()}
    if not any(lower.get(name) for name in _PROXY_VARIABLES):
        return given
    named = {urlsplit(value).hostname or "" for key, value in given.items() if _is_url(key, value)}
    hosts = [host for host in sorted(named) if host and await rules.is_local(host)]
    before = [given.get(name, "") for name in ("no_proxy", "NO_PROXY")]
    entries = [entry.strip() for value in before for entry in value.split(",") if entry.strip()]
    listed = ",".join(dict.fromkeys((*entries, *_NO_PROXY, *HOME_NETWORKS, *hosts)))
    return {**given, "no_proxy": listed, "NO_PROXY": listed}


def _is_url(key: str, value: str) -> bool:
    return "://" in value and key.lower() not in _PROXY_VARIABLES


def _environment_proxy(url: str) -> str | None:
    """The proxy that the environment names for a URL, wherever its host is."""
    parts = urlsplit(url)
    if not parts.hostname or proxy_bypass(parts.hostname):
        return None
    proxies = getproxies()
    scheme = "https" if parts.scheme in _SECURE else "http"
    proxy = proxies.get(parts.scheme) or proxies.get(scheme) or proxies.get("all")
    return proxy if not proxy or "://" in proxy else f"http://{proxy}"


class ProxiedTransport(httpx2.AsyncBaseTransport):
    """A transport of httpx that chooses the proxy anew for each request."""

    def __init__(self, limits: httpx2.Limits | None = None) -> None:
        self._make = partial(
            httpx2.AsyncHTTPTransport,
            verify=httpx2.create_ssl_context(),
            limits=limits or httpx2.Limits(max_connections=100, max_keepalive_connections=20),
        )
        self._rules = ProxyRules()
        self._transports: dict[str | None, httpx2.AsyncHTTPTransport] = {None: self._make()}

    async def handle_async_request(self, request: httpx2.Request) -> httpx2.Response:
        proxy = await self._rules.proxy_for(str(request.url))
        if proxy not in self._transports:
            try:
                self._transports[proxy] = self._make(proxy=proxy)
            except (ImportError, ValueError) as error:  # a SOCKS proxy, or no kind of proxy
                raise httpx2.ProxyError(f"{error}", request=request) from None
        return await self._transports[proxy].handle_async_request(request)

    async def aclose(self) -> None:
        for transport in self._transports.values():
            await transport.aclose()
