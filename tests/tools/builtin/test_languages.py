"""The built-in tools in each language with a folder, asked in Whisper's spelling."""

from typing import Any

import pytest

from appliance.languages.folder import TRANSLATED
from appliance.tools import ToolResult
from appliance.tools.intents.recognizer import command_of
from tests.tools.conftest import Toolbox


async def say(toolbox: Toolbox, code: str, sentence: str) -> tuple[str, ToolResult]:
    """The tool that a sentence calls in that language, and its result."""
    toolbox.session.spoken_language = code
    match = toolbox.registry.match(sentence, language=code)
    assert match is not None, f"nothing understood {sentence!r}"
    result = await toolbox.registry.call(
        match.tool.name, match.arguments, toolbox.session, "sentence"
    )
    return match.tool.name, result


@pytest.mark.parametrize(
    ("code", "sentence", "seconds", "answer"),
    [
        ("de", "Stell einen Timer auf fünf Minuten.", 300, "Der Timer läuft: 5 Minuten."),
        ("de", "Stelle bitte einen Timer auf 10 Minuten!", 600, "Der Timer läuft: 10 Minuten."),
        ("de", "Timer auf eine Stunde und 10 Minuten", 4200, "eine Stunde und 10 Minuten"),
        ("de", "Wecke mich in einer halben Stunde.", 1800, "30 Minuten"),
        ("de", "Stell einen Tee-Timer auf drei Minuten.", 180, "Der Timer „tee“ läuft: 3 Minuten."),
        ("es", "Pon un temporizador de cinco minutos.", 300, "Temporizador puesto para 5 minutos."),
        ("es", "Pon un temporizador de 10 minutos para la pasta.", 600, "de pasta puesto"),
        ("es", "Avísame en una hora y media.", 5400, "una hora y 30 minutos"),
        ("fr", "Mets un minuteur de cinq minutes.", 300, "Minuteur réglé sur 5 minutes."),
        ("fr", "Réveille-moi dans un quart d’heure.", 900, "15 minutes"),
        ("fr", "Règle un minuteur sur 2 heures", 7200, "2 heures"),
        ("it", "Imposta un timer di cinque minuti.", 300, "Timer impostato: 5 minuti."),
        ("it", "Svegliami tra mezz'ora.", 1800, "30 minuti"),
        ("it", "Metti un timer per 10 minuti per la pasta", 600, "Timer pasta"),
        ("pt", "Coloque um temporizador de cinco minutos.", 300, "definido para 5 minutos."),
        ("pt", "Me acorde em meia hora.", 1800, "30 minutos"),
        ("pt", "Defina um temporizador para duas horas.", 7200, "duas horas"),
    ],
)
async def test_a_timer_is_set_in_every_language(
    toolbox: Toolbox, code: str, sentence: str, seconds: float, answer: str
) -> None:
    tool, result = await say(toolbox, code, sentence)
    assert tool == "set_timer"
    assert [timer.seconds for timer in toolbox.timers.snapshot()] == [seconds]
    assert answer in result.spoken


@pytest.mark.parametrize(
    ("code", "ask", "left", "cancel", "cancelled", "none"),
    [
        ("de", "Wie lange läuft der Timer noch?",
         "Es bleiben noch 4 Minuten beim Timer über 5 Minuten.",
         "Stoppe den Timer.", "Der Timer über 5 Minuten ist abgebrochen.", "Es läuft kein Timer."),
        ("es", "¿Cuánto tiempo queda?", "Quedan 4 minutos en el temporizador de 5 minutos.",
         "Cancela el temporizador.", "El temporizador de 5 minutos está cancelado.",
         "No hay ningún temporizador en marcha."),
        ("fr", "Combien de temps reste-t-il ?", "Il reste 4 minutes sur le minuteur de 5 minutes.",
         "Annule le minuteur.", "Le minuteur de 5 minutes est annulé.",
         "Aucun minuteur n'est en marche."),
        ("it", "Quanto tempo manca?", "Restano 4 minuti sul timer di 5 minuti.",
         "Annulla il timer.", "Il timer di 5 minuti è annullato.",
         "Non c'è nessun timer attivo."),
        ("pt", "Quanto tempo falta?", "Restam 4 minutos no temporizador de 5 minutos.",
         "Cancele o temporizador.", "O temporizador de 5 minutos foi cancelado.",
         "Não há nenhum temporizador ligado."),
    ],
)  # fmt: skip
async def test_a_timer_is_asked_for_and_cancelled_in_every_language(
    toolbox: Toolbox, code: str, ask: str, left: str, cancel: str, cancelled: str, none: str
) -> None:
    toolbox.timers.start(300)
    toolbox.seconds += 60
    assert (await say(toolbox, code, ask))[1].spoken == left
    assert (await say(toolbox, code, cancel))[1].spoken == cancelled
    assert (await say(toolbox, code, ask))[1].spoken == none


