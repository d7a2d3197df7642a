"""Holds a spoken conversation in each of six languages with a true daemon on the released models.

    python -m tests.languages.conversations [LANGUAGE ...]

The user's sentences are made by Kokoro. German is typed: eSpeak NG's German is not understood by
Whisper base, and a Piper voice need not be there. The time is asked for, and a timer set that
rings; every answer is heard back by Whisper. Prints a line a sentence, and exits with 1 where one
was not understood, or not answered in the language.
The directory of models is that of the released tests.
"""

import argparse
import asyncio
import sys
import tempfile
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

from appliance.client import Call, calling
from appliance.engines import Synthesizer, Voice
from appliance.engines.kokoro.engine import Kokoro
from appliance.engines.whisper.engine import Whisper
from appliance.text.word_error_rate import error_rate
from appliance.wire import Audio
from tests.daemon import LEAD_IN, LEAD_OUT, running
from tests.engines.sound import as_input, spoken
from tests.released import cache_directory

PATIENT_SECONDS = 120.0  # the machine may have much else to do


@dataclass(frozen=True)
class Conversation:
    """What is asked in a language, and how the answers begin; `voice` asks."""

    voice: str
    time: str
    its_answer: tuple[str, ...]
    timer: str
    its_confirmation: str
    rings: str


CONVERSATIONS = {
    "en": Conversation(
        *("am_michael", "What time is it?", ("It is ",)),
        *("Set a timer for ten seconds.", "Timer set for ten seconds", "is done"),
    ),
    "de": Conversation(
        *("", "Wie spät ist es?", ("Es ist ",)),
        *("Stelle einen Timer auf zehn Sekunden.", "Der Timer läuft", "ist abgelaufen"),
    ),
    "es": Conversation(
        *("em_alex", "¿Qué hora es?", ("Son las ", "Es ")),
        *("Pon un temporizador de diez segundos.", "Temporizador puesto", "ha terminado"),
    ),
    "fr": Conversation(
        *("ff_siwis", "Dis-moi l'heure, s'il te plaît.", ("Il est ",)),
        *("Mets un minuteur de dix secondes.", "Minuteur réglé", "est terminé"),
    ),
    "it": Conversation(
        *("if_sara", "Dimmi l'ora, per favore.", ("Sono le ", "È ")),
        *("Imposta un timer di dieci secondi.", "Timer impostato", "è finito"),
    ),
    "pt": Conversation(
        *("pf_dora", "Que horas são agora, por favor?", ("São ", "É ")),
        *("Coloque um temporizador de dez segundos.", "Temporizador definido", "terminou"),
    ),
}


def write(line: str) -> None:
    sys.stdout.write(f"{line}\n")
    sys.stdout.flush()


@dataclass
class Partner:
    """Speaks to the appliance and hears what it answers."""

    kokoro: Synthesizer
    whisper: Whisper

    async def speech(self, text: str, voice: str, language: str) -> bytes:
        pcm = await spoken(self.kokoro, text, Voice(voice, language, 0.9))
        return LEAD_IN + as_input(pcm) + LEAD_OUT

    async def judge(self, call: Call, since: float, code: str, begins: Sequence[str]) -> None:
        """Waits until an answer with one of these words has been spoken, and hears it back."""
        await call.wait_for(
            lambda _: any(words in said(call, since) for words in begins),
            since=since,
            seconds=PATIENT_SECONDS,
        )
        shown = call.after(since, "bot-tts-text")[-1].at
        await call.wait_for(
            lambda a: a.kind == "bot-stopped-speaking", since=shown, seconds=PATIENT_SECONDS
        )
        frames = [arrival.frame for arrival in call.after(since, "audio")]
        pcm = b"".join(frame.pcm for frame in frames if isinstance(frame, Audio))
        heard = (await self.whisper.transcribe(as_input(pcm), code)).text
        text = said(call, since)
        write(f"  {code}  answered  {text}")
        write(f"      heard back {heard} ({error_rate(text, heard):.0%})")


def said(call: Call, since: float) -> str:
    """What the appliance has spoken since a time, as far as it has been heard."""
    return " ".join(str(a.data.get("text")).strip() for a in call.after(since, "bot-tts-text"))


async def converse(daemon_url: str, partner: Partner, code: str) -> None:
    one = CONVERSATIONS[code]
    async with calling(daemon_url, options={"language": code}) as call:
        for asked, begins in ((one.time, one.its_answer), (one.timer, (one.its_confirmation,))):
            write(f"  {code}  asked     {asked}")
            if one.voice:
                since = await call.say(await partner.speech(asked, one.voice, code))
                heard = await call.wait_for(
                    lambda a: a.kind == "user-transcription",
                    since=since - 3,
                    seconds=PATIENT_SECONDS,
                )
                write(f"      understood {heard.data['text']}")
            else:
                since = await call.type(asked)
            await partner.judge(call, since, code, begins)
        rang = await call.wait_for(
            lambda a: a.data.get("state") == "rang", since=since, seconds=PATIENT_SECONDS
        )
        await partner.judge(call, rang.at, code, (one.rings,))


async def main(codes: Sequence[str]) -> int:
    models = cache_directory()
    kokoro = await Kokoro.load(models / "kokoro-v1.0.int8.onnx", models / "voices-v1.0.bin", "cpu")
    partner = Partner(kokoro, await Whisper.load(models / "base", "cpu"))
    settings = {
        "APPLIANCE__MODELS__DIRECTORY": str(models),
        "APPLIANCE__STT__MODEL": "base",
        "APPLIANCE__TTS__ENGINE": "kokoro",
    }
    failed = []
    with tempfile.TemporaryDirectory() as state:
        async with running(Path(state), settings, seconds=300.0) as daemon:
            for code in codes:
                try:
                    await converse(daemon.base_url, partner, code)
                except Exception as error:  # noqa: BLE001  the other languages are still tried
                    write(f"  {code}  FAILED    {error}")
                    failed.append(code)
    held = len(codes) - len(failed)
    write(f"{held} of {len(codes)} conversations held; failed: {', '.join(failed) or '-'}")
    return 1 if failed else 0


if __name__ == "__main__":
    arguments = argparse.ArgumentParser(description=__doc__)
    arguments.add_argument("languages", nargs="*", default=list(CONVERSATIONS))
    sys.exit(asyncio.run(main(arguments.parse_args().languages)))
