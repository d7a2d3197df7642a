"""Provides the transport with which httpx clients follow `network.proxies`."""

from functools import partial

import httpx2

from appliance.network.proxies import ProxyRules


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
