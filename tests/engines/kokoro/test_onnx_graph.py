from typing import Any

import numpy as np
import numpy.typing as npt
import onnxruntime as ort
import pytest

from appliance.engines.kokoro.onnx_graph import (
    GraphBuilder,
    PublishedGraph,
    UnsupportedGraphError,
    attributes_of,
)


def run(graph: bytes, outputs: list[str], **inputs: Any) -> list[Any]:  # noqa: ANN401
    session = ort.InferenceSession(graph, providers=["CPUExecutionProvider"])
    results: list[Any] = session.run(outputs, inputs)
    return results


@pytest.fixture
def published() -> PublishedGraph:
    """y = leaky(2 x), z = y + other."""
    builder = GraphBuilder()
    x = builder.input("x", (1, "n"))
    builder.input("other", (1, "n"))
    doubled = builder.op("Mul", x, builder.constant(np.float32(2)))
    builder.output("y", builder.op("LeakyRelu", doubled, alpha=0.5))
    builder.output("z", builder.op("Add", "y", "other"))
    for node in builder.graph.node:
        node.name = f"node of {node.output[0]}"
    return PublishedGraph(builder.serialized())


def test_a_part_of_a_graph_computes_what_the_graph_does(published: PublishedGraph) -> None:
    part = published.part(("x",), ("y",))
    part.output("result", part.op("Add", "y", part.constant(np.float32(1))))
    (result,) = run(part.serialized(), ["result"], x=np.array([[1, -1]], np.float32))
    assert result.tolist() == [[3, 0]]


def test_a_part_names_what_it_lacks(published: PublishedGraph) -> None:
    with pytest.raises(UnsupportedGraphError, match="nothing computes other"):
        published.part(("x",), ("z",))
    with pytest.raises(UnsupportedGraphError, match="no input absent"):
        published.part(("x", "absent"), ("y",))
    with pytest.raises(UnsupportedGraphError, match="no node absent"):
        published.node("absent")
    with pytest.raises(UnsupportedGraphError, match="no constant absent"):
        published.constant("absent")


def test_attributes_and_constants_are_read(published: PublishedGraph) -> None:
    product, leaky = published.node("node of ~2"), published.node("node of ~3")
    assert attributes_of(leaky) == {"alpha": 0.5}
    assert published.constant(product.input[1]) == 2


def test_what_is_no_model_is_refused() -> None:
    with pytest.raises(UnsupportedGraphError, match="not an ONNX model"):
        PublishedGraph(b"<html>Please log in</html>")


@pytest.mark.parametrize("dtype", [np.float32, np.uint8, np.int8, np.int32, np.int64])
def test_constants_keep_type_shape_and_value(dtype: type) -> None:
    value: npt.NDArray[Any] = np.arange(6).reshape(2, 3).astype(dtype)
    builder = GraphBuilder()
    name = builder.constant(value)
    builder.output("value", builder.op("Cast", name, to=1))
    read = PublishedGraph(builder.serialized()).constant(name)
    assert (read.dtype, read.tolist()) == (value.dtype, value.tolist())
    assert builder.constant(value.copy()) == name
