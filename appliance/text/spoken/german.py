"""German."""

from collections.abc import Mapping
from types import MappingProxyType
from typing import Final

from appliance.text.spoken.english import CURRENCIES
from appliance.text.spoken.language import (
    NO_NOUN,
    Clock,
    Currency,
    Day,
    Gender,
    Noun,
    ReadingRules,
    word_set,
)
from appliance.text.spoken.numbers import cardinal, ordinal

WORDS: Final[Mapping[str, str]] = MappingProxyType({
    "point": "Komma", "dot": "Punkt", "at": "ät", "slash": "Schrägstrich", "and": "und",
    "to": "bis", "port": "Port", "minus": "minus", "plus": "plus", "plus or minus": "plus minus",
    "times": "mal", "divided by": "geteilt durch", "over": "durch", "equals": "gleich",
    "is not": "ungleich", "less": "ist kleiner als", "more": "ist größer als",
    "at most": "kleiner oder gleich", "at least": "größer oder gleich", "about": "etwa",
    "approximately": "ungefähr", "root": "die Wurzel aus", "cube root": "die dritte Wurzel aus",
    "squared": "zum Quadrat", "cubed": "hoch drei", "power": "hoch", "infinity": "unendlich",
    "sum": "die Summe von", "integral": "das Integral von", "element": "ist Element von",
    "number": "Nummer", "version": "Version", "hex": "hex", "sharp": "Sharp", "flat": "flat",
    "out of": "von", "version point": "Punkt", "to time": "bis", "at time": "um", "of year": "",
    "second": "Sekunde", "seconds": "Sekunden", "thousand": "tausend", "and cents": "",
    "ratio": "zu", "section": "Paragraf", "of part": "", "arrow": "nach",
    "proportional": "proportional zu", "and a half": "{}einhalb",
})  # fmt: skip

_MONTHS = (
    *("Januar", "Februar", "März", "April", "Mai", "Juni", "Juli", "August", "September"),
    *("Oktober", "November", "Dezember"),
)
_CENT = Noun("Cent", "Cent")


def _same(noun: str, gender: Gender = "m") -> Noun:
    return Noun(noun, noun, gender)


def _f(noun: str, many: str = "") -> Noun:
    return Noun(noun, many or f"{noun}n", "f")


_CURRENCIES = {
    **dict.fromkeys(("$", "USD", "US$"), Currency(_same("Dollar"), _CENT)),
    **dict.fromkeys(("€", "EUR", "Euro"), Currency(_same("Euro"), _CENT)),
    **dict.fromkeys(("£", "GBP"), Currency(_same("Pfund", "n"), Noun("Penny", "Pence"))),
    **dict.fromkeys(("¥", "JPY"), Currency(_same("Yen"), NO_NOUN)),
    **dict.fromkeys(("CHF", "Fr."), Currency(_same("Franken"), Noun("Rappen", "Rappen"))),
    "₹": Currency(Noun("Rupie", "Rupien", "f"), NO_NOUN), "₽": Currency(_same("Rubel"), NO_NOUN),
    "₩": Currency(_same("Won"), NO_NOUN), "₿": Currency(Noun("Bitcoin", "Bitcoins"), NO_NOUN),
    "¢": Currency(_CENT, NO_NOUN), "ct": Currency(_CENT, NO_NOUN),
}  # fmt: skip

