"""English."""

from collections.abc import Mapping
from types import MappingProxyType
from typing import Final

from appliance.text.spoken.language import (
    Clock,
    Currency,
    Day,
    Gender,
    Noun,
    ReadingRules,
    word_set,
)
from appliance.text.spoken.numbers import cardinal, english_year, ordinal

WORDS: Final[Mapping[str, str]] = MappingProxyType({
    "point": "point", "dot": "dot", "at": "at", "slash": "slash", "and": "and", "to": "to",
    "port": "port", "minus": "minus", "plus": "plus", "plus or minus": "plus or minus",
    "times": "times", "divided by": "divided by", "over": "over", "equals": "equals",
    "is not": "is not equal to", "less": "is less than", "more": "is more than",
    "at most": "is less than or equal to", "at least": "is greater than or equal to",
    "about": "about", "approximately": "approximately", "root": "the square root of",
    "cube root": "the cube root of", "squared": "squared", "cubed": "cubed",
    "power": "to the power of", "infinity": "infinity", "sum": "the sum of",
    "integral": "the integral of", "element": "is in", "number": "number", "version": "version",
    "hex": "hex", "sharp": "sharp", "flat": "flat", "out of": "out of", "version point": "point",
    "to time": "to", "at time": "at", "of year": "", "second": "second", "seconds": "seconds",
    "thousand": "thousand", "and cents": "and", "ratio": "to", "section": "section",
    "of part": "", "arrow": "to", "proportional": "is proportional to",
    "and a half": "{} and a half",
})  # fmt: skip

_MONTHS = (
    *("January", "February", "March", "April", "May", "June", "July", "August", "September"),
    *("October", "November", "December"),
)
_NO_CURRENCY_PART = Noun("", "")
_CENT = Noun("cent", "cents")


def _dollars(name: str) -> Currency:
    return Currency(Noun(f"{name} dollar".strip(), f"{name} dollars".strip()), _CENT)


CURRENCIES = {
    "$": _dollars(""), "USD": _dollars("US"), "US$": _dollars("US"), "C$": _dollars("Canadian"),
    "CAD": _dollars("Canadian"), "A$": _dollars("Australian"), "AUD": _dollars("Australian"),
    "€": Currency(Noun("euro", "euros"), _CENT), "EUR": Currency(Noun("euro", "euros"), _CENT),
    "£": Currency(Noun("pound", "pounds"), Noun("penny", "pence")),
    "GBP": Currency(Noun("pound", "pounds"), Noun("penny", "pence")),
    "¥": Currency(Noun("yen", "yen"), _NO_CURRENCY_PART),
    "JPY": Currency(Noun("yen", "yen"), _NO_CURRENCY_PART),
    "CHF": Currency(Noun("Swiss franc", "Swiss francs"), _CENT),
    "₹": Currency(Noun("rupee", "rupees"), Noun("paisa", "paise")),
    "₩": Currency(Noun("won", "won"), _NO_CURRENCY_PART),
    "₽": Currency(Noun("ruble", "rubles"), Noun("kopek", "kopeks")),
    "R$": Currency(Noun("real", "reais"), Noun("centavo", "centavos")),
    "₿": Currency(Noun("bitcoin", "bitcoins"), _NO_CURRENCY_PART),
    "¢": Currency(_CENT, _NO_CURRENCY_PART),
}  # fmt: skip


def _unit(one: str, many: str = "") -> Noun:
    return Noun(one, many or f"{one}s")


