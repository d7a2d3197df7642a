"""The sentence for a language model that gives no answer, by the reason."""

from openai import APIStatusError

from appliance.conversation import MODEL_BUSY, MODEL_REFUSES_KEY, MODEL_SILENT, MODEL_THINKS
from appliance.llm.answer_reader import NoWordInTime

_BY_STATUS = {
    401: MODEL_REFUSES_KEY,
    403: MODEL_REFUSES_KEY,
    429: MODEL_BUSY,
    503: MODEL_SILENT,
}


def model_apology(error: BaseException | None) -> str:
    """The apology for an error of the last model that was asked."""
    if isinstance(error, NoWordInTime):
        return MODEL_THINKS
    if isinstance(error, APIStatusError):
        return _BY_STATUS.get(error.status_code, MODEL_SILENT)
    return MODEL_SILENT