_UNITS = {
    "°C": _same("Grad Celsius"), "°F": _same("Grad Fahrenheit"), "°": _same("Grad"),
    "%": _same("Prozent"), "‰": _same("Promille"), "km/h": _same("Kilometer pro Stunde"),
    "m/s": _same("Meter pro Sekunde"), "m/s²": _same("Meter pro Quadratsekunde"),
    "km": _same("Kilometer"), "m": _same("Meter"), "dm": _same("Dezimeter"),
    "cm": _same("Zentimeter"), "mm": _same("Millimeter"), "µm": _same("Mikrometer"),
    "nm": _same("Nanometer"), "km²": _same("Quadratkilometer"), "m²": _same("Quadratmeter"),
    "qm": _same("Quadratmeter"), "cm²": _same("Quadratzentimeter"), "m³": _same("Kubikmeter"),
    "cm³": _same("Kubikzentimeter"), "ha": _same("Hektar"), "kg": _same("Kilogramm", "n"),
    "g": _same("Gramm", "n"), "mg": _same("Milligramm", "n"), "µg": _same("Mikrogramm", "n"),
    "t": _f("Tonne"), "l": _same("Liter"), "L": _same("Liter"), "dl": _same("Deziliter"),
    "cl": _same("Zentiliter"), "ml": _same("Milliliter"), "EL": _same("Esslöffel"),
    "TL": _same("Teelöffel"), "kB": _same("Kilobyte", "n"), "KB": _same("Kilobyte", "n"),
    "MB": _same("Megabyte", "n"), "GB": _same("Gigabyte", "n"), "TB": _same("Terabyte", "n"),
    "Mbit/s": _same("Megabit pro Sekunde"), "ms": _f("Millisekunde"), "s": _f("Sekunde"),
    "Sek.": _f("Sekunde"), "min": _f("Minute"), "Min.": _f("Minute"), "h": _f("Stunde"),
    "Std.": _f("Stunde"), "Hz": _same("Hertz", "n"), "kHz": _same("Kilohertz", "n"),
    "MHz": _same("Megahertz", "n"), "GHz": _same("Gigahertz", "n"), "W": _same("Watt", "n"),
    "kW": _same("Kilowatt", "n"), "MW": _same("Megawatt", "n"), "GW": _same("Gigawatt", "n"),
    "kWh": _f("Kilowattstunde"), "Wh": _f("Wattstunde"), "mAh": _f("Milliamperestunde"),
    "V": _same("Volt", "n"), "mA": _same("Milliampere", "n"), "Ω": _same("Ohm", "n"),
    "J": _same("Joule", "n"), "kJ": _same("Kilojoule", "n"), "kcal": _f("Kilokalorie"),
    "dB": _same("Dezibel", "n"), "hPa": _same("Hektopascal", "n"), "bar": _same("Bar", "n"),
    "PS": _same("PS", "n"), "px": _same("Pixel"), "Mio.": Noun("Million", "Millionen", "f"),
    "Mrd.": Noun("Milliarde", "Milliarden", "f"), "Jh.": _same("Jahrhundert", "n"),
}  # fmt: skip

_PARTS = {
    3: "Drittel", 4: "Viertel", 5: "Fünftel", 6: "Sechstel", 7: "Siebtel", 8: "Achtel",
    9: "Neuntel", 10: "Zehntel", 12: "Zwölftel", 16: "Sechzehntel", 100: "Hundertstel",
    1000: "Tausendstel",
}  # fmt: skip

_ABBREVIATIONS = {
    "z. B.": "zum Beispiel", "z.B.": "zum Beispiel", "d. h.": "das heißt", "d.h.": "das heißt",
    "u. a.": "unter anderem", "u.a.": "unter anderem", "usw.": "und so weiter",
    "etc.": "et cetera", "bzw.": "beziehungsweise", "ca.": "circa", "Dr.": "Doktor",
    "Prof.": "Professor", "Hr.": "Herr", "Fr.": "Frau", "Nr.": "Nummer", "Str.": "Straße",
    "str.": "straße", "St.": "Sankt", "evtl.": "eventuell", "ggf.": "gegebenenfalls",
    "inkl.": "inklusive", "exkl.": "exklusive", "vgl.": "vergleiche", "Abb.": "Abbildung",
    "Kap.": "Kapitel", "Bd.": "Band", "Tel.": "Telefon", "max.": "maximal", "min.": "mindestens",
    "sog.": "sogenannte", "u. U.": "unter Umständen", "i. d. R.": "in der Regel",
    "z. T.": "zum Teil", "n. Chr.": "nach Christus", "v. Chr.": "vor Christus",
    "o. Ä.": "oder Ähnliches", "Jh.": "Jahrhundert", "Mio.": "Millionen", "Mrd.": "Milliarden",
    "Mo.": "Montag", "Di.": "Dienstag", "Mi.": "Mittwoch", "Do.": "Donnerstag",
    "Sa.": "Samstag", "bspw.": "beispielsweise", "insb.": "insbesondere", "vs.": "gegen",
    "geb.": "geboren", "gest.": "gestorben", "Std.": "Stunden", "Min.": "Minuten",
}  # fmt: skip

_DATIVE = word_set("am im zum zur vom beim den dem des einem einen seit ab bis ihrem seinem")


def _gender_of(noun: str) -> Gender | None:
    if not noun[0].isupper():
        return None
    return "f" if noun.endswith(("e", "ung", "heit", "keit", "ion", "schaft", "tät")) else "m"


