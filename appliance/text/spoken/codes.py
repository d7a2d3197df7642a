"""Groups of digits that are no amounts: addresses, versions, telephone numbers, models."""

import re
from functools import cache
from typing import Final

from appliance.text.spoken.language import ReadingRules
from appliance.text.spoken.numbers import cardinal, spelled, whole

_IP: Final = re.compile(
    r"(?<![\w.])((?:\d{1,3}\.){3}\d{1,3})(?:/(\d{1,2}))?(?::(\d{1,5}))?(?![\w/]|\.\d)"
)
_VERSION: Final = re.compile(
    r"(?<![\w.])(?:(?P<word>[Vv]ersion|[Vv]ersión|[Vv]ersione|[Vv]ersão)\s)?"
    r"(?P<v>[vV]\.?)?(?P<number>\d+(?:\.\d+)+|(?<=[vV])\d+)(?P<rest>-?(?:alpha|beta|rc)\.?\d*)?"
    r"(?![\w]|\.\d)"
)
_NAMED: Final = re.compile(
    r"(?i)\b(?:version|release|python|ios|ipados|android|macos|node|node\.js|php|java|kernel|linux"
    r"|ubuntu|debian|fedora|windows|firefox|chrome|django|pipecat|cuda|bluetooth|usb|wi-?fi|http"
    r"|tls|gpt|claude|llama|gemini|versión|versione|versão)[ -]$"
)
_HEX: Final = re.compile(
    r"(?<![\w])(?:0x([0-9A-Fa-f]+)|#((?=[0-9a-fA-F]*[a-fA-F])[0-9a-fA-F]{6}))\b"
)
_PORT: Final = re.compile(r"(?i)\b(port )(\d{4,5})\b(?![.,:/]\d)")
_MAC: Final = re.compile(r"(?<![\w:])((?:[0-9A-Fa-f]{2}[:-]){5}[0-9A-Fa-f]{2})(?![\w:])")
_PHONES: Final = (
    # +1 555 123 4567, +49 30 123456
    re.compile(r"(?<![\w+])\+\d{1,3}(?:[ \-./]?\(?\d{1,5}\)?){2,6}(?![\w])"),
    # (555) 123-4567, 555-123-4567, 555.123.4567, 1-800-555-0199
    re.compile(r"(?<![\w.\-])(?:1[ -])?(?:\(\d{3}\) ?|\d{3}[-.])\d{3}[-.]\d{4}(?![\w\-]|\.\d)"),
    # 0171 1234567, 030/123456, 01 23 45 67 89
    re.compile(r"(?<![\w.,\-/])(?<!\d )0\d{1,5}(?:[ /\-]\d{2,8}){1,5}(?![\w\-/]|[.,]\d)"),
    # 912 345 678
    re.compile(r"(?<![\w.,\-/])[6-9]\d{2} \d{3} \d{3}(?![\w\-/ ]|[.,]\d)"),
)
_EMERGENCY: Final = re.compile(r"(?i)\b((?:call|dial|ring) )(\d{3})\b(?![-.,:/]\d)")
_LOCAL: Final = re.compile(r"(?<![\w.,\-/])([2-9]\d\d)-(\d{4})(?![\w\-/]|[.,]\d)")
_CALL: Final = re.compile(r"(?i)\b(?:call|dial|phone|number|tel|at|text|ring|fax)\b[ .:]*(?:is )?$")
_MODEL: Final = re.compile(r"(?<![\w.\-/])([A-Z]?)(\d{3})-(\d{1,3})(ER|LR|F)?(?![\w\-/]|[.,]\d)")
_AIRCRAFT: Final = re.compile(r"(?i)\b(?:boeing|airbus|embraer|bombardier)\s+$")


def codes(text: str, language: ReadingRules) -> str:
    """Addresses, versions, hexadecimal numbers, telephone numbers and models in words."""
    text = _MAC.sub(lambda found: _characters(found[1], language), text)
    text = _IP.sub(lambda found: _address(found, language), text)
    text = _PORT.sub(lambda found: f"{found[1]}{_port(found[2], language)}", text)
    text = _HEX.sub(lambda found: _hex(found, language), text)
    for pattern in _PHONES:
        text = pattern.sub(lambda found: _phone(found, language), text)
    text = _EMERGENCY.sub(lambda found: f"{found[1]}{spelled(found[2], language)}", text)
    text = _LOCAL.sub(lambda found: _local(found, language), text)
    text = _VERSION.sub(lambda found: _version(found, language), text)
    text = _MODEL.sub(lambda found: _model(found, language), text)
    return _code_pattern(language.code_words).sub(
        lambda found: f"{found[1]}{spelled(found[2], language)}", text
    )


def _characters(written: str, language: ReadingRules) -> str:
    """Letters and digits one by one."""
    groups = re.findall(r"[0-9A-Za-z]+", written)
    return ", ".join(_letters_and_digits(group, language) for group in groups)


