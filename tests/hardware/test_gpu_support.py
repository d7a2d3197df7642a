import sys
from pathlib import Path

import ctranslate2
import onnxruntime
import pytest

from appliance.config.loader import load
from appliance.hardware import planner
from appliance.hardware.gpu_support import installed_libraries
from tests.hardware.boards import ORIN_NANO_SUPER, write

SMALL = 483_545_366


def test_libraries_for_the_processor_use_no_gpu() -> None:
    found = installed_libraries()
    assert found.ctranslate2_devices == ctranslate2.get_cuda_device_count()
    assert "CPUExecutionProvider" in found.onnx_providers
    assert "onnxruntime" in found.onnx_packages


def test_a_driver_that_is_too_old_is_no_device(monkeypatch: pytest.MonkeyPatch) -> None:
    def refuse() -> int:
        raise RuntimeError("CUDA driver version is insufficient for CUDA runtime version")

    monkeypatch.setattr(ctranslate2, "get_cuda_device_count", refuse)
    assert not installed_libraries().can_transcribe


def test_a_library_without_its_cuda_is_logged_and_the_appliance_starts(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    cause = "libcublas.so.12: cannot open shared object file"
    for name, error in (("ctranslate2", "OSError"), ("onnxruntime", "ImportError")):
        write(tmp_path, f"{name}.py", f"raise {error}({cause!r})")
        monkeypatch.delitem(sys.modules, name)
    monkeypatch.syspath_prepend(tmp_path)
    found = installed_libraries()
    assert not found.can_transcribe
    assert not found.can_synthesize
    assert caplog.text.count(cause) == 2


def test_the_plan_of_a_board_depends_on_its_libraries(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    models = tmp_path / "models"
    write(models, "small.en/config.json", "{}")
    with (models / "small.en/model.bin").open("wb") as weights:
        weights.truncate(SMALL)
    config = load([], {"APPLIANCE__MODELS__DIRECTORY": str(models)})
    root = ORIN_NANO_SUPER.lay(tmp_path / "root")

    def device(count: int) -> tuple[str, ...]:
        monkeypatch.setattr(ctranslate2, "get_cuda_device_count", lambda: count)
        return tuple(option.device for option in planner.plan_for(config, root).stt.options)

    monkeypatch.setattr(onnxruntime, "get_available_providers", lambda: ["CPUExecutionProvider"])
    assert "cuda" not in device(0)
    assert device(1)[0] == "cuda"
    warnings = planner.plan_for(config, root).warnings
    assert any("no CUDAExecutionProvider" in warning for warning in warnings)


def test_without_a_gpu_no_library_is_imported(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    def never() -> None:
        raise AssertionError("a second and 100 MB for nothing")

    monkeypatch.setattr(planner, "installed_libraries", never)
    write(tmp_path, "proc/meminfo", "MemTotal: 4000000 kB\nMemAvailable: 3000000 kB\n")
    made = planner.plan_for(load([], {}), tmp_path)
    assert made.accelerator == "no NVIDIA GPU was found"
