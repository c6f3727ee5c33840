"""bfloat16 in the engine: only over an array module that has it."""

from collections.abc import Callable
from typing import Any

import ml_dtypes
import numpy as np
import pytest

from bakeoff_reference import ops
from bakeoff_reference.arrays import NUMPY
from bakeoff_reference.bfloat16 import with_bfloat16
from bakeoff_reference.engine import Engine
from bakeoff_reference.errors import OpError
from bakeoff_reference.optimizers import DEFINITIONS, Optimizer
from bakeoff_reference.primitive import PRIMITIVES

# NumPy as an array module that has bfloat16: ml_dtypes, once imported, registers its name
ENGINE = Engine(NUMPY, primitives=with_bfloat16(PRIMITIVES))

MADE: dict[str, Callable[[Any], Any]] = {
    "zeros": lambda o: o.zeros(3, dtype="bfloat16"),
    "ones": lambda o: o.ones((2, 3), dtype="bfloat16"),
    "full": lambda o: o.full((2,), 0.5, dtype="bfloat16"),
    "arange": lambda o: o.arange(4, dtype="bfloat16"),
    "linspace": lambda o: o.linspace(0, 1, 5, dtype="bfloat16"),
    "eye": lambda o: o.eye(3, dtype="bfloat16"),
    "astype": lambda o: o.astype(np.ones(3, "f4"), "bfloat16"),
    "one_hot": lambda o: o.one_hot(np.asarray([0, 2]), num_classes=3, dtype="bfloat16"),
}


class _Ops:
    """The ops of an engine as attributes."""

    def __getattr__(self, name: str) -> Any:
        return ENGINE.ops[name]


@pytest.mark.parametrize("op", MADE)
def test_it_is_made_by_name_where_there_is_one(op: str) -> None:
    assert MADE[op](_Ops()).dtype == "bfloat16"


@pytest.mark.parametrize("op", MADE)
def test_numpys_own_engine_refuses_it(op: str) -> None:
    """Even where ml_dtypes was imported by somebody else."""
    with pytest.raises(OpError, match=f"{op}: dtype bfloat16, expected one of bool"):
        MADE[op](ops)


def test_other_names_are_refused_as_ever() -> None:
    with pytest.raises(OpError, match="zeros: dtype complex64, expected one of bool"):
        ENGINE.ops["zeros"]((2,), dtype="complex64")


BESIDE: dict[str, Callable[[Any], Any]] = {
    "add": lambda x: x + 0.5,
    "subtract": lambda x: 0.5 - x,
    "power": lambda x: x**1.5,
    "divide": lambda x: x / 3.0,
    "where": lambda x: ENGINE.ops["where"](ENGINE.Tensor([True, False]), x, 0.5),
    "maximum": lambda x: ENGINE.ops["maximum"](x, 0.5),
    "silu": lambda x: ENGINE.ops["silu"](x) * 0.5,
    "clip": lambda x: ENGINE.ops["clip"](x, 0.25, 0.75),
}


@pytest.mark.parametrize("op", BESIDE)
def test_a_python_float_takes_its_dtype(op: str) -> None:
    x = ENGINE.Tensor(np.asarray([1, 2], ml_dtypes.bfloat16), requires_grad=True)
    y = BESIDE[op](x)
    assert y.dtype == "bfloat16"
    y.sum().backward()
    assert x.grad is not None
    assert x.grad.dtype == "bfloat16"


def test_sums_are_of_float32() -> None:
    """A thousand ones added up in bfloat16 would stick at 256."""
    x = ENGINE.Tensor(np.ones(1024, ml_dtypes.bfloat16))
    assert (x.sum().item(), x.sum().dtype) == (1024, "bfloat16")
    b = ENGINE.Tensor(np.zeros(1, ml_dtypes.bfloat16), requires_grad=True)
    (b + ENGINE.Tensor(np.zeros((1024, 1), ml_dtypes.bfloat16))).sum().backward()
    assert b.grad is not None
    assert (b.grad.item(), b.grad.dtype) == (1024, "bfloat16")


def test_other_dtypes_beside_it_are_not_its_own() -> None:
    with pytest.raises(OpError, match="add: dtypes bfloat16 and float32 differ"):
        ENGINE.ops["add"](np.ones(2, ml_dtypes.bfloat16), np.ones(2, "f4"))
    wide = ENGINE.ops["astype"](np.ones(2, ml_dtypes.bfloat16), "float32")
    assert wide.dtype == "float32"


@pytest.mark.parametrize("name", DEFINITIONS)
def test_optimizers_keep_moments_in_float32(name: str) -> None:
    optimizer = Optimizer(name, lr=0.5)
    w, g = np.ones(3, ml_dtypes.bfloat16), np.ones(3, ml_dtypes.bfloat16)
    state = optimizer.init([w])
    assert {slot.dtype.name for slot in state[0]} == {"float32"}
    optimizer.update([w], [g], state, 0.5, 1)
    assert w.dtype == ml_dtypes.bfloat16
    assert (w.astype("f4") < 1).all()
