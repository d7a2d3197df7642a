"""What the commands of the command line do; each returns the text to print."""

import asyncio
import json
import time
from collections.abc import Mapping, Sequence
from contextlib import suppress
from dataclasses import asdict
from pathlib import Path
from typing import TYPE_CHECKING, Any, Literal
from urllib.parse import quote

from appliance.access.audit import COMMAND_LINE, DONE, Deed
from appliance.config.loader import Config, load
from appliance.errors import ApplianceError
from appliance.hardware import planner
from appliance.hardware.plan import describe
from appliance.network import nginx_site
from appliance.store import deletion, export, queries
from appliance.store.records import AuditEntry

if TYPE_CHECKING:
    import aiohttp

Format = Literal["json", "markdown"]

_JOINERS = "\u200c\u200d"  # of letters, and of the parts of an emoji: unseen, and harmless


def plan(config: Config, *, as_json: bool) -> str:
    chosen = planner.plan_for(config)
    return json.dumps(asdict(chosen), indent=2) if as_json else describe(chosen)


def conversation_list(config: Config, limit: int, *, as_json: bool) -> str:
    with queries.reading(config.store.path) as db:
        found = queries.conversations(db, limit=limit)
    if as_json:
        return json.dumps([asdict(summary) for summary in found], indent=2)
    rows = [(c.id, moment(c.updated_at), str(c.turns), c.title or "") for c in found]
    return table(("conversation", "last heard", "turns", "began with"), rows)


def conversation_text(config: Config, conversation_id: str, fmt: Format) -> str:
    with queries.reading(config.store.path) as db:
        return export.export(queries.conversation(db, conversation_id), fmt)


def conversation_search(config: Config, text: str, limit: int) -> str:
    with queries.reading(config.store.path) as db:
        found = queries.search(db, text, limit=limit)
    rows = [(hit.conversation_id, moment(hit.at), hit.excerpt) for hit in found]
    return table(("conversation", "when", "what"), rows)


async def conversation_delete(config: Config, conversation_id: str) -> None:
    """Asks the running appliance, which ends its session and its tasks first; without one, the
    database is all there is of it."""
    try:
        await _control(config, "DELETE", f"/conversations/{quote(conversation_id, safe='')}")
    except _NobodyAnswers:
        await asyncio.to_thread(_delete, config, conversation_id)


def _delete(config: Config, conversation_id: str) -> None:
    entry = AuditEntry(
        *(time.time(), Deed.DELETED, COMMAND_LINE, None, DONE, None, conversation_id)
    )
    deletion.delete(config.store.path, conversation_id, entry)


def bench(
    files: tuple[Path, ...],
    environ: Mapping[str, str],
    output: Path,
    options: Mapping[str, Any],
) -> int:
    """Measures, prints the tables, keeps the figures in `output`; the exit status.

    `options` are those of the command line, by name.
    """
    from rich.console import Console

    from appliance.bench import chart, report, suite
    from appliance.bench.contenders import BenchSetup

    config = load(files, environ)
    wanted = suite.wanted(options, has_models=len(planner.plan_for(config).stt.rungs) > 1)
    progress = Console(stderr=True)
    with progress.status("measuring") as status:
        around = BenchSetup(files, environ, status.update)
        results = asyncio.run(suite.measure(wanted, around))
    report.show(results, Console())
    output.write_text(json.dumps(results.as_json(), indent=2) + "\n", encoding="utf-8")
    if results.comparisons:
        picture = chart.drawing(results.comparisons)
        output.with_suffix(".svg").write_text(picture, encoding="utf-8")
    return 1 if results.unanswered else 0


async def pair(
    config: Config, role: str | None, minutes: float, address: str, *, fingerprint: bool
) -> str:
    """Asks the running appliance for a code; the QR code opens the page with it."""
    body: dict[str, Any] = {"minutes": minutes} | ({"role": role} if role else {})
    code = await _control(config, "POST", "/pair", body)
    spaced = f"{code['code'][:4]} {code['code'][4:]}"
    lines = [
        f"Pairing code: {spaced}   ({code['role']}, for {code['expires_in'] / 60:g} minutes, once)"
    ]
    where = _trust(config)
    if link := address or config.server.public_url or where.get("address", ""):
        lines += [f"Open {link} and enter it, or scan:", "", _qr(f"{link}/#pair={code['code']}")]
    if fingerprint and where.get("words"):
        lines += [
            "Compare before you trust its certificate, whose CA has the fingerprint",
            where["fingerprint"],
            f"which begins, in words: {where['words']}",
        ]
    return "\n".join(lines)


