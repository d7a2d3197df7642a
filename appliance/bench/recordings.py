"""Loads the recordings that are said to the appliance; their file names are their text.

`speech/commands` holds sentences that the built-in tools answer, `speech/questions` questions
for a language model; the voices slt and rms of flite speak both, which the starter engine hears
rightly. Whisper does not always, so the same commands are in `speech/commands_by_kokoro` by
five voices that sound like people. A person reads the sentences in `speech/sentences`.
"""

import wave
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

from appliance.audio.format import INPUT_RATE
from appliance.errors import ApplianceError

SHIPPED = Path(__file__).with_name("speech")
COMMANDS = (SHIPPED / "commands",)
COMMANDS_BY_KOKORO = (SHIPPED / "commands_by_kokoro",)
EVERYTHING = (SHIPPED / "commands", SHIPPED / "questions")
# Smart-turn takes each of these for complete after 0.2 s of silence. Where it does not, the turn's
# time is the time-out for an unfinished sentence, which is not what is compared.
SENTENCES = (SHIPPED / "sentences",)
LONGEST = SHIPPED / "sentences" / "the_stale_smell_of_old_beer_lingers.wav"


@dataclass(frozen=True, slots=True)
class Recording:
    """16 kHz mono PCM, and the words said in it, in lower case."""

    text: str
    pcm: bytes

    @property
    def seconds(self) -> float:
        return len(self.pcm) / 2 / INPUT_RATE


def load_recordings(places: Sequence[Path]) -> list[Recording]:
    """The recordings in directories and files, in the order of their names.

    Raises ApplianceError where there is none, or one is not 16 kHz mono of 16 bits.
    """
    files = [
        file
        for place in places
        for file in (sorted(place.glob("*.wav")) if place.is_dir() else [place])
    ]
    if not files:
        raise ApplianceError(
            f"there are no .wav files in {', '.join(map(str, places))}",
            advice="Name them after their words: what_time_is_it.wav.",
        )
    return [Recording(file.stem.replace("_", " ").lower(), _read_pcm(file)) for file in files]


def shipped_command(text: str) -> Recording:
    """The recording of a shipped command."""
    return next(one for one in load_recordings(COMMANDS) if one.text == text)


def _read_pcm(file: Path) -> bytes:
    try:
        with wave.open(str(file)) as recording:
            shape = (recording.getframerate(), recording.getnchannels(), recording.getsampwidth())
            if shape == (INPUT_RATE, 1, 2):
                return bytes(recording.readframes(recording.getnframes()))
    except (OSError, EOFError, wave.Error) as error:
        raise ApplianceError(f"{file} cannot be read: {error}", advice="") from error
    raise ApplianceError(
        f"{file} is not 16 kHz, mono, 16 bit",
        advice=f"Convert it: ffmpeg -i FILE -ar {INPUT_RATE} -ac 1 -sample_fmt s16 {file.name}",
    )
