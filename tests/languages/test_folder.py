"""Every language that has a folder has the same keys, commands and placeholders as English."""

import re
from typing import Any

import pytest

from appliance.languages import folder as folders
from appliance.languages.folder import DATA, TRANSLATED, answering_language, folder
from appliance.languages.table import languages

ENGLISH = folder("en")
OTHERS = TRANSLATED[1:]


def placeholders(text: str) -> set[str]:
    return set(re.findall(r"\{(\w+)\}", text))


def test_every_folder_is_used_and_is_of_a_known_language() -> None:
    assert sorted(path.name for path in DATA.iterdir() if path.is_dir()) == sorted(TRANSLATED)
    assert set(TRANSLATED) <= set(languages())


@pytest.mark.parametrize("code", OTHERS)
def test_answers_have_the_same_keys_and_no_other_values(code: str) -> None:
    answers = folder(code).answers
    assert list(answers) == list(ENGLISH.answers)
    for key, text in answers.items():
        assert placeholders(text) == placeholders(ENGLISH.answers[key]), key
        assert text == text.strip()


@pytest.mark.parametrize("code", OTHERS)
def test_commands_are_for_the_same_tools_and_yield_known_values(code: str) -> None:
    """A list named like an argument in English gives the same values in every language."""
    data = folder(code)
    assert list(data.commands) == list(ENGLISH.commands)
    assert data.fillers
    for name, command in data.commands.items():
        english = ENGLISH.commands[name]
        assert command.sentences, name
        arguments = [slots(command), slots(english)]
        assert arguments[0] >= arguments[1] - {"name"}, name
        for list_name in set(command.lists) & set(english.lists) & {"day", "language", "all"}:
            known = set(english.lists[list_name].values())
            assert set(command.lists[list_name].values()) <= known, (name, list_name)


def slots(command: folders.SpokenCommand) -> set[str]:
    """The arguments that the sentences can fill."""
    text = " ".join([*command.sentences, *command.rules.values()])
    return {slot or name for name, slot in re.findall(r"\{(\w+)(?::(\w+))?\}", text)}


def shape(words: Any) -> Any:  # noqa: ANN401  any TOML
    """The keys of a table, apart from words for single numbers."""
    if not isinstance(words, dict):
        return type(words)
    return {
        key: shape(value) for key, value in words.items() if not re.fullmatch(r"\w+_[2-9]", key)
    } | {"hours": dict}


@pytest.mark.parametrize("code", OTHERS)
def test_words_have_the_same_keys(code: str) -> None:
    words = folder(code).words
    assert shape(words) == shape(ENGLISH.words)
    assert (len(words["date"]["weekdays"]), len(words["date"]["months"])) == (7, 12)
    assert words["time"]["parts"][-1][0] == 24


def test_a_language_without_a_folder_is_answered_in_english() -> None:
    assert answering_language("nl") == "en"
    assert folder("nl") is ENGLISH
