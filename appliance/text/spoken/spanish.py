"""Spanish."""

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
from appliance.text.spoken.numbers import cardinal, genders

WORDS: Final[Mapping[str, str]] = MappingProxyType({
    "point": "coma", "dot": "punto", "at": "arroba", "slash": "barra", "and": "y", "to": "a",
    "port": "puerto", "minus": "menos", "plus": "más", "plus or minus": "más o menos",
    "times": "por", "divided by": "dividido entre", "over": "sobre", "equals": "es igual a",
    "is not": "es distinto de", "less": "es menor que", "more": "es mayor que",
    "at most": "menor o igual que", "at least": "mayor o igual que", "about": "unos",
    "approximately": "aproximadamente", "root": "la raíz cuadrada de",
    "cube root": "la raíz cúbica de", "squared": "al cuadrado", "cubed": "al cubo",
    "power": "elevado a", "infinity": "infinito", "sum": "la suma de",
    "integral": "la integral de", "element": "pertenece a", "number": "número",
    "version": "versión", "hex": "hexadecimal", "sharp": "sharp", "flat": "bemol", "out of": "de",
    "version point": "punto", "to time": "a", "at time": "a las", "of year": "de",
    "second": "segundo", "seconds": "segundos", "thousand": "mil", "and cents": "con",
    "ratio": "a", "section": "sección", "of part": "de ", "arrow": "a",
    "proportional": "es proporcional a", "and a half": "{} y medio",
})  # fmt: skip

_MONTHS = (
    *("enero", "febrero", "marzo", "abril", "mayo", "junio", "julio", "agosto", "septiembre"),
    *("octubre", "noviembre", "diciembre"),
)
_CENT = Noun("céntimo", "céntimos")
_CENTAVO = Noun("centavo", "centavos")


_CURRENCIES = {
    **dict.fromkeys(("$", "USD", "US$"), Currency(_m("dólar", "dólares"), _CENTAVO)),
    **dict.fromkeys(("€", "EUR", "euros", "euro"), Currency(_m("euro"), _CENT)),
    **dict.fromkeys(("£", "GBP"), Currency(_f("libra"), _m("penique"))),
    **dict.fromkeys(("¥", "JPY"), Currency(_m("yen", "yenes"), NO_NOUN)),
    "CHF": Currency(_m("franco suizo", "francos suizos"), _CENT),
    "R$": Currency(_m("real", "reales"), _CENTAVO), "MXN": Currency(_m("peso"), _CENTAVO),
    "₹": Currency(_f("rupia"), NO_NOUN), "₽": Currency(_m("rublo"), NO_NOUN),
    "₩": Currency(_m("won", "wones"), NO_NOUN), "₿": Currency(_m("bitcoin"), NO_NOUN),
    "¢": Currency(_CENTAVO, NO_NOUN),
}  # fmt: skip

