"""People are told once of each trouble, on every page and by voice, and of its end."""

from typing import Any

from appliance.app.history_watch import NOTICES, OVER, HistoryWatch
from appliance.languages.folder import TRANSLATED
from appliance.languages.phrases import phrases


class Hearers:
    """An audience; `present`: whether anybody hears what is said."""

    def __init__(self) -> None:
        self.present = True
        self.shown: list[object] = []
        self.said: list[str] = []

    def send_message(self, message: object) -> None:
        self.shown.append(message)

    async def tell(self, text: Any) -> bool:  # noqa: ANN401  a callable
        if self.present:
            self.said.append(text("en"))
        return self.present


async def test_trouble_is_shown_at_every_change_and_said_once() -> None:
    audience: Any = Hearers()
    trouble = ""
    watch = HistoryWatch(lambda: trouble, audience)
    for trouble in ("", "full", "full", "", "full"):  # noqa: B007  read by the watch
        await watch.look()
    assert audience.shown == [NOTICES["full"], OVER, NOTICES["full"]]
    assert audience.said == [phrases("en").say("history_full")]


async def test_trouble_is_said_when_the_first_comes_who_can_hear_it() -> None:
    audience: Any = Hearers()
    audience.present = False
    watch = HistoryWatch(lambda: "damaged", audience)
    await watch.look()
    audience.present = True
    watch.client_connected(audience)
    await watch.look()
    assert audience.said == [phrases("en").say("history_damaged")]
    assert audience.shown == [NOTICES["damaged"]] * 2


def test_each_trouble_has_its_sentence_in_every_language() -> None:
    for language in TRANSLATED:
        said = {phrases(language).say(f"history_{trouble}") for trouble in NOTICES}
        assert len(said) == len(NOTICES)
