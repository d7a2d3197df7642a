"""Checks that nginx serves the page, reaches the daemon, and hides internal routes."""

import ssl
from typing import TYPE_CHECKING, ClassVar

from appliance.network.nginx_site import Site
from appliance.selftest import site_client
from appliance.selftest.check import BaseCheck, Finding, Verdict
from appliance.selftest.context import CheckContext

if TYPE_CHECKING:
    import aiohttp

_SEE_NGINX = "`sudo nginx -t` and `systemctl status nginx` tell why"


class NginxCheck(BaseCheck):
    name: ClassVar[str] = "page"
    title: ClassVar[str] = "Web page"
    limit: ClassVar[float] = 20.0

    async def run(self, context: CheckContext) -> Finding:
        import aiohttp

        if context.site is None:
            return self.skipped("no nginx serves the appliance here")
        try:
            url = await site_client.page_url(context, context.site)
            async with site_client.http_client(context.site) as http:
                finding = await self._request_routes(http, url)
            if finding.verdict is Verdict.OK:
                finding = await self._request_by_every_name(finding, context.site)
            return finding
        except ssl.SSLError as error:
            return self.failure(
                f"nginx shows a certificate that does not verify: {error.reason or error}",
                "See the check of the certificate.",
            )
        except (OSError, aiohttp.ClientError) as error:
            return self.failure(
                f"nginx does not answer at port {context.site.port}: {error}",
                f"Start it: `sudo systemctl start nginx`; {_SEE_NGINX}. Its settings are in"
                f" {context.site.file}.",
            )

    async def _request_routes(self, http: "aiohttp.ClientSession", url: str) -> Finding:
        async with http.get(f"{url}/", headers={"Accept": "text/html"}) as response:
            page = await response.text()
            if response.status != 200 or "<title>" not in page:
                return self.failure(
                    f"{url}/ answers {response.status} instead of the page",
                    "The page is missing or cannot be read by nginx: run the installer again.",
                )
        async with http.get(f"{url}/health") as response:
            if response.status != 200:
                return self.failure(
                    f"nginx does not reach the appliance: {url}/health answers {response.status}",
                    "Start the appliance, and compare server.listen, server.host and server.port"
                    " with `upstream appliance` in nginx's site file.",
                )
        async with http.get(f"{url}/metrics") as response:
            if response.status != 404:
                return self.failure(
                    f"nginx gives /metrics to the network ({response.status})",
                    "The site file was changed; run the installer again to restore it.",
                )
        return self.ok(f"{url} serves the page and reaches the appliance")

    async def _request_by_every_name(self, finding: Finding, site: Site) -> Finding:
        """Finds host names that nginx knows and the daemon, started before, does not."""
        async with site_client.http_client(site, any_name=True) as http:
            statuses = {
                name: await site_client.status_by_name(http, site, name)
                for name in site_client.served_names(site, "DNS")
            }
        refused = [f"{name} ({status})" for name, status in statuses.items() if status != 204]
        if refused:
            return self.failure(
                f"requests are refused by the name of {', '.join(refused)}",
                "Restart the appliance: `sudo systemctl restart voice-appliance`. If that does not"
                " help, nginx does not know the name: `sudo systemctl start voice-appliance-certs`"
                " tells it.",
            )
        by_name = f", also as {', '.join(statuses)}" if statuses else ""
        return self.ok(finding.message + by_name)


def unreachable(site: Site) -> str:
    """The advice of other checks that did not reach nginx."""
    return f"See the check of the web page; nginx's settings are in {site.file}, and {_SEE_NGINX}."