_UNITS = {
    "°C": Noun("grado Celsius", "grados Celsius"), "°F": Noun("grado Fahrenheit",
    "grados Fahrenheit"), "°": _m("grado"), "%": Noun("por ciento", "por ciento"),
    "‰": Noun("por mil", "por mil"), "km/h": Noun("kilómetro por hora", "kilómetros por hora"),
    "m/s": Noun("metro por segundo", "metros por segundo"), "km": _m("kilómetro"),
    "m": _m("metro"), "dm": _m("decímetro"), "cm": _m("centímetro"), "mm": _m("milímetro"),
    "µm": _m("micrómetro"), "nm": _m("nanómetro"),
    "km²": Noun("kilómetro cuadrado", "kilómetros cuadrados"),
    "m²": Noun("metro cuadrado", "metros cuadrados"),
    "cm²": Noun("centímetro cuadrado", "centímetros cuadrados"),
    "m³": Noun("metro cúbico", "metros cúbicos"),
    "cm³": Noun("centímetro cúbico", "centímetros cúbicos"), "ha": _f("hectárea"),
    "kg": _m("kilo"), "g": _m("gramo"), "mg": _m("miligramo"), "µg": _m("microgramo"),
    "t": _f("tonelada"), "l": _m("litro"), "L": _m("litro"), "dl": _m("decilitro"),
    "cl": _m("centilitro"), "ml": _m("mililitro"), "mL": _m("mililitro"),
    "kB": _m("kilobyte"), "KB": _m("kilobyte"), "MB": _m("megabyte"), "GB": _m("gigabyte"),
    "TB": _m("terabyte"), "Mbps": Noun("megabit por segundo", "megabits por segundo"),
    "ms": _m("milisegundo"), "s": _m("segundo"), "seg": _m("segundo"), "min": _m("minuto"),
    "h": _f("hora"), "Hz": _m("hercio"), "kHz": _m("kilohercio"), "MHz": _m("megahercio"),
    "GHz": _m("gigahercio"), "W": _m("vatio"), "kW": _m("kilovatio"), "MW": _m("megavatio"),
    "GW": _m("gigavatio"), "kWh": Noun("kilovatio hora", "kilovatios hora"),
    "mAh": Noun("miliamperio hora", "miliamperios hora"), "V": _m("voltio"),
    "mA": _m("miliamperio"), "Ω": _m("ohmio"), "J": _m("julio"), "kJ": _m("kilojulio"),
    "kcal": _f("kilocaloría"), "dB": _m("decibelio"), "hPa": _m("hectopascal",
    "hectopascales"), "px": _m("píxel", "píxeles"), "CV": Noun("caballo", "caballos"),
}  # fmt: skip

_ABBREVIATIONS = {
    "p. ej.": "por ejemplo", "p.ej.": "por ejemplo", "etc.": "etcétera", "Sr.": "señor",
    "Sra.": "señora", "Srta.": "señorita", "Dr.": "doctor", "Dra.": "doctora",
    "Dña.": "doña", "Ud.": "usted", "Uds.": "ustedes", "Prof.": "profesor",
    "EE. UU.": "Estados Unidos", "EE.UU.": "Estados Unidos", "EEUU": "Estados Unidos",
    "Avda.": "avenida", "Av.": "avenida", "C/": "calle ", "pág.": "página", "págs.": "páginas",
    "aprox.": "aproximadamente", "tel.": "teléfono", "Tel.": "teléfono", "máx.": "máximo",
    "mín.": "mínimo", "a. C.": "antes de Cristo", "d. C.": "después de Cristo",
    "a.C.": "antes de Cristo", "d.C.": "después de Cristo", "a. m.": "de la mañana",
    "p. m.": "de la tarde", "a.m.": "de la mañana", "p.m.": "de la tarde", "cap.": "capítulo",
    "vol.": "volumen", "fig.": "figura", "vs.": "contra", "Sto.": "Santo", "Sta.": "Santa",
    "dpto.": "departamento", "Cía.": "compañía", "art.": "artículo",
}  # fmt: skip

_ORDINALS = (
    *("primero", "segundo", "tercero", "cuarto", "quinto", "sexto", "séptimo", "octavo"),
    *("noveno", "décimo"),
)
_ENDINGS = (
    ("veintiuno", "veintiún", "veintiuna"),
    ("uno", "un", "una"),
    ("cientos", "cientos", "cientas"),
    ("quinientos", "quinientos", "quinientas"),
)


_NO_NOUNS = word_set(
    "de del al en es el la los las que por para con sin se su fue son era pero más menos"
    " entre hasta desde como si no ni hay"
)
_MASCULINE = word_set("día días problema sistema programa mapa tema idioma planeta")


def _gender_of(noun: str) -> Gender | None:
    if noun in _NO_NOUNS:
        return None
    return "f" if noun.endswith(("a", "as", "ción", "dad")) and noun not in _MASCULINE else "m"


