"""Reads, cuts and builds ONNX graphs with protobuf, which ONNX Runtime brings along.

The `onnx` package would be one more compiled dependency for these few operations. The schema below
is the part of onnx.proto that they touch; protobuf keeps all other fields of a message unread.
"""

from collections.abc import Iterable, Mapping, Sequence
from functools import cache
from pathlib import Path
from typing import TYPE_CHECKING, Any, Final, TypeAlias

if TYPE_CHECKING:
    import numpy as np

Message: TypeAlias = Any
"""A message whose class protobuf makes at run time."""
Attribute: TypeAlias = int | float | Sequence[int]

_FLOAT, _INT64, _INT32, _STRING, _BYTES, _MESSAGE = 2, 3, 5, 9, 12, 11
"""Field types, as google.protobuf.descriptor_pb2 numbers them."""
_SCHEMA: Final[Mapping[str, Mapping[str, tuple[int, int, bool, str]]]] = {
    # field: (number, type, repeated, message)
    "Model": {
        "ir_version": (1, _INT64, False, ""),
        "graph": (7, _MESSAGE, False, "Graph"),
        "opset_import": (8, _MESSAGE, True, "OperatorSet"),
        "metadata_props": (14, _MESSAGE, True, "Metadata"),
    },
    "Metadata": {"key": (1, _STRING, False, ""), "value": (2, _STRING, False, "")},
    "OperatorSet": {"domain": (1, _STRING, False, ""), "version": (2, _INT64, False, "")},
    "Graph": {
        "node": (1, _MESSAGE, True, "Node"),
        "name": (2, _STRING, False, ""),
        "initializer": (5, _MESSAGE, True, "Tensor"),
        "input": (11, _MESSAGE, True, "ValueInfo"),
        "output": (12, _MESSAGE, True, "ValueInfo"),
    },
    "Node": {
        "input": (1, _STRING, True, ""),
        "output": (2, _STRING, True, ""),
        "name": (3, _STRING, False, ""),
        "op_type": (4, _STRING, False, ""),
        "attribute": (5, _MESSAGE, True, "Attribute"),
        "domain": (7, _STRING, False, ""),
    },
    "Attribute": {
        "name": (1, _STRING, False, ""),
        "f": (2, _FLOAT, False, ""),
        "i": (3, _INT64, False, ""),
        "ints": (8, _INT64, True, ""),
        "type": (20, _INT32, False, ""),
    },
    "Tensor": {
        "dims": (1, _INT64, True, ""),
        "data_type": (2, _INT32, False, ""),
        "float_data": (4, _FLOAT, True, ""),
        "int32_data": (5, _INT32, True, ""),
        "int64_data": (7, _INT64, True, ""),
        "name": (8, _STRING, False, ""),
        "raw_data": (9, _BYTES, False, ""),
    },
    "ValueInfo": {"name": (1, _STRING, False, ""), "type": (2, _MESSAGE, False, "Type")},
    "Type": {"tensor_type": (1, _MESSAGE, False, "TensorType")},
    "TensorType": {
        "elem_type": (1, _INT32, False, ""),
        "shape": (2, _MESSAGE, False, "Shape"),
    },
    "Shape": {"dim": (1, _MESSAGE, True, "Dimension")},
    "Dimension": {"dim_value": (1, _INT64, False, ""), "dim_param": (2, _STRING, False, "")},
}
_NUMPY_TYPES: Final[Mapping[int, str]] = {
    1: "float32", 2: "uint8", 3: "int8", 6: "int32", 7: "int64",
}  # fmt: skip
"""TensorProto.DataType, as far as these graphs use it."""
_ATTRIBUTE_FLOAT, _ATTRIBUTE_INT, _ATTRIBUTE_INTS = 1, 2, 7
_OPSET, _IR_VERSION = 20, 9


class UnsupportedGraphError(Exception):
    """The graph is not built as expected; the message names what is missing."""


