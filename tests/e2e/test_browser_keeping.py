"""What a household keeps, in a real browser: an alarm without a call, tasks, conversations."""

import sys
from collections.abc import AsyncIterator
from pathlib import Path
from urllib.parse import urljoin

import pytest
import pytest_asyncio

from tests.agents.conftest import FAKE_CLAUDE
from tests.e2e.browser import Visit, browser_for, visiting
from tests.e2e.browser_appliance import Place, installed

pytestmark = [
    pytest.mark.browser,
    pytest.mark.timeout(240),
    pytest.mark.asyncio(loop_scope="module"),
]

# Counts the strokes of a bell that the page plays; before any script of the page runs.
COUNT_STROKES = """
window.strokes = 0;
const start = OscillatorNode.prototype.start;
OscillatorNode.prototype.start = function (...when) {
  window.strokes += 1;
  return start.apply(this, when);
};
"""


@pytest_asyncio.fixture(scope="module", loop_scope="module")
async def visit(tmp_path_factory: pytest.TempPathFactory) -> AsyncIterator[Visit]:
    place = Place.new(tmp_path_factory.mktemp("keeping"))
    project = place.directory / "project"
    project.mkdir()
    agent = {
        "APPLIANCE__AGENTS__CLAUDE__ENABLED": "true",
        "APPLIANCE__AGENTS__CLAUDE__COMMAND": str(FAKE_CLAUDE),
        "APPLIANCE__AGENTS__CLAUDE__DIRECTORY": str(project),
        "PATH": f"{Path(sys.executable).parent}:/usr/bin:/bin:/usr/sbin:/sbin",
    }
    async with (
        installed(place, agent) as appliance,
        browser_for(place) as browser,
        visiting(browser, appliance.pairing_link) as visit,
    ):
        await appliance.ready()
        await visit.page.add_init_script(COUNT_STROKES)
        yield visit


async def open_page(visit: Visit, path: str) -> None:
    """Loads a page anew, as a person does who types its address."""
    await visit.page.goto(urljoin(visit.page.url, path))


async def test_a_timer_rings_with_no_session_open_until_it_is_stopped(visit: Visit) -> None:
    await open_page(visit, "/tasks")
    await visit.page.click("#timers button")
    await visit.page.fill("#new-timer input:not([type=number])", "Egg")
    await visit.page.fill("#new-timer .lengths .field:last-child input", "2")
    await visit.page.press("#new-timer .lengths .field:last-child input", "Enter")
    await visit.until_shown("#timer-list .timer", "egg")
    await visit.until_shown(".alarms", "egg: time is up")
    await visit.until("window.strokes > 0")
    await visit.page.click(".alarms button")
    await visit.until("!document.querySelector('.alarms')")
    await visit.until("!document.querySelector('#timer-list .timer')")


async def test_tasks_are_there_after_a_reload(visit: Visit) -> None:
    await open_page(visit, "/")
    await visit.connect()
    await visit.type("tell claude to hang up the laundry")
    await visit.until_shown("#task-list .task", "hang up the laundry")
    await visit.page.click("#connect")
    await visit.until_state("idle")
    await open_page(visit, "/tasks")
    await visit.until_shown(".task.running", "hang up the laundry")
    await visit.page.click(".task.running button")
    await visit.until_shown(".task.cancelled", "hang up the laundry")


async def test_a_conversation_goes_on_after_a_reload_and_its_deletion_is_undone(
    visit: Visit,
) -> None:
    await open_page(visit, "/")
    await visit.connect()
    await visit.type("what day is it")
    await visit.until_shown("#log .assistant", "Today")
    conversation = await visit.conversation_id()
    link = f".conversation a[href$='{conversation}']"
    await open_page(visit, "/conversations")
    await visit.page.click(link)
    await visit.until_shown(".turn .assistant", "Today")
    await visit.page.click(".page-head .primary")
    await visit.until_state("listening")
    assert await visit.conversation_id() == conversation
    await visit.until_shown("#log .you", "what day is it")
    await visit.page.click("#connect")
    await visit.until_state("idle")

    await open_page(visit, f"/conversations/{conversation}")
    await visit.page.click(".page-head .icon-button")
    await visit.page.click("[role=menuitem].danger")
    await visit.until("location.pathname === '/conversations'")
    await visit.until(f"!document.querySelector({link!r})")
    await visit.page.click(".toast .button")
    await visit.until(f"document.querySelector({link!r})")
