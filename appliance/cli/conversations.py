"""`appliance conversations …`: lists, shows, exports, searches and deletes conversations.

Reading goes to the database file directly, so it works whether or not the daemon runs.
"""

import asyncio
import json
import time
from dataclasses import asdict
from pathlib import Path
from typing import Any
from urllib.parse import quote

import click

from appliance.access.audit import COMMAND_LINE, DONE, AuditAction
from appliance.app.retention import limits_of
from appliance.cli import control
from appliance.cli.options import config_option, configuration, json_option
from appliance.cli.output import local_time, table
from appliance.config.loader import Config
from appliance.store import erasure, queries
from appliance.store.deletion import recordings_beside
from appliance.store.export import Format, pieces
from appliance.store.records import AuditEntry
from appliance.store.retention import Expired, expired

_LIMIT = click.IntRange(1, 10_000)


@click.group("conversations")
def conversations_group() -> None:
    """Lists, shows, exports, searches and deletes conversations."""


@conversations_group.command("list")
@config_option
@click.option("--limit", type=_LIMIT, default=20)
@json_option
def list_conversations(files: tuple[Path, ...], limit: int, as_json: bool) -> None:
    """Lists the newest conversations."""
    with queries.reading(configuration(files).store.path) as db:
        found = queries.conversations(db, limit=limit)
    if as_json:
        click.echo(json.dumps([asdict(summary) for summary in found], indent=2))
        return
    rows = [(c.id, local_time(c.updated_at), str(c.turns), c.title or "") for c in found]
    click.echo(table(("conversation", "last heard", "turns", "began with"), rows))


@conversations_group.command("show")
@config_option
@click.argument("conversation_id")
def show_conversation(files: tuple[Path, ...], conversation_id: str) -> None:
    """Shows one conversation as text."""
    _export(configuration(files), conversation_id, "markdown")


@conversations_group.command("export")
@config_option
@click.argument("conversation_id")
@click.option("--format", "fmt", type=click.Choice(["json", "markdown"]), default="json")
def export_conversation(files: tuple[Path, ...], conversation_id: str, fmt: Format) -> None:
    """Exports one conversation with all its events."""
    _export(configuration(files), conversation_id, fmt)


def _export(config: Config, conversation_id: str, fmt: Format) -> None:
    with queries.reading(config.store.path) as db:
        for piece in pieces(db, conversation_id, fmt):
            click.echo(piece, nl=False)


@conversations_group.command("search")
@config_option
@click.argument("text")
@click.option("--limit", type=_LIMIT, default=20)
def search_conversations(files: tuple[Path, ...], text: str, limit: int) -> None:
    """Searches all conversations for words."""
    with queries.reading(configuration(files).store.path) as db:
        found = queries.search(db, text, limit=limit)
    rows = [(hit.conversation_id, local_time(hit.at), hit.excerpt) for hit in found]
    click.echo(table(("conversation", "when", "what"), rows))


@conversations_group.command("expired")
@config_option
@json_option
def list_expired(files: tuple[Path, ...], as_json: bool) -> None:
    """Lists what the settings of retention would delete now, and deletes nothing."""
    config = configuration(files)
    limits, path = limits_of(config.retention), config.store.path
    with queries.reading(path) as db:
        found = expired(db, recordings_beside(path), limits, time.time())
    if as_json:
        click.echo(json.dumps(_expired_as_json(found), indent=2))
        return
    rows = [(kind.value, str(count)) for kind, count in found.counts().items() if kind in limits]
    click.echo(table(("kept in part", "to be deleted"), rows) if rows else "All is kept for ever.")
    old = dict((*found.conversations, *found.over_size))
    if old:
        click.echo()
        click.echo(table(("conversation", "last heard"), [(i, local_time(old[i])) for i in old]))


def _expired_as_json(found: Expired) -> dict[str, Any]:
    return {
        "conversations": [conversation_id for conversation_id, _ in found.conversations],
        "size": [conversation_id for conversation_id, _ in found.over_size],
        "recordings": [f"{one.conversation_id}/{one.recording_id}" for one in found.recordings],
        "tasks": list(found.tasks),
        "audit": found.audit,
    }


@conversations_group.command("delete")
@config_option
@click.argument("conversation_id")
@click.confirmation_option(prompt="Forget this conversation for good?")
def delete_conversation(files: tuple[Path, ...], conversation_id: str) -> None:
    """Deletes a conversation so that its words are in no file any more."""
    asyncio.run(_delete(configuration(files), conversation_id))
    click.echo("Forgotten.")


async def _delete(config: Config, conversation_id: str) -> None:
    """Deletes through the daemon, which first ends the conversation's session and tasks.

    Where no daemon runs, nothing but the database knows the conversation.
    """
    try:
        await control.request(config, "DELETE", f"/conversations/{quote(conversation_id, safe='')}")
    except control.DaemonUnreachable:
        await asyncio.to_thread(_delete_from_file, config, conversation_id)


def _delete_from_file(config: Config, conversation_id: str) -> None:
    entry = AuditEntry(
        *(time.time(), AuditAction.DELETED, COMMAND_LINE, None, DONE, None, conversation_id)
    )
    erasure.delete(config.store.path, conversation_id, entry)
