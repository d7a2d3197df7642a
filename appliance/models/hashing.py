"""SHA-256 of files too large to read at once."""

import hashlib
from collections.abc import Callable
from pathlib import Path

_BLOCK = 2**20


def sha256_of(path: Path, seen: Callable[[int], None] = lambda _: None) -> str:
    """The hash in hexadecimal; `seen` hears how many bytes were read. Seconds for a large file."""
    digest, read = hashlib.sha256(), 0
    with path.open("rb", buffering=0) as file:
        while block := file.read(_BLOCK):
            digest.update(block)
            read += len(block)
            seen(read)
    return digest.hexdigest()
