"""The phrases of a language: what the appliance says by itself, numbers, times, dates, sizes."""

from collections.abc import Mapping, Sequence
from datetime import date, datetime
from functools import cache
from typing import Any

from appliance.languages.folder import LanguageFolder, answering_language, folder
from appliance.languages.table import ENGLISH
from appliance.text import phrasing


class Phrases:
    """The phrases of one language, out of its folder. Pure, once that is read."""

    def __init__(self, data: LanguageFolder) -> None:
        self.language = data.code
        self._answers = data.answers
        self._words = data.words

    def say(self, key: str, **values: object) -> str:
        """The sentence of that key, with its first letter in capitals where it begins with a value.

        Raises KeyError for an unknown key or a missing value.
        """
        sentence = self._answers[key]
        filled = sentence.format(**values)
        return phrasing.capitalised(filled) if sentence.startswith("{") else filled

    def part(self, key: str, **values: object) -> str:
        """The part of a sentence of that key. Raises KeyError, as `say` does."""
        return self._answers[key].format(**values)

    def find(self, key: str) -> str:
        """The sentence of that key, which has no values; "" where there is none."""
        return self._answers.get(key, "")

    def number(self, value: int) -> str:
        """A whole number, as it is written: a voice reads it as its language does."""
        return str(value)

    def counted(self, count: int, unit: str) -> str:
        """A number of hours, minutes, seconds or days."""
        units: Mapping[str, str] = self._words["units"]
        exact = units.get(f"{unit}_{count}")
        return exact or units[f"{unit}_many"].format(count=count)

    def listed(self, items: Sequence[str], last: str = "and") -> str:
        """An enumeration; `last` is "and" or "or"."""
        joint: str = self._words["list"][last]
        if len(items) <= 1:
            return "".join(items)
        return f"{', '.join(items[:-1])}{joint}{items[-1]}"

    def length(self, seconds: float) -> str:
        """A duration, to the second below an hour and to the minute above."""
        parts = [self.counted(*part) for part in phrasing.duration_parts(seconds)]
        return self.listed(parts) or self.counted(0, "second")

    def timer_title(self, name: str, seconds: float) -> str:
        """A timer by its name or, without one, its length: without an article."""
        if name:
            return self.part("timer_title_named", name=name)
        return self.part("timer_title_length", length=self.length(seconds))

    def time(self, moment: datetime) -> str:
        """The time of day, as the sentence "time" has it."""
        words: Mapping[str, Any] = self._words["time"]
        hour = moment.hour
        kind = {0: "midnight", 12: "noon"}.get(hour, "hour")
        told = hour % 12 or 12 if words["clock"] == 12 else hour
        if kind == "hour" and told == 1:
            kind = "one"
        part = next(name for until, name in words["parts"] if hour < until)
        return str(words[f"{kind}_past" if moment.minute else kind]).format(
            hour=words["hours"].get(str(told), told), minute=moment.minute, part=part
        )

    def day(self, when: date) -> str:
        """A date with its weekday and year."""
        words: Mapping[str, Any] = self._words["date"]
        days: Sequence[str] = words["days"]
        return str(words["format"]).format(
            weekday=words["weekdays"][when.weekday()],
            # Days beyond those that the language has words for are numbers.
            day=days[when.day - 1] if when.day <= len(days) else when.day,
            month=words["months"][when.month - 1],
            year=when.year,
        )

    def size(self, amount: int) -> str:
        """An amount of bytes."""
        words: Mapping[str, str] = self._words["size"]
        for unit, name in ((10**12, "terabytes"), (10**9, "gigabytes")):
            if amount >= unit:
                return words[name].format(count=self.decimal(amount / unit))
        return words["megabytes"].format(count=round(amount / 10**6))

    def decimal(self, value: float) -> str:
        """A number with one decimal place, or none where that is zero."""
        return f"{value:.1f}".removesuffix(".0").replace(".", self._words["size"]["decimal_mark"])

    def watts(self, value: float) -> str:
        """A power in watts, with one decimal place."""
        return f"{value:.1f}".replace(".", self._words["size"]["decimal_mark"])


class EnglishPhrases(Phrases):
    """English, with numbers and times in words (`appliance.text.phrasing`)."""

    def number(self, value: int) -> str:
        return phrasing.number(value)

    def counted(self, count: int, unit: str) -> str:
        return phrasing.counted(count, unit)

    def listed(self, items: Sequence[str], last: str = "and") -> str:
        return phrasing.listed(items, last)

    def length(self, seconds: float) -> str:
        return phrasing.length(seconds)

    def timer_title(self, name: str, seconds: float) -> str:
        if name:
            return self.part("timer_title_named", name=name)
        return self.part("timer_title_length", length=phrasing.as_adjective(seconds))

    def time(self, moment: datetime) -> str:
        return phrasing.time_of_day(moment)

    def day(self, when: date) -> str:
        return f"{phrasing.day(when)}, {when.year}"

    def size(self, amount: int) -> str:
        return phrasing.size(amount)


def translated(sentence: str, language: str) -> str:
    """A sentence of English's folder in another language; one that is not there stays as it is."""
    english = folder(ENGLISH).answers
    key = next((key for key, text in english.items() if text == sentence), "")
    return phrases(language).find(key) or sentence


@cache
def phrases(language: str) -> Phrases:
    """The phrases of a language, English for one without a folder."""
    code = answering_language(language)
    return EnglishPhrases(folder(code)) if code == ENGLISH else Phrases(folder(code))
