"""Engines load where nothing can be written to a disk."""

import tempfile
from pathlib import Path

import pytest

from appliance.engines.kokoro.split_model import _session
from appliance.engines.memory_file import memory_file
from appliance.engines.sphinx.decoder import Search, SphinxDecoder
from tests.daemon import FIXTURES
from tests.engines.sphinx.test_decoder import GRAPH, TIME


@pytest.fixture(autouse=True)
def no_disk(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(tempfile, "tempdir", "/nowhere")


def test_a_file_in_memory_is_read_by_its_path_and_goes_with_the_context() -> None:
    with memory_file(b"content") as path:
        assert Path(path).read_bytes() == b"content"
    assert not Path(path).exists() or Path(path).read_bytes() != b"content"


def test_a_graph_of_sentences_is_understood() -> None:
    decoder = SphinxDecoder(GRAPH)
    assert decoder.decode(Search.GRAMMAR, TIME).text == "what time is it"
    decoder.close()


def test_a_model_is_loaded() -> None:
    import onnxruntime as ort

    model = (FIXTURES / "micro_kokoro" / "kokoro-micro.onnx").read_bytes()
    assert _session(model, ort.SessionOptions()).get_inputs()
