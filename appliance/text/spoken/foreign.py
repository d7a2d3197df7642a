"""Words of another script inside a text that a voice of the Latin script speaks."""

import re
import unicodedata
from typing import Final

from appliance.text.spoken.language import word_set

_LATIN: Final = word_set(
    "en de es fr it pt nl pl tr sv da no nb nn fi cs sk sl hr ro hu ca eu gl et lv lt is"
    " ga cy id ms vi sw af sq"
)
"""Languages of the Latin script: their voices name the letters of any other one by one."""
_FOREIGN: Final = re.compile(
    r"[\u0370-\u03ff\u0400-\u052f\u0530-\u058f\u0590-\u05ff\u0600-\u06ff\u0750-\u077f\u0900-\u0dff"
    r"\u0e00-\u0eff\u10a0-\u10ff\u1100-\u11ff\u1200-\u137f\u1780-\u17ff\u1f00-\u1fff\u3040-\u30ff"
    r"\u3400-\u4dbf\u4e00-\u9fff\uac00-\ud7af\uf900-\ufaff\uff66-\uff9d\u3005]+"
)
_MARKS: Final = str.maketrans({
    "，": ", ", "。": ". ", "、": ", ", "！": "! ", "？": "? ", "；": "; ", "：": ": ", "（": " (",
    "）": ") ", "「": " ", "」": " ", "《": " ", "》": " ", "،": ",", "؟": "?", "؛": ";", "।": ".",
    "・": " ",
})  # fmt: skip
_GREEK: Final = {
    "α": "alpha", "β": "beta", "γ": "gamma", "δ": "delta", "ε": "epsilon", "ζ": "zeta",
    "η": "eta", "θ": "theta", "ι": "iota", "κ": "kappa", "λ": "lambda", "μ": "mu", "ν": "nu",
    "ξ": "xi", "π": "pi", "ρ": "rho", "σ": "sigma", "τ": "tau", "φ": "phi", "χ": "chi",
    "ψ": "psi", "ω": "omega", "Γ": "Gamma", "Δ": "Delta", "Θ": "Theta", "Λ": "Lambda",
    "Π": "Pi", "Σ": "Sigma", "Φ": "Phi", "Ψ": "Psi", "Ω": "Omega",
}  # fmt: skip
_VOWELS: Final = frozenset("aeiou")


def romanised(text: str, language: str) -> str:
    """The text with foreign words in Latin letters, for a language that is written in them.

    Chinese characters become Mandarin syllables without tones; vowels that Arabic and Hebrew do
    not write are supplied as "a".
    """
    if language not in _LATIN or not _FOREIGN.search(text):
        return text
    text = text.translate(_MARKS)
    return _FOREIGN.sub(_word, text)


def _word(found: re.Match[str]) -> str:
    # Imported here because few answers need its tables.
    from anyascii import anyascii

    before, after = found.string[: found.start()][-1:], found.string[found.end() :][:1]
    if found[0] in _GREEK:
        return f"{' ' * before.isalnum()}{_GREEK[found[0]]}{' ' * after.isalnum()}"
    parts: list[str] = []
    for run in _runs(found[0]):
        letters = re.sub(r"[^A-Za-z]+", "", anyascii(run))
        if _is_script(run[0], ("ARABIC", "HEBREW")):
            letters = _with_vowels(letters.lower())
        if letters:
            parts.append(letters.lower() if not run[:1].isupper() else letters.capitalize())
    return f"{' ' * before.isalnum()}{' '.join(parts)}{' ' * after.isalnum()}"


def _runs(text: str) -> list[str]:
    """Chinese characters one by one, words of other scripts whole."""
    begins = [0]
    was_ideograph = _is_script(text[0], ("CJK",))
    for place, character in enumerate(text[1:], 1):
        is_ideograph = _is_script(character, ("CJK",))
        if is_ideograph or was_ideograph:
            begins.append(place)
        was_ideograph = is_ideograph
    return [text[begin:end] for begin, end in zip(begins, [*begins[1:], len(text)], strict=True)]


def _is_script(character: str, names: tuple[str, ...]) -> bool:
    return unicodedata.name(character, "").startswith(names)


def _with_vowels(letters: str) -> str:
    """Every other consonant of a run gets a vowel behind it: "mrhba" becomes "marhaba"."""
    spoken = ""
    run = 0
    for index, letter in enumerate(letters):
        spoken += letter
        if letter in _VOWELS:
            run = 0
            continue
        run += 1
        following = letters[index + 1 : index + 2]
        if run % 2 and following and following not in _VOWELS:
            spoken += "a"
    return spoken
