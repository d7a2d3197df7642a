"""Serves one language model over llama.cpp's HTTP API on the loopback, until the process is ended.

The process becomes llama-server where the machine has it. Elsewhere it runs the same server out of
the package xllamacpp, which has no signal handlers, no command line and no idea of its parent.
"""

import ctypes
import logging
import os
import signal
import threading
from contextlib import suppress
from pathlib import Path
from typing import Any, Final

from appliance.errors import EngineFailed
from appliance.hardware.detect import memory
from appliance.hardware.language_models import MB
from appliance.hardware.language_server import LIBRARY, knows_option, lists_gpu
from appliance.llm.model_file import check_model_file
from appliance.llm.served_model import HOST, ServedModel

log = logging.getLogger(__name__)

CACHE_MB: Final = 256
"""For prompts of other sessions; llama.cpp's own default takes 8 GB of a board's memory."""
_ALL_LAYERS: Final = 999
_CACHE_IDLE, _KEEP_IDLE = "--cache-idle-slots", "--no-cache-idle-slots"
"""By default a question in one slot clears all others, and a session that has a slot of its own
would compute everything anew. Builds that do not do that do not know the option either."""
_WORK_SPACE: Final = 300 * MB
_NICENESS: Final = 5
_OOM_SCORE: Final = 500
"""Where memory runs out, the model dies before ears and voice do."""
_SET_PDEATHSIG: Final = 1  # <linux/prctl.h>


def serve(served: ServedModel, key_file: Path, *, end_with_parent: bool = False) -> None:
    """Checks the model and serves it; returns never.

    Raises ModelMissing or ModelBroken for a file that cannot be served, and EngineFailed for a
    server that cannot be started.
    """
    available = memory(Path("/"))[1]
    header = check_model_file(Path(served.file), available, _WORK_SPACE, served.context)
    _stand_back(end_with_parent=end_with_parent)
    # It would end llama-server: what is ignored stays so in the program that this one becomes.
    signal.signal(signal.SIGHUP, signal.SIG_IGN)
    log.info(
        "serving %s (%s), %d tokens, %d threads, on the %s",
        *(served.model, header.architecture, served.context, served.threads, served.device),
    )
    if served.server == LIBRARY:
        _run_library(served, key_file)
    else:
        _become_program(served, key_file)


def program_arguments(served: ServedModel, key_file: Path) -> list[str]:
    """The command line of llama-server."""
    layers = _ALL_LAYERS if served.device == "cuda" else 0
    return [
        *("--model", served.file, "--alias", served.model),
        *("--host", HOST, "--port", str(served.port), "--api-key-file", str(key_file)),
        *("--ctx-size", str(served.context), "--parallel", str(served.slots), "--kv-unified"),
        *("--threads", str(served.threads), "--threads-batch", str(served.threads)),
        *("--cache-ram", str(CACHE_MB), "--n-gpu-layers", str(layers)),
        # Otherwise it changes context and layers by itself where memory is short.
        *("--fit", "off"),
        # Thoughts are seconds of silence.
        *("--reasoning-budget", "0", "--jinja", "--offline"),
    ]


def _become_program(served: ServedModel, key_file: Path) -> None:
    if served.device == "cuda" and not lists_gpu(served.server):
        raise EngineFailed(
            f"{served.server} is not built for the GPU of this machine",
            advice="Build llama.cpp with -DGGML_CUDA=ON, or leave llm.server empty.",
        )
    arguments = program_arguments(served, key_file)
    if knows_option(served.server, _CACHE_IDLE):
        arguments.append(_KEEP_IDLE)
    try:
        os.execv(served.server, [served.server, *arguments])
    except OSError as error:
        raise EngineFailed(
            f"{served.server} cannot be started: {error.strerror}", advice="Correct llm.server."
        ) from None


def _run_library(served: ServedModel, key_file: Path) -> None:
    try:
        import xllamacpp
    except ImportError as error:
        raise EngineFailed(
            f"{LIBRARY} cannot be loaded: {error}", advice=f"Install it: `pip install {LIBRARY}`."
        ) from None
    # Ended by the kernel: loading a model takes seconds in which no Python code would run, and
    # there is nothing to tidy up.
    for number in (signal.SIGTERM, signal.SIGINT):
        signal.signal(number, signal.SIG_DFL)
    params = library_parameters(xllamacpp.CommonParams(), served, key_file.read_text().strip())
    try:
        server = xllamacpp.Server(params)
    except Exception as error:  # the boundary to a foreign library, whose errors have no type
        raise EngineFailed(f"{served.file} cannot be loaded: {error}") from error
    threading.Event().wait()
    del server


def library_parameters(params: Any, served: ServedModel, key: str) -> Any:  # noqa: ANN401
    """The same settings as `program_arguments`, as attributes of the library's parameters."""
    params.model.path = served.file
    params.model_alias = {served.model}
    params.hostnames, params.port = [HOST], served.port
    params.api_keys = [key]
    params.n_ctx, params.n_parallel, params.kv_unified = served.context, served.slots, True
    params.cpuparams.n_threads = params.cpuparams_batch.n_threads = served.threads
    params.cache_ram_mib = CACHE_MB
    params.cache_idle_slots = False
    params.n_gpu_layers = 0
    params.fit_params = False
    params.enable_reasoning = 0
    params.use_jinja = params.offline = True
    params.ui = params.endpoint_slots = False
    return params


def _stand_back(*, end_with_parent: bool) -> None:
    """Gives way to ears and voice: for the processor, and when memory runs out."""
    with suppress(OSError):
        os.nice(_NICENESS)
    with suppress(OSError):
        Path("/proc/self/oom_score_adj").write_text(str(_OOM_SCORE), encoding="ascii")
    if end_with_parent:
        ctypes.CDLL(None).prctl(_SET_PDEATHSIG, signal.SIGTERM)
        if os.getppid() == 1:  # it has ended before the kernel was told
            raise EngineFailed("the appliance has ended")
