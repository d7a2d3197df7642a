"""Program for test_unplugged.py, run in a network namespace: an appliance with a failing part.

    python -m tests.e2e.unplugged STATE POLICY DEVICE TROUBLE

TROUBLE is the part that fails: model, stt or tts; its replacements are outside. Prints as JSON what
was spoken and how many packets left by DEVICE.
"""

import asyncio
import json
import sys
from pathlib import Path

from appliance.client import Arrival, calling
from tests.chat_server import Trouble, chat_server
from tests.daemon import MICRO_MODELS, command, running
from tests.faulty import FAULTS, RAISES

ENGINES = {"stt": ("whisper", "sphinx"), "tts": ("kokoro", "espeak"), "model": ()}
OUTSIDE = "203.0.113.9"  # TEST-NET-3 of RFC 5737, which nobody uses


def packets_out(device: str) -> int:
    lines = Path("/proc/net/dev").read_text(encoding="ascii").splitlines()
    fields = next(line for line in lines if line.strip().startswith(f"{device}:")).split(":")[1]
    return int(fields.split()[9])


async def talk(state: Path, policy: str, device: str, trouble: str) -> dict[str, object]:
    """Asks a question that only services outside can answer, and gives a command."""
    outside = [
        {"provider": "custom", "base_url": f"http://{OUTSIDE}:8000/v1", "first_token_seconds": 1},
        {"provider": "openai", "first_token_seconds": 1},
    ]
    faults = state / "faults"
    answer = Trouble(status=500) if trouble == "model" else "It is far away."
    async with chat_server(lambda _: answer) as chat:
        settings = {
            **MICRO_MODELS,
            FAULTS: str(faults),
            "OPENAI_API_KEY": "nobody-s",
            "APPLIANCE__LLM__PROVIDER": "custom",
            "APPLIANCE__LLM__BASE_URL": chat.base_url,
            "APPLIANCE__LLM__ALTERNATIVES": json.dumps(outside),
            "APPLIANCE__FALLBACK__POLICY": policy,
            "APPLIANCE__REALTIME__BASE_URL": f"ws://{OUTSIDE}:8001/v1/realtime",
        }
        async with (
            running(state, settings, module="tests.faulty") as daemon,
            calling(daemon.base_url) as call,
        ):
            faults.write_text(json.dumps(dict.fromkeys(ENGINES[trouble], RAISES)))
            await call.say(command("what_is_the_weather_in_paris"))
            await call.wait_for(spoken, seconds=40)
            sent = await call.type("what day is it")
            await call.wait_for(spoken, since=sent, seconds=40)
            text = " ".join(a.data["text"] for a in call.after(0, "bot-tts-text"))
    return {"spoken": text, "packets": packets_out(device)}


def spoken(arrival: Arrival) -> bool:
    return arrival.kind == "bot-stopped-speaking"


if __name__ == "__main__":
    where, allowed, leads_out, fails = sys.argv[1:]
    json.dump(asyncio.run(talk(Path(where), allowed, leads_out, fails)), sys.stdout)
