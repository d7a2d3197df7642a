"""SHA-256 of files too large to read at once."""

import hashlib
from collections.abc import Callable
from pathlib import Path

_BLOCK = 2**20


def sha256_of(path: Path, on_read: Callable[[int], None] = lambda _: None) -> str:
    """The hash in hexadecimal. Takes seconds for a large file.

    `on_read` is called after each block with the number of bytes read so far.
    """
    digest, read = hashlib.sha256(), 0
    with path.open("rb", buffering=0) as file:
        while block := file.read(_BLOCK):
            digest.update(block)
            read += len(block)
            on_read(read)
    return digest.hexdigest()
