"""French."""

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
from appliance.text.spoken.language import feminine as _f
from appliance.text.spoken.language import masculine as _m
from appliance.text.spoken.numbers import cardinal, genders, ordinal

WORDS: Final[Mapping[str, str]] = MappingProxyType({
    "point": "virgule", "dot": "point", "at": "arobase", "slash": "slash", "and": "et", "to": "à",
    "port": "port", "minus": "moins", "plus": "plus", "plus or minus": "plus ou moins",
    "times": "fois", "divided by": "divisé par", "over": "sur", "equals": "égale",
    "is not": "est différent de", "less": "est inférieur à", "more": "est supérieur à",
    "at most": "inférieur ou égal à", "at least": "supérieur ou égal à", "about": "environ",
    "approximately": "environ", "root": "la racine carrée de",
    "cube root": "la racine cubique de", "squared": "au carré", "cubed": "au cube",
    "power": "puissance", "infinity": "l'infini", "sum": "la somme de",
    "integral": "l'intégrale de", "element": "appartient à", "number": "numéro",
    "version": "version", "hex": "hexadécimal", "sharp": "sharp", "flat": "bémol",
    "out of": "sur", "version point": "point", "to time": "à", "at time": "à", "of year": "",
    "second": "seconde", "seconds": "secondes", "thousand": "mille", "and cents": "",
    "ratio": "contre", "section": "paragraphe", "of part": "de ", "arrow": "vers",
    "proportional": "est proportionnel à", "and a half": "{} et demi",
})  # fmt: skip

_MONTHS = (
    *("janvier", "février", "mars", "avril", "mai", "juin", "juillet", "août", "septembre"),
    *("octobre", "novembre", "décembre"),
)
_CENT = Noun("centime", "centimes")


_CURRENCIES = {
    **dict.fromkeys(("$", "USD", "US$"), Currency(_m("dollar"), _m("cent"))),
    **dict.fromkeys(("€", "EUR", "euros", "euro"), Currency(_m("euro"), _CENT)),
    **dict.fromkeys(("£", "GBP"), Currency(_f("livre"), Noun("penny", "pence"))),
    **dict.fromkeys(("¥", "JPY"), Currency(_m("yen"), NO_NOUN)),
    "CHF": Currency(_m("franc suisse", "francs suisses"), _CENT),
    "R$": Currency(_m("réal", "réaux"), _CENT), "₹": Currency(_f("roupie"), NO_NOUN),
    "₽": Currency(_m("rouble"), NO_NOUN), "₩": Currency(_m("won"), NO_NOUN),
    "₿": Currency(_m("bitcoin"), NO_NOUN), "¢": Currency(_m("cent"), NO_NOUN),
}  # fmt: skip

_UNITS = {
    "°C": Noun("degré Celsius", "degrés Celsius"), "°F": Noun("degré Fahrenheit",
    "degrés Fahrenheit"), "°": _m("degré"), "%": Noun("pour cent", "pour cent"),
    "‰": Noun("pour mille", "pour mille"), "km/h": Noun("kilomètre heure", "kilomètres heure"),
    "m/s": Noun("mètre par seconde", "mètres par seconde"), "km": _m("kilomètre"),
    "m": _m("mètre"), "dm": _m("décimètre"), "cm": _m("centimètre"), "mm": _m("millimètre"),
    "µm": _m("micromètre"), "nm": _m("nanomètre"),
    "km²": Noun("kilomètre carré", "kilomètres carrés"),
    "m²": Noun("mètre carré", "mètres carrés"), "cm²": Noun("centimètre carré",
    "centimètres carrés"), "m³": Noun("mètre cube", "mètres cubes"),
    "cm³": Noun("centimètre cube", "centimètres cubes"), "ha": _m("hectare"),
    "kg": _m("kilo"), "g": _m("gramme"), "mg": _m("milligramme"), "µg": _m("microgramme"),
    "t": _f("tonne"), "l": _m("litre"), "L": _m("litre"), "dl": _m("décilitre"),
    "cl": _m("centilitre"), "ml": _m("millilitre"), "mL": _m("millilitre"),
    "ko": _m("kilooctet"), "Ko": _m("kilooctet"), "Mo": _m("mégaoctet"), "Go": _m("gigaoctet"),
    "To": _m("téraoctet"), "KB": _m("kilooctet"), "MB": _m("mégaoctet"), "GB": _m("gigaoctet"),
    "TB": _m("téraoctet"), "Mbit/s": Noun("mégabit par seconde", "mégabits par seconde"),
    "ms": _f("milliseconde"), "s": _f("seconde"), "sec": _f("seconde"), "min": _f("minute"),
    "mn": _f("minute"), "h": _f("heure"), "Hz": Noun("hertz", "hertz"),
    "kHz": Noun("kilohertz", "kilohertz"), "MHz": Noun("mégahertz", "mégahertz"),
    "GHz": Noun("gigahertz", "gigahertz"), "W": _m("watt"), "kW": _m("kilowatt"),
    "MW": _m("mégawatt"), "GW": _m("gigawatt"), "kWh": Noun("kilowatt heure",
    "kilowatts heure"), "mAh": Noun("milliampère heure", "milliampères heure"),
    "V": _m("volt"), "mA": _m("milliampère"), "Ω": _m("ohm"), "J": _m("joule"),
    "kJ": _m("kilojoule"), "kcal": _f("kilocalorie"), "dB": _m("décibel"),
    "hPa": _m("hectopascal"), "px": _m("pixel"), "ch": Noun("chevaux", "chevaux"),
}  # fmt: skip

