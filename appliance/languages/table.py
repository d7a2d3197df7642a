"""The table of languages: by which engine, voices and phonemizer each is spoken, and how well.

The codes are those of Whisper, which hears all of them. A language without a voice is heard, and
answered in English.
"""

import re
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from enum import StrEnum
from functools import cache
from typing import Final, Literal

AUTO: Final = "auto"
"""In place of a language: the one that each utterance is in."""
ENGLISH: Final = "en"


class Quality(StrEnum):
    """How well a language is spoken.

    NATURAL: as a person. CLEAR: understood at once, recognisably a machine. ROBOTIC: understood
    with attention. PARTIAL: robotic, and a part of the script is not read.
    """

    NATURAL = "natural"
    CLEAR = "clear"
    ROBOTIC = "robotic"
    PARTIAL = "partial"


@dataclass(frozen=True, slots=True)
class Speaker:
    """An engine that speaks a language.

    `voices` are its names for them, best first; `phonemizer` is the voice of eSpeak NG whose
    phonemes it gets. A Piper voice need not be on this machine.
    """

    engine: Literal["kokoro", "piper", "espeak"]
    voices: tuple[str, ...]
    phonemizer: str
    quality: Quality


@dataclass(frozen=True, slots=True)
class Language:
    """A language by its code ("de"), its English name and its own; `speakers` are best first."""

    code: str
    name: str
    own_name: str
    speakers: tuple[Speaker, ...]

    @property
    def quality(self) -> Quality | None:
        """How well it is spoken at best; None where nothing speaks it."""
        return self.speakers[0].quality if self.speakers else None

    def speaker(self, engine: str) -> Speaker | None:
        """The best entry of an engine."""
        return next((one for one in self.speakers if one.engine == engine), None)


# Kokoro's voices, best first as their makers grade them. The voices for Japanese (j) and Mandarin
# (z) are not here: they were made with the phonemes of the library misaki, which is no dependency.
_KOKORO: Final[Mapping[str, tuple[tuple[str, str], ...]]] = {
    "en": (
        ("en-us", "af_sarah af_heart af_bella af_nicole af_aoede af_kore af_nova af_sky af_alloy"
                  " af_jessica af_river am_michael am_fenrir am_puck am_echo am_eric am_liam"
                  " am_onyx am_adam am_santa"),
        ("en-gb", "bf_emma bf_isabella bf_alice bf_lily bm_george bm_fable bm_lewis bm_daniel"),
    ),
    "es": (("es", "ef_dora em_alex em_santa"),),
    "fr": (("fr-fr", "ff_siwis"),),
    "hi": (("hi", "hf_alpha hf_beta hm_omega hm_psi"),),
    "it": (("it", "if_sara im_nicola"),),
    "pt": (("pt-br", "pf_dora pm_alex pm_santa"),),
}  # fmt: skip
_KOKORO_LETTERS: Final[Mapping[str, str]] = {
    "a": "en", "b": "en", "e": "es", "f": "fr", "h": "hi", "i": "it", "j": "ja", "p": "pt",
    "z": "zh",
}  # fmt: skip
"""The language that the first letter of a voice's name stands for."""
_KOKORO_NAME: Final = re.compile(r"[a-z][fm]_[a-z]+")
_PARTIAL: Final = {"ja"}
"""eSpeak NG reads kana, but no kanji."""

