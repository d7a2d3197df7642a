"""Keeps what each client prefers."""

from typing import TYPE_CHECKING

from appliance.store.connection import Perform

if TYPE_CHECKING:
    from sqlite_utils import Database


class Preferences:
    """The table of preferences. Methods raise StoreError."""

    def __init__(self, write: Perform, read: Perform) -> None:
        self._write = write
        self._read = read

    async def keeps_conversations(self, client_id: str) -> bool:
        """Whether the client's conversations are kept, unless it says otherwise in one."""

        def query(db: "Database") -> bool:
            statement = "SELECT keep_conversations FROM preferences WHERE client_id = ?"
            row = db.execute(statement, (client_id,)).fetchone()
            return row is None or bool(row[0])

        return await self._read(query)

    async def set_keeps_conversations(self, client_id: str, keep: bool) -> None:
        """Sets it for the conversations that begin from now on."""
        await self._write(
            lambda db: db.execute(
                "INSERT INTO preferences (client_id, keep_conversations) VALUES (?, ?)"
                " ON CONFLICT (client_id) DO UPDATE SET"
                " keep_conversations = excluded.keep_conversations",
                (client_id, int(keep)),
            )
        )