@cache
def _messages() -> Mapping[str, Any]:
    """The classes of the schema's messages, in a descriptor pool of their own."""
    from google.protobuf import descriptor_pb2, descriptor_pool, message_factory

    labels = descriptor_pb2.FieldDescriptorProto
    file = descriptor_pb2.FileDescriptorProto(
        name="appliance_onnx.proto", package="onnx", syntax="proto2"
    )
    for message, fields in _SCHEMA.items():
        described = file.message_type.add(name=message)
        for field, (number, kind, repeated, of) in fields.items():
            described.field.add(
                name=field,
                number=number,
                type=labels.Type.ValueType(kind),
                label=labels.LABEL_REPEATED if repeated else labels.LABEL_OPTIONAL,
                type_name=f".onnx.{of}" if of else None,
            )
    pool = descriptor_pool.DescriptorPool()
    pool.Add(file)
    find = pool.FindMessageTypeByName
    return {name: message_factory.GetMessageClass(find(f"onnx.{name}")) for name in _SCHEMA}


class PublishedGraph:
    """The graph of a model file, whose nodes and constants are found by name."""

    def __init__(self, data: bytes) -> None:
        """Raises UnsupportedGraphError for what is no ONNX model."""
        from google.protobuf.message import DecodeError

        self._model = _messages()["Model"]()
        try:
            self._model.ParseFromString(data)
        except DecodeError as error:
            raise UnsupportedGraphError(f"it is not an ONNX model: {error}") from error
        graph = self._model.graph
        self._nodes = {node.name: node for node in graph.node}
        self._producers = {output: node for node in graph.node for output in node.output}
        self._constants = {tensor.name: tensor for tensor in graph.initializer}
        self._inputs = {value.name: value for value in graph.input}

    @classmethod
    def read(cls, file: Path) -> "PublishedGraph":
        return cls(file.read_bytes())

    @property
    def metadata(self) -> Mapping[str, str]:
        """What the model's makers wrote down with it."""
        return {entry.key: entry.value for entry in self._model.metadata_props}

    def node(self, name: str) -> Message:
        """The node of that name. Raises UnsupportedGraphError."""
        if name not in self._nodes:
            raise UnsupportedGraphError(f"it has no node {name}")
        return self._nodes[name]

    def constant(self, name: str) -> "np.ndarray[Any, Any]":
        """The value of an initializer. Raises UnsupportedGraphError."""
        if name not in self._constants:
            raise UnsupportedGraphError(f"it has no constant {name}")
        return tensor_value(self._constants[name])

    def part(self, inputs: Sequence[str], outputs: Sequence[str]) -> "GraphBuilder":
        """The nodes between the graph's `inputs` and the tensors `outputs`, with their constants.

        Raises UnsupportedGraphError where the outputs are not computed from these inputs alone.
        """
        wanted, needed = list(outputs), set[str]()
        while wanted:
            name = wanted.pop()
            if name in needed or name in inputs or name in self._constants or not name:
                continue
            if name not in self._producers:
                raise UnsupportedGraphError(f"nothing computes {name}")
            needed.add(name)
            wanted.extend(self._producers[name].input)
        builder = GraphBuilder(self._constants, prefix="~part~")
        for name in inputs:
            if name not in self._inputs:
                raise UnsupportedGraphError(f"it has no input {name}")
            builder.graph.input.add().CopyFrom(self._inputs[name])
        nodes = (node for node in self._model.graph.node if needed.intersection(node.output))
        builder.graph.node.extend(nodes)
        builder.model.opset_import.extend(self._model.opset_import)
        builder.model.ir_version = self._model.ir_version
        return builder


