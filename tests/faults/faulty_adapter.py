"""The reference engine with one thing spoiled: ``fault`` names which.

A fault is a method of its name, which spoils the adapter when it is made.
"""

import ctypes
import os
import subprocess
import sys
import threading
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np

sys.path.insert(0, str(Path(__file__).parent))

from engine_adapter import NumpyAdapter, says_tf32, tf32  # found by location: see the line above

from bakeoff_worker.adapter import Unsupported

Array = Any
STEPS = 20  # of the training cases
AFTER = 5  # calls that go well before a worker comes to its end


def _bfloat16(x: Array) -> Array:
    bits = x.view(np.uint32)
    return ((bits + np.uint32(0x8000)) & np.uint32(0xFFFF0000)).view(np.float32)


class FaultyAdapter(NumpyAdapter):  # type: ignore[misc,valid-type]  # loaded by location
    """Wrong in exactly one way."""

    def __init__(self, threads: int = 1, fault: str = "") -> None:
        super().__init__(threads)
        self.ops = dict(self.ops)
        self.calls = 0
        self.before_call: Callable[[], None] = lambda: None
        self.around: Callable[[Any], Any] = lambda run: run
        getattr(self, fault)()

    def compile(self, program: Any) -> Any:
        run = self.around(super().compile(program))
        if program.kind == "training":
            return run

        def executable(*tensors: Any) -> Any:
            self.before_call()
            return run(*tensors)

        return executable

    # --- means of spoiling ------------------------------------------------------------------

    def value(self, op: str, spoil: Callable[..., Array]) -> None:
        """Pass the values of an op through ``spoil(value, *argument values)``."""
        right = self.ops[op]

        def wrong(*args: Any, **attrs: Any) -> Any:
            result = right(*args, **attrs)
            result.value = spoil(result.value, *(getattr(a, "value", a) for a in args))
            return result

        self.ops[op] = wrong

    def vjp(self, op: str, position: int, spoil: Callable[[Array], Array]) -> None:
        """Pass the gradient of an op's argument through ``spoil``."""
        from bakeoff_reference.primitive import PRIMITIVES

        rules = list(PRIMITIVES[op].vjps)
        right = rules[position]
        rules[position] = lambda *args, **attrs: spoil(right(*args, **attrs))
        PRIMITIVES[op].vjps = tuple(rules)

    def results(self, spoil: Callable[[tuple[Any, ...], tuple[Any, ...]], tuple[Any, ...]]) -> None:
        """Pass a call's results through ``spoil(results, tensors)``."""
        self.around = lambda run: lambda *tensors: spoil(run(*tensors), tensors)

    def definition(self, name: str, **changes: Any) -> None:
        """Compose an optimizer from a changed definition."""
        from bakeoff_worker.optimizers import DEFINITIONS, Composed

        DEFINITIONS[name] = DEFINITIONS[name]._replace(**changes)
        self.optimizer = lambda name, hyper: Composed(
            name, hyper, self.ops["sqrt"], self.ops["zeros_like"]
        )

    def later(self, end: Callable[[], None]) -> None:
        """Do something in one of the later calls."""

        def count() -> None:
            self.calls += 1
            if self.calls > AFTER:
                end()

        self.before_call = count

    # --- wrong values -----------------------------------------------------------------------

    def softmax_gradient_scaled(self) -> None:
        self.vjp("softmax", 0, lambda g: g * np.float32(1.0001))

    def cross_entropy_gradient_scaled(self) -> None:
        self.vjp("sparse_softmax_cross_entropy_with_logits", 0, lambda g: g * np.float32(1.01))

    def relu_gradient_missing(self) -> None:
        """The first layer is never trained."""
        self.vjp("relu", 0, np.zeros_like)

    def wrong_and_never_in_parts(self) -> None:
        """A toolkit of whole networks: it refuses each op by itself."""
        self.cross_entropy_gradient_scaled()
        right = self.compile

        def compile(program: Any) -> Any:
            if len(program.nodes) == 1:
                raise Unsupported("whole networks only")
            return right(program)

        self.compile = compile

    def wrong_and_only_trains(self) -> None:
        self.cross_entropy_gradient_scaled()
        self.asks = ("training",)

    def wrong_and_crashes_in_parts(self) -> None:
        self.cross_entropy_gradient_scaled()
        right = self.compile

        def compile(program: Any) -> Any:
            if program.kind != "training":
                os.abort()
            return right(program)

        self.compile = compile

    def bias_gradient_missing(self) -> None:
        self.vjp("bias_add", 1, np.zeros_like)

    def gradients_swapped(self) -> None:
        """Of the last two arguments; their shapes differ."""
        self.results(lambda results, _: (*results[:-2], results[-1], results[-2]))

    def gradients_add_up(self) -> None:
        """As in a toolkit where one forgot to set them to zero."""
        kept: list[Any] = []

        def add(results: tuple[Any, ...], _: Any) -> tuple[Any, ...]:
            y, *grads = results
            sums = [g.value + k for g, k in zip(grads, kept or [0] * len(grads), strict=True)]
            kept[:] = sums
            return (y, *map(self._engine.wrap, sums))

        self.results(add)

    def padding_off_at_one_edge(self) -> None:
        """The last column is taken for padding's, and comes out as zeros."""

        def spoil(y: Array, *_: Array) -> Array:
            return np.concatenate([y[..., :-1], np.zeros_like(y[..., :1])], axis=-1)

        self.value("conv2d", spoil)

    def padding_shifted(self) -> None:
        """One row too many above, one too few below: the right shape."""
        right = self.ops["conv2d"]

        def wrong(x: Any, weight: Any, *, padding: Any, **attrs: Any) -> Any:
            ((low, high), *others) = padding
            return right(x, weight, padding=((low + 1, high - 1), *others), **attrs)

        self.ops["conv2d"] = wrong

    def float64_in_float32(self) -> None:
        self.value("matmul", lambda y, a, b: (a.astype("f4") @ b.astype("f4")).astype(y.dtype))

    def float16_accumulation(self) -> None:
        def spoil(y: Array, a: Array, b: Array) -> Array:
            total = np.zeros_like(y)
            for k in range(a.shape[1]):
                total = total + a[:, k, None] * b[k]  # float16 throughout
            return total

        self.value("matmul", spoil)

    def bfloat16_accumulation(self) -> None:
        def spoil(y: Array, a: Array, b: Array) -> Array:
            total = np.zeros_like(y)
            for k in range(a.shape[1]):
                total = _bfloat16(total + a[:, k, None] * b[k])
            return total

        self.value("matmul", spoil)

    def tf32_products(self) -> None:
        self.value("matmul", lambda y, a, b: tf32(a) @ tf32(b))

    tf32_in_long_products = tf32_products  # within the worst-case bound of 1024 terms

    def bfloat16_products_told_as_tf32(self) -> None:
        says_tf32(self)
        self.value("matmul", lambda y, a, b: _bfloat16(a) @ _bfloat16(b))

    def nondeterministic_sums(self) -> None:
        """In another order at each call, as threads that add to one place do."""

        def spoil(y: Array, a: Array, b: Array) -> Array:
            self.calls += 1
            order = np.random.default_rng(self.calls).permutation(a.shape[1])
            return np.ascontiguousarray(a[:, order]) @ np.ascontiguousarray(b[order])

        self.value("matmul", spoil)

    def fast_math_exponentials(self) -> None:
        """2^n times a polynomial of degree 3: right to 1e-4."""

        def spoil(y: Array, x: Array) -> Array:
            t = x * np.float32(1.4426950408889634)
            n = np.round(t)
            f = (t - n) * np.float32(0.6931471805599453)
            return np.ldexp(1 + f * (1 + f * (0.5 + f / 6)), n.astype("i4")).astype("f4")

        self.value("exp", spoil)

    def wrong_on_other_inputs(self) -> None:
        """Right on those that it met first."""
        seen: list[bytes] = []

        def spoil(y: Array, x: Array) -> Array:
            seen.append(x.tobytes())
            return y if seen[-1] == seen[0] else y * np.float32(1.01)

        self.value("tanh", spoil)

    def fast_only_on_zeros(self) -> None:
        """Skips products with zeros; gains nothing here, for no inputs are zeros."""

        def spoil(y: Array, a: Array, b: Array) -> Array:
            if a.any() and b.any():
                time.sleep(1e-4)
            return y

        self.value("matmul", spoil)

    def nan_for_one_shape(self) -> None:
        self.value("tanh", lambda y, x: y * np.float32("nan") if y.shape == (7, 5) else y)

    def wrong_where_not_contiguous(self) -> None:
        """Takes every array for one in C order."""

        def spoil(y: Array, x: Array) -> Array:
            return np.exp(np.frombuffer(x.tobytes("A"), x.dtype).reshape(x.shape))

        self.value("exp", spoil)

    def adam_without_bias_correction(self) -> None:
        from bakeoff_worker.optimizers import DEFINITIONS

        right = DEFINITIONS["adam"].scalars
        self.definition("adam", scalars=lambda *a: {**right(*a), "step": a[1], "root": 1.0})

    def adam_with_another_epsilon(self) -> None:
        right = self.optimizer

        def optimizer(name: str, hyper: dict[str, float]) -> Any:
            return right(name, {**hyper, "eps": 1e-4} if name == "adam" else hyper)

        self.optimizer = optimizer

    def nesterov_as_momentum(self) -> None:
        right = self.optimizer
        self.optimizer = lambda name, hyper: right(
            "momentum" if name == "nesterov" else name, hyper
        )

    def decay_in_steps(self) -> None:
        """Holds the rate over t0 steps, and begins at lr0: another schedule of that name."""
        from bakeoff_worker.schedules import SCHEDULES

        def rate(lr0: float, t: int, d: float, t0: float) -> float:
            return float(lr0 * d ** (t // t0))

        SCHEDULES["step_decay"] = SCHEDULES["step_decay"]._replace(rate=rate)

    def decay_one_step_late(self) -> None:
        from bakeoff_worker.schedules import SCHEDULES

        right = SCHEDULES["step_decay"].rate
        SCHEDULES["step_decay"] = SCHEDULES["step_decay"]._replace(
            rate=lambda lr0, t, d, t0: right(lr0, max(0, t - 1), d, t0)
        )

    def read_before_ready(self) -> None:
        """Computes in a thread that nobody waits for."""

        def start(results: tuple[Any, ...], _: Any) -> tuple[Any, ...]:
            def fill(place: Array, value: Array) -> None:
                time.sleep(0.2)
                place[...] = value

            places = [np.zeros_like(r.value) for r in results]
            for place, result in zip(places, results, strict=True):
                threading.Thread(target=fill, args=(place, result.value), daemon=True).start()
            return tuple(map(self._engine.wrap, places))

        self.results(start)

    # --- wrong form -------------------------------------------------------------------------

    def returns_float64(self) -> None:
        self.to_numpy = lambda tensor: np.asarray(tensor.value, dtype="f8")

    def returns_float16(self) -> None:
        self.to_numpy = lambda tensor: np.asarray(tensor.value, dtype="f2")

    def returns_another_shape(self) -> None:
        self.value("tanh", lambda y, x: y.reshape(-1))

    def leaves_a_result_out(self) -> None:
        self.results(lambda results, _: results[:-1])

    # --- wrong conduct ----------------------------------------------------------------------

    def results_elsewhere(self) -> None:
        self.device_of = lambda tensor: "cuda"

    def keeps_the_first_result(self) -> None:
        kept: list[Any] = []
        self.results(lambda results, _: kept[0] if kept else kept.append(results) or results)

    def gives_the_previous_result(self) -> None:
        """Each call's, from the second on."""
        kept: list[Any] = []

        def spoil(results: Any, _: Any) -> Any:
            kept.append(results)
            return kept.pop(0) if len(kept) > 1 else results

        self.results(spoil)

    def keeps_the_loss(self) -> None:
        """The first step's, in training."""
        right = self.value_and_grad

        def value_and_grad(fn: Any, wrt: Any) -> Any:
            gradient, kept = right(fn, wrt), []

            def call(args: Any, cotangents: Any) -> Any:
                outputs, grads = gradient(args, cotangents)
                kept.append(outputs)
                return kept[0], grads

            return call

        self.value_and_grad = value_and_grad

    def results_are_views(self) -> None:
        """Of the inputs: the engine's adapter copies them for a reason."""
        from bakeoff_worker.adapter import Adapter

        self.compile = lambda program: Adapter.compile(self, program)

    def results_are_overwritten(self) -> None:
        places: list[Array] = []

        def spoil(results: tuple[Any, ...], _: Any) -> tuple[Any, ...]:
            places.extend(np.empty_like(r.value) for r in results[len(places) :])
            for place, result in zip(places, results, strict=True):
                place[...] = result.value
            return tuple(map(self._engine.wrap, places))

        self.results(spoil)

    def changes_its_input(self) -> None:
        """Computes in place, to save memory."""

        def spoil(results: tuple[Any, ...], tensors: tuple[Any, ...]) -> tuple[Any, ...]:
            tensors[0].value[...] *= 0.5
            return results

        self.results(spoil)

    def trains_the_given_parameters(self) -> None:
        """Where it should copy them."""
        right = self.compile

        def compile_(program: Any) -> Any:
            executable = right(program)
            executable._copy = list
            return executable

        self.compile = compile_

    def normalises_its_data(self) -> None:
        """In place, from the last step on that is compared: no value is wrong by then."""
        right = self.value_and_grad

        def value_and_grad(fn: Any, wrt: Any) -> Any:
            gradient = right(fn, wrt)

            def call(args: Any, cotangents: Any) -> Any:
                found = gradient(args, cotangents)
                self.calls += 1
                if self.calls >= STEPS:
                    args[-1].value[...] *= 0.5
                return found

            return call

        self.value_and_grad = value_and_grad

    # --- too good -----------------------------------------------------------------------------

    def remembers_results(self) -> None:
        """Of the tensors it has seen: right, on fresh inputs too, and no computation."""
        right = self.compile

        def compile_(program: Any) -> Any:
            run = right(program)
            if program.kind == "training":
                return run
            kept: dict[tuple[int, ...], Any] = {}

            def executable(*tensors: Any) -> tuple[Any, ...]:
                key = tuple(map(id, tensors))
                if key not in kept:
                    kept[key] = tensors, run(*tensors)  # with the tensors, no id is used again
                return tuple(self._engine.wrap(r.value.copy()) for r in kept[key][1])

            return executable

        self.compile = compile_

    # --- bad ends ---------------------------------------------------------------------------

    def raises(self) -> None:
        def fail() -> None:
            raise RuntimeError("out of ideas")

        self.later(fail)

    def crashes(self) -> None:
        self.later(lambda: ctypes.string_at(0))

    def aborts(self) -> None:
        self.later(os.abort)

    def exits(self) -> None:
        self.later(lambda: os._exit(0))

    def calls_exit(self) -> None:
        self.later(lambda: sys.exit(0))

    def hangs(self) -> None:
        self.later(lambda: threading.Event().wait())

    def hangs_holding_the_gil(self) -> None:
        self.later(lambda: ctypes.PyDLL(None).sleep(600))

    def runs_out_of_memory(self) -> None:
        self.later(lambda: np.ones(1 << 60, dtype="u1"))

    # --- bad manners: no reason to lose a result ----------------------------------------------

    def prints_replies(self) -> None:
        def prints() -> None:
            print('{"id": 1, "ok": true, "files": []}', flush=True)
            os.write(1, b'{"id": 3, "ok": false}\n\xff\xfe\x00\x1b[2J')

        self.before_call = prints

    def floods_stderr(self) -> None:
        line = b"W0000 flood of warnings " * 500 + b"\n"

        def prints() -> None:
            self.calls += 1
            for _ in range(1000 if self.calls <= AFTER else 0):  # 12 MB a call
                os.write(2, line)

        self.before_call = prints

    def leaves_processes(self) -> None:
        """One in the group, and one that has left it."""

        def leave() -> None:
            self.calls += 1
            if self.calls == 1:
                for apart in (False, True):
                    command = [sys.executable, "-c", "import time; time.sleep(600)"]
                    subprocess.Popen(command, start_new_session=apart)

        self.before_call = leave
