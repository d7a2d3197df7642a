"""A database in a temporary directory."""

from collections.abc import AsyncIterator
from pathlib import Path

import pytest

from appliance.store.store import Store


@pytest.fixture
def path(tmp_path: Path) -> Path:
    return tmp_path / "data" / "voice_conversations.db"


@pytest.fixture
async def store(path: Path) -> AsyncIterator[Store]:
    opened = Store.open(path)
    yield opened
    await opened.close()
