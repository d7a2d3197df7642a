"""Does nginx serve the page, reach the appliance, and keep inside what belongs inside?"""

import ssl
from typing import TYPE_CHECKING, ClassVar

from appliance.network.nginx_site import Site
from appliance.selftest import site_client
from appliance.selftest.check import BaseCheck, Finding, Verdict
from appliance.selftest.context import CheckContext

if TYPE_CHECKING:
    import aiohttp

_NGINX = "`sudo nginx -t` and `systemctl status nginx` tell why"


class NginxCheck(BaseCheck):
    name: ClassVar[str] = "page"
    title: ClassVar[str] = "Web page"
    limit: ClassVar[float] = 20.0

    async def run(self, facts: CheckContext) -> Finding:
        import aiohttp

        if facts.site is None:
            return self.skipped("no nginx serves the appliance here")
        try:
            address = await site_client.address(facts, facts.site)
            async with site_client.visiting(facts.site) as http:
                finding = await self._visit(http, address)
            if finding.verdict is Verdict.OK:
                finding = await self._by_every_name(finding, facts.site)
            return finding
        except ssl.SSLError as error:
            return self.failure(
                f"nginx shows a certificate that does not verify: {error.reason or error}",
                "See the check of the certificate.",
            )
        except (OSError, aiohttp.ClientError) as error:
            return self.failure(
                f"nginx does not answer at port {facts.site.port}: {error}",
                f"Start it: `sudo systemctl start nginx`; {_NGINX}. Its settings are in"
                f" {facts.site.file}.",
            )

    async def _visit(self, http: "aiohttp.ClientSession", address: str) -> Finding:
        async with http.get(f"{address}/", headers={"Accept": "text/html"}) as answer:
            page = await answer.text()
            if answer.status != 200 or "<title>" not in page:
                return self.failure(
                    f"{address}/ answers {answer.status} instead of the page",
                    "The page is missing or cannot be read by nginx: run the installer again.",
                )
        async with http.get(f"{address}/health") as answer:
            if answer.status != 200:
                return self.failure(
                    f"nginx does not reach the appliance: {address}/health answers {answer.status}",
                    "Start the appliance, and compare server.listen, server.host and server.port"
                    " with `upstream appliance` in nginx's site file.",
                )
        async with http.get(f"{address}/metrics") as answer:
            if answer.status != 404:
                return self.failure(
                    f"nginx gives /metrics to the network ({answer.status})",
                    "The site file was changed; run the installer again to restore it.",
                )
        return self.ok(f"{address} serves the page and reaches the appliance")

    async def _by_every_name(self, finding: Finding, site: Site) -> Finding:
        """A name of the machine that is newer than the daemon is one that nginx alone knows."""
        async with site_client.visiting(site, any_name=True) as http:
            answers = {
                name: await site_client.greeted(http, site, name)
                for name in site_client.listed(site, "DNS")
            }
        refused = [f"{name} ({status})" for name, status in answers.items() if status != 204]
        if refused:
            return self.failure(
                f"nobody is let in by the name of {', '.join(refused)}",
                "Restart the appliance: `sudo systemctl restart voice-appliance`. If that does not"
                " help, nginx does not know the name: `sudo systemctl start voice-appliance-certs`"
                " tells it.",
            )
        by_name = f", also as {', '.join(answers)}" if answers else ""
        return self.ok(finding.message + by_name)


def unreachable(site: Site) -> str:
    """Advice for those who come after this check."""
    return f"See the check of the web page; nginx's settings are in {site.file}, and {_NGINX}."