def _letters_and_digits(group: str, language: ReadingRules) -> str:
    return " ".join(spelled(each, language) if each.isdigit() else each.upper() for each in group)


def _address(found: re.Match[str], language: ReadingRules) -> str:
    octets = found[1].split(".")
    if any(int(octet) > 255 for octet in octets):
        return found[0]
    dot = f" {language.words['dot']} "
    words = dot.join(_octet(octet, language) for octet in octets)
    if found[2]:
        words += f" {language.words['slash']} {cardinal(int(found[2]), language)}"
    if found[3]:
        words += f" {language.words['port']} {_port(found[3], language)}"
    return words


def _octet(octet: str, language: ReadingRules) -> str:
    if language.spells_octets and len(octet) == 3:
        return spelled(octet, language)
    return cardinal(int(octet), language)


def _port(port: str, language: ReadingRules) -> str:
    if language.code == "en" and len(port) == 4 and port[1:] != "000":
        return _pairs(port, language)
    return whole(port, language)


def _pairs(digits: str, language: ReadingRules) -> str:
    """Two digits at a time, as Americans read a number of four: "eighty eighty"."""
    return f"{cardinal(int(digits[:2]), language)} {_pair(digits[2:], language)}"


def _pair(digits: str, language: ReadingRules) -> str:
    if digits == "00":
        return "hundred"
    return (
        f"oh {cardinal(int(digits[1]), language)}" if digits[0] == "0" else whole(digits, language)
    )


def _hex(found: re.Match[str], language: ReadingRules) -> str:
    words = _letters_and_digits(found[1] or found[2], language)
    return f"{language.words['hex']} {words}"


def _phone(found: re.Match[str], language: ReadingRules) -> str:
    groups = re.findall(r"\d+", found[0])
    if sum(map(len, groups)) < 6:
        return found[0]
    words = [_phone_group(group, language) for group in groups]
    plus = f"{language.words['plus']} " if found[0].startswith("+") else ""
    return plus + ", ".join(words)


def _phone_group(group: str, language: ReadingRules) -> str:
    if language.code == "fr" and len(group) == 2:
        return whole(group, language)
    return spelled(group, language)


def _local(found: re.Match[str], language: ReadingRules) -> str:
    is_called = _CALL.search(found.string[max(0, found.start() - 20) : found.start()])
    if not is_called and found[1] != "555" and found[2].endswith("00"):
        return found[0]
    return f"{spelled(found[1], language)}, {spelled(found[2], language)}"


def _version(found: re.Match[str], language: ReadingRules) -> str:
    parts = found["number"].split(".")
    in_front = found.string[max(0, found.start() - 16) : found.start()]
    is_version = found["v"] or found["word"] or _NAMED.search(in_front) or len(parts) > 2
    if not is_version or (len(parts) > 2 and _is_grouped(parts, bool(found["v"]), language)):
        return found[0]
    word = found["word"] or (language.words["version"] if found["v"] else "")
    dot = f" {language.words['version point']} "
    words = dot.join(_version_part(part, language) for part in parts)
    rest = re.sub(r"(?<=[a-z])\.?(?=\d)", " ", (found["rest"] or "").lstrip("-"))
    return " ".join(filter(None, (word, words, rest)))


def _is_grouped(parts: list[str], has_mark: bool, language: ReadingRules) -> bool:
    """Whether 1.234.567 is an amount of a language that separates thousands by full stops."""
    all_threes = all(len(part) == 3 for part in parts[1:]) and 0 < len(parts[0]) < 4
    return language.decimal_comma and all_threes and not has_mark


def _version_part(part: str, language: ReadingRules) -> str:
    if len(part) == 2 and part[0] == "0" and language.code == "en" and part != "00":
        return f"oh {cardinal(int(part), language)}"
    return whole(part, language)


def _model(found: re.Match[str], language: ReadingRules) -> str:
    """747-400: the second number is not larger, so it is no range."""
    first, second = int(found[2]), int(found[3])
    is_aircraft = re.fullmatch(r"7\d7", found[2]) or found[1]
    in_front = found.string[max(0, found.start() - 12) : found.start()]
    is_descending = len(found[3]) == 3 and second <= first
    if not (is_aircraft or is_descending or _AIRCRAFT.search(in_front)):
        return found[0]
    words = [found[1], _spoken_model(found[2], language), _spoken_model(found[3], language)]
    return " ".join(filter(None, (*words, " ".join(found[4] or ""))))


def _spoken_model(digits: str, language: ReadingRules) -> str:
    if language.code == "en" and len(digits) == 3 and not digits.endswith("00"):
        return f"{cardinal(int(digits[0]), language)} {_pair(digits[1:], language)}"
    return whole(digits, language)


@cache
def _code_pattern(words: frozenset[str]) -> re.Pattern[str]:
    names = "|".join(sorted(words))
    joint = r"(?::|\s(?:is|number|code|ist|lautet|es|est|è|é|postal))?\s"
    return re.compile(rf"(?i)\b((?:{names}){joint})(\d{{3,}})\b(?![.,:/]\d)")
