"""The base class of adapters: what is missing is said, what is composed is right."""

from types import MappingProxyType

import numpy as np
import pytest

from bakeoff.program import Value, gradient, trace
from bakeoff_worker import Adapter, Unsupported
from bakeoff_worker.adapter import refusal


class Forward(Adapter):
    """A toolkit with one op and no gradients."""

    name = "forward-only"
    asks = ("forward",)
    ops = MappingProxyType({"exp": np.exp})


X = Value("x", (2,), "float32")


def test_a_mode_that_no_one_reads_is_refused():
    with pytest.raises(TypeError, match="Forward: unknown mode fast; expected none"):
        Forward(fast=True)


def test_what_a_subclass_must_give_is_named():
    adapter = Adapter()
    with pytest.raises(NotImplementedError, match=r"Adapter\.tensor"):
        adapter.tensor(np.zeros(2), "float32")
    with pytest.raises(NotImplementedError, match=r"Adapter\.to_numpy"):
        adapter.to_numpy(None)


def test_a_toolkit_without_gradients_says_so():
    program = trace(
        lambda ops, x: ops.exp(x), [X, X._replace(name="c")], gradient(["x"], cotangents=["c"])
    )
    adapter = Forward()
    assert refusal(adapter, program) == "no gradient (offers forward)"
    with pytest.raises(Unsupported, match="forward-only offers no gradients"):
        adapter.compile(program)


def test_refusals_name_what_is_missing():
    adapter = Forward()
    exp = trace(lambda ops, x: ops.exp(x), [X])
    assert refusal(adapter, exp) is None
    assert refusal(adapter, trace(lambda ops, x: ops.log(x), [X])) == "op log is not offered"
    double = trace(lambda ops, x: ops.exp(x), [X._replace(dtype="float64")])
    assert refusal(adapter, double) == "no float64 (offers float32)"


def test_defaults_do_nothing_quietly():
    adapter = Forward()
    adapter.synchronize()
    adapter.release()
    assert adapter.memory() == {}
    assert adapter.describe() == {"toolkit": "forward-only"}
    (y,) = adapter.compile(trace(lambda ops, x: ops.exp(x), [X]))(np.zeros(2, "float32"))
    np.testing.assert_array_equal(y, [1, 1])


def test_a_training_program_needs_parameters_first(regression):
    class Trainer(Adapter):
        dtypes = ("float64",)
        ops = dict.fromkeys(("matmul", "add", "squared_error", "mean", "sqrt"), np.add)

        def __init__(self):
            super().__init__()
            self.ops = {**self.ops, "zeros_like": np.zeros_like}

        def value_and_grad(self, fn, wrt):
            return fn

    executable = Trainer().compile(regression("adam", {"lr": 0.1}))
    with pytest.raises(ValueError, match="call load"):
        executable(np.zeros((8, 3)), np.zeros((8, 1)))


def test_cotangents_may_stand_among_the_inputs():
    c = X._replace(name="c")
    program = trace(
        lambda ops, x, y: x * y, [X, c, X._replace(name="y")], gradient(["x"], cotangents=["c"])
    )

    class Differentiable(Adapter):
        ops = MappingProxyType({"multiply": np.multiply})

        def value_and_grad(self, fn, wrt):
            assert list(wrt) == [0]
            return lambda args, cotangents: (fn(*args), (cotangents[0] * args[1],))

    x, cotangent, y = (np.full(2, v, "float32") for v in (2, 3, 5))
    out, grad = Differentiable().compile(program)(x, cotangent, y)
    np.testing.assert_array_equal(out, [10, 10])
    np.testing.assert_array_equal(grad, [15, 15])
