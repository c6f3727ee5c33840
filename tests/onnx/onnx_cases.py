"""The ONNX project's test data as plain values: models, inputs, expected outputs.

The data come with the PyPI package ``onnx`` (1.17 is the last release that carries the
node folder). All of it is protobuf: nothing is unpickled.
"""

from collections.abc import Mapping
from dataclasses import dataclass
from functools import cached_property
from pathlib import Path
from typing import Any

import numpy as np
import onnx
from onnx import helper, numpy_helper

DATA = Path(onnx.__file__).parent / "backend" / "test" / "data"
FOLDERS = ("node", "simple", "pytorch-converted", "pytorch-operator")

DTYPES: dict[int, str] = {
    onnx.TensorProto.BOOL: "bool",
    onnx.TensorProto.INT32: "int32",
    onnx.TensorProto.INT64: "int64",
    onnx.TensorProto.FLOAT16: "float16",
    onnx.TensorProto.FLOAT: "float32",
    onnx.TensorProto.DOUBLE: "float64",
}
"""The element types that the catalogue has; bfloat16 has no reference engine."""


ERRATA: dict[str, dict[str, Any]] = {
    # The outputs were made with this epsilon and the model lacks it: onnx/onnx issue 7749,
    # mended in the data after 1.17 by pull request 7763.
    "test_adam_multiple": {"epsilon": 1e-2},
}
"""Attributes that a case's data were made with and its model does not carry."""


class NotApplicable(Exception):
    """What a case asks and the catalogue does not have; the message is the reason."""


@dataclass(frozen=True, slots=True)
class OnnxNode:
    """One op application: names of inputs ("" if left out) and outputs, attributes, opset."""

    op: str
    inputs: tuple[str, ...]
    outputs: tuple[str, ...]
    attrs: Mapping[str, Any]
    opset: int

    @property
    def targets(self) -> tuple[str, ...]:
        """The name of what a Gradient node differentiates; it is no input of the node."""
        return (self.attrs["y"],) if self.op == "Gradient" else ()

    @property
    def wanted(self) -> int:
        """How many outputs are read."""
        return sum(bool(name) for name in self.outputs)


@dataclass(frozen=True)
class OnnxCase:
    """A model with one set of inputs and expected outputs, read when asked."""

    folder: str
    name: str

    @property
    def id(self) -> str:
        return self.name.removeprefix("test_")

    @property
    def path(self) -> Path:
        return DATA / self.folder / self.name

    @cached_property
    def model(self) -> onnx.ModelProto:
        return onnx.load(str(self.path / "model.onnx"))

    @cached_property
    def nodes(self) -> tuple[OnnxNode, ...]:
        errata = ERRATA.get(self.name, {})
        opsets = {o.domain: o.version for o in self.model.opset_import}
        return tuple(
            OnnxNode(
                op=n.op_type,
                inputs=tuple(n.input),
                outputs=tuple(n.output),
                attrs={a.name: _plain(helper.get_attribute_value(a)) for a in n.attribute} | errata,
                opset=opsets.get(n.domain, 1),
            )
            for n in self.model.graph.node
        )

    @property
    def ops(self) -> frozenset[str]:
        """The op types of the graph."""
        return frozenset(n.op for n in self.nodes)

    @property
    def differentiated(self) -> tuple[str, ...]:
        """The inputs that a Gradient node asks for."""
        return tuple(x for n in self.nodes if n.op == "Gradient" for x in n.attrs["xs"])

    @property
    def op(self) -> str:
        """The op under test: the node's, or the family's name for a graph of several."""
        if len(self.nodes) == 1:
            return self.nodes[0].op
        expanded = "_expanded" in self.name
        return "(expanded functions)" if expanded else "(small graphs)"

    def constants(self) -> dict[str, np.ndarray[Any, Any]]:
        """Return the graph's initializers by name."""
        return {t.name: numpy_helper.to_array(t) for t in self.model.graph.initializer}

    def inputs(self) -> dict[str, np.ndarray[Any, Any]]:
        """Return the inputs by name; those with an initializer may have no file."""
        return self._read("input", self.model.graph.input)

    def expected(self) -> dict[str, np.ndarray[Any, Any]]:
        """Return the expected outputs by name."""
        return self._read("output", self.model.graph.output)

    def _read(self, kind: str, values: Any) -> dict[str, np.ndarray[Any, Any]]:
        constants = {t.name for t in self.model.graph.initializer}
        values = [v for v in values if v.name not in constants]
        table = {}
        for i, value in enumerate(values):
            tensor = onnx.TensorProto()
            data = (self.path / "test_data_set_0" / f"{kind}_{i}.pb").read_bytes()
            tensor.ParseFromString(data)
            table[value.name] = numpy_helper.to_array(tensor)
        return table

    def check_types(self) -> None:
        """Raise `NotApplicable` for values that are no tensors, or of a dtype we lack."""
        graph = self.model.graph
        for value in (*graph.input, *graph.output):
            if not value.type.HasField("tensor_type"):
                raise NotApplicable("a sequence or optional value")
            require_dtype(value.type.tensor_type.elem_type)
        for tensor in graph.initializer:
            require_dtype(tensor.data_type)


def require_dtype(elem_type: int) -> str:
    """Return our name of an ONNX element type, or raise `NotApplicable`."""
    if elem_type not in DTYPES:
        name = onnx.TensorProto.DataType.Name(elem_type).lower()
        raise NotApplicable(f"dtype {name}")
    return DTYPES[elem_type]


def cases(*folders: str) -> list[OnnxCase]:
    """Return the cases of the folders, by name; all folders if none is given."""
    return [
        OnnxCase(folder, path.name)
        for folder in folders or FOLDERS
        for path in sorted((DATA / folder).iterdir())
    ]


def _plain(value: Any) -> Any:
    if isinstance(value, bytes):
        return value.decode()
    if isinstance(value, list):
        return tuple(_plain(v) for v in value)
    return value