def _trust(config: Config) -> dict[str, str]:
    """What nginx's trust page tells: the best address, and the CA's words and fingerprint.

    Empty where there is no nginx, or a page that cannot be read.
    """
    if found := nginx_site.find(config.store.path.parent):
        with suppress(OSError, ValueError, LookupError):
            told = json.loads(found.trust.read_text(encoding="utf-8"))
            return {"address": found.url(told["host"]), **told}
    return {}


async def clients(config: Config, *, as_json: bool) -> str:
    everybody = (await _control(config, "GET", "/clients"))["clients"]
    if as_json:
        return json.dumps(everybody, indent=2)
    rows = [
        (c["id"], c["name"], c["role"], moment(c["seen_at"]), "revoked" if c["revoked_at"] else "")
        for c in everybody
    ]
    return table(("client", "name", "role", "last seen", ""), rows)


async def change_role(config: Config, client_id: str, role: str) -> None:
    await _control(config, "PATCH", f"/clients/{client_id}", {"role": role})


async def audit(config: Config, limit: int, *, as_json: bool) -> str:
    entries = (await _control(config, "GET", f"/audit?limit={limit}"))["audit"]
    if as_json:
        return json.dumps(entries, indent=2)
    heads = ("when", "what", "who", "from", "outcome", "client", "")
    keys = ("what", "who", "address", "outcome", "client_id", "detail")
    rows = [(moment(e["at"]), *(str(e[key] or "") for key in keys)) for e in entries]
    return table(heads, rows)


async def revoke(config: Config, client_id: str) -> None:
    await _control(config, "DELETE", f"/clients/{client_id}")


class _NobodyAnswers(ApplianceError):
    """The appliance does not run, or not for us."""


async def _control(
    config: Config, method: str, path: str, body: dict[str, Any] | None = None
) -> dict[str, Any]:
    """Asks the daemon over its control socket. Raises ApplianceError when it does not answer."""
    import aiohttp

    socket = config.store.path.parent / "control.sock"
    connector = aiohttp.UnixConnector(str(socket))
    try:
        async with (
            aiohttp.ClientSession(connector=connector) as http,
            http.request(method, f"http://appliance{path}", json=body) as answer,
        ):
            return await _checked(answer)
    except aiohttp.ClientConnectionError as error:
        raise _NobodyAnswers(
            f"the appliance does not answer at {socket}",
            advice="Is it running, with the same configuration, and are you root or its user?",
        ) from error


async def _checked(answer: "aiohttp.ClientResponse") -> dict[str, Any]:
    body: dict[str, Any] = await answer.json() if answer.status != 204 else {}
    if answer.status >= 400:
        fault = body.get("error", {})
        raise ApplianceError(str(fault.get("message")), advice=str(fault.get("advice")))
    return body


def _qr(link: str) -> str:
    import io

    import segno

    drawn = io.StringIO()
    segno.make(link, error="m").terminal(drawn, compact=True, border=2)
    return drawn.getvalue()


def moment(seconds: float) -> str:
    from datetime import datetime

    return datetime.fromtimestamp(seconds).astimezone().strftime("%Y-%m-%d %H:%M")


def table(heads: tuple[str, ...], rows: Sequence[tuple[str, ...]]) -> str:
    """Left-aligned columns, as wide as what stands in them.

    Names are their clients' to choose, and this goes to the terminal of an administrator: what is
    no printable text is shown as Python would write it.
    """
    rows = [tuple(map(_printable, row)) for row in rows]
    widths = [max(len(row[i]) for row in [heads, *rows]) for i in range(len(heads))]
    lines = [heads, tuple("-" * width for width in widths), *rows]
    return "\n".join(
        "  ".join(cell.ljust(width) for cell, width in zip(line, widths, strict=True)).rstrip()
        for line in lines
    )


def _printable(text: str) -> str:
    return "".join(c if c.isprintable() or c in _JOINERS else repr(c)[1:-1] for c in text)
