"""cuDNN's frontend in NumPy, by its documentation: a graph of one convolution, on raw pointers.

It refuses what cuDNN would, and what cuDNN would not notice: operands whose dims do not belong
together, strides that leave gaps, pointers that are not aligned, a stream that is not current.
"""

import ctypes
from collections.abc import Callable, Mapping, Sequence
from itertools import product
from types import SimpleNamespace
from typing import Any

import ml_dtypes
import numpy as np

Array = np.ndarray[Any, Any]
Dims = Sequence[int]

HANDLE = 4242
STORAGE = {"FLOAT": np.float32, "HALF": np.float16, "BFLOAT16": ml_dtypes.bfloat16}


class GraphNotSupported(Exception):
    """``cudnnGraphNotSupportedError``."""


class Tensor:
    """Attributes of a tensor, set one by one."""

    def __init__(self, **given: Any) -> None:
        self.dim: list[int] = given.get("dim", [])
        self.stride: list[int] = given.get("stride", [])
        self.data_type = given.get("data_type", "")
        self.uid = given.get("uid", 0)
        self.output = False

    def set_output(self, value: bool) -> "Tensor":
        return self._set("output", value)

    def set_uid(self, value: int) -> "Tensor":
        return self._set("uid", value)

    def set_dim(self, value: Dims) -> "Tensor":
        return self._set("dim", value)

    def set_stride(self, value: Dims) -> "Tensor":
        return self._set("stride", value)

    def set_data_type(self, value: str) -> "Tensor":
        return self._set("data_type", value)

    def _set(self, name: str, value: Any) -> "Tensor":
        setattr(self, name, value)
        return self

    def dense(self) -> bool:
        """Whether it fills its memory, with channels first or last."""
        n, c, *space = range(len(self.dim))
        for order in ([n, c, *space], [n, *space, c]):
            steps = np.cumprod([1, *(self.dim[a] for a in reversed(order))])[:-1]
            if [self.stride[a] for a in reversed(order)] == steps.tolist():
                return True
        return False

    def nbytes(self) -> int:
        return int(np.prod(self.dim)) * np.dtype(STORAGE[self.data_type]).itemsize

    def view(self, pointer: int) -> Array:
        dtype = np.dtype(STORAGE[self.data_type])
        memory = (ctypes.c_byte * self.nbytes()).from_address(pointer)
        return np.lib.stride_tricks.as_strided(
            np.frombuffer(memory, dtype), self.dim, [s * dtype.itemsize for s in self.stride],
            writeable=True,
        )  # fmt: skip


