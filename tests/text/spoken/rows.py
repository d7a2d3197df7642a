"""The tables of what is written and what is said, one file for each language."""

import tomllib
from collections.abc import Iterator
from pathlib import Path

DIRECTORY = Path(__file__).parent
LANGUAGES = ("en", "de", "es", "fr", "it", "pt")


def sections(language: str) -> dict[str, dict[str, str]]:
    """Written and spoken by kind."""
    text = (DIRECTORY / f"{language}.toml").read_text(encoding="utf-8")
    return tomllib.loads(text)


def rows(language: str) -> Iterator[tuple[str, str]]:
    """Each (written, spoken) of a language."""
    for kind in sections(language).values():
        yield from kind.items()
