"""Runs one appliance with open access and one with pairing, for all tests of the API."""

from collections.abc import AsyncIterator

import pytest
import pytest_asyncio

from tests.daemon import Daemon, running


@pytest_asyncio.fixture(scope="package", loop_scope="package")
async def daemon(tmp_path_factory: pytest.TempPathFactory) -> AsyncIterator[Daemon]:
    async with running(tmp_path_factory.mktemp("open")) as daemon:
        yield daemon


@pytest_asyncio.fixture(scope="package", loop_scope="package")
async def paired_daemon(tmp_path_factory: pytest.TempPathFactory) -> AsyncIterator[Daemon]:
    overrides = {
        "APPLIANCE__ACCESS__MODE": "paired",
        "APPLIANCE__ACCESS__SESSIONS_PER_MINUTE": "6",
        "APPLIANCE__ACCESS__ORIGINS": '["https://friend.example"]',
        "APPLIANCE__LLM__BASE_URL": "https://somebody:password@models.example/v1",
    }
    async with running(tmp_path_factory.mktemp("paired"), overrides) as daemon:
        yield daemon