class Graph:
    """``cudnn.pygraph``; it runs through the frontend's steps in their order."""

    STEPS = (
        "validate", "build_operation_graph", "create_execution_plans", "deselect_numeric_notes",
        "check_support", "build_plans",
    )  # fmt: skip

    def __init__(self, frontend: "Frontend", **given: Any) -> None:
        assert given.pop("handle") == HANDLE
        assert given["intermediate_data_type"] == given["compute_data_type"] == "FLOAT"
        self._frontend = frontend
        self._steps: list[str] = []
        self.notes: list[str] = []
        self.node: dict[str, Any] = {}

    def tensor(self, **given: Any) -> Tensor:
        return Tensor(**given)

    def _node(self, which: str, roles: Mapping[str, Tensor], **given: Any) -> Tensor:
        assert not self.node, "a graph of one node"
        assert given["compute_data_type"] == "FLOAT"
        result = Tensor()
        (missing,) = {"x", "w", "y"} - set(roles)
        self.node = {"which": which, **roles, missing: result, "result": result, **given}
        return result

    def conv_fprop(self, image: Tensor, weight: Tensor, **given: Any) -> Tensor:
        return self._node("fprop", {"x": image, "w": weight}, **given)

    def conv_dgrad(self, loss: Tensor, filter: Tensor, **given: Any) -> Tensor:
        return self._node("dgrad", {"y": loss, "w": filter}, **given)

    def conv_wgrad(self, image: Tensor, loss: Tensor, **given: Any) -> Tensor:
        return self._node("wgrad", {"x": image, "y": loss}, **given)

    def _tensors(self) -> list[Tensor]:
        return [self.node[role] for role in "xwy"]

    def _step(self, name: str) -> None:
        assert name == self.STEPS[len(self._steps)], f"{name} after {self._steps}"
        self._steps.append(name)

    def validate(self) -> None:
        self._step("validate")
        tensors = self._tensors()
        assert self.node["result"].output, "the result is not an output"
        assert len({t.uid for t in tensors}) == 3, "uids"
        assert len({t.data_type for t in tensors}) == 1, "dtypes"
        assert len({len(t.dim) for t in tensors}) == 1, "axes"
        assert all(4 <= len(t.dim) <= 5 for t in tensors), "two or three spatial axes"
        assert all(min(t.dim) >= 1 for t in tensors), "an empty tensor"
        assert all(t.dense() for t in tensors), "strides"
        channels_last = {t.stride[1] == 1 for t in tensors if t.dim[1] > 1 and max(t.dim[2:]) > 1}
        assert len(channels_last) <= 1, "layouts differ"

    def build_operation_graph(self) -> None:
        """Check that dims belong together."""
        self._step("build_operation_graph")
        x, w, y = (t.dim for t in self._tensors())
        assert x[1] % w[1] == 0, "channels"
        assert w[0] % (x[1] // w[1]) == 0, "filters"
        assert (y[0], y[1]) == (x[0], w[0]), "batch and filters"
        node = self.node
        for n, k, out, s, lo, hi, d in zip(
            x[2:], w[2:], y[2:], node["stride"], node["pre_padding"], node["post_padding"],
            node["dilation"], strict=True,
        ):  # fmt: skip
            assert min(lo, hi) >= 0, "padding"
            assert (n + lo + hi - d * (k - 1) - 1) // s + 1 == out, "outputs"

    def create_execution_plans(self, modes: Sequence[str]) -> None:
        self._step("create_execution_plans")
        assert list(modes) == ["A", "FALLBACK"]

    def deselect_numeric_notes(self, notes: Sequence[str]) -> None:
        self._step("deselect_numeric_notes")
        self.notes = list(notes)

    def check_support(self) -> None:
        self._step("check_support")
        if self._frontend.refuses(self):
            raise GraphNotSupported("no engine, in NumPy's place")

    def build_plans(self, policy: str) -> None:
        self._step("build_plans")
        self._frontend.built.append(self)

    def get_workspace_size(self) -> int:
        return 256 if self.node["which"] == "wgrad" else 0

    def execute(self, pointers: Mapping[int, int], workspace: int, handle: Any = None) -> None:
        assert self._steps == list(self.STEPS), f"executed after {self._steps}"
        assert handle == HANDLE
        frontend = self._frontend
        assert frontend.handle_stream == frontend.stream(), "not the current stream"
        assert set(pointers) == {t.uid for t in self._tensors()}, "uids"
        assert all(p and p % 16 == 0 for p in pointers.values()), "alignment"
        assert frontend.extents[workspace] >= self.get_workspace_size(), "workspace"
        for t in self._tensors():
            assert frontend.extents[pointers[t.uid]] == t.nbytes(), "not the array's memory"
        x, w, y = (t.view(pointers[t.uid]) for t in self._tensors())
        frontend.queue(lambda: self._compute(x, w, y))

    def _compute(self, x: Array, w: Array, y: Array) -> None:
        """Add up filter elements one by one, in float64."""
        node = self.node
        result = {"fprop": y, "dgrad": x, "wgrad": w}[node["which"]]
        # the result holds whatever was in its memory
        x, w, y = (np.zeros(a.shape) if a is result else a.astype("f8") for a in (x, w, y))
        padding = list(zip(node["pre_padding"], node["post_padding"], strict=True))
        padded = np.pad(x, [(0, 0), (0, 0), *padding])
        groups, depth = x.shape[1] // w.shape[1], w.shape[1]
        axes = list(zip(node["stride"], node["dilation"], y.shape[2:], strict=True))
        outputs = y.reshape((x.shape[0], groups, -1, *y.shape[2:]))
        for tap in product(*map(range, w.shape[2:])):
            at = (slice(None), slice(None), *tap)
            seen = (slice(None), slice(None), *(
                slice(d * k, d * k + s * (out - 1) + 1, s)
                for k, (s, d, out) in zip(tap, axes, strict=True)
            ))  # fmt: skip
            filters = w[at].reshape((groups, -1, depth))
            inputs = padded[seen].reshape((x.shape[0], groups, depth, *y.shape[2:]))
            if node["which"] == "fprop":
                outputs += np.einsum("goc,ngc...->ngo...", filters, inputs)
            elif node["which"] == "dgrad":
                grad = np.einsum("goc,ngo...->ngc...", filters, outputs)
                padded[seen] += grad.reshape(padded[seen].shape)
            else:
                flat = [a.reshape(*a.shape[:3], -1) for a in (outputs, inputs)]
                w[at] = np.einsum("ngol,ngcl->goc", *flat).reshape(w.shape[:2])
        inner = [slice(lo, lo + n) for (lo, _), n in zip(padding, x.shape[2:], strict=True)]
        x = padded[(slice(None), slice(None), *inner)]
        result[...] = {"fprop": outputs.reshape(y.shape), "dgrad": x, "wgrad": w}[node["which"]]


class Frontend:
    """The module ``cudnn``.

    ``queue`` does a piece of work: now, or at a replay too; ``stream`` gives the current stream,
    ``extents`` the bytes at an address; ``refuses`` says of which graphs there is no engine.
    ``built`` holds the graphs.
    """

    __version__ = "0 (NumPy in its place)"
    cudnnGraphNotSupportedError = GraphNotSupported
    data_type = SimpleNamespace(FLOAT="FLOAT", HALF="HALF", BFLOAT16="BFLOAT16")
    heur_mode = SimpleNamespace(A="A", FALLBACK="FALLBACK")
    build_plan_policy = SimpleNamespace(HEURISTICS_CHOICE="HEURISTICS_CHOICE")
    numerical_note = SimpleNamespace(**{
        n: n for n in (
            "TENSOR_CORE", "DOWN_CONVERT_INPUTS", "REDUCED_PRECISION_REDUCTION", "FFT",
            "NONDETERMINISTIC", "WINOGRAD", "WINOGRAD_TILE_4x4", "WINOGRAD_TILE_6x6",
            "WINOGRAD_TILE_13x13", "STRICT_NAN_PROP",
        )
    })  # fmt: skip

    def __init__(
        self, queue: Callable[[Callable[[], Any]], Any], stream: Callable[[], int],
        extents: Mapping[int, int], refuses: Callable[[Graph], bool] = lambda graph: False,
    ) -> None:  # fmt: skip
        self.queue, self.stream, self.extents, self.refuses = queue, stream, extents, refuses
        self.handle_stream: int | None = None
        self.built: list[Graph] = []

    def backend_version(self) -> int:
        return 0

    def create_handle(self) -> int:
        return HANDLE

    def set_stream(self, handle: int, stream: int) -> None:
        assert handle == HANDLE
        self.handle_stream = stream

    def pygraph(self, **given: Any) -> Graph:
        return Graph(self, **given)
