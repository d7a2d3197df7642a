"""Language model and TTS fail during an answer and recover, as the page shows it."""

import json
import os
from pathlib import Path
from typing import Any

import pytest

from tests.chat_server import Reply, Trouble, chat_server
from tests.daemon import MICRO_MODELS
from tests.e2e.browser import Visit, browser_for, visiting
from tests.e2e.browser_appliance import Place, installed
from tests.faulty import FAULTS, RAISES, break_engines
from tests.install.shell import ROOT

pytestmark = [pytest.mark.browser, pytest.mark.timeout(240)]

SPOILT = Path(__file__).with_name("spoilt")

STORY = "Once upon a time there was a small box. " * 4
FAR = "Far away somebody else tells you the rest."
SHORT = "I am well again."


async def until_badges(visit: Visit, *labels: str) -> None:
    await visit.until(f"document.querySelector('#badges').dataset.shown === {','.join(labels)!r}")


async def test_the_badges_change_and_change_back(tmp_path: Path) -> None:
    replies: list[Reply] = [Trouble(break_after=25, text=STORY), Trouble(status=500)]
    faults = tmp_path / "faults"

    def own(_messages: list[dict[str, Any]]) -> Reply:
        return replies.pop(0) if len(replies) > 1 else replies[0]

    place = Place.new(tmp_path)
    async with (
        chat_server(own, tokens_per_second=8.0) as chat,
        chat_server(lambda _: FAR) as outside,
    ):
        # An address that counts as another machine's.
        other = {
            "provider": "custom",
            "base_url": outside.base_url.replace("127.0.0.1", "0.0.0.0"),
        }
        settings = {
            **MICRO_MODELS,
            FAULTS: str(faults),
            "PYTHONPATH": os.pathsep.join((str(SPOILT), str(ROOT))),
            "APPLIANCE__LLM__PROVIDER": "custom",
            "APPLIANCE__LLM__BASE_URL": chat.base_url,
            "APPLIANCE__LLM__ALTERNATIVES": json.dumps([other]),
            "APPLIANCE__FALLBACK__POLICY": "on_failure",
        }
        async with (
            installed(place, settings) as appliance,
            browser_for(place) as browser,
            visiting(browser, appliance.pairing_link) as visit,
        ):
            await appliance.ready()
            await visit.connect()
            await until_badges(visit, "on this device")

            await visit.type("please tell me a long story")
            await visit.until_state("speaking")
            break_engines(faults, {"kokoro": RAISES})
            # First the TTS fails, then the model; others finish the answer.
            await until_badges(visit, "on this device", "starter voice")
            await visit.until_shown("#log .assistant", "tells you the rest")
            await visit.until_state("listening")
            await visit.type("and what happened after that")
            await until_badges(visit, "cloud", "starter voice")
            if picture := os.environ.get("APPLIANCE_SCREENSHOT"):
                await visit.page.screenshot(path=picture)
            await visit.until_state("speaking")
            await visit.until_state("listening")

            faults.unlink()
            replies[:] = [SHORT]
            await until_badges(visit, "on this device")
            await visit.type("are you well again")
            await visit.until_shown("#log .assistant", "answers again")
            await visit.until_shown("#log .assistant", SHORT)
            kept = appliance.conversation(await visit.conversation_id())
    assert [turn.left_the_box for turn in kept.turns] == [True, True, False]
    assert len(kept.turns) == 3
