"""Every engine passes its ticket on to its worker threads."""

import pytest

from appliance.engines import Synthesizer, Ticket, Transcriber, Voice
from appliance.errors import EngineBusy
from tests.engines.sound import noise

EXPIRED = Ticket(deadline=0.0)


@pytest.fixture(params=["sphinx", "whisper"])
def transcriber(request: pytest.FixtureRequest) -> Transcriber:
    engine: Transcriber = request.getfixturevalue(request.param)
    return engine


@pytest.fixture(params=["espeak", "kokoro", "piper"])
def synthesizer(request: pytest.FixtureRequest) -> Synthesizer:
    engine: Synthesizer = request.getfixturevalue(request.param)
    return engine


async def test_a_transcriber_drops_expired_requests(transcriber: Transcriber) -> None:
    with pytest.raises(EngineBusy):
        await transcriber.transcribe(noise(3000, 0.5), ticket=EXPIRED)
    assert (await transcriber.transcribe(noise(3000, 0.5))).text == ""


async def test_a_synthesizer_drops_expired_requests(synthesizer: Synthesizer) -> None:
    with pytest.raises(EngineBusy):
        await anext(synthesizer.synthesize("Too late.", Voice(), EXPIRED))
    assert await anext(synthesizer.synthesize("In time.", Voice()))
