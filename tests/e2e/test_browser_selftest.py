"""The self-test on the status page, from its button to the copied report; for administrators."""

from pathlib import Path

import pytest

from appliance.selftest.report_store import ReportStore
from tests.e2e.browser import Visit, browser_for, visiting
from tests.e2e.browser_appliance import Place, installed

pytestmark = pytest.mark.browser


async def test_an_administrator_runs_it_and_copies_the_report(tmp_path: Path) -> None:
    place = Place.new(tmp_path)
    state = tmp_path / "run"
    state.mkdir()
    counts = {"ok": 16, "warning": 2, "failure": 1}
    before = {"started_at": 1_700_000_000, "verdict": "failure", "counts": counts}
    ReportStore(state).append(before)
    async with (
        installed(place) as appliance,
        browser_for(place) as browser,
        visiting(browser, appliance.pairing_link) as visit,
    ):
        await visit.until_state("idle")
        await appliance.ready()
        await through_the_panel(visit)


async def through_the_panel(visit: Visit) -> None:
    """Opens the status page, runs a self-test, reads it and copies it."""
    page = visit.page
    await page.click("nav >> text=Status")
    await visit.until_shown("#selftest-state", "not been tested yet")
    assert await page.is_disabled("#selftest-copy")
    await page.click("#selftest-start")
    await visit.until_shown("#selftest-state", "Testing")
    assert await page.is_disabled("#selftest-start")
    await visit.until_shown(
        "#selftest-rows [data-verdict=ok]", "a session opened through nginx", 120
    )
    await visit.until("!document.querySelector('#selftest-start').disabled")
    assert await page.locator("#selftest-rows tr").count() >= 15
    await page.click("#selftest-history summary")
    (earlier,) = await page.locator("#selftest-earlier li").all_inner_texts()
    assert "2023" in earlier
    assert earlier.endswith("1 failed, 2 to look at, 16 good.")
    wrong = page.locator("#selftest-rows :is([data-verdict=warning], [data-verdict=failure])")
    assert await wrong.count() == await wrong.locator(".advice").count()
    # Without access to the clipboard, the report is shown in a field, selected for copying.
    refuse = "navigator.clipboard.writeText = () => Promise.reject(new Error('no'))"
    await page.evaluate(f"void ({refuse})")
    await page.click("#selftest-copy")
    report = await page.input_value("#selftest-text")
    assert "self-test of 20" in report
    assert "[ok] WebSocket: a session opened through nginx at https://[address]" in report
    assert "localhost:" not in report


async def test_a_user_does_not_see_it(tmp_path: Path) -> None:
    place = Place.new(tmp_path)
    async with (
        installed(place) as appliance,
        browser_for(place) as browser,
        visiting(
            browser, f"{place.address}/#pair={await appliance.new_code('--role', 'user')}"
        ) as visit,
    ):
        await visit.until_state("idle")
        await visit.until_shown("nav", "Settings")
        assert "Status" not in await visit.page.inner_text("nav")
