"""Splits a published int8 Kokoro graph in three, and rebuilds its waveform generator.

The published graph turns the phonemes of a whole sentence into its whole sound in one run. Its
last third, the generator, takes nearly all the time. It is rebuilt here so that it can run on
slices of a sentence:

- front: tokens, style and speed to features of 80 frames a second, and the spectrum of the
  harmonic source. It is cut out of the published graph as it is.
- low stage: features to 800 rows a second, for the whole sentence at once. Its instance norms are
  those of the published graph, over the sentence.
- high stage: 800 rows a second to samples. Its instance norms are either measured over the rows
  that it is given, which must then be a whole sentence, or given as constants. With constants it
  is a plain convolutional network, whose slices fit together.

The arithmetic is that of the published graph: the same int8 weights, and dynamic quantisation of
each convolution's input. Only the order of operations differs: a convolution is a multiplication
of shifted rows with a matrix, which ONNX Runtime does two to three times as fast as ConvInteger,
and norms with constants are folded into one multiplication and one addition.
"""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, Final, TypeAlias

from appliance.engines.kokoro.int8_convolution import (
    ConvolutionWeights,
    shifted_rows,
    use_matrix_products,
)
from appliance.engines.kokoro.onnx_graph import (
    GraphBuilder,
    PublishedGraph,
    UnsupportedGraphError,
    attributes_of,
)

if TYPE_CHECKING:
    import numpy as np

    Array: TypeAlias = np.ndarray[Any, Any]

ROWS_PER_FRAME: Final = 10
"""Rows of the low stage for one frame of features."""
COLUMNS_PER_FRAME: Final = 60
"""Columns of the source spectrum for one frame; a sentence has one more."""
SAMPLES_PER_FRAME: Final = 300
FRAMES_PER_STEP: Final = 2
CONTEXT_FRAMES: Final = 3
"""What the high stage must see on either side of a slice: its kernels reach 2.1 frames far."""
LOW_CHANNELS, HIGH_CHANNELS, SOURCE_CHANNELS = 256, 128, 22

_FEATURES: Final = "/decoder/decoder/decode.3/Div_4_output_0"
_SOURCE: Final = "/decoder/decoder/generator/Concat_3_output_0"
_DURATIONS: Final = "/encoder/Clip_output_0"
"""Of each token, in steps of two frames."""
_NODES: Final = "/decoder/decoder/generator/"
_WEIGHTS: Final = "decoder.decoder.generator."
_FEATURE_CHANNELS: Final = 512
_EPSILON: Final = 1e-5
_STAGES: Final[Mapping[str, tuple[str, tuple[str, ...]]]] = {
    "low": ("noise_res.0", ("resblocks.0", "resblocks.1", "resblocks.2")),
    "high": ("noise_res.1", ("resblocks.3", "resblocks.4", "resblocks.5")),
}
"""The residual block of the source and the three of the signal, by their published names."""


def norm_names(stage: str) -> tuple[str, ...]:
    """The adaptive instance norms of a stage, in the order of its statistics and styles."""
    source, blocks = _STAGES[stage]
    return tuple(
        f"{block}/adain{half}.{layer}"
        for block in (source, *blocks)
        for layer in range(3)
        for half in (1, 2)
    )


def front_graph(published: PublishedGraph, *, signed: bool) -> bytes:
    """Tokens, style and speed to `features`, `source`, `durations`, `low_style`, `high_style`.

    `durations` are those of the tokens, in steps of FRAMES_PER_STEP. A style holds a scale (less 1)
    and a shift per channel for each norm of its stage.
    `signed` as in `high_graph`.
    """
    styles = {
        stage: [f"{_NODES}{name}/fc/Gemm_output_0" for name in norm_names(stage)]
        for stage in _STAGES
    }
    outputs = (_FEATURES, _SOURCE, _DURATIONS, *styles["low"], *styles["high"])
    builder = published.part(("tokens", "style", "speed"), outputs)
    use_matrix_products(builder, published, signed=signed)
    builder.output("features", _FEATURES)
    builder.output("source", _SOURCE)
    builder.output("durations", _DURATIONS)
    for stage, parts in styles.items():
        builder.output(f"{stage}_style", builder.op("Concat", *parts, axis=1))
    return builder.serialized()


