"""Is the certificate valid now and for a while, and for every address of this machine?"""

import itertools
import re
import socket
import ssl
from datetime import UTC, datetime, timedelta
from typing import ClassVar

from appliance.network import addresses
from appliance.network.nginx_site import ANYWHERE, Site
from appliance.selftest import site_client
from appliance.selftest.check import BaseCheck, Finding
from appliance.selftest.checks.nginx import unreachable
from appliance.selftest.context import CheckContext

SPARE = timedelta(days=30)  # it is renewed when 60 days are left; with 30, that has failed

_RENEW = "`sudo systemctl start voice-appliance-certs` (or the installer again) makes it anew"
_RENEW_OWN = (
    "It is one of your own: renew it where it stands, and `sudo systemctl start"
    " voice-appliance-certs` lets nginx read it"
)


class CertificateCheck(BaseCheck):
    name: ClassVar[str] = "certificate"
    title: ClassVar[str] = "Certificate"
    limit: ClassVar[float] = 20.0

    async def run(self, facts: CheckContext) -> Finding:
        if facts.site is None:
            return self.skipped("no nginx serves the appliance here")
        try:
            shown = await site_client.shown(facts.site)
        except ssl.SSLCertVerificationError as error:
            return self.failure(
                f"it does not verify: {error.verify_message}",
                f"{_renewal(facts.site)}. If the clock is wrong, set that first.",
            )
        except OSError as error:
            return self.failure(
                f"nginx shows none at port {facts.site.port}: {error}", unreachable(facts.site)
            )
        return self.judge(shown, facts.site, facts.addresses, datetime.now(UTC))

    def judge(
        self, shown: site_client.Shown, site: Site, own: tuple[str, ...], now: datetime
    ) -> Finding:
        """`own` are the addresses of this machine."""
        days, renew = (shown.ends - now).days, _renewal(site)
        until = f"valid until {shown.ends:%Y-%m-%d}"
        lacking = [name for name in _wanted(site, own) if name not in shown.names]
        if now < shown.begins:
            finding = self.failure(
                f"it begins to be valid on {shown.begins:%Y-%m-%d}, which is not yet",
                f"Set the clock (`timedatectl`); if the clock is right: {renew}.",
            )
        elif now >= shown.ends:
            finding = self.failure(f"it ended on {shown.ends:%Y-%m-%d}", f"{renew}.")
        elif shown.ends - now < SPARE:
            finding = self.warning(
                f"{until}, for {days} more days",
                f"Its renewal fails: `systemctl status voice-appliance-certs` tells why. {renew}.",
            )
        elif lacking:
            finding = self.warning(
                f"{until}, but not for {', '.join(lacking)}",
                f"Browsers that come by that name are warned. {renew}, with all of them.",
            )
        elif not shown.vouched:
            finding = self.warning(
                f"{until}, for {', '.join(shown.names)},"
                f" by {shown.issuer}, unknown to this machine",
                "It is one of your own: browsers that do not know who signed it warn of it. To"
                " this machine, the signer is made known with `sudo update-ca-certificates`.",
            )
        else:
            finding = self.ok(f"{until}, for {', '.join(shown.names)}, by {shown.issuer}")
        return finding.with_figures(days_left=days)


def _renewal(site: Site) -> str:
    return _RENEW if site.authority else _RENEW_OWN


def _wanted(site: Site, own: tuple[str, ...]) -> list[str]:
    """The names by which browsers in the house come in; of a foreign certificate none is known.

    As nginx/certificate.sh has it: what the owner chose, else every address of this machine in a
    home network.
    """
    if site.authority is None:
        return []
    if site.address != ANYWHERE:
        return [site.address]
    hosts, chosen = _chosen(site, "--host"), _chosen(site, "--address")
    host = (hosts or [socket.gethostname()])[-1].lower().partition(".")[0]
    named = re.fullmatch("[a-z0-9]([a-z0-9-]*[a-z0-9])?", host)
    numbers = [each.lower() for each in chosen or own if addresses.at_home(each)]
    return [*numbers, f"{host}.local"] if named else numbers


def _chosen(site: Site, option: str) -> list[str]:
    """What certificate.sh was told by that option, which it keeps beside the certificate."""
    try:
        words = site.certificate.with_name("options").read_text(encoding="utf-8").splitlines()
    except OSError:
        return []
    return [value for word, value in itertools.pairwise(words) if word == option]
