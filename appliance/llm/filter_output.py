"""The text that a filter has before it, and the events that it found. Pure."""

from collections.abc import Sequence
from dataclasses import dataclass, field

from appliance.llm.answer_events import AnswerWords, CallBegun, Thought, Unsaid
from appliance.llm.written_calls import WrittenCall

Found = AnswerWords | Thought | Unsaid | CallBegun | WrittenCall


@dataclass(slots=True)
class FilterOutput:
    """What is left to be filtered (`buffer`), and what was `found`.

    `last` is the last character that was passed on, a line feed at the beginning. `said`: there
    were words. `called`: there was a call, behind which a model makes up the result.
    """

    buffer: str = ""
    found: list[Found] = field(default_factory=list)
    last: str = "\n"
    said: bool = False
    called: bool = False

    def pass_on(self, characters: int) -> None:
        """So many characters of the buffer are words."""
        text, self.buffer = self.buffer[:characters], self.buffer[characters:]
        self.say(text)

    def say(self, text: str) -> None:
        """Adds words, unless they follow a call."""
        if text:
            self.last = text[-1]
        if text and not self.called:
            self.said |= bool(text.strip())
            self.found.append(AnswerWords(text))

    def call(self, calls: Sequence[WrittenCall]) -> None:
        """Adds calls, if any."""
        self.found += calls
        self.called |= bool(calls)
