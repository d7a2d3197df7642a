"""Italian."""

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
    "point": "virgola", "dot": "punto", "at": "chiocciola", "slash": "barra", "and": "e",
    "to": "a", "port": "porta", "minus": "meno", "plus": "più", "plus or minus": "più o meno",
    "times": "per", "divided by": "diviso", "over": "su", "equals": "è uguale a",
    "is not": "è diverso da", "less": "è minore di", "more": "è maggiore di",
    "at most": "minore o uguale a", "at least": "maggiore o uguale a", "about": "circa",
    "approximately": "circa", "root": "la radice quadrata di", "cube root": "la radice cubica di",
    "squared": "al quadrato", "cubed": "al cubo", "power": "elevato a", "infinity": "infinito",
    "sum": "la somma di", "integral": "l'integrale di", "element": "appartiene a",
    "number": "numero", "version": "versione", "hex": "esadecimale", "sharp": "sharp",
    "flat": "bemolle", "out of": "su", "version point": "punto", "to time": "a",
    "at time": "alle", "of year": "", "second": "secondo", "seconds": "secondi",
    "thousand": "mila", "and cents": "e", "ratio": "a", "section": "paragrafo", "of part": "di ",
    "arrow": "a", "proportional": "è proporzionale a", "and a half": "{} e mezzo",
})  # fmt: skip

_MONTHS = (
    *("gennaio", "febbraio", "marzo", "aprile", "maggio", "giugno", "luglio", "agosto"),
    *("settembre", "ottobre", "novembre", "dicembre"),
)
_CENT = Noun("centesimo", "centesimi")


def _o(stem: str) -> Noun:
    """A masculine noun in -o."""
    return Noun(f"{stem}o", f"{stem}i")


def _same(noun: str, gender: Gender = "m") -> Noun:
    return Noun(noun, noun, gender)


_CURRENCIES = {
    **dict.fromkeys(("$", "USD", "US$"), Currency(_o("dollar"), _CENT)),
    **dict.fromkeys(("€", "EUR", "euro"), Currency(_same("euro"), _CENT)),
    **dict.fromkeys(("£", "GBP"), Currency(Noun("sterlina", "sterline", "f"), _same("penny"))),
    **dict.fromkeys(("¥", "JPY"), Currency(_same("yen"), NO_NOUN)),
    "CHF": Currency(Noun("franco svizzero", "franchi svizzeri"), _CENT),
    "R$": Currency(Noun("real", "reais"), _CENT), "₹": Currency(Noun("rupia", "rupie", "f"),
    NO_NOUN), "₽": Currency(_o("rubl"), NO_NOUN), "₩": Currency(_same("won"), NO_NOUN),
    "₿": Currency(_same("bitcoin"), NO_NOUN), "¢": Currency(_CENT, NO_NOUN),
}  # fmt: skip

_UNITS = {
    "°C": Noun("grado Celsius", "gradi Celsius"), "°F": Noun("grado Fahrenheit",
    "gradi Fahrenheit"), "°": _o("grad"), "%": _same("per cento"), "‰": _same("per mille"),
    "km/h": Noun("chilometro all'ora", "chilometri all'ora"), "m/s": Noun("metro al secondo",
    "metri al secondo"), "km": _o("chilometr"), "m": _o("metr"), "dm": _o("decimetr"),
    "cm": _o("centimetr"), "mm": _o("millimetr"), "µm": _o("micrometr"), "nm": _o("nanometr"),
    "km²": Noun("chilometro quadrato", "chilometri quadrati"),
    "m²": Noun("metro quadrato", "metri quadrati"), "mq": Noun("metro quadrato",
    "metri quadrati"), "cm²": Noun("centimetro quadrato", "centimetri quadrati"),
    "m³": Noun("metro cubo", "metri cubi"), "cm³": Noun("centimetro cubo", "centimetri cubi"),
    "ha": Noun("ettaro", "ettari"), "kg": Noun("chilo", "chili"), "g": _o("gramm"),
    "mg": _o("milligramm"), "µg": _o("microgramm"), "t": Noun("tonnellata", "tonnellate", "f"),
    "l": _o("litr"), "L": _o("litr"), "dl": _o("decilitr"), "cl": _o("centilitr"),
    "ml": _o("millilitr"), "mL": _o("millilitr"), "kB": _same("kilobyte"),
    "KB": _same("kilobyte"), "MB": _same("megabyte"), "GB": _same("gigabyte"),
    "TB": _same("terabyte"), "Mbps": _same("megabit al secondo"), "ms": _o("millisecond"),
    "s": _o("second"), "sec": _o("second"), "min": _o("minut"), "h": Noun("ora", "ore", "f"),
    "Hz": _same("hertz"), "kHz": _same("kilohertz"), "MHz": _same("megahertz"),
    "GHz": _same("gigahertz"), "W": _same("watt"), "kW": _same("chilowatt"),
    "MW": _same("megawatt"), "GW": _same("gigawatt"), "kWh": _same("chilowattora"),
    "mAh": _same("milliamperora"), "V": _same("volt"), "mA": _same("milliampere"),
    "Ω": _same("ohm"), "J": _same("joule"), "kJ": _same("chilojoule"),
    "kcal": Noun("chilocaloria", "chilocalorie", "f"), "dB": _same("decibel"),
    "hPa": _same("ettopascal"), "px": _same("pixel"), "CV": _same("cavalli"),
}  # fmt: skip

