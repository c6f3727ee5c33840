"""The same program in float64: what the oracle runs."""

from typing import Any

from bakeoff.bounds import FORMATS
from bakeoff.bounds.table import nearest
from bakeoff_worker.program import Node, Program, Value, references

_NUMBERS = ("fill_value", "value", "min", "max")  # attributes that the dtype rounds


def in_float64(program: Program) -> Program:
    """Return a program with every floating-point dtype made float64.

    Python numbers are rounded to the dtype they meet first, as toolkits do: the exact
    answer to ``x * 0.1`` in float32 is that for the number that float32 holds.

    >>> from bakeoff.samples import samples_of
    >>> program = in_float64(samples_of("full")[0].program("float32"))
    >>> program.nodes[0].dtype, program.nodes[0].attrs["dtype"]
    ('float64', 'float64')
    """
    values = program.values()
    return program._replace(
        inputs=tuple(Value(v.name, v.shape, _wide(v.dtype)) for v in program.inputs),
        nodes=tuple(_node(node, values) for node in program.nodes),
    )


def _wide(dtype: str) -> str:
    return "float64" if dtype in FORMATS else dtype


def _node(node: Node, values: dict[str, Value]) -> Node:
    tensors = [values[name].dtype for name in references(node)]
    operand = tensors[-1] if tensors else node.dtype
    attrs = {
        k: _wide(v) if k == "dtype" else _rounded(v, node.dtype) if k in _NUMBERS else v
        for k, v in node.attrs.items()
    }
    args = tuple(a if isinstance(a, str) else _rounded(a, operand) for a in node.args)
    return node._replace(args=args, attrs=attrs, dtype=_wide(node.dtype))


def _rounded(value: Any, dtype: str) -> Any:
    plain = isinstance(value, int | float) and not isinstance(value, bool)
    return nearest(float(value), dtype) if plain and dtype in FORMATS else value
