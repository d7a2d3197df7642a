"""Tells people when what is said cannot be kept: on every page, and once by voice."""

import asyncio
from collections.abc import Callable
from typing import Final

from appliance.app.audience import Audience
from appliance.languages.phrases import phrases
from appliance.wire import ConnectedClient, NoticeMessage

PERIOD = 2.0  # seconds; a look at two flags and one file

NOTICES: Final = {
    "full": NoticeMessage(
        "What you say is not being kept: the disk is full or cannot be written.",
        "Make room on the disk; the appliance then goes on by itself.",
    ),
    "damaged": NoticeMessage(
        "What you say is not being kept: the history is damaged.",
        "Restart the appliance; it saves what can be read and begins a new history.",
    ),
    "missing": NoticeMessage(
        "What you say is not being kept: the file of the history was removed.",
        "Restart the appliance; it begins a new history.",
    ),
}
OVER = NoticeMessage("What you say is being kept again.")


class HistoryWatch:
    """`trouble` returns a key of NOTICES, or "" while everything is kept."""

    def __init__(self, trouble: Callable[[], str], audience: Audience) -> None:
        self._trouble = trouble
        self._audience = audience
        self._told = ""
        self._spoken: set[str] = set()

    async def run(self) -> None:
        """Looks again and again, until cancelled."""
        while True:
            await self.look()
            await asyncio.sleep(PERIOD)

    async def look(self) -> None:
        """Tells every page of a change; the first of each kind is also said, where it is heard."""
        trouble = self._trouble()
        if trouble != self._told:
            self._told = trouble
            self._audience.send_message(NOTICES[trouble] if trouble else OVER)
        if trouble and trouble not in self._spoken:
            key = f"history_{trouble}"
            if await self._audience.tell(lambda language: phrases(language).say(key)):
                self._spoken.add(trouble)

    def client_connected(self, client: ConnectedClient) -> None:
        """Tells a page that connects during the trouble."""
        if self._told:
            client.send_message(NOTICES[self._told])