_ABBREVIATIONS = {
    "ad es.": "ad esempio", "p.es.": "per esempio", "p. es.": "per esempio", "es.": "esempio",
    "ecc.": "eccetera", "etc.": "eccetera", "Sig.": "signor", "Sig.ra": "signora",
    "sig.": "signor", "sig.ra": "signora", "Sig.na": "signorina", "Dott.": "dottor",
    "dott.": "dottor", "Dott.ssa": "dottoressa", "Dr.": "dottor", "Prof.": "professor",
    "Prof.ssa": "professoressa", "Avv.": "avvocato", "Ing.": "ingegner", "Arch.": "architetto",
    "V.le": "viale", "P.za": "piazza", "P.zza": "piazza", "C.so": "corso",
    "pag.": "pagina", "pagg.": "pagine", "tel.": "telefono", "Tel.": "telefono",
    "max.": "massimo", "min.": "minimo", "cap.": "capitolo", "vol.": "volume",
    "fig.": "figura", "art.": "articolo", "a.C.": "avanti Cristo", "d.C.": "dopo Cristo",
    "a. C.": "avanti Cristo", "d. C.": "dopo Cristo", "ca.": "circa", "vs.": "contro",
    "cfr.": "confronta", "N.B.": "nota bene",
}  # fmt: skip


_NO_NOUNS = word_set(
    "di del della al alla ed il lo la le gli che per con senza si sono era ma più meno"
    " tra fra fino da dal nel nella come se non ci"
)
_MASCULINE = frozenset(["problema", "sistema", "programma", "tema", "clima"])


def _gender_of(noun: str) -> Gender | None:
    if noun in _NO_NOUNS:
        return None
    return "f" if noun.endswith(("a", "zione", "tà")) and noun not in _MASCULINE else "m"


def _agree(words: str, gender: Gender) -> str:
    if words == "uno":
        return "una" if gender == "f" else "un"
    return f"{words[:-1]}" if words.endswith("uno") and gender == "m" else words


def _year(value: int) -> str:
    return cardinal(value, ITALIAN)


def _ordinal(value: int, gender: Gender, before: str) -> str:
    words = ordinal(value, "it")
    return f"{words[:-1]}a" if gender == "f" else words


def _day(day: Day, before: str) -> str:
    number = "primo" if day.day == 1 else cardinal(day.day, ITALIAN)
    words = f"{number} {_MONTHS[day.month - 1]}"
    return f"{words} {cardinal(day.year, ITALIAN)}" if day.year else words


def _clock(clock: Clock) -> str:
    hour, minute = clock.hour_of_day, clock.minute
    words = {0: "mezzanotte", 1: "una"}.get(hour) or cardinal(hour, ITALIAN)
    return f"{words} e {cardinal(minute, ITALIAN)}" if minute else words


def _half(noun: str) -> str:
    return "mezza" if noun.endswith("a") else "mezzo"


_PARTS = (
    *((3, "terz"), (4, "quart"), (5, "quint"), (6, "sest"), (7, "settim"), (8, "ottav")),
    *((9, "non"), (10, "decim"), (100, "centesim"), (1000, "millesim")),
)

ITALIAN: Final[ReadingRules] = ReadingRules(
    code="it",
    numerals="it",
    decimal_comma=True,
    spells_octets=False,
    pairs_decimals=True,
    singular_below=0,
    words=WORDS,
    months=_MONTHS,
    short_months={name[:3]: n for n, name in enumerate(_MONTHS, 1)} | {"sett": 9},
    units=_UNITS,
    currencies={**CURRENCIES, **_CURRENCIES},
    scales={
        **dict.fromkeys(("k", "K"), Noun("mille", "mila")),
        **dict.fromkeys(("M", "mln", "Mln"), Noun("milione", "milioni")),
        **dict.fromkeys(("B", "mld", "Mld", "bn"), Noun("miliardo", "miliardi")),
    },
    fractions={2: Noun("mezzo", "mezzi"), **{n: _o(stem) for n, stem in _PARTS}},
    abbreviations=_ABBREVIATIONS,
    regnal_names=word_set(
        "Luigi Enrico Carlo Elisabetta Giorgio Edoardo Guglielmo Riccardo Napoleone Caterina"
        " Filippo Federico Leone Pio Benedetto Alessandro Nicola Pietro Ivan Ramses Leopoldo"
        " Gregorio Innocenzo Clemente Paolo Umberto Emanuele Vittorio Bonifacio Sisto Giulio"
        " Urbano Ottone Cosimo Francesco Giovanni"
    ),
    numbered=word_set(
        "mondiale capitolo parte atto tomo volume libro articolo sezione fase tipo classe"
        " livello rocky fantasy apollo gruppo figura tabella titolo scena canto"
    ),
    code_words=frozenset(["pin", "codice", "cap", "password"]),
    agree=_agree,
    gender_of=_gender_of,
    year=_year,
    ordinal=_ordinal,
    regnal=lambda value, gender: _ordinal(value, gender, ""),
    day=_day,
    clock=_clock,
    half=_half,
    ordinal_marks=r"[ºª]|°(?=\s[a-z])",
    before_numbers={"p.": "pagina", "pp.": "pagine"},
    sentence_ends=frozenset(("ecc.", "etc.")),
    of=lambda noun: f"di {noun}",
)
