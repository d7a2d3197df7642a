"""Formats findings, reports and the history of reports for the terminal."""

import ipaddress
import socket
import textwrap
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import suppress
from datetime import datetime
from typing import Any
from urllib.parse import urlsplit

from appliance.network.nginx_site import Site
from appliance.selftest import site_client
from appliance.selftest.check import Finding, SelftestReport, Verdict
from appliance.selftest.context import CheckContext

MARKS: Mapping[Verdict, tuple[str, str]] = {
    Verdict.OK: ("ok", "green"),
    Verdict.WARNING: ("warning", "yellow"),
    Verdict.FAILURE: ("FAILURE", "red"),
    Verdict.SKIPPED: ("skipped", "bright_black"),
}
_INDENT = 27
_HISTORY_HEADS = ("when", "result", "failed", "to look at", "good", "version")

Paint = Callable[[str, str], str]
"""Gives a text a colour, or returns it unchanged."""


def finding_row(finding: Finding, paint: Paint, width: int) -> str:
    """One finding: mark, title and message, and below it the advice."""
    mark, colour = MARKS[finding.verdict]
    lines = _wrap(finding.message, width)
    if finding.advice and finding.verdict in (Verdict.WARNING, Verdict.FAILURE):
        lines += [
            "→ " + line if not n else "  " + line
            for n, line in enumerate(_wrap(finding.advice, width - 2))
        ]
    head = f"{paint(f'{mark:8}', colour)}  {finding.title:16} {lines[0]}"
    return "\n".join([head, *(" " * _INDENT + line for line in lines[1:])])


def _wrap(text: str, width: int) -> list[str]:
    # People copy addresses, paths and commands from here, so none of them is broken.
    return textwrap.wrap(
        text, max(40, width - _INDENT), break_long_words=False, break_on_hyphens=False
    ) or [""]


def summary_line(report: SelftestReport, paint: Paint) -> str:
    """The last line of a report: counts and duration."""
    counts = [
        f"{report.count(verdict)} {word}"
        for verdict, word in ((Verdict.FAILURE, "failed"), (Verdict.WARNING, "to look at"))
        if report.count(verdict)
    ]
    summary = ", ".join([*counts, f"{report.count(Verdict.OK)} good"])
    return paint(f"{summary}, in {report.seconds:.0f} s", MARKS[report.verdict][1])


def history_entry(report: Mapping[str, Any]) -> dict[str, Any]:
    """The fields of a stored report that the history shows."""
    keys = ("started_at", "seconds", "version", "verdict", "counts")
    return {key: report.get(key) for key in keys}


def history_table(reports: Sequence[Mapping[str, Any]]) -> str:
    """Stored reports, given oldest first, as a table with the newest first."""
    if not reports:
        return "It has not been tested yet."
    rows = [_HISTORY_HEADS, *(_history_row(report) for report in reversed(reports))]
    widths = [max(map(len, column)) for column in zip(*rows, strict=True)]
    return "\n".join(
        "  ".join(cell.ljust(width) for cell, width in zip(row, widths, strict=True)).rstrip()
        for row in rows
    )


def _history_row(report: Mapping[str, Any]) -> tuple[str, ...]:
    counts = report.get("counts") or {}
    began = datetime.fromtimestamp(report.get("started_at") or 0).astimezone()
    return (
        began.strftime("%Y-%m-%d %H:%M"),
        str(report.get("verdict", "")),
        *(str(counts.get(verdict, 0)) for verdict in ("failure", "warning", "ok")),
        str(report.get("version", "")),
    )


# Names that every machine has; they identify nobody.
_COMMON = {"", "localhost", "localhost.localdomain"}


async def identifying_names(context: CheckContext) -> tuple[str, ...]:
    """Hosts, addresses and certificate authorities that a finding may name, in lower case.

    They are those of the machine, of every URL in the configuration, and of nginx's certificate.
    """
    found = {*context.addresses, *_machine_names(), *_url_hosts(context.config.model_dump())}
    if context.site:
        found.update(site_client.served_names(context.site, "DNS", "IP"))
        with suppress(OSError):
            certificate = await site_client.fetch_certificate(context.site)
            found.update(_certificate_names(certificate, context.site))
    return tuple(sorted({name.lower() for name in found if _is_identifying(name.lower())}))


def _machine_names() -> Iterator[str]:
    name = socket.gethostname()
    yield name
    yield name.partition(".")[0]


def _url_hosts(value: object) -> Iterator[str]:
    """The host of every URL in the configuration."""
    if isinstance(value, dict):
        for each in value.values():
            yield from _url_hosts(each)
    elif isinstance(value, list | tuple):
        for each in value:
            yield from _url_hosts(each)
    elif isinstance(value, str) and "://" in value:
        with suppress(ValueError):
            yield urlsplit(value).hostname or ""


def _certificate_names(certificate: site_client.ServedCertificate, site: Site) -> Iterator[str]:
    for name in certificate.names:
        yield name.removeprefix("*.")
    # A public authority has thousands of customers; an unknown one may bear a family's name.
    if site.authority is not None or not certificate.known_issuer:
        yield certificate.issuer


def _is_identifying(name: str) -> bool:
    with suppress(ValueError):
        return not ipaddress.ip_address(name).is_loopback
    return name not in _COMMON