@pytest.mark.parametrize(
    ("code", "pause", "paused", "resume", "resumed"),
    [
        ("de", ("Halte den Timer an.", "Pausiere den Wecker.", "Timer anhalten"),
         "Der Timer über 5 Minuten ist angehalten. Rest: 4 Minuten.",
         ("Setze den Timer fort.", "Lass den Timer weiterlaufen.", "Timer fortsetzen"),
         "Der Timer über 5 Minuten läuft. Rest: 4 Minuten."),
        ("es", ("Pausa el temporizador.", "Pon el temporizador en pausa."),
         "El temporizador de 5 minutos está en pausa. Tiempo restante: 4 minutos.",
         ("Reanuda el temporizador.", "Continúa el temporizador de 5 minutos."),
         "El temporizador de 5 minutos está en marcha. Tiempo restante: 4 minutos."),
        ("fr", ("Mets le minuteur en pause.", "Mets en pause le minuteur."),
         "Le minuteur de 5 minutes est en pause. Temps restant : 4 minutes.",
         ("Reprends le minuteur.", "Relance le minuteur de 5 minutes."),
         "Le minuteur de 5 minutes est en marche. Temps restant : 4 minutes."),
        ("it", ("Metti in pausa il timer.", "Sospendi il timer.", "Metti il timer in pausa."),
         "Il timer di 5 minuti è in pausa. Tempo rimanente: 4 minuti.",
         ("Riprendi il timer.", "Fai ripartire il timer."),
         "Il timer di 5 minuti è attivo. Tempo rimanente: 4 minuti."),
        ("pt", ("Pause o temporizador.", "Coloque o timer em pausa."),
         "O temporizador de 5 minutos está em pausa. Tempo restante: 4 minutos.",
         ("Retome o temporizador.", "Continue o temporizador."),
         "O temporizador de 5 minutos está ligado. Tempo restante: 4 minutos."),
    ],
)  # fmt: skip
async def test_a_timer_is_paused_and_resumed_in_every_language(
    toolbox: Toolbox, code: str, pause: tuple[str], paused: str, resume: tuple[str], resumed: str
) -> None:
    toolbox.timers.start(300)
    toolbox.seconds += 60
    for sentence in pause:
        assert (await say(toolbox, code, sentence))[1].spoken == paused, sentence
    for sentence in resume:
        assert (await say(toolbox, code, sentence))[1].spoken == resumed, sentence


