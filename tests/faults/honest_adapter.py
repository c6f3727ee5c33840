"""The reference engine computing honestly in other ways: ``way`` names which.

Every way is one that some toolkit has: other orders of summation, layouts, formulas, precisions
above the dtype's, copies, threads.
"""

import sys
import threading
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np

sys.path.insert(0, str(Path(__file__).parent))

from engine_adapter import NumpyAdapter, says_tf32, tf32  # found by location: see the line above

Array = Any
Product = Callable[[Array, Array], Array]


class HonestAdapter(NumpyAdapter):  # type: ignore[misc,valid-type]  # loaded by location
    """Right, though not bit for bit what the reference engine gives."""

    def __init__(self, threads: int = 1, way: str = "") -> None:
        super().__init__(threads)
        self.ops = dict(self.ops)
        getattr(self, way)()

    # --- means --------------------------------------------------------------------------------

    def product(self, product: Product) -> None:
        """Have matrix products, and their gradients, computed by ``product`` of float arrays."""
        from bakeoff_reference.primitive import PRIMITIVES

        def forward(a: Array, b: Array) -> Array:
            wide = np.float32 if a.dtype == np.float16 else a.dtype  # as the engine has it
            return product(a.astype(wide), b.astype(wide)).astype(a.dtype)

        right, plain = self.ops["matmul"], (2, 2)

        def matmul(a: Any, b: Any) -> Any:
            result = right(a, b)
            if (a.value.ndim, b.value.ndim) == plain:
                result.value = forward(a.value, b.value)
            return result

        self.ops["matmul"] = matmul
        PRIMITIVES["matmul"].vjps = (
            lambda xp, g, y, a, b: forward(g, b.T),
            lambda xp, g, y, a, b: forward(a.T, g),
        )

    def rule(self, op: str, *vjps: Callable[..., Array]) -> None:
        """Replace an op's gradients by other formulas."""
        from bakeoff_reference.primitive import PRIMITIVES

        PRIMITIVES[op].vjps = vjps

    def op(self, name: str, formula: Callable[..., Any]) -> None:
        """Replace an op by a formula over other ops; its gradient follows from theirs."""
        self.ops[name] = formula

    # --- orders of summation ------------------------------------------------------------------

    def transposed_products(self) -> None:
        self.product(lambda a, b: np.ascontiguousarray((b.T.copy() @ a.T.copy()).T))

    def products_of_views(self) -> None:
        self.product(lambda a, b: np.asfortranarray(a) @ np.asfortranarray(b))

    def blocked_products(self) -> None:
        def product(a: Array, b: Array, size: int = 8) -> Array:
            parts = [a[:, k : k + size] @ b[k : k + size] for k in range(0, a.shape[1], size)]
            return np.add.reduce(parts)

        self.product(product)

    def products_one_term_at_a_time(self) -> None:
        """The order with the largest errors that is still honest."""

        def product(a: Array, b: Array) -> Array:
            total = np.zeros((a.shape[0], b.shape[1]), a.dtype)
            for k in range(a.shape[1]):
                total += a[:, k, None] * b[k]
            return total

        self.product(product)

    def products_from_the_end(self) -> None:
        self.product(lambda a, b: a[:, ::-1] @ b[::-1])

    def products_by_einsum(self) -> None:
        self.product(lambda a, b: np.einsum("mk,kn->mn", a, b))

    def products_column_by_column(self) -> None:
        self.product(lambda a, b: np.stack([a @ column for column in b.T], axis=1))

    def sums_one_term_at_a_time(self) -> None:
        ops = self.ops
        right = ops["sum"]

        def total(x: Any, *, axis: Any, keepdims: bool) -> Any:
            result = right(x, axis=axis, keepdims=keepdims)
            terms = np.moveaxis(x.value, axis, range(len(axis)))
            terms = terms.reshape(-1, *terms.shape[len(axis) :])  # (terms, ...)
            running = np.zeros(terms.shape[1:], terms.dtype)
            for term in terms[::-1]:
                running = running + term
            result.value = running.reshape(result.value.shape)
            return result

        def mean(x: Any, *, axis: Any, keepdims: bool) -> Any:
            count = int(np.prod([x.value.shape[i] for i in axis]))
            return ops["divide"](total(x, axis=axis, keepdims=keepdims), float(count))

        ops.update(sum=total, mean=mean)

    # --- precision ----------------------------------------------------------------------------

    def products_in_tf32_as_told(self) -> None:
        def product(a: Array, b: Array) -> Array:
            if a.dtype == np.float32:
                a, b = tf32(np.ascontiguousarray(a)), tf32(np.ascontiguousarray(b))
            return np.asarray(a @ b)

        says_tf32(self)
        self.product(product)

    def float64_inside(self) -> None:
        """Computes all in float64 and rounds results once."""
        from bakeoff_worker.program import Program

        right = self.compile
        narrow = {"float32", "float16"}

        def wide(name: str) -> str:
            return "float64" if name in narrow else name

        def compile_(program: Program) -> Any:
            if program.kind == "training":
                return right(program)  # steps are rounded to the parameters' dtype
            inputs = tuple(v._replace(dtype=wide(v.dtype)) for v in program.inputs)
            nodes = tuple(n._replace(dtype=wide(n.dtype)) for n in program.nodes)
            run = right(program._replace(inputs=inputs, nodes=nodes))
            types = {v.name: v.dtype for v in (*program.inputs, *program.nodes)}
            dtypes = [types[n] for n in (*program.outputs, *program.ask.get("wrt", ()))]

            def executable(*tensors: Any) -> Any:
                widened = [self.tensor(t.value, wide(t.value.dtype.name)) for t in tensors]
                results = run(*widened)
                return tuple(self.tensor(r.value, d) for r, d in zip(results, dtypes, strict=True))

            return executable

        self.compile = compile_

    def flushes_small_numbers(self) -> None:
        """Subnormal inputs and results become zero, as with fast arithmetic on many devices."""
        tensor, to_numpy = self.tensor, self.to_numpy

        def flushed(array: Array) -> Array:
            if array.dtype.kind != "f":
                return array
            subnormal = np.abs(array) < np.finfo(array.dtype).tiny
            return np.where(subnormal, array.dtype.type(0), array)

        self.tensor = lambda array, dtype: tensor(flushed(np.asarray(array)), dtype)
        self.to_numpy = lambda t: flushed(to_numpy(t))

    # --- layouts and copies -------------------------------------------------------------------

    def results_in_fortran_order(self) -> None:
        right = self.to_numpy
        self.to_numpy = lambda tensor: np.asarray(right(tensor), order="F")

    def results_with_strides(self) -> None:
        """Every second element of a larger array."""
        right = self.to_numpy

        def to_numpy(tensor: Any) -> Array:
            value = right(tensor)
            place = np.zeros((*value.shape, 2), value.dtype)
            place[..., 0] = value
            return place[..., 0]

        self.to_numpy = to_numpy

    def inputs_in_fortran_order(self) -> None:
        right = self.tensor

        def tensor(array: Array, dtype: str) -> Any:
            made = right(array, dtype)
            made.value = np.asarray(made.value, order="F")
            return made

        self.tensor = tensor

    def copies_everything(self) -> None:
        for name, right in list(self.ops.items()):

            def op(*args: Any, _right: Callable[..., Any] = right, **attrs: Any) -> Any:
                result = _right(*args, **attrs)
                result.value = result.value.copy()
                return result

            self.ops[name] = op

    def read_only_results(self) -> None:
        """Immutable arrays, which may be what came in: nobody can tell."""
        from bakeoff_worker.adapter import Adapter

        def to_numpy(tensor: Any) -> Array:
            view = np.asarray(tensor.value).view()
            view.flags.writeable = False
            return view

        self.to_numpy = to_numpy
        self.compile = lambda program: Adapter.compile(self, program)

    # --- other formulas -----------------------------------------------------------------------

    def gradients_by_other_formulas(self) -> None:
        """The softmax's by its whole Jacobian, tanh's by 1/cosh², products' by einsum."""

        def softmax(xp: Any, g: Array, y: Array, x: Array, axis: int) -> Array:
            p, u = np.moveaxis(y, axis, -1), np.moveaxis(g, axis, -1)
            jacobian = p[..., None] * np.eye(p.shape[-1], dtype=p.dtype)  # (..., n, n)
            jacobian = jacobian - p[..., :, None] * p[..., None, :]
            return np.moveaxis(np.einsum("...ij,...j->...i", jacobian, u), -1, axis)

        self.rule("softmax", softmax)
        self.rule("tanh", lambda xp, g, y, x: g * ((1 + y) * (1 - y)))
        self.rule(
            "matmul",
            lambda xp, g, y, a, b: np.einsum("mn,kn->mk", g, b),
            lambda xp, g, y, a, b: np.einsum("mk,mn->kn", a, g),
        )

    def convolution_by_offsets(self) -> None:
        """A sum over the kernel's offsets of products of shifted images; padding beforehand."""
        ops = self.ops

        def conv2d(x: Any, weight: Any, *, padding: Any, **attrs: Any) -> Any:
            assert attrs == {"stride": (1, 1), "dilation": (1, 1), "groups": 1}
            padded = ops["pad"](x, pad_width=((0, 0), (0, 0), *padding), value=0)
            out, _, rows, columns = weight.value.shape
            images, channels, height, width = padded.value.shape
            high, wide = height - rows + 1, width - columns + 1
            total = None
            for i in range(rows):
                for j in range(columns):
                    index = ((0, images, 1), (0, channels, 1), (i, i + high, 1), (j, j + wide, 1))
                    window = ops["getitem"](padded, index=index)
                    window = ops["permute_dims"](window, axes=(0, 2, 3, 1))  # (N, H, W, C)
                    kernel = ops["getitem"](weight, index=((0, out, 1), (0, channels, 1), i, j))
                    kernel = ops["permute_dims"](kernel, axes=(1, 0))  # (C, O)
                    term = ops["matmul"](window, kernel)  # (N, H, W, O)
                    total = term if total is None else ops["add"](total, term)
            return ops["permute_dims"](total, axes=(0, 3, 1, 2))

        ops["conv2d"] = conv2d

    def composed_optimizers(self) -> None:
        from bakeoff_worker.optimizers import Composed

        self.optimizer = lambda name, hyper: Composed(
            name, hyper, self.ops["sqrt"], self.ops["zeros_like"]
        )

    def softmax_from_its_logarithm(self) -> None:
        ops = self.ops
        ops["softmax"] = lambda x, *, axis: ops["exp"](ops["log_softmax"](x, axis=axis))

    # --- other conduct ------------------------------------------------------------------------

    def computes_in_a_thread(self) -> None:
        """Returns before it is done, and waits when it is asked to."""
        right, pending = self.compile, []

        def compile_(program: Any) -> Any:
            run = right(program)
            if program.kind == "training":
                return run

            def executable(*tensors: Any) -> Any:
                places = tuple(self._engine.wrap(None) for _ in range(count))

                def work() -> None:
                    for place, result in zip(places, run(*tensors), strict=True):
                        place.value = result.value

                pending.append(threading.Thread(target=work))
                pending[-1].start()
                return places

            count = len(program.outputs) + len(program.ask.get("wrt", ()))
            return executable

        def synchronize(values: Any = None) -> None:
            while pending:
                pending.pop().join()

        self.compile, self.synchronize = compile_, synchronize

    def keeps_results_by_input(self) -> None:
        """A cache that is right: values are compared."""
        right = self.compile

        def compile_(program: Any) -> Any:
            run, kept = right(program), {}
            if program.kind == "training":
                return run

            def executable(*tensors: Any) -> Any:
                key = tuple(t.value.tobytes() for t in tensors)
                if key not in kept:
                    kept[key] = [r.value for r in run(*tensors)]
                return tuple(self._engine.wrap(v.copy()) for v in kept[key])

            return executable

        self.compile = compile_
