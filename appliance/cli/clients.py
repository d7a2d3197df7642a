"""`appliance pair` and `appliance clients …`: pairs clients and manages those that are paired.

All of it goes through the running daemon, which holds the pairing codes and the open sessions.
"""

import asyncio
import io
import json
from pathlib import Path
from typing import Any

import click

from appliance.cli import control
from appliance.cli.options import config_option, configuration, json_option
from appliance.cli.output import local_time, table
from appliance.config.loader import Config
from appliance.network.invitation import pairing_link, trust_facts

_ROLE = click.Choice(["guest", "user", "admin"])


@click.command()
@config_option
@click.option("--role", type=_ROLE, default=None)
@click.option("--minutes", type=float, default=None, help="Minutes for which the code works.")
@click.option("--address", default="", help="The address in the QR code.")
@click.option(
    "--fingerprint/--no-fingerprint",
    default=True,
    help="Show the fingerprint of the certificate's CA.",
)
def pair(
    files: tuple[Path, ...],
    role: str | None,
    minutes: float | None,
    address: str,
    fingerprint: bool,
) -> None:
    """Prints a pairing code, as a QR code too, the page's address, and the CA's fingerprint.

    Without --role the first client becomes administrator and later ones users.
    """
    config = configuration(files)
    body: dict[str, Any] = {"minutes": minutes or config.access.pairing_minutes}
    body |= {"role": role} if role else {}
    code = asyncio.run(control.request(config, "POST", "/pair", body))
    click.echo(_pairing_instructions(config, code, address, fingerprint=fingerprint))


def _pairing_instructions(
    config: Config, code: dict[str, Any], address: str, *, fingerprint: bool
) -> str:
    """The code as text and as a QR code that opens the page with it."""
    digits = code["code"]
    lines = [
        f"Pairing code: {digits[:4]} {digits[4:]}"
        f"   ({code['role']}, for {code['expires_in'] / 60:g} minutes, once)"
    ]
    trust = trust_facts(config.store.path.parent)
    if link := address or config.server.public_url or trust.address:
        qr_code = _qr_code(pairing_link(link, digits))
        lines += [f"Open {link} and enter it, or scan:", "", qr_code]
    if fingerprint and trust.words:
        lines += [
            "Compare before you trust its certificate, whose CA has the fingerprint",
            trust.fingerprint,
            f"which begins, in words: {trust.words}",
        ]
    return "\n".join(lines)


def _qr_code(link: str) -> str:
    import segno

    drawing = io.StringIO()
    segno.make(link, error="m").terminal(drawing, compact=True, border=2)
    return drawing.getvalue()


@click.group("clients")
def clients_group() -> None:
    """Lists the paired clients, changes their roles, revokes them, and shows the audit trail."""


@clients_group.command("list")
@config_option
@json_option
def list_clients(files: tuple[Path, ...], as_json: bool) -> None:
    """Lists all clients that were paired."""
    clients = asyncio.run(control.request(configuration(files), "GET", "/clients"))["clients"]
    if as_json:
        click.echo(json.dumps(clients, indent=2))
        return
    rows = [
        (
            *(client["id"], client["name"], client["role"], local_time(client["seen_at"])),
            "revoked" if client["revoked_at"] else "",
        )
        for client in clients
    ]
    click.echo(table(("client", "name", "role", "last seen", ""), rows))


@clients_group.command("revoke")
@config_option
@click.argument("client_id")
def revoke_client(files: tuple[Path, ...], client_id: str) -> None:
    """Revokes a client's access; its sessions end at once."""
    asyncio.run(control.request(configuration(files), "DELETE", f"/clients/{client_id}"))
    click.echo(f"{client_id} may no longer talk.")


@clients_group.command("role")
@config_option
@click.argument("client_id")
@click.argument("role", type=_ROLE)
def change_role(files: tuple[Path, ...], client_id: str, role: str) -> None:
    """Changes the role of a client.

    A guest may talk; a user also has history and agents of their own; an admin may do everything.
    """
    path = f"/clients/{client_id}"
    asyncio.run(control.request(configuration(files), "PATCH", path, {"role": role}))
    click.echo(f"{client_id} is now {role}.")


@clients_group.command("audit")
@config_option
@click.option("--limit", type=click.IntRange(1, 1000), default=50)
@json_option
def show_audit(files: tuple[Path, ...], limit: int, as_json: bool) -> None:
    """Lists admissions, refusals, revocations, deletions and exports, newest first."""
    path = f"/audit?limit={limit}"
    entries = asyncio.run(control.request(configuration(files), "GET", path))["audit"]
    if as_json:
        click.echo(json.dumps(entries, indent=2))
        return
    heads = ("when", "what", "who", "from", "outcome", "client", "")
    keys = ("what", "who", "address", "outcome", "client_id", "detail")
    rows = [(local_time(e["at"]), *(str(e[key] or "") for key in keys)) for e in entries]
    click.echo(table(heads, rows))
