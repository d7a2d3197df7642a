"""Checks that the certificate is valid, lasts, and covers every address of this machine."""

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

MIN_REMAINING = timedelta(days=30)  # renewal is due at 60 days; at 30 it has failed

_RENEW = "`sudo systemctl start voice-appliance-certs` (or the installer again) makes it anew"
_RENEW_OWN = (
    "It is one of your own: renew it where it stands, and `sudo systemctl start"
    " voice-appliance-certs` lets nginx read it"
)


class CertificateCheck(BaseCheck):
    name: ClassVar[str] = "certificate"
    title: ClassVar[str] = "Certificate"
    limit: ClassVar[float] = 20.0

    async def run(self, context: CheckContext) -> Finding:
        if context.site is None:
            return self.skipped("no nginx serves the appliance here")
        try:
            certificate = await site_client.fetch_certificate(context.site)
        except ssl.SSLCertVerificationError as error:
            return self.failure(
                f"it does not verify: {error.verify_message}",
                f"{_renewal(context.site)}. If the clock is wrong, set that first.",
            )
        except OSError as error:
            return self.failure(
                f"nginx serves none at port {context.site.port}: {error}", unreachable(context.site)
            )
        return self.judge(certificate, context.site, context.addresses, datetime.now(UTC))

    def judge(
        self,
        certificate: site_client.ServedCertificate,
        site: Site,
        own: tuple[str, ...],
        now: datetime,
    ) -> Finding:
        """`own` are the addresses of this machine, by which other machines reach it."""
        days, renew = (certificate.ends - now).days, _renewal(site)
        until = f"valid until {certificate.ends:%Y-%m-%d}"
        lacking = [name for name in _required_names(site, own) if name not in certificate.names]
        if now < certificate.begins:
            finding = self.failure(
                f"it begins to be valid on {certificate.begins:%Y-%m-%d}, which is not yet",
                f"Set the clock (`timedatectl`); if the clock is right: {renew}.",
            )
        elif now >= certificate.ends:
            finding = self.failure(f"it ended on {certificate.ends:%Y-%m-%d}", f"{renew}.")
        elif certificate.ends - now < MIN_REMAINING:
            finding = self.warning(
                f"{until}, for {days} more days",
                f"Its renewal fails: `systemctl status voice-appliance-certs` tells why. {renew}.",
            )
        elif lacking:
            finding = self.warning(
                f"{until}, but not for {', '.join(lacking)}",
                f"Browsers that come by that name are warned. {renew}, with all of them.",
            )
        elif not certificate.known_issuer:
            finding = self.warning(
                f"{until}, for {', '.join(certificate.names)},"
                f" by {certificate.issuer}, unknown to this machine",
                "It is one of your own: browsers that do not know who signed it warn of it. To"
                " this machine, the signer is made known with `sudo update-ca-certificates`.",
            )
        else:
            finding = self.ok(
                f"{until}, for {', '.join(certificate.names)}, by {certificate.issuer}"
            )
        return finding.with_figures(days_left=days)


def _renewal(site: Site) -> str:
    return _RENEW if site.authority else _RENEW_OWN


def _required_names(site: Site, own: tuple[str, ...]) -> list[str]:
    """The names by which browsers on the local network open the page.

    They are those that nginx/certificate.sh chooses: the owner's, else every private address of
    this machine. For a certificate of the owner's own, none are required.
    """
    if site.authority is None:
        return []
    if site.address != ANYWHERE:
        return [site.address]
    hosts, chosen = _options(site, "--host"), _options(site, "--address")
    host = (hosts or [socket.gethostname()])[-1].lower().partition(".")[0]
    named = re.fullmatch("[a-z0-9]([a-z0-9-]*[a-z0-9])?", host)
    numbers = [each.lower() for each in chosen or own if addresses.is_home_address(each)]
    return [*numbers, f"{host}.local"] if named else numbers


def _options(site: Site, option: str) -> list[str]:
    """The values of an option of certificate.sh, which stores them beside the certificate."""
    try:
        words = site.certificate.with_name("options").read_text(encoding="utf-8").splitlines()
    except OSError:
        return []
    return [value for word, value in itertools.pairwise(words) if word == option]
