"""Devices, status and a recording, by use: one appliance and one Chromium for all of it."""

from pathlib import Path

import pytest

from appliance.selftest.report_store import ReportStore
from tests.e2e.browser import Visit, browser_for, visiting
from tests.e2e.browser_appliance import Installed, Place, installed

pytestmark = pytest.mark.browser

REPORT = {
    "version": "1.0",
    "started_at": 1_700_000_000,
    "verdict": "failure",
    "counts": {"ok": 1, "failure": 1},
    "findings": [
        {"check": "disk", "title": "Disk space", "verdict": "ok", "message": "plenty"},
        {"check": "tts", "title": "Voice", "verdict": "failure", "message": "no sound comes"},
    ],
}


async def test_a_household_uses_the_pages(tmp_path: Path) -> None:
    place = Place.new(tmp_path)
    (tmp_path / "run").mkdir()
    ReportStore(tmp_path / "run").append(REPORT)
    async with (
        installed(place) as appliance,
        browser_for(place) as browser,
        visiting(browser, appliance.pairing_link) as admin,
    ):
        await admin.until_state("idle")
        link = await invite(admin)
        async with visiting(browser, link) as second:
            await second.until_state("idle")
            await admin.until_shown("#pair-dialog .fate", "The device is paired.")
            assert "Devices" not in await second.page.inner_text("nav")
            await admin.page.keyboard.press("Escape")
            await end_access_of_the_other(admin)
            await second.page.reload()
            await second.until_state("unpaired")
        await see_what_is_wrong(admin)
        await record_and_listen(admin, appliance)


async def invite(admin: Visit) -> str:
    """Makes a pairing code on the page, and returns the link of its QR code."""
    await admin.page.click("nav >> text=Devices")
    await admin.page.click("#pair-device")
    await admin.page.click("#make-code")
    await admin.page.wait_for_selector("#pair-dialog svg.qr path")
    return str(await admin.page.get_attribute("#pairing-digits", "data-link"))


async def end_access_of_the_other(admin: Visit) -> None:
    row = admin.page.locator(".clients tbody tr", has_not_text="this device")
    await row.locator("button").click()
    await admin.page.click("[role=menuitem] >> text=End access")
    await admin.page.click("dialog[open] .button.danger")
    await admin.until_shown(".clients summary", "1 device without access")
    await admin.until_shown(".audit .entries", "Access ended")


async def see_what_is_wrong(admin: Visit) -> None:
    """The failed check stands above the good one, and the whole page without a scroll sideways."""
    await admin.page.click("nav >> text=Status")
    await admin.until_shown("#selftest-rows", "no sound comes")
    verdicts = "[...document.querySelectorAll('#selftest-rows tr')].map(r => r.dataset.verdict)"
    assert await admin.page.evaluate(verdicts) == ["failure", "ok"]
    await admin.until_shown(".engines", "sphinx")
    await admin.page.click(".log-view summary")
    await admin.until_shown(".log-view .lines", "listening on")
    width = "document.documentElement.scrollWidth - document.documentElement.clientWidth"
    assert await admin.page.evaluate(width) <= 0


async def record_and_listen(admin: Visit, appliance: Installed) -> None:
    """A recording is shown while it lasts, heard afterwards, and leaves no file when deleted."""
    await admin.page.click("nav >> text=Talk")
    await appliance.ready()
    await admin.connect()
    await admin.page.click("#start-recording")
    await admin.until_shown("#recording", "Recording")
    await admin.type("what day is it")
    await admin.until_shown("#log .assistant", "Today is")
    await admin.until("window.__appliance.outputLevel() > 0.01")
    await admin.page.click("#stop-recording")
    await admin.until("!document.querySelector('#recording')")
    conversation_id = await admin.conversation_id()
    await admin.page.click("#connect")
    await admin.until_state("idle")
    recordings = appliance.place.directory / "run" / "recordings" / conversation_id
    (file,) = recordings.glob("*.flac")
    assert file.stat().st_size > 10_000
    await admin.page.goto(f"{appliance.place.address}/conversations/{conversation_id}")
    await admin.page.click(".player .heard button")
    await admin.until("document.querySelector('.player audio').currentTime > 0.2")
    await admin.page.click(".player .icon-button")
    await admin.page.click("dialog[open] .button.danger")
    await admin.until("!document.querySelector('.player')")
    assert not recordings.exists()
