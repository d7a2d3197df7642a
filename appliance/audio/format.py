"""The audio format of the appliance: signed 16 bit mono PCM at two sample rates."""

from typing import Final

INPUT_RATE: Final = 16_000
"""Samples per second of microphone audio, as VAD and transcribers take it."""
OUTPUT_RATE: Final = 24_000
"""Samples per second of loudspeaker audio, as synthesizers produce it."""