# Code, English name, own name, voice of eSpeak NG ("-": none), voices of Piper.
_ROWS: Final = """
af|Afrikaans|Afrikaans|af|
am|Amharic|አማርኛ|am|
ar|Arabic|العربية|ar|ar_JO-kareem-medium
as|Assamese|অসমীয়া|as|
az|Azerbaijani|Azərbaycanca|az|
ba|Bashkir|Башҡортса|ba|
be|Belarusian|Беларуская|be|
bg|Bulgarian|Български|bg|bg_BG-dimitar-medium
bn|Bengali|বাংলা|bn|
bo|Tibetan|བོད་སྐད|-|
br|Breton|Brezhoneg|-|
bs|Bosnian|Bosanski|bs|
ca|Catalan|Català|ca|ca_ES-upc_ona-medium
cs|Czech|Čeština|cs|cs_CZ-jirka-medium
cy|Welsh|Cymraeg|cy|cy_GB-gwryw_gogleddol-medium
da|Danish|Dansk|da|da_DK-talesyntese-medium
de|German|Deutsch|de|de_DE-thorsten-medium de_DE-thorsten-high de_DE-kerstin-low
el|Greek|Ελληνικά|el|el_GR-rapunzelina-low
en|English|English|en-us|en_US-joe-medium en_US-lessac-medium en_GB-alba-medium
es|Spanish|Español|es|es_ES-davefx-medium es_ES-sharvard-medium es_MX-ald-medium
et|Estonian|Eesti|et|
eu|Basque|Euskara|eu|
fa|Persian|فارسی|fa|fa_IR-amir-medium
fi|Finnish|Suomi|fi|fi_FI-harri-medium
fo|Faroese|Føroyskt|fo|
fr|French|Français|fr-fr|fr_FR-siwis-medium fr_FR-gilles-low
gl|Galician|Galego|-|
gu|Gujarati|ગુજરાતી|gu|
ha|Hausa|Hausa|-|
haw|Hawaiian|ʻŌlelo Hawaiʻi|haw|
he|Hebrew|עברית|he|
hi|Hindi|हिन्दी|hi|hi_IN-pratham-medium
hr|Croatian|Hrvatski|hr|
ht|Haitian Creole|Kreyòl ayisyen|ht|
hu|Hungarian|Magyar|hu|hu_HU-anna-medium
hy|Armenian|Հայերեն|hy|
id|Indonesian|Bahasa Indonesia|id|
is|Icelandic|Íslenska|is|is_IS-bui-medium
it|Italian|Italiano|it|it_IT-paola-medium
ja|Japanese|日本語|ja|
jw|Javanese|Basa Jawa|-|
ka|Georgian|ქართული|ka|ka_GE-natia-medium
kk|Kazakh|Қазақша|kk|kk_KZ-issai-high
km|Khmer|ខ្មែរ|-|
kn|Kannada|ಕನ್ನಡ|kn|
ko|Korean|한국어|ko|
la|Latin|Latina|la|
lb|Luxembourgish|Lëtzebuergesch|lb|lb_LU-marylux-medium
ln|Lingala|Lingála|-|
lo|Lao|ລາວ|-|
lt|Lithuanian|Lietuvių|lt|
lv|Latvian|Latviešu|lv|lv_LV-aivars-medium
mg|Malagasy|Malagasy|-|
mi|Maori|Māori|mi|
mk|Macedonian|Македонски|mk|
ml|Malayalam|മലയാളം|ml|ml_IN-arjun-medium
mn|Mongolian|Монгол|-|
mr|Marathi|मराठी|mr|
ms|Malay|Bahasa Melayu|ms|
mt|Maltese|Malti|mt|
my|Burmese|မြန်မာ|my|
ne|Nepali|नेपाली|ne|ne_NP-google-medium
nl|Dutch|Nederlands|nl|nl_BE-nathalie-medium nl_NL-pim-medium nl_NL-mls-medium
nn|Norwegian Nynorsk|Nynorsk|nb|
no|Norwegian|Norsk|nb|no_NO-talesyntese-medium
oc|Occitan|Occitan|-|
pa|Punjabi|ਪੰਜਾਬੀ|pa|
pl|Polish|Polski|pl|pl_PL-darkman-medium pl_PL-gosia-medium
ps|Pashto|پښتو|-|
pt|Portuguese|Português|pt-br|pt_BR-faber-medium pt_BR-cadu-medium
ro|Romanian|Română|ro|ro_RO-mihai-medium
ru|Russian|Русский|ru|ru_RU-irina-medium ru_RU-dmitri-medium ru_RU-denis-medium
sa|Sanskrit|संस्कृतम्|-|
sd|Sindhi|سنڌي|sd|
si|Sinhala|සිංහල|si|
sk|Slovak|Slovenčina|sk|sk_SK-lili-medium
sl|Slovenian|Slovenščina|sl|sl_SI-artur-medium
sn|Shona|ChiShona|-|
so|Somali|Soomaali|-|
sq|Albanian|Shqip|sq|
sr|Serbian|Српски|sr|sr_RS-serbski_institut-medium
su|Sundanese|Basa Sunda|-|
sv|Swedish|Svenska|sv|sv_SE-nst-medium
sw|Swahili|Kiswahili|sw|sw_CD-lanfrica-medium
ta|Tamil|தமிழ்|ta|
te|Telugu|తెలుగు|te|te_IN-padmavathi-medium
tg|Tajik|Тоҷикӣ|-|
th|Thai|ไทย|th|
tk|Turkmen|Türkmençe|tk|
tl|Tagalog|Tagalog|-|
tr|Turkish|Türkçe|tr|tr_TR-dfki-medium
tt|Tatar|Татарча|tt|
uk|Ukrainian|Українська|uk|uk_UA-ukrainian_tts-medium
ur|Urdu|اردو|ur|
uz|Uzbek|Oʻzbekcha|uz|
vi|Vietnamese|Tiếng Việt|vi|vi_VN-vais1000-medium
yi|Yiddish|ייִדיש|-|
yo|Yoruba|Yorùbá|-|
yue|Cantonese|粵語|yue|
zh|Chinese|中文|cmn|zh_CN-huayan-medium
"""


@cache
def languages() -> Mapping[str, Language]:
    """All languages by their codes."""
    rows = (line.split("|") for line in _ROWS.strip().splitlines())
    return {
        code: Language(code, name, own, _speakers(code, espeak, piper))
        for code, name, own, espeak, piper in rows
    }


def _speakers(code: str, espeak: str, piper: str) -> tuple[Speaker, ...]:
    kokoro = [
        Speaker("kokoro", tuple(voices.split()), phonemizer, Quality.NATURAL)
        for phonemizer, voices in _KOKORO.get(code, ())
    ]
    if espeak == "-":
        return ()
    others = [Speaker("piper", tuple(piper.split()), espeak, Quality.CLEAR)] if piper else []
    quality = Quality.PARTIAL if code in _PARTIAL else Quality.ROBOTIC
    return (*kokoro, *others, Speaker("espeak", (espeak,), espeak, quality))


