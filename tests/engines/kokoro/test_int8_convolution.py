from typing import Any

import numpy as np
import onnxruntime as ort
import pytest

from appliance.engines.kokoro.int8_convolution import (
    is_exact_with_signed_weights,
    use_matrix_products,
)
from appliance.engines.kokoro.onnx_graph import GraphBuilder, PublishedGraph

RANDOM = np.random.default_rng(5)


def convolution(kernel: int, dilation: int, stride: int = 1, groups: int = 1) -> GraphBuilder:
    """A dynamically quantised convolution of 12 channels, as it is published."""
    builder = GraphBuilder()
    value, unit, zero = builder.ops(
        "DynamicQuantizeLinear", builder.input("x", (1, 12, "n")), outputs=3
    )
    weights = RANDOM.integers(0, 256, (16, 12 // groups, kernel)).astype(np.uint8)
    pad = (kernel - 1) * dilation // 2
    total = builder.op(
        *("ConvInteger", value, builder.constant(weights), zero, builder.constant(np.uint8(77))),
        dilations=(dilation,),
        pads=(pad, pad),
        strides=(stride,),
        group=groups,
    )
    builder.output("y", builder.op("Mul", builder.op("Cast", total, to=1), unit))
    return builder


def result(builder: GraphBuilder, value: Any) -> Any:  # noqa: ANN401
    session = ort.InferenceSession(builder.serialized(), providers=["CPUExecutionProvider"])
    return session.run(["y"], {"x": value})[0]


def kinds(builder: GraphBuilder) -> set[str]:
    return {node.op_type for node in builder.graph.node}


@pytest.mark.parametrize("signed", [True, False])
@pytest.mark.parametrize(("kernel", "dilation"), [(1, 1), (3, 1), (7, 3), (11, 5)])
def test_the_product_is_the_convolution_number_for_number(
    kernel: int, dilation: int, signed: bool
) -> None:
    if signed and not is_exact_with_signed_weights(ort.SessionOptions()):
        pytest.skip("signed weights are not exact on this processor")
    builder = convolution(kernel, dilation)
    value = RANDOM.normal(size=(1, 12, 90)).astype(np.float32)
    expected = result(builder, value)
    published = PublishedGraph(builder.serialized())
    part = published.part(("x",), ("y",))
    part.graph.output.add(name="y").type.tensor_type.elem_type = 1
    use_matrix_products(part, published, signed=signed)
    assert "ConvInteger" not in kinds(part)
    assert np.array_equal(result(part, value), expected)


@pytest.mark.parametrize(("stride", "groups"), [(2, 1), (1, 4)])
def test_other_convolutions_stay_as_they_are(stride: int, groups: int) -> None:
    published = PublishedGraph(convolution(3, 1, stride, groups).serialized())
    part = published.part(("x",), ("y",))
    use_matrix_products(part, published, signed=True)
    assert "ConvInteger" in kinds(part)
