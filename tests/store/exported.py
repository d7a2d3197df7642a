"""Reads an export as a whole."""

from appliance.store.export import Format
from appliance.store.store import Store


async def exported(store: Store, conversation_id: str, fmt: Format = "json") -> str:
    return "".join([piece async for piece in store.export(conversation_id, fmt)])
