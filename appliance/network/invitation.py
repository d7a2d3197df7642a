"""Invites another device: a link with a pairing code, its QR code, and the words of the CA."""

import json
from collections.abc import Iterator, Sequence
from contextlib import suppress
from dataclasses import dataclass
from pathlib import Path

from appliance.network import nginx_site

MARGIN = 4  # modules of light around a QR code, which its standard asks for


@dataclass(frozen=True, slots=True)
class TrustFacts:
    """What a person needs to trust the certificate: best address, fingerprint, its words.

    Empty where there is no nginx site of the appliance or its trust page cannot be read.
    """

    address: str = ""
    fingerprint: str = ""
    words: str = ""


def trust_facts(state: Path) -> TrustFacts:
    """Reads the trust page of the appliance with this state directory."""
    if site := nginx_site.find(state):
        with suppress(OSError, ValueError, LookupError):
            trust = json.loads(site.trust.read_text(encoding="utf-8"))
            address = site.url(trust["host"])
            return TrustFacts(address, trust.get("fingerprint", ""), trust.get("words", ""))
    return TrustFacts()


def pairing_link(address: str, digits: str) -> str:
    """Returns the link that opens the page with the code; a fragment is sent to no server."""
    return f"{address.rstrip('/')}/#pair={digits}"


@dataclass(frozen=True, slots=True)
class QrDrawing:
    """A QR code as the path of an SVG whose viewBox is `0 0 size size`, margin included."""

    size: int
    path: str


def qr_drawing(link: str) -> QrDrawing:
    """Draws the QR code of a link."""
    import segno

    rows = [bytes(row) for row in segno.make(link, error="m").matrix]
    moves = [
        f"M{MARGIN + x} {MARGIN + y}h{length}v1h-{length}z"
        for y, row in enumerate(rows)
        for x, length in _runs(row)
    ]
    return QrDrawing(len(rows) + 2 * MARGIN, "".join(moves))


def _runs(row: Sequence[int]) -> Iterator[tuple[int, int]]:
    """Yields the dark runs of a row: where each begins, and its length."""
    begin: int | None = None
    for x, module in enumerate((*row, 0)):
        if module and begin is None:
            begin = x
        elif not module and begin is not None:
            yield begin, x - begin
            begin = None