_UNITS = {
    "°C": Noun("degree Celsius", "degrees Celsius"),
    "°F": Noun("degree Fahrenheit", "degrees Fahrenheit"), "°": _unit("degree"),
    "%": Noun("percent", "percent"), "‰": Noun("per mille", "per mille"),
    "km/h": Noun("kilometer per hour", "kilometers per hour"),
    "km/s": Noun("kilometer per second", "kilometers per second"),
    "mph": Noun("mile per hour", "miles per hour"), "kph": Noun("kilometer per hour",
    "kilometers per hour"), "m/s": Noun("meter per second", "meters per second"),
    "m/s²": Noun("meter per second squared", "meters per second squared"),
    "km": _unit("kilometer"), "m": _unit("meter"), "dm": _unit("decimeter"),
    "cm": _unit("centimeter"), "mm": _unit("millimeter"), "µm": _unit("micrometer"),
    "μm": _unit("micrometer"), "nm": _unit("nanometer"), "mi": _unit("mile"),
    "yd": _unit("yard"), "ft": Noun("foot", "feet"), "sq ft": Noun("square foot", "square feet"),
    "km²": _unit("square kilometer"), "m²": _unit("square meter"),
    "cm²": _unit("square centimeter"), "m³": _unit("cubic meter"),
    "cm³": _unit("cubic centimeter"), "ha": _unit("hectare"), "kg": _unit("kilogram"),
    "g": _unit("gram"), "mg": _unit("milligram"), "µg": _unit("microgram"),
    "μg": _unit("microgram"), "t": Noun("ton", "tons"), "lb": _unit("pound"),
    "lbs": _unit("pound"), "oz": _unit("ounce"), "fl oz": _unit("fluid ounce"),
    "L": _unit("liter"), "l": _unit("liter"), "dl": _unit("deciliter"), "cl": _unit("centiliter"),
    "ml": _unit("milliliter"), "mL": _unit("milliliter"), "gal": _unit("gallon"),
    "tsp": _unit("teaspoon"), "tbsp": _unit("tablespoon"), "kB": _unit("kilobyte"),
    "KB": _unit("kilobyte"), "MB": _unit("megabyte"), "GB": _unit("gigabyte"),
    "TB": _unit("terabyte"), "KiB": _unit("kibibyte"), "MiB": _unit("mebibyte"),
    "GiB": _unit("gibibyte"), "kbps": Noun("kilobit per second", "kilobits per second"),
    "Mbps": Noun("megabit per second", "megabits per second"),
    "Mbit/s": Noun("megabit per second", "megabits per second"),
    "Gbps": Noun("gigabit per second", "gigabits per second"), "MP": _unit("megapixel"),
    "ms": _unit("millisecond"), "s": _unit("second"), "sec": _unit("second"),
    "min": _unit("minute"), "mins": _unit("minute"), "h": _unit("hour"), "hr": _unit("hour"),
    "hrs": _unit("hour"), "µs": _unit("microsecond"), "ns": _unit("nanosecond"),
    "Hz": Noun("hertz", "hertz"), "kHz": Noun("kilohertz", "kilohertz"),
    "MHz": Noun("megahertz", "megahertz"), "GHz": Noun("gigahertz", "gigahertz"),
    "W": _unit("watt"), "kW": _unit("kilowatt"), "MW": _unit("megawatt"),
    "GW": _unit("gigawatt"), "Wh": _unit("watt hour"), "kWh": _unit("kilowatt hour"),
    "mAh": _unit("milliamp hour"), "V": _unit("volt"), "mV": _unit("millivolt"),
    "mA": _unit("milliamp"), "Ω": _unit("ohm"), "J": _unit("joule"), "kJ": _unit("kilojoule"),
    "kcal": _unit("kilocalorie"), "cal": _unit("calorie"), "dB": _unit("decibel"),
    "Pa": _unit("pascal"), "hPa": _unit("hectopascal"), "kPa": _unit("kilopascal"),
    "mbar": _unit("millibar"), "psi": Noun("P S I", "P S I"), "hp": Noun("horsepower",
    "horsepower"), "rpm": Noun("R P M", "R P M"), "px": _unit("pixel"), "fps": Noun(
    "frame per second", "frames per second"), "ppm": Noun("part per million",
    "parts per million"), "N": _unit("newton"), "kN": _unit("kilonewton"),
}  # fmt: skip

_DENOMINATORS = {
    2: Noun("half", "halves"), 3: _unit("third"), 4: _unit("quarter"), 5: _unit("fifth"),
    6: _unit("sixth"), 7: _unit("seventh"), 8: _unit("eighth"), 9: _unit("ninth"),
    10: _unit("tenth"), 12: _unit("twelfth"), 16: _unit("sixteenth"),
    32: Noun("thirty-second", "thirty-seconds"), 100: _unit("hundredth"),
    1000: _unit("thousandth"),
}  # fmt: skip

_ABBREVIATIONS = {
    "e.g.": "for example", "i.e.": "that is", "etc.": "and so on", "vs.": "versus",
    "vs": "versus", "approx.": "approximately", "ca.": "about", "Dr.": "Doctor",
    "Mr.": "Mister", "Mrs.": "Missis", "Ms.": "Miss", "Prof.": "Professor", "w/": "with",
    "w/o": "without", "Jr.": "Junior", "Sr.": "Senior", "Gov.": "Governor", "Gen.": "General",
    "Capt.": "Captain", "Lt.": "Lieutenant", "Sgt.": "Sergeant", "Rev.": "Reverend",
    "Sen.": "Senator", "Ave.": "Avenue", "Blvd.": "Boulevard", "Rd.": "Road", "Mt.": "Mount",
    "Ft.": "Fort", "Dept.": "Department", "Inc.": "Incorporated", "Ltd.": "Limited",
    "Corp.": "Corporation", "Fig.": "Figure", "fig.": "figure", "Vol.": "Volume",
    "vol.": "volume", "Ch.": "Chapter", "ext.": "extension", "tel.": "telephone",
    "Tel.": "Telephone", "max.": "maximum", "min.": "minimum", "incl.": "including",
    "est.": "established", "a.k.a.": "also known as", "U.S.": "U S", "U.K.": "U K",
    "Nos.": "numbers", "P.S.": "P S", "Mon.": "Monday", "Tue.": "Tuesday", "Wed.": "Wednesday",
    "Thu.": "Thursday", "Fri.": "Friday", "Sat.": "Saturday",
}  # fmt: skip