class GraphBuilder:
    """An ONNX graph in the making. Every operation returns the name of its output.

    Its nodes may also use the constants of another graph, which are copied at the end.
    """

    def __init__(
        self, constants: Mapping[str, Message] | None = None, *, prefix: str = "~"
    ) -> None:
        """No other tensor's name may begin with `prefix`."""
        self.model: Message = _messages()["Model"]()
        self._prefix = prefix
        self._foreign = constants or {}
        self._names = 0
        self._small: dict[tuple[str, tuple[int, ...], bytes], str] = {}

    @property
    def graph(self) -> Message:
        return self.model.graph

    def input(self, name: str, shape: Sequence[int | str]) -> str:
        """Declares an input of float32; a dimension is a length or a name."""
        value = self.graph.input.add(name=name)
        value.type.tensor_type.elem_type = 1
        for length in shape:
            key = "dim_value" if isinstance(length, int) else "dim_param"
            value.type.tensor_type.shape.dim.add(**{key: length})
        return name

    def output(self, name: str, value: str) -> None:
        """Declares an output of float32 with the value of the tensor `value`."""
        self.graph.node.add(op_type="Identity", input=[value], output=[name])
        self.graph.output.add(name=name).type.tensor_type.elem_type = 1

    def constant(self, value: "np.ndarray[Any, Any] | np.generic") -> str:
        """Adds a constant; equal small ones are stored once."""
        import numpy as np  # imported late, so that importing the package loads nothing heavy

        array = np.asarray(value)
        key = (array.dtype.name, array.shape, array.tobytes() if array.size < 64 else b"")
        if key[2] and key in self._small:
            return self._small[key]
        name = self._new_name()
        tensor = self.graph.initializer.add(name=name, dims=array.shape)
        tensor.data_type = next(k for k, v in _NUMPY_TYPES.items() if v == array.dtype.name)
        tensor.raw_data = array.tobytes()
        if key[2]:
            self._small[key] = name
        return name

    def integers(self, *values: int) -> str:
        """A constant vector of int64, as axes, pads and bounds are given."""
        import numpy as np

        return self.constant(np.array(values, np.int64))

    def op(self, kind: str, *inputs: str, domain: str = "", **attributes: Attribute) -> str:
        """Adds a node with one output."""
        (output,) = self.ops(kind, *inputs, outputs=1, domain=domain, **attributes)
        return output

    def ops(
        self, kind: str, *inputs: str, outputs: int, domain: str = "", **attributes: Attribute
    ) -> tuple[str, ...]:
        """Adds a node with several outputs."""
        node = _messages()["Node"](op_type=kind, input=inputs, domain=domain)
        names = tuple(self._new_name() for _ in range(outputs))
        node.output.extend(names)
        _set_attributes(node, attributes)
        self.graph.node.append(node)
        return names

    def slice(self, value: str, start: int, stop: int | None, axis: int) -> str:
        """`value[start:stop]` along one axis; None is the end."""
        end = 2**31 if stop is None else stop
        bounds = (self.integers(start), self.integers(end), self.integers(axis))
        return self.op("Slice", value, *bounds)

    def replace_nodes(self, nodes: Iterable[Message]) -> None:
        """Replaces all nodes."""
        kept = list(nodes)
        del self.graph.node[:]
        self.graph.node.extend(kept)

    def serialized(self) -> bytes:
        """The finished model, as ONNX Runtime loads it."""
        if not self.model.opset_import:
            self.model.ir_version = _IR_VERSION
            self.model.opset_import.add(domain="", version=_OPSET)
            self.model.opset_import.add(domain="com.microsoft", version=1)
        self.graph.name = self.graph.name or "part"
        used = {name for node in self.graph.node for name in node.input}
        self.graph.initializer.extend(self._foreign[name] for name in used & set(self._foreign))
        return bytes(self.model.SerializeToString())

    def _new_name(self) -> str:
        self._names += 1
        return f"{self._prefix}{self._names}"


def attributes_of(node: Message) -> dict[str, Attribute]:
    """The numeric attributes of a node; others, such as auto_pad, are left out."""
    read: dict[str, Attribute] = {}
    for attribute in node.attribute:
        if attribute.type == _ATTRIBUTE_FLOAT:
            read[attribute.name] = float(attribute.f)
        elif attribute.type == _ATTRIBUTE_INT:
            read[attribute.name] = int(attribute.i)
        elif attribute.type == _ATTRIBUTE_INTS:
            read[attribute.name] = tuple(attribute.ints)
    return read


def _set_attributes(node: Message, attributes: Mapping[str, Attribute]) -> None:
    for name, value in attributes.items():
        if isinstance(value, float):
            node.attribute.add(name=name, type=_ATTRIBUTE_FLOAT, f=value)
        elif isinstance(value, int):
            node.attribute.add(name=name, type=_ATTRIBUTE_INT, i=value)
        else:
            node.attribute.add(name=name, type=_ATTRIBUTE_INTS, ints=value)


def tensor_value(tensor: Message) -> "np.ndarray[Any, Any]":
    """The value of a tensor. Raises UnsupportedGraphError for a type that is not used here."""
    import numpy as np

    if tensor.data_type not in _NUMPY_TYPES:
        raise UnsupportedGraphError(f"{tensor.name} has the unknown type {tensor.data_type}")
    dtype = np.dtype(_NUMPY_TYPES[tensor.data_type])
    if tensor.raw_data:
        flat = np.frombuffer(tensor.raw_data, dtype.newbyteorder("<")).astype(dtype)
    else:
        flat = np.array([*tensor.float_data, *tensor.int32_data, *tensor.int64_data], dtype)
    return flat.reshape(tuple(tensor.dims))