_ABBREVIATIONS = {
    "p. ex.": "par exemple", "p.ex.": "par exemple", "c.-à-d.": "c'est-à-dire",
    "etc.": "et cetera", "M.": "monsieur", "MM.": "messieurs", "Mme": "madame",
    "Mmes": "mesdames", "Mlle": "mademoiselle", "Dr": "docteur", "Dr.": "docteur",
    "Pr": "professeur", "Me": "maître", "av.": "avenue", "Av.": "Avenue", "bd": "boulevard",
    "Bd": "Boulevard", "bld.": "boulevard", "env.": "environ", "tél.": "téléphone",
    "Tél.": "Téléphone", "max.": "maximum", "min.": "minimum", "chap.": "chapitre",
    "vol.": "volume", "fig.": "figure", "art.": "article",
    "av. J.-C.": "avant Jésus-Christ", "apr. J.-C.": "après Jésus-Christ",
    "St-": "Saint-", "Ste-": "Sainte-", "St": "Saint", "Ste": "Sainte", "vs": "contre",
    "vs.": "contre", "cf.": "voir", "N.B.": "nota bene",
}  # fmt: skip


_FEMININE = word_set(
    "heure heures minute minutes seconde secondes fois personne personnes année années"
    " semaine semaines tonne tonnes livre livres tasse tasses cuillère cuillères page"
    " pages chose choses voiture voitures maison maisons ville villes femme femmes fille"
    " filles journée nuit nuits question questions réponse réponses pièce pièces place"
    " places étoile étoiles chambre"
)


def _gender_of(noun: str) -> Gender | None:
    return "f" if noun in _FEMININE or noun.endswith(("tion", "tions", "té", "tés")) else None


def _agree(words: str, gender: Gender) -> str:
    return (
        genders(words, gender, ((" un", " un", " une"), ("-un", "-un", "-une")))
        if (words != "un")
        else ("une" if gender == "f" else "un")
    )


def _year(value: int) -> str:
    return cardinal(value, FRENCH)


def _ordinal(value: int, gender: Gender, before: str) -> str:
    if value == 1:
        return "première" if gender == "f" else "premier"
    return ordinal(value, "fr")


def _regnal(value: int, gender: Gender) -> str:
    return _ordinal(1, gender, "") if value == 1 else cardinal(value, FRENCH)


def _day(day: Day, before: str) -> str:
    number = "premier" if day.day == 1 else cardinal(day.day, FRENCH)
    words = f"{number} {_MONTHS[day.month - 1]}"
    return f"{words} {cardinal(day.year, FRENCH)}" if day.year else words


def _clock(clock: Clock) -> str:
    hour, minute = clock.hour_of_day, clock.minute
    if hour in (0, 12):
        words = "midi" if hour else "minuit"
    else:
        words = f"{_agree(cardinal(hour, FRENCH), 'f')} heure{'s' * (hour > 1)}"
    return f"{words} {_agree(cardinal(minute, FRENCH), 'f')}" if minute else words


def _half(noun: str) -> str:
    return (
        f"un demi-{noun}"
        if noun in ("litre", "kilo")
        else f"une demi-{noun}"
        if noun
        in (*("tasse", "heure", "douzaine", "journée", "cuillère", "livre", "pomme", "tonne"),)
        else "un demi"
    )


_PARTS = (
    *((5, "cinquième"), (6, "sixième"), (7, "septième"), (8, "huitième"), (9, "neuvième")),
    *((10, "dixième"), (100, "centième"), (1000, "millième")),
)

FRENCH: Final[ReadingRules] = ReadingRules(
    code="fr",
    numerals="fr",
    decimal_comma=True,
    spells_octets=False,
    pairs_decimals=True,
    singular_below=2,
    words=WORDS,
    months=_MONTHS,
    short_months={
        **{"janv": 1, "jan": 1, "févr": 2, "fév": 2, "avr": 4, "juil": 7, "sept": 9, "oct": 10},
        **{"nov": 11, "déc": 12},
    },
    units=_UNITS,
    currencies={**CURRENCIES, **_CURRENCIES},
    scales={
        **dict.fromkeys(("k", "K"), Noun("mille", "mille")),
        **dict.fromkeys(("M", "Mio"), Noun("million", "millions")),
        **dict.fromkeys(("Md", "Mds", "Mrd", "B", "bn"), Noun("milliard", "milliards")),
    },
    fractions={
        **{2: Noun("demi", "demis"), 3: Noun("tiers", "tiers"), 4: Noun("quart", "quarts")},
        **{n: _m(name) for n, name in _PARTS},
    },
    abbreviations=_ABBREVIATIONS,
    regnal_names=word_set(
        "Louis Henri Charles François Philippe Napoléon Élisabeth Elizabeth Catherine Georges"
        " Édouard Guillaume Richard Frédéric Léon Pie Benoît Alexandre Nicolas Pierre Ivan"
        " Ramsès Léopold Grégoire Innocent Clément Paul Jacques Jean Otto Albert Baudouin"
        " Victor"
    ),
    numbered=word_set(
        "mondiale chapitre partie acte tome volume livre article section phase type classe"
        " niveau rocky fantasy apollo groupe figure tableau titre scène paris lyon"
    ),
    code_words=frozenset(["pin", "code", "postal"]),
    agree=_agree,
    gender_of=_gender_of,
    year=_year,
    ordinal=_ordinal,
    regnal=_regnal,
    day=_day,
    clock=_clock,
    half=_half,
    ordinal_marks="ers?|ères?|[eè]mes?|es?|nde?s?|re",
    before_numbers={"p.": "page", "pp.": "pages"},
    sentence_ends=frozenset(("etc.",)),
    of=lambda noun: f"d'{noun}" if noun[0] in "aeiouéè" else f"de {noun}",
)
