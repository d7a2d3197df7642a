"""The answer of a language model on its way to the voice, cut into segments.

While it is uncertain whether the user's turn is over, an answer is held at Pipecat's speculation
gate behind the language model. Its first spoken segment is synthesized into memory meanwhile
(`HeldOpening`), so that releasing the answer releases sound.
"""

import time
from collections.abc import Callable

from pipecat.frames.frames import (
    AggregatedTextFrame,
    Frame,
    InterruptionFrame,
    LLMContextFrame,
    LLMFullResponseEndFrame,
    LLMFullResponseStartFrame,
    LLMTextFrame,
    TTSSpeakFrame,
)
from pipecat.processors.frame_processor import FrameDirection, FrameProcessor
from pipecat.utils.text.base_text_aggregator import TextType

from appliance.conversation import CODE_SHOWN
from appliance.text.pieces import SpeechCost
from appliance.text.segment import AnswerSegmenter, Segment
from appliance.voice.frames import CODE, PlaybackMarkerFrame, QuestionFrame
from appliance.voice.recorder import Recorder


class HeldOpening:
    """The first spoken segment of an answer that is held.

    `prepare` is called with it once it is complete, `discard` when a prepared one will not be
    needed; `cost` returns what a piece costs the voice of the moment.
    """

    def __init__(
        self,
        prepare: Callable[[str], None],
        discard: Callable[[], None],
        cost: Callable[[], SpeechCost],
    ) -> None:
        self._prepare = prepare
        self._discard = discard
        self._cost = cost
        self._segmenter: AnswerSegmenter | None = None
        self._text = ""
        self._prepared_at = 0.0

    def begin(self) -> None:
        """Another answer begins to be held."""
        self.withdraw()
        self._segmenter = AnswerSegmenter(self._cost())

    def feed(self, text: str) -> None:
        """More of the held answer was written."""
        if self._segmenter is None or self._text:
            return
        self._prepare_first(self._segmenter.feed(text, time.monotonic()))

    def end(self) -> None:
        """The held answer is complete."""
        if self._segmenter is not None and not self._text:
            self._prepare_first(self._segmenter.end(time.monotonic()))

    @property
    def is_prepared(self) -> bool:
        """Whether the first segment of an answer that was not given yet is complete."""
        return bool(self._text)

    def _prepare_first(self, segments: list[Segment]) -> None:
        opening = next((segment.text for segment in segments if segment.spoken), "")
        if opening:
            self._text, self._prepared_at = opening, time.monotonic()
            self._prepare(opening)

    def withdraw(self) -> None:
        """The held answer will not be given."""
        if self._text:
            self._discard()
        self._segmenter, self._text = None, ""

    def release(self) -> AnswerSegmenter:
        """The answer is given: a segmenter that cuts the opening as it was prepared."""
        text, self._text, self._segmenter = self._text, "", None
        return AnswerSegmenter(self._cost(), text, self._prepared_at)


class AnswerText(FrameProcessor):
    """Stands behind the language model and cuts its answer into the segments that are spoken.

    The first one is short, so that the voice begins early. Code still reaches the page and the
    context; it is only named, and not read aloud. A question of the appliance ends the answer: what
    the model has not said by then is not said, and it is asked nothing more in this turn.
    """

    def __init__(
        self, recorder: Recorder, opening: HeldOpening, translated: Callable[[str], str] = str
    ) -> None:
        """`translated` puts the appliance's own sentences into the user's language."""
        super().__init__()
        self._translated = translated
        self._recorder = recorder
        self._opening = opening
        self._segmenter = AnswerSegmenter()
        self._answer_ended = False
        # The block of code that is being written.
        self._code = ""
        self._names_code = True

    async def process_frame(self, frame: Frame, direction: FrameDirection) -> None:
        await super().process_frame(frame, direction)
        if isinstance(frame, LLMTextFrame) and direction == FrameDirection.DOWNSTREAM:
            self._recorder.token_received()
            if not self._answer_ended:
                await self._push(self._segmenter.feed(frame.text, time.monotonic()))
            return
        if isinstance(frame, QuestionFrame):
            await self._ask(frame)
            return
        if isinstance(frame, LLMContextFrame) and self._answer_ended:
            # Results of other tools, with which the model would go on.
            return
        if isinstance(frame, LLMFullResponseStartFrame):
            self._segmenter, self._answer_ended = self._opening.release(), False
            self._code, self._names_code = "", True
        elif isinstance(frame, InterruptionFrame):
            self._segmenter, self._answer_ended, self._code = AnswerSegmenter(), False, ""
        elif isinstance(frame, LLMFullResponseEndFrame):
            await self._push(self._segmenter.end(time.monotonic()))
            await self._show_code()
        await self.push_frame(frame, direction)

    async def _ask(self, question: QuestionFrame) -> None:
        self._segmenter, self._answer_ended = AnswerSegmenter(), True
        self._recorder.answer_written(question.text)
        await self.push_frame(TTSSpeakFrame(question.text))
        await self.push_frame(PlaybackMarkerFrame(question.on_heard))

    async def _push(self, segments: list[Segment]) -> None:
        for text, spoken in segments:
            if not spoken:
                self._code += text
                continue
            await self._show_code()
            self._recorder.answer_written(text)
            await self.push_frame(AggregatedTextFrame(text, TextType.SENTENCE))

    async def _show_code(self) -> None:
        """Passes a block of code on, whole and with its fences; names the first of an answer."""
        code, self._code = self._code, ""
        if not code:
            return
        self._recorder.answer_written(code)
        await self.push_frame(AggregatedTextFrame(code, CODE))
        if self._names_code:
            self._names_code = False
            named = f" {self._translated(CODE_SHOWN)}"
            self._recorder.answer_written(named)
            await self.push_frame(AggregatedTextFrame(named, TextType.SENTENCE))
