"""Gives freed memory back to the machine, where it counts as available."""

import ctypes
import gc


def give_back() -> None:
    """Collects what engines left behind in circles, and returns free pages. For a thread.

    glibc keeps what is freed for the next allocation of this process; that of a model may be
    hundreds of megabytes. Other C libraries return it by themselves, or have no such call.
    """
    # What was loaded at the start is frozen (see desk.py), the engines among it.
    gc.unfreeze()
    gc.collect()
    gc.freeze()
    trim = getattr(ctypes.CDLL(None), "malloc_trim", None)
    if trim is not None:
        trim(0)
