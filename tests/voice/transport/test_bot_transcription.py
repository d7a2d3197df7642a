from typing import Any

from hypothesis import given
from hypothesis import strategies as st

from appliance.voice.transport.bot_transcription import BotTranscription


def transcribed(*messages: tuple[str, str]) -> tuple[list[str], list[str]]:
    """The transcriptions that are sent, and the kinds of all messages in order."""
    sent: list[dict[str, Any]] = []
    bot = BotTranscription(sent.append)
    for kind, text in messages:
        bot.put({"label": "rtvi-ai", "type": kind, "data": {"text": text}})
    texts = [each["data"]["text"] for each in sent if each["type"] == "bot-transcription"]
    return texts, [each["type"] for each in sent]


def answer(*parts: str) -> list[tuple[str, str]]:
    """The messages of an answer, with Pipecat's transcription behind each sentence."""
    messages = [("bot-llm-started", "")]
    for part in parts:
        messages.append(("bot-llm-text", part))
        if part.rstrip().endswith("."):
            messages.append(("bot-transcription", part))
    return [*messages, ("bot-llm-stopped", "")]


def test_a_transcription_has_no_markup() -> None:
    texts, _ = transcribed(*answer("**Hello** there, ", "see [that](https://x.org)."))
    assert texts == ["Hello there, see that."]


def test_an_answer_without_a_full_stop_is_transcribed_when_it_ends() -> None:
    texts, kinds = transcribed(*answer("Yes. Well.", " It costs *$5*"), *answer("No."))
    assert texts == ["Yes. Well.", "It costs $5", "No."]
    last = len(kinds) - 1 - kinds[::-1].index("bot-transcription")
    assert kinds[last + 1] == "bot-llm-stopped"


def test_code_over_several_sentences_is_left_out() -> None:
    texts, _ = transcribed(*answer("Try:\n```py\nprint.", "x = 1.", "\n```\nDone."))
    assert texts == ["Try:", "Done."]


def test_what_an_interrupted_answer_left_does_not_begin_the_next() -> None:
    texts, _ = transcribed(("bot-llm-started", ""), ("bot-llm-text", "I was"), *answer("No."))
    assert texts == ["No."]


def test_other_messages_pass_as_they_are() -> None:
    message = {"label": "rtvi-ai", "type": "bot-tts-text", "data": {"text": "**a**"}}
    sent: list[dict[str, Any]] = []
    BotTranscription(sent.append).put(message)
    assert sent == [message]


@given(st.lists(st.sampled_from(["a word ", "end.", "**b** ", "```", "`c`", "\n", "5 < 6."])))
def test_no_word_is_sent_twice_and_no_fence_at_all(parts: list[str]) -> None:
    texts, kinds = transcribed(*answer(*parts))
    assert "```" not in "".join(texts)
    assert sum(text.count("end") for text in texts) <= parts.count("end.")
    assert kinds.count("bot-llm-text") == len(parts)
