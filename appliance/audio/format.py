"""The audio format of the appliance: signed 16 bit mono PCM at two sample rates."""

from typing import Final

INPUT_RATE: Final = 16_000
"""Samples a second from a microphone, as VAD and transcribers take them."""
OUTPUT_RATE: Final = 24_000
"""Samples a second to a loudspeaker, as synthesizers make them."""