def _agree(words: str, gender: Gender) -> str:
    if gender == "f":
        words = words.replace("cientos ", "cientas ").replace("quinientos ", "quinientas ")
    return genders(words, gender, _ENDINGS)


def _year(value: int) -> str:
    return cardinal(value, SPANISH)


def _ordinal(value: int, gender: Gender, before: str) -> str:
    if not 1 <= value <= len(_ORDINALS):
        return cardinal(value, SPANISH)
    words = _ORDINALS[value - 1]
    return f"{words[:-1]}a" if gender == "f" else words


def _day(day: Day, before: str) -> str:
    words = f"{cardinal(day.day, SPANISH)} de {_MONTHS[day.month - 1]}"
    return f"{words} de {cardinal(day.year, SPANISH)}" if day.year else words


def _clock(clock: Clock) -> str:
    hour, minute, half = clock
    if not half and hour == 0:
        past = f" y {cardinal(minute, SPANISH)}" if minute else ""
        return f"doce{past} de la noche"
    words = _agree(cardinal(hour, SPANISH), "f")
    tail = {"AM": " de la mañana", "PM": " de la tarde"}.get(half, "")
    if minute:
        joint = " y" if hour <= 12 else ""
        return f"{words}{joint} {cardinal(minute, SPANISH)}{tail}"
    return f"{words}{tail}" if half or hour <= 12 else f"{words} horas"


def _half(noun: str) -> str:
    return f"{'media' if noun.endswith('a') else 'medio'}"


_FRACTIONS = {
    2: Noun("medio", "medios"), 3: Noun("tercio", "tercios"), 4: Noun("cuarto", "cuartos"),
    5: Noun("quinto", "quintos"), 6: Noun("sexto", "sextos"), 7: Noun("séptimo", "séptimos"),
    8: Noun("octavo", "octavos"), 9: Noun("noveno", "novenos"), 10: Noun("décimo", "décimos"),
}  # fmt: skip

SPANISH: Final[ReadingRules] = ReadingRules(
    code="es",
    numerals="es",
    decimal_comma=True,
    spells_octets=False,
    pairs_decimals=True,
    singular_below=0,
    words=WORDS,
    months=_MONTHS,
    short_months={**{name[:3]: n for n, name in enumerate(_MONTHS, 1)}, "sept": 9},
    units=_UNITS,
    currencies={**CURRENCIES, **_CURRENCIES},
    scales={
        **dict.fromkeys(("k", "K"), Noun("mil", "mil")),
        **dict.fromkeys(("M", "MM", "mill."), Noun("millón", "millones")),
        **dict.fromkeys(("B", "bn"), Noun("mil millones", "mil millones")),
    },
    fractions=_FRACTIONS,
    abbreviations=_ABBREVIATIONS,
    regnal_names=word_set(
        "Felipe Carlos Juan Alfonso Fernando Isabel Luis Enrique Jacobo Jorge Eduardo"
        " Guillermo Ricardo Napoleón Catalina Federico León Pío Benedicto Alejandro Nicolás"
        " Pedro Iván Ramsés Leopoldo Gregorio Inocencio Clemente Pablo Sancho Jaime Ramiro"
        " Otto María Francisco José Manuel Víctor"
    ),
    numbered=word_set(
        "mundial capítulo parte acto tomo volumen libro artículo sección fase tipo clase"
        " nivel siglo siglos rocky fantasy apolo grupo figura tabla título escena cuarto"
    ),
    code_words=frozenset(["pin", "código", "clave", "contraseña", "postal"]),
    agree=_agree,
    gender_of=_gender_of,
    year=_year,
    ordinal=_ordinal,
    regnal=lambda value, gender: _ordinal(value, gender, ""),
    day=_day,
    clock=_clock,
    half=_half,
    ordinal_marks=r"\.?[ºª°]|er|ro|ra|do|da|to|ta",
    before_numbers={"p.": "página", "pp.": "páginas"},
    sentence_ends=frozenset(("etc.",)),
    of=lambda noun: f"de {noun}",
)
