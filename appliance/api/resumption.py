"""Chooses the conversation of a new session: the one its client goes on with, or a new one.

An id that is somebody else's and one that never was are answered alike, with a new conversation.
"""

import logging
import uuid
from collections import OrderedDict

from aiohttp import web

from appliance.access.tokens import token_hash
from appliance.api.auth import sender
from appliance.api.dependencies import DEPENDENCIES
from appliance.api.middleware import token
from appliance.conversation import SELFTEST_PREFIX
from appliance.errors import BadRequest, NotFound, StoreError

log = logging.getLogger(__name__)

REMEMBERED = 10_000  # a household begins as many in years


class BegunConversations:
    """Whose the conversations are that began lately: what is said may not be committed yet."""

    def __init__(self) -> None:
        self._clients: OrderedDict[str, str] = OrderedDict()

    def add(self, conversation_id: str, client_id: str) -> None:
        self._clients[conversation_id] = client_id
        self._clients.move_to_end(conversation_id)
        if len(self._clients) > REMEMBERED:
            self._clients.popitem(last=False)

    def client(self, conversation_id: str) -> str | None:
        """The client that began it; None where that is not known."""
        return self._clients.get(conversation_id)


BEGUN = web.AppKey("begun", BegunConversations)


async def chosen_conversation(request: web.Request, wanted: str | None) -> tuple[str, bool]:
    """Returns the id of the conversation for a new session, and whether nothing was said in it yet.

    It is `wanted` where that is the sender's own, and a new one otherwise: also while none can be
    looked up. Raises BadRequest for an id that only a self-test may give to a conversation.
    """
    client_id = sender(request).client_id
    conversation_id, is_new = uuid.uuid4().hex, True
    if wanted and wanted.startswith(SELFTEST_PREFIX):
        if not await _is_selftest(request):
            raise BadRequest(f"ids that begin with {SELFTEST_PREFIX} belong to the self-test")
        conversation_id = wanted
    elif wanted and await _is_own(request, wanted):
        conversation_id, is_new = wanted, False
    request.app[BEGUN].add(conversation_id, client_id)
    return conversation_id, is_new


async def _is_own(request: web.Request, conversation_id: str) -> bool:
    deps, client_id = request.app[DEPENDENCIES], sender(request).client_id
    begun_by = request.app[BEGUN].client(conversation_id)
    if begun_by is not None:
        return begun_by == client_id
    try:
        owner = await deps.store.keeping.owner(conversation_id)
    except NotFound:
        return False
    except StoreError as error:
        log.error("a conversation cannot be resumed, a new one begins: %s", error.message)
        return False
    return not deps.paired_only or owner in (None, client_id)


async def _is_selftest(request: web.Request) -> bool:
    """Whether the sender shows the token of a self-test, with open access too."""
    clients = request.app[DEPENDENCIES].store.clients
    client = await clients.by_token_hash(token_hash(token(request) or ""))
    return client is not None and client.id.startswith(SELFTEST_PREFIX)
