"""Int8 convolutions as matrix products of shifted rows, number for number the same.

ONNX Runtime's ConvInteger multiplies uint8 with uint8 and packs the weights in every run. A product
with constant int8 weights is packed once, and uses the processor's dot product instructions: two
to three times as fast.
"""

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, TypeAlias

from appliance.engines.kokoro.onnx_graph import (
    GraphBuilder,
    Message,
    PublishedGraph,
    UnsupportedGraphError,
    attributes_of,
)

if TYPE_CHECKING:
    import numpy as np

    Array: TypeAlias = np.ndarray[Any, Any]


@dataclass(frozen=True, slots=True)
class ConvolutionWeights:
    """An int8 convolution of stride 1, as a matrix for rows of shifted inputs."""

    matrix: "Array"
    """(kernel * inputs, outputs)"""
    scale: "Array"
    zero_point: "Array"
    kernel: int
    dilation: int
    padding: int

    @classmethod
    def read(cls, published: PublishedGraph, name: str, signed: bool) -> "ConvolutionWeights":
        node = published.node(f"{name}/Conv_quant")
        scale_name = node.input[1].replace("_quantized", "_scale")
        return cls.of(node, published, published.constant(scale_name), signed)

    @classmethod
    def of(
        cls, node: Message, published: PublishedGraph, scale: "Array", signed: bool
    ) -> "ConvolutionWeights":
        import numpy as np

        attributes: dict[str, Any] = attributes_of(node)
        weights, zero = (published.constant(node.input[i]) for i in (1, 3))
        if weights.dtype != np.uint8 or not _is_plain(node, published):
            raise UnsupportedGraphError(f"{node.name} is no convolution of uint8")
        matrix = weights.transpose(2, 1, 0).reshape(-1, weights.shape[0])
        if signed:
            # The same numbers less 128, as is the zero point.
            matrix, zero = (matrix ^ 0x80).view(np.int8), (zero ^ np.uint8(0x80)).view(np.int8)
        return cls(
            *(np.ascontiguousarray(matrix), scale, zero, weights.shape[2]),
            *(attributes["dilations"][0], attributes["pads"][0]),
        )

    def shifted(self, builder: GraphBuilder, value: str, zero_point: str, *, axis: int) -> str:
        """For each time, the inputs that its kernel covers, beside each other."""
        if self.kernel == 1:
            return value
        pads = [0] * (axis + 2)
        pads[axis] = self.padding
        padded = builder.op("Pad", value, builder.integers(*pads, *pads), zero_point)
        return shifted_rows(builder, padded, self.kernel, self.dilation, axis=axis)


def _is_plain(node: Message, published: PublishedGraph) -> bool:
    """Whether a ConvInteger has stride 1 and one group, and pads both sides alike."""
    attributes: dict[str, Any] = attributes_of(node)
    pads, strides = attributes.get("pads", (0, 0)), attributes.get("strides", (1,))
    return (
        published.constant(node.input[1]).ndim == 3
        and tuple(strides) == (1,)
        and attributes.get("group", 1) == 1
        and pads[0] == pads[1]
    )


def shifted_rows(b: GraphBuilder, padded: str, kernel: int, dilation: int, *, axis: int) -> str:
    parts = [
        b.slice(padded, step * dilation, (step - kernel + 1) * dilation or None, axis)
        for step in range(kernel)
    ]
    return b.op("Concat", *parts, axis=axis + 1)


def use_matrix_products(builder: GraphBuilder, published: PublishedGraph, *, signed: bool) -> None:
    """Replaces each plain ConvInteger by the same sums as a matrix product, number for number."""
    nodes: list[Message] = []
    for node in list(builder.graph.node):
        if node.op_type != "ConvInteger" or not _is_plain(node, published):
            nodes.append(node)
            continue
        before = len(builder.graph.node)
        _matrix_product(builder, published, node, signed)
        nodes.extend(builder.graph.node[before:])
    builder.replace_nodes(nodes)


def _matrix_product(
    b: GraphBuilder, published: PublishedGraph, node: Message, signed: bool
) -> None:
    import numpy as np

    value, _, zero_point, _ = node.input
    weights = ConvolutionWeights.of(node, published, np.ones((), np.float32), signed)
    rows = b.op("Transpose", value, perm=(0, 2, 1))
    shifted = weights.shifted(b, rows, zero_point, axis=1)
    matrix, zero = b.constant(weights.matrix), b.constant(weights.zero_point)
    product = b.op("MatMulInteger", shifted, matrix, zero_point, zero)
    b.op("Transpose", product, perm=(0, 2, 1))
    b.graph.node[-1].output[0] = node.output[0]


def is_exact_with_signed_weights(session_options: Any) -> bool:  # noqa: ANN401
    """Whether this processor's int8 products are exact for signed weights.

    Without the dot product instructions of AVX-512 VNNI and the like, ONNX Runtime adds pairs of
    products in 16 bits, which overflow for large weights.
    """
    import numpy as np
    import onnxruntime as ort

    builder = GraphBuilder()
    value = builder.op("Cast", builder.input("value", ("rows", 64)), to=2)
    matrix = builder.constant(np.full((64, 16), 127, np.int8))
    zero, zero_weight = builder.constant(np.uint8(0)), builder.constant(np.int8(0))
    product = builder.op("MatMulInteger", value, matrix, zero, zero_weight)
    builder.output("product", builder.op("Cast", product, to=1))
    session = ort.InferenceSession(
        builder.serialized(), session_options, providers=["CPUExecutionProvider"]
    )
    (result,) = session.run(None, {"value": np.full((4, 64), 255, np.float32)})
    return bool((result == 64 * 127 * 255).all())
