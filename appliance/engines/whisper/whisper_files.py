"""Is this directory a Whisper model that faster-whisper can load from disk alone?"""

import json
import struct
from pathlib import Path
from typing import Final

from appliance.errors import ModelBroken, ModelMissing

_REQUIRED: Final = ("config.json", "model.bin", "tokenizer.json")
"""Without tokenizer.json faster-whisper would ask a hub for one."""
_VOCABULARIES: Final = ("vocabulary.json", "vocabulary.txt")
_SPECIFICATION: Final = b"WhisperSpec"


def check_directory(directory: Path) -> None:
    """Raises ModelMissing or ModelBroken, naming the file and what is wrong with it.

    Reads the small files and the head of the large one: milliseconds.
    """
    if not directory.is_dir():
        raise ModelMissing(f"there is no Whisper model in {directory}")
    for name in _REQUIRED:
        if not (directory / name).is_file():
            raise ModelMissing(f"{directory / name} is missing")
    if not any((directory / name).is_file() for name in _VOCABULARIES):
        raise ModelMissing(f"{directory} has neither {' nor '.join(_VOCABULARIES)}")
    for file in sorted(directory.glob("*.json")):
        _check_json(file)
    _check_tokenizer(directory / "tokenizer.json")
    _check_weights(directory / "model.bin")


def _check_json(file: Path) -> None:
    try:
        json.loads(file.read_bytes())
    except OSError as error:
        raise ModelBroken(f"{file} cannot be read: {error.strerror}") from error
    except ValueError as error:
        raise ModelBroken(f"{file} is not JSON: {error}") from error


def _check_tokenizer(file: Path) -> None:
    import tokenizers  # here, because importing the package loads nothing heavy

    try:
        tokenizers.Tokenizer.from_file(str(file))
    except Exception as error:  # the library raises plain Exception, and nothing else
        raise ModelBroken(f"{file} is no tokenizer: {error}") from error


def _check_weights(file: Path) -> None:
    """CTranslate2 files begin with a version and the name of what they hold."""
    try:
        with file.open("rb") as opened:
            head = opened.read(64)
    except OSError as error:
        raise ModelBroken(f"{file} cannot be read: {error.strerror}") from error
    if len(head) < 6:
        raise ModelBroken(f"{file} is cut off after {len(head)} bytes")
    _version, length = struct.unpack_from("<IH", head)
    name = head[6 : 6 + length].rstrip(b"\0")
    if name != _SPECIFICATION:
        raise ModelBroken(f"{file} is no Whisper model in CTranslate2's form")
