"""Is the door closed to strangers?"""

import ipaddress
from typing import ClassVar

from appliance.selftest import Finding, Named
from appliance.selftest.facts import Facts


class Access(Named):
    name: ClassVar[str] = "access"
    title: ClassVar[str] = "Access"
    limit: ClassVar[float] = 5.0

    async def run(self, facts: Facts) -> Finding:
        server = facts.config.server
        exposed = not server.listen and not _is_loopback(server.host)
        if exposed:
            return self.warning(
                f"the appliance itself listens on {server.host}, without TLS",
                'Set server.host = "127.0.0.1" and let nginx stand before it: browsers give a'
                " microphone to https only, and nginx holds off floods.",
            )
        if facts.config.access.mode == "paired":
            return self.ok("only paired clients")
        if facts.site is None:
            return self.ok("open, but nothing outside this machine reaches it")
        return self.warning(
            "open: everybody on the network may talk, and read and delete what was said",
            'Set access.mode = "paired", restart the appliance, and pair browsers with'
            " `appliance pair`.",
        )


def _is_loopback(host: str) -> bool:
    try:
        return ipaddress.ip_address(host).is_loopback
    except ValueError:
        return host == "localhost"