def is_known(code: str) -> bool:
    """Whether `code` is a language of the table, or AUTO."""
    return code == AUTO or code in languages()


def listed() -> str:
    """All codes with their names, for a person who asked for one that does not exist."""
    return ", ".join(f"{one.code} ({one.name})" for one in languages().values())


def voices() -> tuple[str, ...]:
    """The voices of all languages and engines."""
    speakers = (speaker for one in languages().values() for speaker in one.speakers)
    return tuple(dict.fromkeys(name for speaker in speakers for name in speaker.voices))


def espeak_voice(code: str) -> str:
    """The voice of eSpeak NG for a language; the code itself where the table has none."""
    found = languages().get(code)
    speaker = found.speaker("espeak") if found else None
    return speaker.voices[0] if speaker else code


def kokoro_speaks(code: str) -> bool:
    """Whether Kokoro speaks a language as people do."""
    return code in _KOKORO


def kokoro_voices(code: str = "") -> tuple[str, ...]:
    """Kokoro's voices for a language, best first; without one, those of all languages."""
    wanted = [code] if code else list(_KOKORO)
    return tuple(
        name for key in wanted for _, voices in _KOKORO.get(key, ()) for name in voices.split()
    )


def kokoro_phonemizer(voice: str, code: str) -> str:
    """The voice of eSpeak NG that makes Kokoro's phonemes of a text in that language.

    Where the language has variants, the voice decides: "bf_emma" speaks British English.
    """
    variants = _KOKORO.get(code) or _KOKORO[ENGLISH]
    fitting = [phonemizer for phonemizer, voices in variants if voice in voices.split()]
    return (fitting or [variants[0][0]])[0]


def language_of_voice(voice: str) -> str:
    """The language of a voice by its engine's name for it; "" where that does not tell.

    "af_sarah" (Kokoro), "de_DE-thorsten-medium" (Piper), "fr-be" (eSpeak NG).
    """
    if _KOKORO_NAME.fullmatch(voice):
        return _KOKORO_LETTERS.get(voice[0], "")
    code = voice.partition("_")[0] if "-" in voice and "_" in voice else voice.partition("-")[0]
    code = {"cmn": "zh", "nb": "no"}.get(code, code)
    return code if code in languages() else ""


def fits(voice: str, code: str) -> bool:
    """Whether a voice is one for that language; one of which nothing is known fits all."""
    spoken = language_of_voice(voice)
    return not spoken or spoken == code


def named(name: str) -> Language | None:
    """The language of that code, English name or own name; None where there is none."""
    wanted = name.strip().lower()
    return next(
        (
            one
            for one in languages().values()
            if wanted in (one.code, one.name.lower(), one.own_name.lower())
        ),
        None,
    )


def fitting_voices(names: Iterable[str], code: str) -> list[str]:
    """Those of an engine's voices that are for a language, best first.

    Voices that the table does not know come last; one that tells no language fits all.
    """
    order = {name: place for place, name in enumerate(voices())}
    fitting = [name for name in names if fits(name, code)]
    return sorted(fitting, key=lambda name: order.get(name, len(order)))


def next_voice(current: str, offered: Sequence[str], code: str) -> str | None:
    """The voice after the current one, in the same variant of the language while there are others.

    None where there is no other. Without a current one, the first has spoken so far.
    """
    if len(offered) < 2:
        return None
    speaking = current if current in offered else offered[0]
    variant = kokoro_phonemizer(speaking, code)
    alike = [name for name in offered if kokoro_phonemizer(name, code) == variant]
    turn = alike if len(alike) > 1 else list(offered)
    return turn[(turn.index(speaking) + 1) % len(turn)]


_VARIANTS: Final[Mapping[str, str]] = {
    "en-us": "American English", "en-gb": "British English", "en-gb-scotland": "Scottish English",
    "en-029": "Caribbean English", "en-gb-x-rp": "Received Pronunciation",
    "en-gb-x-gbclan": "Lancastrian English", "en-gb-x-gbcwmd": "West Midlands English",
    "en-us-nyc": "New York English", "es-419": "Latin American Spanish",
    "fr-fr": "French of France", "fr-be": "Belgian French", "fr-ch": "Swiss French",
    "pt-br": "Brazilian Portuguese", "pt": "European Portuguese",
}  # fmt: skip


def voice_name(voice: str) -> str:
    """A voice's name for people: "Sarah" for "af_sarah", "Thorsten" for
    "de_DE-thorsten-medium", "British English" for "en-gb"; otherwise the engine's own."""
    if _KOKORO_NAME.fullmatch(voice):
        return voice[3:].title()
    if "_" in voice and voice.count("-") >= 2:
        return voice.split("-")[1].replace("_", " ").title()
    if voice in _VARIANTS:
        return _VARIANTS[voice]
    code = language_of_voice(voice)
    return languages()[code].name if code else voice.replace("_", " ")
