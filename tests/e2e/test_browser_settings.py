"""Settings and models on the page: set by an administrator, in force in the next session."""

from pathlib import Path

import pytest
from playwright.async_api import expect

from tests.e2e.browser import Visit, browser_for, visiting
from tests.e2e.browser_appliance import Place, installed

pytestmark = pytest.mark.browser


async def test_an_administrator_sets_the_appliance_up(tmp_path: Path) -> None:
    place = Place.new(tmp_path)
    async with (
        installed(place) as appliance,
        browser_for(place) as browser,
        visiting(browser, appliance.pairing_link) as visit,
    ):
        await visit.until_state("idle")
        await appliance.ready()
        await a_fault_stands_at_its_field(visit)
        await another_voice_speaks_in_the_next_session(visit)
        await what_fits_is_shown(visit)
        settings = (tmp_path / "run" / "settings.toml").read_text()
        assert 'language = "de"' in settings
        assert "base_url" not in settings


async def a_fault_stands_at_its_field(visit: Visit) -> None:
    page = visit.page
    await page.click("nav >> text=Settings")
    await page.get_by_role("combobox", name="Who answers").select_option("custom")
    address = page.get_by_label("Address of the server")
    await address.fill("htp://models")
    await page.get_by_role("button", name="Save").click()
    await expect(address).to_have_attribute("aria-invalid", "true")
    await page.get_by_role("button", name="Discard").click()
    await expect(address).to_be_hidden()


async def another_voice_speaks_in_the_next_session(visit: Visit) -> None:
    """The voice of another language, which is heard and answered in from then on."""
    page = visit.page
    await page.get_by_role("combobox", name="Language you speak").select_option("de")
    async with page.expect_response("**/api/voices/preview") as heard:
        await page.get_by_role("button", name="Listen").click()
    sample = await heard.value
    assert (sample.status, sample.headers["content-type"]) == (200, "audio/wav")
    assert int(sample.headers["content-length"]) > 10_000
    await page.get_by_role("button", name="Save").click()
    await expect(page.get_by_role("button", name="Save")).to_be_hidden()
    await page.click("nav >> text=Talk")
    await visit.connect()
    await visit.type("wie spät ist es")
    await visit.until_shown("#log .entry", "Uhr")
    await visit.until_state("speaking")


async def what_fits_is_shown(visit: Visit) -> None:
    page = visit.page
    await page.click("nav >> text=Models")
    large = page.locator("li.model", has=page.get_by_role("heading", name="large-v3", exact=True))
    await expect(large).to_contain_text("Too slow here")
    tiny = page.locator("li.model", has=page.get_by_role("heading", name="tiny", exact=True))
    await expect(tiny.get_by_role("button", name="Fetch")).to_be_visible()
    await page.get_by_role("button", name="Verify").click()
    await visit.until_shown("main", "Every file is as it should be.", 120)