def low_graph(published: PublishedGraph, *, signed: bool) -> bytes:
    """`features`, `source` and `low_style` of a sentence to `rows` of LOW_CHANNELS.

    `signed` as in `high_graph`.
    """
    stage = _Stage(published, "low", LOW_CHANNELS, signed=signed)
    builder = stage.builder
    features = builder.input("features", (1, _FEATURE_CHANNELS, "frames"))
    source = builder.input("source", (1, SOURCE_CHANNELS, "columns"))
    active = stage.rows(builder.op("LeakyRelu", features, alpha=0.1))
    signal = stage.upsample(active, "ups.0", stride=ROWS_PER_FRAME)
    signal = builder.op("Add", signal, stage.residual_block(stage.strided_source(source), 0))
    mixed = stage.mean_of_blocks(signal)
    builder.output("rows", builder.op("LeakyRelu", mixed, alpha=0.1))
    return builder.serialized()


def high_graph(published: PublishedGraph, *, signed: bool, measured: bool) -> bytes:
    """`rows`, `source` and `high_style` to `audio`.

    `measured`: the norms' statistics are taken over the rows, and are an output, `statistics`.
    Otherwise they are an input: mean and variance per channel for each of the stage's norms.
    `signed` weights are the fast ones where the processor multiplies them exactly.
    """
    stage = _Stage(published, "high", HIGH_CHANNELS, signed=signed, measured=measured)
    builder = stage.builder
    rows = builder.input("rows", ("rows", LOW_CHANNELS))
    source = builder.input("source", (1, SOURCE_CHANNELS, "columns"))
    signal = stage.upsample(rows, "ups.1", stride=COLUMNS_PER_FRAME // ROWS_PER_FRAME)
    # The published graph pads the signal at its beginning to the length of the source spectrum.
    signal = builder.op("Concat", builder.slice(signal, 1, 2, 0), signal, axis=0)
    noise = stage.convolution(stage.rows(source), "noise_convs.1")
    signal = builder.op("Add", signal, stage.residual_block(noise, 0))
    active = builder.op("LeakyRelu", stage.mean_of_blocks(signal), alpha=0.01)
    builder.output("audio", stage.waveform(active))
    if measured:
        builder.output("statistics", builder.op("Concat", *stage.measurements(), axis=1))
    return builder.serialized()


@dataclass(frozen=True, slots=True)
class _Affine:
    """A norm as one multiplication and one addition per channel, shape (1, channels)."""

    factor: str
    shift: str


class _Stage:
    """Builds one stage of the generator. Values are rows of channels: (time, channels)."""

    def __init__(
        self,
        published: PublishedGraph,
        name: str,
        channels: int,
        *,
        signed: bool,
        measured: bool = True,
    ) -> None:
        self.builder = GraphBuilder()
        self._published = published
        self._blocks = (_STAGES[name][0], *_STAGES[name][1])
        self._norms = norm_names(name)
        self._signed = signed
        self._measured = measured
        self._moments: dict[str, tuple[str, str]] = {}
        self._statistics: dict[str, tuple[str, str]] = {}
        width = 2 * channels * len(self._norms)
        self._styles = self._pairs(self.builder.input(f"{name}_style", (1, width)))
        if not measured:
            self._statistics = self._pairs(self.builder.input("statistics", (1, width)))

    def _pairs(self, packed: str) -> dict[str, tuple[str, str]]:
        """Two vectors for each norm, out of one input."""
        count = 2 * len(self._norms)
        parts = self.builder.ops("Split", packed, outputs=count, axis=1, num_outputs=count)
        return dict(zip(self._norms, zip(parts[::2], parts[1::2], strict=True), strict=True))

    def measurements(self) -> list[str]:
        """Mean and variance of each norm, in order."""
        return [value for name in self._norms for value in self._statistics[name]]

    def rows(self, value: str) -> str:
        """(1, channels, time) as (time, channels)."""
        turned = self.builder.op("Transpose", value, perm=(0, 2, 1))
        return self.builder.op("Squeeze", turned, self.builder.integers(0))

    def upsample(self, value: str, name: str, *, stride: int) -> str:
        """A transposed convolution whose kernel is two strides long."""
        node = self._published.node(f"{_NODES}{name}/ConvTranspose")
        kernel = self._published.constant(node.input[1])
        bias = self._published.constant(node.input[2])
        width, channels, length = kernel.shape
        if length != 2 * stride:
            raise UnsupportedGraphError(f"{name} has a kernel of {length}")
        matrix = kernel.transpose(0, 2, 1).reshape(width, length * channels)
        b, half = self.builder, stride * channels
        product = b.op("MatMul", value, b.constant(matrix.copy()))
        early, late = b.slice(product, 0, half, 1), b.slice(product, half, None, 1)
        # Each input reaches the outputs of its own stride and of the next one.
        overlapped = b.op(
            "Add",
            b.op("Pad", early, b.integers(0, 0, 1, 0)),
            b.op("Pad", late, b.integers(1, 0, 0, 0)),
        )
        flat = b.op("Reshape", overlapped, b.integers(-1, channels))
        return b.op("Add", b.slice(flat, stride // 2, -(stride // 2), 0), b.constant(bias))

    def strided_source(self, source: str) -> str:
        """The source spectrum at the rate of the rows: a small convolution, kept as published."""
        name = "noise_convs.0"
        node = self._published.node(f"{_NODES}{name}/Conv_quant")
        weights, zero = (self._published.constant(node.input[i]) for i in (1, 3))
        scale = self._published.constant(f"{_WEIGHTS}{name}.weight_scale")
        b = self.builder
        quantised, unit, zero_point = b.ops("DynamicQuantizeLinear", source, outputs=3)
        operands = quantised, b.constant(weights), zero_point, b.constant(zero)
        attributes: dict[str, Any] = attributes_of(node)
        total = b.op("ConvInteger", *operands, **attributes)
        scaled = b.op("Mul", b.op("Cast", total, to=1), b.op("Mul", unit, b.constant(scale)))
        bias = self._published.constant(f"{_WEIGHTS}{name}.bias")
        return b.op("Add", self.rows(scaled), b.constant(bias))

    def convolution(self, value: str, name: str, norm: _Affine | None = None) -> str:
        """An int8 convolution of float rows, with `norm` folded into its output."""
        weights = ConvolutionWeights.read(self._published, f"{_NODES}{name}", self._signed)
        bias = self._published.constant(f"{_WEIGHTS}{name.replace('/', '.')}.bias")
        b = self.builder
        quantised, unit, zero_point = b.ops("DynamicQuantizeLinear", value, outputs=3)
        shifted = weights.shifted(b, quantised, zero_point, axis=0)
        scale, offset = b.constant(weights.scale), b.constant(bias)
        if norm is not None:
            flat = b.integers(-1)
            factor = b.op("Reshape", norm.factor, flat)
            offset = b.op("Add", b.op("Mul", factor, offset), b.op("Reshape", norm.shift, flat))
            scale = b.op("Mul", factor, scale)
        return b.op(
            *("MatMulIntegerToFloat", shifted, b.constant(weights.matrix), unit, scale),
            *(zero_point, b.constant(weights.zero_point), offset),
            domain="com.microsoft",
        )

    def residual_block(self, value: str, index: int) -> str:
        """Three pairs of norm, snake and convolution, each around a residual connection."""
        b, name = self.builder, self._blocks[index]
        for layer in range(3):
            alphas = [
                self._published.constant(f"{_WEIGHTS}{name}.alpha{half}.{layer}").reshape(-1)
                for half in (1, 2)
            ]
            norm = self._norm(value, f"{name}/adain1.{layer}", alphas[0])
            active = self._snake(self._applied(norm, value), alphas[0])
            convolution, key = f"{name}/convs1.{layer}", f"{name}/adain2.{layer}"
            if self._measured:
                inner = self.convolution(active, convolution)
                inner = self._applied(self._norm(inner, key, alphas[1]), inner)
            else:
                inner = self.convolution(active, convolution, self._norm("", key, alphas[1]))
            active = self._snake(inner, alphas[1])
            value = b.op("Add", self.convolution(active, f"{name}/convs2.{layer}"), value)
        return value

    def mean_of_blocks(self, value: str) -> str:
        """The mean of the stage's three residual blocks, all on the same input."""
        import numpy as np

        first, second, third = (self.residual_block(value, index) for index in (1, 2, 3))
        total = self.builder.op("Add", self.builder.op("Add", first, second), third)
        return self.builder.op("Mul", total, self.builder.constant(np.float32(1 / 3)))

    def waveform(self, value: str) -> str:
        """Magnitude and phase by the last convolution, and their inverse Fourier transform."""
        b = self.builder
        node = self._published.node(f"{_NODES}conv_post/Conv")
        kernel = self._published.constant(node.input[1])
        bias = self._published.constant(node.input[2])
        channels, _, length = kernel.shape
        matrix = kernel.transpose(2, 1, 0).reshape(-1, channels)
        padded = b.op("Pad", value, b.integers(length // 2, 0, length // 2, 0))
        rows = shifted_rows(b, padded, length, 1, axis=0)
        spectrum = b.op("Add", b.op("MatMul", rows, b.constant(matrix.copy())), b.constant(bias))
        magnitude = b.op("Exp", b.slice(spectrum, 0, channels // 2, 1))
        phase = b.op("Sin", b.slice(spectrum, channels // 2, None, 1))
        real = b.op("Mul", magnitude, b.op("Cos", phase))
        imaginary = b.op("Mul", magnitude, b.op("Sin", phase))
        return self._inverse_transform(b.op("Concat", real, imaginary, axis=1))

    def _inverse_transform(self, spectrum: str) -> str:
        """Overlapping windows of 20 samples, 5 apart, without the outermost 10 samples."""
        basis = self._published.constant(f"{_WEIGHTS}stft.istft.stft.inverse_basis")[:, 0, :]
        gain = self._published.constant(f"{_NODES}istft/stft/Constant_19_output_0")
        b, hop = self.builder, 5
        windows = b.op("MatMul", spectrum, b.constant((basis * gain).astype("float32")))
        overlaps = basis.shape[1] // hop
        parts = [
            b.op(
                "Pad",
                b.slice(windows, hop * shift, hop * (shift + 1), 1),
                b.integers(shift, 0, overlaps - 1 - shift, 0),
            )
            for shift in range(overlaps)
        ]
        rows = b.slice(b.op("Sum", *parts), overlaps // 2, -(overlaps // 2), 0)
        return b.op("Reshape", rows, b.integers(-1))

    def _norm(self, value: str, name: str, alpha: "Array") -> _Affine:
        """The norm of that name times `alpha`; `value` is what it is measured over."""
        import numpy as np

        b = self.builder
        if self._measured:
            self._statistics[name] = self._measure(value)
        mean, variance = self._statistics[name]
        scale, shift = self._styles[name]
        scale = b.op("Add", scale, b.constant(np.float32(1)))
        deviation = b.op("Sqrt", b.op("Add", variance, b.constant(np.float32(_EPSILON))))
        factor = b.op("Mul", b.op("Div", scale, deviation), b.constant(alpha))
        shifted = b.op("Mul", shift, b.constant(alpha))
        return _Affine(factor, b.op("Sub", shifted, b.op("Mul", mean, factor)))

    def _measure(self, value: str) -> tuple[str, str]:
        """Mean and variance over time; blocks on the same input share them."""
        if value not in self._moments:
            b = self.builder
            mean = b.op("ReduceMean", value, b.integers(0), keepdims=1)
            offset = b.op("Sub", value, mean)
            square = b.op("Mul", offset, offset)
            self._moments[value] = mean, b.op("ReduceMean", square, b.integers(0), keepdims=1)
        return self._moments[value]

    def _applied(self, norm: _Affine, value: str) -> str:
        return self.builder.op("Add", self.builder.op("Mul", value, norm.factor), norm.shift)

    def _snake(self, value: str, alpha: "Array") -> str:
        """x + sin²(alpha x) / alpha, for a `value` that is alpha x."""
        b = self.builder
        sine = b.op("Sin", value)
        total = b.op("Add", value, b.op("Mul", sine, sine))
        return b.op("Mul", total, b.constant(1 / alpha))
