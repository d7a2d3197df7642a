"""A recording is begun and ended by voice, in every language."""

import pytest

from appliance.hardware.telemetry import read
from appliance.tools.builtin.catalogue import builtin_tools
from appliance.tools.registry import ToolRegistry
from tests.tools.builtin.test_languages import say
from tests.tools.conftest import Toolbox

SENTENCES: dict[str, list[tuple[str, ...]]] = {
    "en": [("Record this conversation.", "Start recording, please."), ("Stop recording!",)],
    "de": [
        ("Nimm dieses Gespräch auf.", "Starte bitte die Aufnahme."),
        ("Stopp die Aufnahme!", "Beende die Aufnahme."),
    ],
    "es": [("Graba esta conversación.", "Empieza a grabar."), ("Para la grabación.",)],
    "fr": [
        ("Enregistre cette conversation.", "Démarre l'enregistrement."),
        ("Arrête l’enregistrement.", "Arrête d'enregistrer."),
    ],
    "it": [("Registra questa conversazione.",), ("Ferma la registrazione.",)],
    "pt": [("Grave esta conversa.", "Comece a gravar."), ("Pare a gravação.", "Pare de gravar.")],
}


async def _nobody_is_guest(_client_id: str) -> bool:
    return False


@pytest.fixture
def users(toolbox: Toolbox) -> Toolbox:
    """The built-in tools for a client that is no guest."""
    tools = builtin_tools(lambda: toolbox.moment, toolbox.timers, read)
    toolbox.registry = ToolRegistry(tools, is_guest=_nobody_is_guest)
    return toolbox


@pytest.mark.parametrize("code", SENTENCES)
async def test_a_recording_is_switched_by_voice(users: Toolbox, code: str) -> None:
    begin, end = SENTENCES[code]
    for sentence in begin:
        users.session.recording = False
        tool, result = await say(users, code, sentence)
        assert (tool, users.session.recording) == ("start_recording", True), sentence
        assert result.spoken
    _, again = await say(users, code, begin[0])
    assert again.spoken != result.spoken
    for sentence in end:
        users.session.recording = True
        tool, result = await say(users, code, sentence)
        assert (tool, users.session.recording) == ("stop_recording", False), sentence
    _, none = await say(users, code, end[0])
    assert none.spoken != result.spoken


async def test_a_recording_that_may_not_be_is_refused(users: Toolbox) -> None:
    users.session.no_recording = "no room"
    _, result = await say(users, "en", "record this conversation")
    assert result.spoken == "I cannot record here."
    assert not users.session.recording


async def test_guests_may_not_record(toolbox: Toolbox) -> None:
    for begun, sentence in ((False, "record this conversation"), (True, "stop recording")):
        toolbox.session.recording = begun
        tool, result = await say(toolbox, "en", sentence)
        assert tool in ("start_recording", "stop_recording")
        assert "guests" in result.spoken
        assert toolbox.session.recording is begun
