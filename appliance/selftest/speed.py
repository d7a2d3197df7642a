"""How fast engines are expected to be, by what they run on.

The shares are of the length of the speech (1: as long as it lasts). They are upper bounds from
published figures of Orin boards (Whisper small 0.44 s and Kokoro 0.6 s for a sentence on the
GPU, three to five times that on its processor) and from x86 measurements; a GPU that is slower
than this is most likely a processor under another name.
"""

from appliance.selftest.check import Verdict

SHARES = {
    ("whisper", "cuda"): 0.5,
    ("whisper", "cpu"): 1.0,
    ("kokoro", "cuda"): 0.5,
    ("kokoro", "cpu"): 1.0,
    ("sphinx", "cpu"): 0.5,
    ("espeak", "cpu"): 0.2,
}
SLOWEST_KNOWN = 1.0  # for an engine that is not in the table

# Milliseconds that each engine may take of a turn, beside the silence that ends it.
HEARING_MS = {
    ("whisper", "cuda"): 500,
    ("whisper", "cpu"): 1200,
    ("sphinx", "cpu"): 300,
}
SPEAKING_MS = {
    ("kokoro", "cuda"): 500,
    ("kokoro", "cpu"): 1500,
    ("espeak", "cpu"): 150,
}
TURN_MS = 150  # to decide that a turn has ended, and that a tool answers it


def engine_and_device(name: str) -> tuple[str, str]:
    """("whisper", "cuda") of "whisper small.en float16 cuda"; starter engines name no device."""
    parts = name.split()
    device = parts[-1] if parts and parts[-1] in ("cuda", "cpu") else "cpu"
    return (parts[0] if parts else "", device)


def share_allowed(name: str) -> float:
    """The longest that the engine of that name may take, as a share of the speech."""
    return SHARES.get(engine_and_device(name), SLOWEST_KNOWN)


def stages_allowed(hearing: str, speaking: str, hold_ms: float) -> dict[str, float]:
    """Milliseconds from the end of speech to the end of each stage, at most.

    `hold_ms` is the silence after which a turn may end, which is spent whatever answers. The
    stages are those of the turn_timings event; a tool answers, so no model's token is among them.
    """
    heard = hold_ms + HEARING_MS.get(engine_and_device(hearing), 1200)
    decided = heard + TURN_MS
    return {
        "transcription": heard,
        "endpointing": decided,
        "first_audio": decided + SPEAKING_MS.get(engine_and_device(speaking), 1500),
    }


def over(taken: float, allowed: float, *, excused: bool = False) -> Verdict:
    """A warning over the budget, a failure over twice of it unless there is an excuse."""
    if taken <= allowed:
        return Verdict.OK
    return Verdict.WARNING if excused or taken <= 2 * allowed else Verdict.FAILURE
