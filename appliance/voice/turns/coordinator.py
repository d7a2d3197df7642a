"""Coordinates VAD, STT, end of turn and barge-in through the events of a user's turn. Pure."""

from collections.abc import Callable

from appliance.observability.turn_trace import SpeculationOutcome


class TurnListener:
    """A part that acts on the events of a turn; those that it does not override it ignores."""

    def speech_began(self) -> None:
        """Speech began with the latest packet of audio."""

    def pause_lasted(self, milliseconds: float) -> None:
        """Speech has paused for that long so far. Called again with every packet of the pause."""

    def speech_resumed(self) -> None:
        """The pause ended before it was long enough to be the end of speech."""

    def judged(self, probability: float, *, ahead: bool) -> None:
        """Smart-turn has judged the pause, `ahead` of the end of speech or at it."""

    def speculation_began(self, *, guessed: bool) -> None:
        """A model or a tool answers the pause, `guessed` before a verdict on it is known."""

    def speculation_ended(self, outcome: SpeculationOutcome) -> None:
        """The answer that was begun at a pause is used or withdrawn."""

    def turn_ended(self) -> None:
        """The turn is over, or its words were dismissed: what is said next is another one."""

    async def dismissed(self) -> None:
        """The words were not meant for the assistant, and belong to no turn."""

    async def nothing_heard(self) -> None:
        """Speech ended that had no words."""


class TurnCoordinator:
    """Passes the events of one session's turns on to those who have to act.

    VAD, STT and the end of turn depend on each other in a circle, so the coordinator is built
    first and each of them is given it; STT and the end of turn listen from their construction on,
    in that order. `dismisses` is the barge-in's verdict on words.

    A turn goes like this:

    1. Speech begins (VAD: `speech_began`). STT keeps the audio from here on. If an answer is
       playing or expected, the barge-in holds it until it is clear whether the speech interrupts
       it; otherwise the turn begins.
    2. A pause is noticed (VAD: `pause_lasted`), long before it is long enough to end the turn. STT
       transcribes what was said so far, then smart-turn judges whether it sounds complete.
    3. The words are known (STT: `heard_ahead`). The end of turn may have the language model, or a
       tool that changes nothing, begin an answer, which is held back (a speculation).
    4. Either speech goes on (VAD: `speech_resumed`): whatever was prepared is withdrawn. Or the
       pause becomes the end of speech: smart-turn decides whether the turn is over, unless the
       words are a command as they stand.
    5. The final words are known. Over an answer, the barge-in may find that they were not meant
       for the assistant (STT: `dismisses`): the answer goes on, and the end of turn forgets them.
       Without any words (STT: `nothing_heard`) a turn in which nothing else was said ends.
    6. If speech goes on before the turn is over, STT hears the whole turn again and passes on what
       is new. Otherwise the turn ends (`turn_ended`). The held answer is released if it answers
       the final words; otherwise it is withdrawn and the language model is asked again.

    Frames take the way of the pipeline; these calls reach their listeners at once, while the
    packet of audio that caused them is being processed.
    """

    def __init__(self, dismisses: Callable[[str], bool]) -> None:
        self._dismisses = dismisses
        self._listeners: list[TurnListener] = []
        self._words_ahead = ""

    def add_listener(self, listener: TurnListener) -> None:
        """Passes all further events on to the listener, after those that were added before."""
        self._listeners.append(listener)

    @property
    def words_ahead(self) -> str:
        """The words before the present pause; empty while they are not known."""
        return self._words_ahead

    def speech_began(self) -> None:
        """Called by VAD, before its frame reaches any processor."""
        for listener in self._listeners:
            listener.speech_began()

    def pause_lasted(self, milliseconds: float) -> None:
        """Called by VAD with the silence so far, again and again while a pause lasts."""
        for listener in self._listeners:
            listener.pause_lasted(milliseconds)

    def speech_resumed(self) -> None:
        """Called by VAD when speech goes on after a pause."""
        for listener in self._listeners:
            listener.speech_resumed()

    def heard_ahead(self, words: str) -> None:
        """Called by STT with the words before the pause; with none when they no longer count."""
        self._words_ahead = words

    def judged(self, probability: float, *, ahead: bool) -> None:
        """Called by smart-turn with each verdict: the probability that the turn is complete."""
        for listener in self._listeners:
            listener.judged(probability, ahead=ahead)

    def speculation_began(self, *, guessed: bool) -> None:
        """Called by the end of turn when it has a model or a tool answer a pause."""
        for listener in self._listeners:
            listener.speculation_began(guessed=guessed)

    def speculation_ended(self, outcome: SpeculationOutcome) -> None:
        """Called by the end of turn when the answer to a pause is released or withdrawn."""
        for listener in self._listeners:
            listener.speculation_ended(outcome)

    def turn_ended(self) -> None:
        """Called by the end of turn."""
        for listener in self._listeners:
            listener.turn_ended()

    async def dismisses(self, words: str) -> bool:
        """Called by STT with the final words, maybe none.

        True where they were not meant for the assistant: they go no further.
        """
        if not self._dismisses(words):
            return False
        for listener in self._listeners:
            await listener.dismissed()
        return True

    async def nothing_heard(self) -> None:
        """Called by STT when speech has ended without words."""
        for listener in self._listeners:
            await listener.nothing_heard()
