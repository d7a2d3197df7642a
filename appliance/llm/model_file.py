"""Checks the file of a language model before anything loads it.

It must be whole, of a family that writes text, with tools in its template, and not too large.
"""

import mmap
from pathlib import Path
from typing import Final

from appliance.errors import ModelBroken, ModelMissing
from appliance.llm.gguf import GgufHeader, parse_header

_NOT_FOR_TEXT: Final = ("clip", "mmproj", "whisper", "bert", "nomic-bert", "t5encoder")
"""Families that write no text: parts for pictures and sound, and models that only compare texts."""


def read_header(path: Path) -> GgufHeader:
    """The header of a model's file. Raises ModelMissing and ModelBroken."""
    try:
        with path.open("rb") as file, mmap.mmap(file.fileno(), 0, access=mmap.ACCESS_READ) as data:
            return parse_header(data)
    except ModelBroken as error:
        raise ModelBroken(f"{path}: {error.message}", advice=error.advice) from None
    except OSError as error:
        raise ModelMissing(f"{path} cannot be read: {error.strerror}") from None
    except ValueError:  # an empty file cannot be mapped
        raise ModelBroken(f"{path} is empty") from None


def check_model_file(path: Path, memory: int, work_space: int, context: int) -> GgufHeader:
    """Returns the header of a file that can be served with that many tokens of `context`.

    `memory` is how many bytes there are for it, 0 where that is unknown. Raises ModelMissing, and
    ModelBroken with the reason for a file that is truncated, foreign, too large, or has a template
    without tools.
    """
    header, size = read_header(path), path.stat().st_size
    if size < header.bytes:
        raise ModelBroken(
            f"{path} is truncated: it has {size} of {header.bytes} bytes",
            advice="Fetch it again with `appliance models pull`.",
        )
    if not header.tensors or header.architecture in ("", *_NOT_FOR_TEXT):
        raise ModelBroken(
            f"{path} holds no language model: it is of the family"
            f" {header.architecture or 'unknown'!r}",
            advice="llm.model names another one; `appliance models list` shows those that work.",
        )
    if not header.knows_tools:
        raise ModelBroken(
            f"the chat template in {path} has no place for tools, so none could be used",
            advice="Choose an instruct model whose template knows tools, such as Qwen3-1.7B.",
        )
    needed = size + work_space + header.token_bytes * context
    if memory and needed > memory:
        raise ModelBroken(
            f"{path} is too large: it takes {needed // 10**6} MB, and there are"
            f" {memory // 10**6} MB",
            advice="Choose a smaller model; `appliance plan` says what fits.",
        )
    return header
