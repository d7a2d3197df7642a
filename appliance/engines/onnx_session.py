"""Options of ONNX Runtime for voices: how they share the processors, and give memory back.

A session keeps the memory of its longest run for ever: a process with Piper (63 MB of weights) has
150 MB at first and 325 MB after a sentence of nine seconds, one with Kokoro's int8 model 190 and
588 MB. With an arena that shrinks after each run, and without patterns of earlier runs, it is 210
and 225 MB, at the same processor time within the accuracy of the measurement (3 % for Kokoro, 10 ms
a sentence for Piper).
"""

from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from onnxruntime import RunOptions, SessionOptions


def session_options(threads: int) -> "SessionOptions":
    """For a session on so many threads (0: ONNX Runtime decides) that logs nothing but errors."""
    import onnxruntime as ort  # imported late, so that importing the package loads nothing heavy

    options = ort.SessionOptions()
    options.intra_op_num_threads = threads
    options.inter_op_num_threads = 1
    # Spinning threads would starve the event loop and the other engines.
    options.add_session_config_entry("session.intra_op.allow_spinning", "0")
    # A pattern reserves the memory of an earlier run in one block, which is not given back.
    options.enable_mem_pattern = False
    options.log_severity_level = 3
    return options


def run_options() -> "RunOptions":
    """For a run on the processor that gives its memory back at its end."""
    import onnxruntime as ort  # imported late, as above

    options = ort.RunOptions()
    options.add_run_config_entry("memory.enable_memory_arena_shrinkage", "cpu:0")
    return options