SENTENCES: dict[str, dict[str, tuple[str, ...]]] = {
    "get_time": {
        "de": ("Wie spät ist es?", "Wie viel Uhr ist es?", "Sag mir bitte die Uhrzeit."),
        "es": ("¿Qué hora es?", "Dime la hora, por favor."),
        "fr": (
            "Quelle heure est-il ?", "Il est quelle heure ?", "Donne-moi l'heure.",
            "Quel heure est-il ?", "Dis-moi-leur.",
        ),
        "it": ("Che ore sono?", "Che ora è?", "Dimmi l'ora.", "di millora", "E che ore sono?"),
        "pt": ("Que horas são?", "Diga as horas."),
    },
    "get_date": {
        "de": ("Welcher Tag ist heute?", "Welches Datum haben wir morgen?"),
        "es": ("¿Qué día es hoy?", "¿Qué fecha es mañana?"),
        "fr": ("Quel jour sommes-nous aujourd'hui ?", "Quelle est la date d'aujourd'hui ?"),
        "it": ("Che giorno è oggi?", "Qual è la data di domani?"),
        "pt": ("Que dia é hoje?", "Qual é a data de amanhã?"),
    },
    "get_device_status": {
        "de": ("Wie heiß ist das Gerät?", "Wie viel Speicherplatz ist noch frei?"),
        "es": ("¿Cuál es la temperatura del aparato?", "¿Cuánto espacio queda libre?"),
        "fr": ("Quelle est la température de l'appareil ?", "Comment va l'appareil ?"),
        "it": ("Qual è la temperatura dell'apparecchio?", "Quanto spazio resta libero?"),
        "pt": ("Qual é a temperatura do aparelho?", "Quanto espaço resta?"),
    },
    "set_volume": {
        "de": ("Stell die Lautstärke auf 50 Prozent.",),
        "es": ("Pon el volumen al 50 por ciento.",),
        "fr": ("Mets le volume à 50 pour cent.",),
        "it": ("Imposta il volume al 50 per cento.",),
        "pt": ("Coloque o volume em 50 por cento.",),
    },
    "change_volume": {
        "de": ("Lauter bitte.", "Sprich etwas leiser."),
        "es": ("Habla más alto.", "Baja un poco el volumen."),
        "fr": ("Parle plus fort.", "Baisse un peu le son."),
        "it": ("Parla più forte.", "Abbassa il volume."),
        "pt": ("Fale mais alto.", "Aumente o volume."),
    },
    "change_speed": {
        "de": ("Sprich langsamer.", "Du sprichst zu schnell."),
        "es": ("Habla más despacio.", "Hablas demasiado rápido."),
        "fr": ("Parle plus lentement.", "Tu parles trop vite."),
        "it": ("Parla più lentamente.", "Parli troppo veloce."),
        "pt": ("Fale mais devagar.",),
    },
    "change_voice": {
        "de": ("Nimm eine andere Stimme.",),
        "es": ("Usa otra voz.",),
        "fr": ("Prends une autre voix.",),
        "it": ("Usa un'altra voce.",),
        "pt": ("Use outra voz.",),
    },
    "repeat_that": {
        "de": ("Sag das noch einmal.",),
        "es": ("Repite, por favor.",),
        "fr": ("Répète, s'il te plaît.",),
        "it": ("Ripeti, per favore.",),
        "pt": ("Repita, por favor.",),
    },
    "list_abilities": {
        "de": ("Was kannst du?",),
        "es": ("¿Qué puedes hacer?",),
        "fr": ("Que sais-tu faire ?",),
        "it": ("Cosa sai fare?",),
        "pt": ("O que você sabe fazer?",),
    },
    "stop_talking": {
        "de": ("Stopp!",), "es": ("¡Basta!",), "fr": ("Stop !",), "it": ("Basta!",),
        "pt": ("Silêncio!",),
    },
    "greet": {
        "de": ("Hallo!",), "es": ("¡Hola!",), "fr": ("Bonjour !",), "it": ("Ciao!",),
        "pt": ("Olá!",),
    },
}  # fmt: skip


@pytest.mark.parametrize(
    ("code", "name", "sentence"),
    [
        (code, name, sentence)
        for name, by_language in SENTENCES.items()
        for code, sentences in by_language.items()
        for sentence in sentences
    ],
)
async def test_what_people_say_is_understood_and_answered(
    toolbox: Toolbox, code: str, name: str, sentence: str
) -> None:
    tool, result = await say(toolbox, code, sentence)
    assert tool == name
    assert result.silent or result.spoken
    assert "error" not in result.data


PLEASE = {
    "de": "bitte",
    "es": "por favor",
    "fr": "s'il te plaît",
    "it": "per favore",
    "pt": "por favor",
}


@pytest.mark.parametrize(
    ("code", "name", "sentence"),
    [
        (code, name, sentence)
        for name in ("get_time", "get_date", "set_volume", "change_speed", "list_abilities")
        for code, sentences in SENTENCES[name].items()
        for sentence in sentences
    ],
)
async def test_words_that_mean_nothing_are_not_taken_for_words_of_a_command(
    toolbox: Toolbox, code: str, name: str, sentence: str
) -> None:
    """All of them are left out together, so that none may be a word that a command needs."""
    polite = f"{sentence.rstrip(' .?!')}, {PLEASE[code]}."
    assert (await say(toolbox, code, polite))[0] == name


@pytest.mark.parametrize("code", TRANSLATED)
async def test_abilities_errors_and_questions_are_in_the_language(
    toolbox: Toolbox, code: str
) -> None:
    toolbox.session.spoken_language = code
    call = toolbox.registry.call
    found = (await call("list_abilities", {}, toolbox.session)).data["abilities"]
    assert len(found) == len(set(found)) == 5
    refused: dict[str, Any] = {"minutes": "many"}
    spoken = (await call("set_timer", refused, toolbox.session)).spoken
    assert spoken.startswith("Sorry, ") == (code == "en")


@pytest.mark.parametrize("code", TRANSLATED)
def test_every_template_is_parsed_in_every_language(toolbox: Toolbox, code: str) -> None:
    """hassil parses a template when it is first matched; a broken one would be found too late."""
    for tool in toolbox.registry._tools.values():
        command = command_of(tool, code)
        assert command.templates
    toolbox.registry.prepare(code)
    assert toolbox.registry.match("xyzzy plugh", language=code) is None


async def test_english_is_understood_in_every_language(toolbox: Toolbox) -> None:
    assert (await say(toolbox, "de", "What time is it?"))[0] == "get_time"
    assert toolbox.registry.match("Wie spät ist es?", language="en") is None
