"""Portuguese, as it is spoken in Brazil."""

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
    "point": "vírgula", "dot": "ponto", "at": "arroba", "slash": "barra", "and": "e", "to": "a",
    "port": "porta", "minus": "menos", "plus": "mais", "plus or minus": "mais ou menos",
    "times": "vezes", "divided by": "dividido por", "over": "sobre", "equals": "é igual a",
    "is not": "é diferente de", "less": "é menor que", "more": "é maior que",
    "at most": "menor ou igual a", "at least": "maior ou igual a", "about": "cerca de",
    "approximately": "aproximadamente", "root": "a raiz quadrada de",
    "cube root": "a raiz cúbica de", "squared": "ao quadrado", "cubed": "ao cubo",
    "power": "elevado a", "infinity": "infinito", "sum": "a soma de", "integral": "a integral de",
    "element": "pertence a", "number": "número", "version": "versão", "hex": "hexadecimal",
    "sharp": "sharp", "flat": "bemol", "out of": "de", "version point": "ponto", "to time": "às",
    "at time": "às", "of year": "de", "second": "segundo", "seconds": "segundos",
    "thousand": "mil", "and cents": "e", "ratio": "a", "section": "parágrafo", "of part": "de ",
    "arrow": "para", "proportional": "é proporcional a", "and a half": "{} e meio",
})  # fmt: skip

_MONTHS = (
    *("janeiro", "fevereiro", "março", "abril", "maio", "junho", "julho", "agosto", "setembro"),
    *("outubro", "novembro", "dezembro"),
)
_CENT = Noun("centavo", "centavos")


_CURRENCIES = {
    **dict.fromkeys(("$", "USD", "US$"), Currency(_m("dólar", "dólares"), _CENT)),
    **dict.fromkeys(("€", "EUR", "euros", "euro"), Currency(_m("euro"), _m("cêntimo"))),
    **dict.fromkeys(("£", "GBP"), Currency(_f("libra"), Noun("pêni", "pence"))),
    **dict.fromkeys(("¥", "JPY"), Currency(_m("iene"), NO_NOUN)),
    **dict.fromkeys(("R$", "BRL", "reais"), Currency(Noun("real", "reais"), _CENT)),
    "CHF": Currency(_m("franco suíço", "francos suíços"), _CENT),
    "₹": Currency(_f("rupia"), NO_NOUN), "₽": Currency(_m("rublo"), NO_NOUN),
    "₩": Currency(_m("won"), NO_NOUN), "₿": Currency(_m("bitcoin"), NO_NOUN),
    "¢": Currency(_CENT, NO_NOUN),
}  # fmt: skip

_UNITS = {
    "°C": Noun("grau Celsius", "graus Celsius"), "°F": Noun("grau Fahrenheit",
    "graus Fahrenheit"), "°": _m("grau"), "%": Noun("por cento", "por cento"),
    "‰": Noun("por mil", "por mil"), "km/h": Noun("quilômetro por hora",
    "quilômetros por hora"), "m/s": Noun("metro por segundo", "metros por segundo"),
    "km": _m("quilômetro"), "m": _m("metro"), "dm": _m("decímetro"), "cm": _m("centímetro"),
    "mm": _m("milímetro"), "µm": _m("micrômetro"), "nm": _m("nanômetro"),
    "km²": Noun("quilômetro quadrado", "quilômetros quadrados"),
    "m²": Noun("metro quadrado", "metros quadrados"),
    "cm²": Noun("centímetro quadrado", "centímetros quadrados"),
    "m³": Noun("metro cúbico", "metros cúbicos"),
    "cm³": Noun("centímetro cúbico", "centímetros cúbicos"), "ha": _m("hectare"),
    "kg": _m("quilo"), "g": _m("grama"), "mg": _m("miligrama"), "µg": _m("micrograma"),
    "t": _f("tonelada"), "l": _m("litro"), "L": _m("litro"), "dl": _m("decilitro"),
    "cl": _m("centilitro"), "ml": _m("mililitro"), "mL": _m("mililitro"),
    "kB": _m("quilobyte"), "KB": _m("quilobyte"), "MB": _m("megabyte"), "GB": _m("gigabyte"),
    "TB": _m("terabyte"), "Mbps": Noun("megabit por segundo", "megabits por segundo"),
    "ms": _m("milissegundo"), "s": _m("segundo"), "seg": _m("segundo"), "min": _m("minuto"),
    "h": _f("hora"), "Hz": Noun("hertz", "hertz"), "kHz": Noun("quilohertz", "quilohertz"),
    "MHz": Noun("megahertz", "megahertz"), "GHz": Noun("gigahertz", "gigahertz"),
    "W": _m("watt"), "kW": _m("quilowatt"), "MW": _m("megawatt"), "GW": _m("gigawatt"),
    "kWh": Noun("quilowatt hora", "quilowatts hora"), "mAh": Noun("miliampere hora",
    "miliamperes hora"), "V": Noun("volt", "volts"), "mA": _m("miliampere"), "Ω": _m("ohm"),
    "J": _m("joule"), "kJ": _m("quilojoule"), "kcal": _f("quilocaloria"),
    "dB": _m("decibel", "decibéis"), "hPa": _m("hectopascal", "hectopascais"),
    "px": _m("pixel", "pixels"), "CV": Noun("cavalo", "cavalos"),
}  # fmt: skip