def _agree(words: str, gender: Gender) -> str:
    if not words.endswith("eins"):
        return words
    return words[:-1] + ("e" if gender == "f" else "")


def _year(value: int) -> str:
    if 1100 <= value < 2000:
        hundreds, rest = divmod(value, 100)
        return f"{cardinal(hundreds, GERMAN)}hundert{cardinal(rest, GERMAN) if rest else ''}"
    return cardinal(value, GERMAN)


def _ordinal(value: int, gender: Gender, before: str) -> str:
    stem = ordinal(value, "de")
    if before in _DATIVE or before in ("jeden", "jedem", "einer", "jeder"):
        return f"{stem}n" if before not in ("jeder",) else stem
    if before in ("ein", "mein", "sein", "ihr"):
        return f"{stem}r"
    if before in ("der", "die", "das", "jede", "jedes", "eine"):
        return stem
    return f"{stem}r" if gender == "m" else f"{stem}s" if gender == "n" else stem


def _regnal(value: int, gender: Gender) -> str:
    article = "die" if gender == "f" else "der"
    return f"{article} {ordinal(value, 'de').capitalize()}"


def _day(day: Day, before: str) -> str:
    words = f"{_ordinal(day.day, 'm', before)} {_MONTHS[day.month - 1]}"
    return f"{words} {_year(day.year)}" if day.year else words


def _clock(clock: Clock) -> str:
    hour, minute = clock.hour_of_day, clock.minute
    words = f"{_agree(cardinal(hour, GERMAN), 'm')} Uhr"
    return f"{words} {cardinal(minute, GERMAN)}" if minute else words


def _half(noun: str) -> str:
    if not noun[:1].isupper():
        return "einhalb"
    if noun.endswith(("e", "ung")):
        return f"eine halbe {noun}"
    if noun.endswith(("er", "el", "Tag")):
        return f"ein halber {noun}"
    return f"ein halbes {noun}"


GERMAN: Final[ReadingRules] = ReadingRules(
    code="de",
    numerals="de",
    decimal_comma=True,
    spells_octets=False,
    pairs_decimals=False,
    singular_below=0,
    words=WORDS,
    months=_MONTHS,
    short_months={
        **{name[:3].lower(): n for n, name in enumerate(_MONTHS, 1)},
        **{"sept": 9, "märz": 3, "okt": 10, "dez": 12, "jän": 1},
    },
    units=_UNITS,
    currencies={**CURRENCIES, **_CURRENCIES},
    scales={
        **dict.fromkeys(("Tsd.", "k", "K", "T"), Noun("tausend", "tausend", "n")),
        **dict.fromkeys(("Mio.", "Mio", "M", "Mill."), Noun("Million", "Millionen", "f")),
        **dict.fromkeys(("Mrd.", "Mrd", "B", "bn"), Noun("Milliarde", "Milliarden", "f")),
        **dict.fromkeys(("Bio.", "Bio"), Noun("Billion", "Billionen", "f")),
    },
    fractions={2: Noun("halb", "Halbe"), **{n: _same(noun, "n") for n, noun in _PARTS.items()}},
    abbreviations=_ABBREVIATIONS,
    regnal_names=word_set(
        "Heinrich Ludwig Karl Friedrich Wilhelm Otto Konrad Rudolf Franz Leopold Maximilian"
        " Elisabeth Katharina Georg Eduard Richard Philipp Napoleon Pius Benedikt Gregor"
        " Innozenz Paul Leo Clemens Alexander Nikolaus Peter Iwan Ramses Christian Gustav"
        " Albert Johann Johannes August Joseph Ferdinand"
    ),
    numbered=word_set(
        "weltkrieg kapitel teil akt band buch artikel abschnitt phase typ klasse stufe rocky"
        " fantasy apollo gruppe tafel szene welle hartz"
    ),
    code_words=word_set("pin code plz postleitzahl passwort kennwort"),
    agree=_agree,
    gender_of=_gender_of,
    year=_year,
    ordinal=_ordinal,
    regnal=_regnal,
    day=_day,
    clock=_clock,
    half=_half,
    ordinal_marks="te[nrs]?",
    before_numbers={"S.": "Seite", "Abs.": "Absatz"},
    sentence_ends=frozenset(("usw.", "etc.", "o. Ä.")),
)
