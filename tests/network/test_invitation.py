"""Invitations: the link with the code, its QR code as a drawing, and the words of the CA."""

import json
import re
from pathlib import Path

import segno
from hypothesis import given
from hypothesis import strategies as st

from appliance.network.invitation import (
    MARGIN,
    QrDrawing,
    TrustFacts,
    pairing_link,
    qr_drawing,
    trust_facts,
)

RECTANGLE = re.compile(r"M(\d+) (\d+)h(\d+)v1h-(\d+)z")


def dark_modules(drawing: QrDrawing) -> list[tuple[int, int]]:
    """The modules that a path fills, each as often as it does so."""
    assert not RECTANGLE.sub("", drawing.path)
    runs = [tuple(map(int, found)) for found in RECTANGLE.findall(drawing.path)]
    assert all(length == back for _, _, length, back in runs)
    return [(x + step, y) for x, y, length, _ in runs for step in range(length)]


@given(st.sampled_from(["https://box.local", "https://10.0.0.7:8443"]), st.integers(0, 10**8 - 1))
def test_the_drawing_fills_the_dark_modules_once_and_no_other(host: str, code: int) -> None:
    link = pairing_link(host, f"{code:08}")
    drawing, matrix = qr_drawing(link), segno.make(link, error="m").matrix
    assert drawing.size == len(matrix) + 2 * MARGIN
    dark = dark_modules(drawing)
    assert len(dark) == len(set(dark))
    assert set(dark) == {
        (x + MARGIN, y + MARGIN)
        for y, row in enumerate(matrix)
        for x, module in enumerate(row)
        if module
    }


def test_the_code_stands_in_the_fragment_which_no_server_gets() -> None:
    assert pairing_link("https://box.local/", "01234567") == "https://box.local/#pair=01234567"


def test_the_facts_of_the_trust_page(tmp_path: Path) -> None:
    assert trust_facts(tmp_path) == TrustFacts()
    site = tmp_path / "nginx"
    site.mkdir()
    (site / "site.conf").write_text(
        "server {\n  listen 0.0.0.0:8443 ssl;\n  ssl_certificate /x/server.crt;\n}\n"
    )
    assert trust_facts(tmp_path) == TrustFacts()
    page = {"host": "box.local", "fingerprint": "AB:CD", "words": "acid age"}
    (site / "trust.json").write_text(json.dumps(page))
    assert trust_facts(tmp_path) == TrustFacts("https://box.local:8443", "AB:CD", "acid age")
