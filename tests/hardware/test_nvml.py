"""NVML, against a library with the driver's own functions, built from nvml.c."""

import subprocess
from pathlib import Path

import pytest

from appliance.hardware.nvml import Card, cards

SOURCE = Path(__file__).with_name("nvml.c")


@pytest.fixture(scope="module")
def library(tmp_path_factory: pytest.TempPathFactory) -> str:
    built = tmp_path_factory.mktemp("nvml") / "libnvidia-ml.so.1"
    subprocess.run(["cc", "-shared", "-fPIC", "-o", built, SOURCE], check=True, timeout=60)
    return str(built)


def test_all_values_of_a_card(library: str) -> None:
    assert cards(library) == (
        Card(
            name="NVIDIA GeForce RTX 4070",
            memory_total=12_878_610_432,
            memory_free=11_000_000_000,
            capability=(8, 9),
            driver="580.65.06",
            load=0.37,
            temperature=61.0,
            power=84.5,
            throttled=("power cap", "heat"),
        ),
    )


def test_values_that_a_card_does_not_report_are_unknown(
    library: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    for silent in ("memory", "load", "temperature", "power", "capability", "driver", "reasons"):
        monkeypatch.setenv("FAKE_NVML_SILENT", silent)
        (card,) = cards(library)
        assert card.name == "NVIDIA GeForce RTX 4070"
    monkeypatch.setenv(
        "FAKE_NVML_SILENT", "memory load temperature power capability driver reasons"
    )
    assert cards(library) == (Card("NVIDIA GeForce RTX 4070"),)


def test_several_cards_and_one_that_fell_off_the_bus(
    library: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("FAKE_NVML_COUNT", "2")
    assert [card.name for card in cards(library)] == ["NVIDIA GeForce RTX 4070", "NVIDIA Second"]
    monkeypatch.setenv("FAKE_NVML_SILENT", "handle")
    assert cards(library) == ()


def test_no_card_no_driver_no_library(
    library: str, monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    assert cards(str(tmp_path / "absent.so")) == ()
    (tmp_path / "text.so").write_text("no library")
    assert cards(str(tmp_path / "text.so")) == ()
    monkeypatch.setenv("FAKE_NVML_COUNT", "0")
    assert cards(library) == ()
    monkeypatch.setenv("FAKE_NVML_COUNT", "1")
    monkeypatch.setenv("FAKE_NVML_INIT", "9")  # the driver is not loaded
    assert cards(library) == ()


def test_an_older_library_lacks_calls(tmp_path: Path) -> None:
    source = tmp_path / "old.c"
    # Only the name of the card is known then.
    source.write_text(
        "int nvmlInit_v2(void) { return 0; }\nint nvmlShutdown(void) { return 0; }\n"
        "int nvmlDeviceGetCount_v2(unsigned *n) { *n = 1; return 0; }\n"
        "int nvmlDeviceGetHandleByIndex_v2(unsigned i, void **h) { *h = &h; return i; }\n"
        "int nvmlDeviceGetName(void *h, char *s, unsigned n) { *s = 'A'; s[1] = 0; return 0; }\n"
    )
    built = tmp_path / "old.so"
    subprocess.run(["cc", "-shared", "-fPIC", "-o", built, source], check=True, timeout=60)
    assert cards(str(built)) == (Card("A"),)
