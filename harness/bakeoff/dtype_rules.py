"""Dtype rules of the op catalogue: the dtype of a call's result, or `OpError`."""

from bakeoff.rules import FLOATS, INTEGERS, Call, Spec


def _same(call: Call) -> str:
    dtypes = {s.dtype for s in call.specs}
    if len(dtypes) > 1:
        call.refuse(
            f"dtypes {', '.join(s.dtype for s in call.specs)} differ; convert one with astype"
        )
    return dtypes.pop()


def dtype_same(call: Call) -> str:
    """All tensors of one dtype, which is the result's; scalars adopt it."""
    dtype = _same(call)
    for arg in call.args:
        if isinstance(arg, float) and dtype not in FLOATS:
            call.refuse(f"scalar {arg!r} with dtype {dtype}; convert the tensor with astype")
    return dtype


def dtype_number(call: Call) -> str:
    """Like `dtype_same`, and not bool."""
    dtype = dtype_same(call)
    if dtype == "bool":
        call.refuse("dtype bool, expected a number; convert with astype")
    return dtype


def dtype_float(call: Call) -> str:
    """Like `dtype_same`, and floating-point."""
    dtype = dtype_same(call)
    if dtype not in FLOATS:
        call.refuse(f"dtype {dtype}, expected floating-point; convert with astype")
    return dtype


def dtype_bool(call: Call) -> str:
    """Comparisons: like dtypes in, bool out."""
    dtype_same(call)
    return "bool"


def dtype_index(call: Call) -> str:
    """``argmax``: an index is int64."""
    dtype_number(call)
    return "int64"


def dtype_attr(call: Call) -> str:
    """Creation and ``astype``: the dtype attribute."""
    return str(call.attrs["dtype"])


def dtype_where(call: Call) -> str:
    """``where``: a bool condition; the branches of one dtype, which is the result's."""
    condition = call.args[0]
    if not isinstance(condition, Spec) or condition.dtype != "bool":
        got = condition.dtype if isinstance(condition, Spec) else repr(condition)
        call.refuse(f"condition is {got}, expected a bool tensor; compare first")
    if len(call.specs) == 1:
        call.refuse("both branches are scalars, expected at least one tensor")
    return dtype_same(Call(call.op, call.args[1:], call.attrs))


def dtype_first(call: Call) -> str:
    """``take``, ``sparse_…``: an integer tensor second, the result like the first."""
    first, second = call.specs
    if second.dtype not in INTEGERS:
        call.refuse(f"indices have dtype {second.dtype}, expected int32 or int64")
    return first.dtype


def dtype_sparse_loss(call: Call) -> str:
    """Float logits, integer labels."""
    if call.specs[0].dtype not in FLOATS:
        call.refuse(f"logits have dtype {call.specs[0].dtype}, expected floating-point")
    return dtype_first(call)


def dtype_one_hot(call: Call) -> str:
    """Integer indices in, the dtype attribute out."""
    if call.specs[0].dtype not in INTEGERS:
        call.refuse(f"indices have dtype {call.specs[0].dtype}, expected int32 or int64")
    return dtype_attr(call)