_ABBREVIATIONS = {
    "p. ex.": "por exemplo", "p.ex.": "por exemplo", "ex.": "exemplo", "etc.": "etcétera",
    "Sr.": "senhor", "Sra.": "senhora", "Srta.": "senhorita", "Dr.": "doutor",
    "Dra.": "doutora", "Prof.": "professor", "Profa.": "professora",
    "Av.": "avenida", "Pça.": "praça", "pág.": "página", "págs.": "páginas",
    "aprox.": "aproximadamente", "tel.": "telefone", "Tel.": "telefone", "máx.": "máximo",
    "mín.": "mínimo", "a.C.": "antes de Cristo", "d.C.": "depois de Cristo",
    "a. C.": "antes de Cristo", "d. C.": "depois de Cristo", "cap.": "capítulo",
    "vol.": "volume", "fig.": "figura", "art.": "artigo", "vs.": "contra", "Sto.": "Santo",
    "Sta.": "Santa", "Cia.": "companhia", "Ltda.": "limitada", "EUA": "Estados Unidos",
}  # fmt: skip
_HUNDREDS = ("duzentos", "trezentos", "quatrocentos", "quinhentos", "seiscentos", "setecentos",
             "oitocentos", "novecentos")  # fmt: skip
_ENDINGS = (("um", "um", "uma"), ("dois", "dois", "duas"))


_NO_NOUNS = word_set(
    "de do da dos das ao em no na os as que por para com sem se foi são era mas mais"
    " menos entre até desde como não nem há ou"
)
_MASCULINE = word_set("dia dias problema sistema programa mapa tema idioma planeta")


def _gender_of(noun: str) -> Gender | None:
    if noun in _NO_NOUNS:
        return None
    return "f" if noun.endswith(("a", "as", "ção", "dade")) and noun not in _MASCULINE else "m"


def _agree(words: str, gender: Gender) -> str:
    if gender == "f":
        for hundred in _HUNDREDS:
            words = words.replace(hundred, f"{hundred[:-2]}as")
    return genders(words, gender, _ENDINGS)


def _year(value: int) -> str:
    return cardinal(value, PORTUGUESE)


def _ordinal(value: int, gender: Gender, before: str) -> str:
    words = ordinal(value, "pt_BR")
    return " ".join(f"{word[:-1]}a" for word in words.split()) if gender == "f" else words


def _regnal(value: int, gender: Gender) -> str:
    return _ordinal(value, gender, "") if value <= 10 else cardinal(value, PORTUGUESE)


def _day(day: Day, before: str) -> str:
    number = "primeiro" if day.day == 1 else cardinal(day.day, PORTUGUESE)
    words = f"{number} de {_MONTHS[day.month - 1]}"
    return f"{words} de {cardinal(day.year, PORTUGUESE)}" if day.year else words


def _clock(clock: Clock) -> str:
    hour, minute = clock.hour_of_day, clock.minute
    if hour in (0, 12) and (minute or hour == 0):
        words = "meio-dia" if hour else "meia-noite"
        return f"{words} e {cardinal(minute, PORTUGUESE)}" if minute else words
    words = _agree(cardinal(hour, PORTUGUESE), "f")
    if minute:
        return f"{words} e {cardinal(minute, PORTUGUESE)}"
    return f"{words} {'hora' if hour == 1 else 'horas'}"


def _half(noun: str) -> str:
    return "meia" if noun.endswith("a") else "meio"


_PARTS = (
    *((3, "terço"), (4, "quarto"), (5, "quinto"), (6, "sexto"), (7, "sétimo"), (8, "oitavo")),
    *((9, "nono"), (10, "décimo"), (100, "centésimo"), (1000, "milésimo")),
)

PORTUGUESE: Final[ReadingRules] = ReadingRules(
    code="pt",
    numerals="pt_BR",
    decimal_comma=True,
    spells_octets=False,
    pairs_decimals=True,
    singular_below=2,
    words=WORDS,
    months=_MONTHS,
    short_months={name[:3]: n for n, name in enumerate(_MONTHS, 1)},
    units=_UNITS,
    currencies={**CURRENCIES, **_CURRENCIES},
    scales={
        **dict.fromkeys(("k", "K"), Noun("mil", "mil")),
        **dict.fromkeys(("M", "mi"), Noun("milhão", "milhões")),
        **dict.fromkeys(("B", "bi", "bn"), Noun("bilhão", "bilhões")),
    },
    fractions={2: Noun("meio", "meios"), **{n: _m(name) for n, name in _PARTS}},
    abbreviations=_ABBREVIATIONS,
    regnal_names=word_set(
        "Pedro João Carlos Luís Henrique Filipe Isabel Elizabeth Jorge Eduardo Guilherme"
        " Ricardo Napoleão Catarina Frederico Leão Pio Bento Alexandre Nicolau Ivan Ramsés"
        " Leopoldo Gregório Inocêncio Clemente Paulo Afonso Manuel Sancho Dinis Maria"
        " Francisco José"
    ),
    numbered=word_set(
        "mundial capítulo parte ato tomo volume livro artigo seção fase tipo classe nível"
        " século séculos rocky fantasy apollo grupo figura tabela título cena"
    ),
    code_words=frozenset(["pin", "código", "cep", "senha"]),
    agree=_agree,
    gender_of=_gender_of,
    year=_year,
    ordinal=_ordinal,
    regnal=_regnal,
    day=_day,
    clock=_clock,
    half=_half,
    ordinal_marks=r"\.?[ºª°]",
    before_numbers={"p.": "página", "pp.": "páginas"},
    sentence_ends=frozenset(("etc.",)),
    of=lambda noun: f"de {noun}",
)
