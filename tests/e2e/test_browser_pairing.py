"""Pairing, trust and roles in a browser, and what the page shows when something is wrong."""

import json
from pathlib import Path

import pytest

from tests.e2e.browser import browser_for, visiting
from tests.e2e.browser_appliance import Place, installed

pytestmark = pytest.mark.browser

PAIRED = "document.body.dataset.state === 'idle'"


async def test_a_browser_is_paired_by_its_code(tmp_path: Path) -> None:
    place = Place.new(tmp_path)
    async with (
        installed(place) as appliance,
        browser_for(place) as browser,
        visiting(browser, place.address) as visit,
    ):
        await visit.until_state("unpaired")
        await visit.page.fill("#code", "0000 0000")
        await visit.page.click("#pairing button")
        await visit.until_shown("#code-error", "This code does not work.")
        code = appliance.pairing_code
        await visit.page.fill("#code", f"{code[:4]} {code[4:]}")
        await visit.page.click("#pairing button")
        # One slip of the finger costs no wait.
        await visit.until(PAIRED)
        await visit.page.reload()
        await visit.until_shown("#engines", "hears with sphinx")
        assert await visit.page.is_hidden("#pairing")


async def test_typing_works_where_the_microphone_is_refused(tmp_path: Path) -> None:
    place = Place.new(tmp_path)
    async with (
        installed(place) as appliance,
        browser_for(place) as browser,
        visiting(browser, appliance.pairing_link, microphone_allowed=False) as visit,
    ):
        await visit.until_state("idle")
        assert visit.page.url == f"{place.address}/", "the code must not stay in the address bar"
        await appliance.ready()
        await visit.connect()
        await visit.until_shown("#mic-problem", "Microphone refused")
        await visit.until_shown("#state", "Connected, type below")
        await visit.type("what day is it")
        await visit.until_shown("#log .assistant", "Today is")
        await visit.until("window.__appliance.outputLevel() > 0.01")
        assert (await visit.log())[0] == ("You", "what day is it")
        kept = appliance.conversation(await visit.conversation_id())
        assert [turn.user_text for turn in kept.turns] == ["what day is it"]


async def test_a_session_beyond_the_limit_is_explained(tmp_path: Path) -> None:
    place = Place.new(tmp_path)
    async with (
        installed(place, {"APPLIANCE__LIMITS__SESSIONS": "1"}) as appliance,
        browser_for(place) as browser,
        visiting(browser, appliance.pairing_link) as first,
    ):
        await appliance.ready()
        await first.connect()
        # A place is taken by somebody who talks.
        await first.type("what time is it")
        await first.until_shown("#log .assistant", "It is")
        link = f"{place.address}/#pair={await appliance.new_code()}"
        async with visiting(browser, link) as second:
            await second.until_state("idle")
            await second.page.click("#connect")
            await second.until_shown("#problem", "All places are taken")
            await first.page.click("#connect")
            await second.until_state("listening")
            assert await second.page.is_hidden("#problem")


async def test_after_a_crash_the_page_comes_back_to_its_conversation(tmp_path: Path) -> None:
    place = Place.new(tmp_path)
    async with installed(place) as appliance, browser_for(place) as browser:
        async with visiting(browser, appliance.pairing_link) as visit:
            await appliance.ready()
            await visit.connect()
            conversation = await visit.conversation_id()
            await visit.type("what time is it")
            await visit.until_shown("#log .assistant", "It is")
            appliance.kill_daemon()
            await visit.until_shown("#problem", "The server is down")
            assert await appliance.process.wait() != 0
            async with installed(place) as again:
                await visit.until_state("listening", 60)
                assert await visit.conversation_id() == conversation
                await visit.type("what day is it")
                await visit.until_shown("#log .assistant", "Today is")
                kept = again.conversation(conversation)
        assert [turn.user_text for turn in kept.turns] == ["what time is it", "what day is it"]
        assert len(kept.sessions) == 2


async def test_plain_http_explains_trust_and_leads_to_the_page(tmp_path: Path) -> None:
    place = Place.new(tmp_path)
    async with (
        installed(place) as appliance,
        browser_for(place) as browser,
        visiting(browser, f"http://localhost:{place.http}/#pair={appliance.pairing_code}") as visit,
    ):
        fingerprint = next(line for line in appliance.said if line.count(":") == 31).strip()
        await visit.until_shown("#plain", "the problem, not the microphone")
        await visit.until_shown("#fingerprint", fingerprint)
        words = next(line for line in appliance.said if "in words: " in line)
        await visit.until_shown("#words", words.partition("in words: ")[2].strip())
        await visit.until_shown("#address", place.address)
        await visit.page.click("#test")
        await visit.until_shown("#verdict", "It is trusted")
        # The page opens by itself, and the code of the link pairs the browser.
        await visit.page.wait_for_url(f"{place.address}/")
        await visit.until_state("idle")


async def test_a_browser_that_does_not_trust_the_certificate_is_warned(tmp_path: Path) -> None:
    place = Place.new(tmp_path)
    async with (
        installed(place),
        browser_for(place, trusting=False) as browser,
        visiting(browser, f"http://localhost:{place.http}/") as visit,
    ):
        await visit.page.click("#test")
        await visit.until_shown("#verdict", "does not trust the appliance yet")


async def test_a_websocket_that_fails_alone_points_to_the_certificate(tmp_path: Path) -> None:
    place = Place.new(tmp_path)
    async with (
        installed(place) as appliance,
        browser_for(place) as browser,
        visiting(browser, appliance.pairing_link) as visit,
    ):
        await visit.until_state("idle")
        await appliance.ready()
        # As Safari does where the user only clicked past the certificate warning.
        await visit.page.route_web_socket("**/ws/**", lambda socket: socket.close(code=1006))
        await visit.page.click("#connect")
        await visit.until_shown("#problem", "This device must trust the certificate")
        await visit.page.click("#problem-link")
        await visit.until_shown("#secure", "secure address already")


async def test_a_guest_talks_and_loses_access_at_once_when_revoked(tmp_path: Path) -> None:
    place = Place.new(tmp_path)
    async with installed(place) as appliance, browser_for(place) as browser:
        link = f"{place.address}/#pair={await appliance.new_code('--role', 'guest')}"
        async with visiting(browser, link) as visit:
            await visit.until_state("idle")
            assert await visit.page.is_hidden("#warning")
            await appliance.ready()
            await visit.connect()
            await visit.type("what day is it")
            await visit.until_shown("#log .assistant", "Today is")
            (client,) = json.loads(await appliance.command_line("clients", "list", "--json"))
            await appliance.command_line("clients", "revoke", client["id"])
            await visit.until_state("unpaired")
            await visit.until_shown("#pairing", "Pair this browser")


async def test_open_access_is_shown_on_the_page(tmp_path: Path) -> None:
    place = Place.new(tmp_path)
    async with (
        installed(place, {"APPLIANCE__ACCESS__MODE": "open"}),
        browser_for(place) as browser,
        visiting(browser, place.address) as visit,
    ):
        await visit.until_state("idle")
        await visit.until_shown("#warning", "Access is open")
