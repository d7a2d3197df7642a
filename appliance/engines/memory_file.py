"""Hands content to libraries that read files only."""

import os
from collections.abc import Iterator
from contextlib import contextmanager


@contextmanager
def memory_file(content: bytes) -> Iterator[str]:
    """The path of a file with that content, which exists within the context and in this process.

    It is on no disk: a full one keeps no engine from loading.
    """
    with os.fdopen(os.memfd_create("engine"), "wb") as file:
        file.write(content)
        file.flush()
        yield f"/proc/self/fd/{file.fileno()}"
