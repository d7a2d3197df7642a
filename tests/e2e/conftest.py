"""What the tests of the page share: a daemon with open access behind nginx, and a Chromium."""

import shutil
import subprocess
from collections.abc import AsyncIterator, Iterator
from pathlib import Path

import pytest
import pytest_asyncio

from tests.daemon import running
from tests.e2e.browser import House, browser_for
from tests.e2e.browser_appliance import Place
from tests.install.conftest import Site, serving
from tests.install.shell import CERTIFICATE, INSTALL, ROOT, free_ports, succeed


@pytest.fixture(scope="module")
def page(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The built page, in a copy that a test may change."""
    build = ["bash", "-c", 'source "$1"; ensure_page', "tests", str(INSTALL)]
    subprocess.run(build, check=True, stdin=subprocess.DEVNULL, capture_output=True, timeout=300)
    return Path(shutil.copytree(ROOT / "web" / "dist", tmp_path_factory.mktemp("built") / "page"))


@pytest.fixture(scope="module")
def place(tmp_path_factory: pytest.TempPathFactory) -> Place:
    place = Place(tmp_path_factory.mktemp("house"), 0, 0, *free_ports(1))
    succeed(CERTIFICATE, place.certificates, "--host", "kitchen", "--address", "192.168.1.20")
    return place


@pytest.fixture(scope="module")
def front(place: Place, page: Path) -> Iterator[Site]:
    with serving(place.certificates, PAGE=str(page), UPSTREAM=f"127.0.0.1:{place.port}") as site:
        yield site


@pytest_asyncio.fixture(scope="module", loop_scope="module")
async def house(place: Place, front: Site, page: Path) -> AsyncIterator[House]:
    settings = {"APPLIANCE__SERVER__PORT": str(place.port)}
    async with (
        running(place.directory / "state", settings, seconds=150.0) as daemon,
        browser_for(place) as browser,
    ):
        yield House(front, daemon, browser, page)