_REGNAL = word_set(
    "Henry Louis Elizabeth Charles George Edward William James Richard Paul Napoleon"
    " Catherine Philip Frederick Leo Pius Benedict Alexander Nicholas Peter Ivan Ramses"
    " Ramesses Ferdinand Leopold Gregory Clement Innocent Urban Boniface Mary Robert"
    " David Otto Joseph Maximilian Gustav Christian Felipe Alfonso Carlos Wilhelm"
    " Ptolemy Cleopatra Darius Xerxes Cyrus Thutmose Amenhotep Seti Mehmed Selim Murad"
    " Suleiman Harald Haakon Olaf Cnut Francis Umberto Victor Emmanuel Albert Baudouin"
    " Margrethe Juliana Pedro Manuel Afonso Sixtus"
)
_NUMBERED = word_set(
    "war chapter part act scene volume vol book section article appendix phase type class"
    " level stage grade figure table title bowl rocky fantasy factor apollo division group"
    " region round episode season game mark model corps schedule amendment series step"
    " world generation"
)


def _ordinal(value: int, gender: Gender, before: str) -> str:
    return ordinal(value, "en")


def _year(value: int) -> str:
    if 2000 <= value < 2010 or not 1100 <= value < 2100:
        return cardinal(value, ENGLISH)
    return english_year(value)


def _day(day: Day, before: str) -> str:
    month = _MONTHS[day.month - 1]
    numbered = ordinal(day.day, "en")
    named = f"{numbered} of {month}" if before == "the" else f"{month} {numbered}"
    return f"{named}, {_year(day.year)}" if day.year else named


def _clock(clock: Clock) -> str:
    hour, minute, half = clock
    if not half and hour == 0:
        past = cardinal(minute, ENGLISH)
        if minute in (0, 30):
            return "half past midnight" if minute else "midnight"
        return f"{past} past midnight" if minute % 5 == 0 else f"{past} minutes past midnight"
    if not half and hour > 12:
        hour, half = hour - 12, "PM"
    elif half and hour == 0:
        hour = 12
    words = cardinal(hour, ENGLISH)
    if minute:
        oh = "oh " if minute < 10 else ""
        words = f"{words} {oh}{cardinal(minute, ENGLISH)}"
    if half:
        return f"{words} {half}"
    return words if minute else f"{words} o'clock"


def _half(noun: str) -> str:
    return "one half"


ENGLISH: Final[ReadingRules] = ReadingRules(
    code="en",
    numerals="en",
    decimal_comma=False,
    spells_octets=True,
    pairs_decimals=False,
    singular_below=0,
    words=WORDS,
    months=_MONTHS,
    short_months={**{name[:3].lower(): n for n, name in enumerate(_MONTHS, 1)}, "sept": 9},
    units=_UNITS,
    currencies=CURRENCIES,
    scales={
        **dict.fromkeys(("k", "K"), Noun("thousand", "thousand")),
        **dict.fromkeys(("m", "M", "mn", "mln"), Noun("million", "million")),
        **dict.fromkeys(("b", "B", "bn"), Noun("billion", "billion")),
        **dict.fromkeys(("T", "tn"), Noun("trillion", "trillion")),
    },
    fractions=_DENOMINATORS,
    abbreviations=_ABBREVIATIONS,
    regnal_names=_REGNAL,
    numbered=_NUMBERED,
    code_words=word_set("pin code zip zipcode passcode password otp"),
    agree=lambda words, gender: words,
    gender_of=lambda noun: None,
    year=_year,
    ordinal=_ordinal,
    regnal=lambda value, gender: f"the {ordinal(value, 'en')}",
    day=_day,
    clock=_clock,
    half=_half,
    ordinal_marks="st|nd|rd|th",
    before_numbers={"p.": "page", "pp.": "pages", "c.": "circa", "art.": "article"},
    sentence_ends=word_set("etc. Inc. Ltd. Jr. Sr. U.S. U.K. Ave. Blvd."),
    month_first=True,
)
