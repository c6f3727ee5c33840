"""The text of a fused loop."""

from collections.abc import Set
from math import isfinite
from typing import Any

from bakeoff_reference.compiled.expressions import EXPRESSIONS, STARTS
from bakeoff_reference.compiled.group import AFTER, Flags, Group, Key, Member, key_of
from bakeoff_reference.plan.recorded import Recorded, Scalar

Local = tuple[str, str]
"""A variable and its dtype."""


class Kernel:
    """A group as a Python function for Numba.

    Attributes
    ----------
    source
        Its text.
    arguments
        What it is called with, in order: arrays in the shape that the loop has them, scalars.
    """

    def __init__(self, name: str, group: Group, kept: Set[int]) -> None:
        self.name, self._group, self._kept = name, group, kept
        self._dims = _merged(group)
        self._arguments: dict[Any, tuple[str, Recorded | Scalar]] = {}
        self._before: list[str] = []
        self._body: dict[int, list[str]] = {}
        self._opening: dict[int, list[str]] = {}
        self._pending: dict[tuple[int, Key], str] = {}
        self._outer: dict[Key, Local] = {}  # per row, or once
        self._inner: dict[tuple[int, Key], Local] = {}  # within one pass over the elements
        self._count = 0
        for member in group.members:
            getattr(self, f"_{member.operation.kind}")(member)
        self.source = self._text()
        self.arguments = tuple(value for _, value in self._arguments.values())

    # --- operations ----------------------------------------------------------------------------

    def _map(self, m: Member) -> None:
        op = m.operation
        names = [
            self._cast(self._operand(o, m), dtype)
            for o, dtype in zip(op.operands, op.dtypes, strict=False)
        ]
        value = (EXPRESSIONS[op.name].format(*names), op.dtypes[-1])
        self._define(m, self._cast(value, op.target.dtype.name))

    def _reduce(self, m: Member) -> None:
        op, (x, flags) = m.operation, m.uses[0]
        value, dtype = self._operand(x, m)
        if m.uses[1][1][-1]:  # down the columns
            into = self._element(*m.uses[1])
            self._before += [
                f"for {self._index(-1)} in range({self._extent(-1)}):",
                f"    {into} = 0.0",
            ]
            self._at(m.moment).append(f"{into} += {value}")
            return
        total, start = self._new(), f"{dtype}({STARTS[op.name]})"
        lasts = flags[-1]  # along a row, else over all rows
        (self._opening.setdefault(m.moment, []) if lasts else self._before).append(
            f"{total} = {start}"
        )
        self._at(m.moment).append(f"{total} = {EXPRESSIONS[op.name].format(total, value)}")
        self._settle(m, (total, dtype), m.moment + 1 if lasts else AFTER)

    def _pick(self, m: Member) -> None:
        (x, flags), (labels, _), _ = m.uses
        label = self._label(labels, m)
        self._define(m, (self._element(x, flags, last=label), x.dtype.name))

    def _pick_subtract(self, m: Member) -> None:
        (x, flags), (labels, _), (values, _), _ = m.uses
        label = self._label(labels, m)
        value = self._cast(self._operand(values, m), x.dtype.name)
        self._at(m.moment).append(f"{self._element(x, flags, last=label)} -= {value}")

    def _label(self, labels: Recorded, m: Member) -> str:
        label, _ = self._operand(labels, m)
        classes = self._group.domain[-1]
        check = f"if {label} < 0 or {label} >= {classes}:"
        if check not in self._at(m.moment):
            message = f"labels: expected at least 0 and less than {classes}"
            self._at(m.moment).extend([check, f'    raise IndexError("{message}")'])
        return label

    # --- values --------------------------------------------------------------------------------

    def _operand(self, value: Any, m: Member) -> Local:
        """Return a variable that holds an operand, loaded if no earlier operation made it."""
        if isinstance(value, Scalar):
            return self._argument(value, value.name), "scalar"
        if not isinstance(value, Recorded):
            return repr(value), "scalar"
        if value.root.kind == "constant" and _uniform(value):
            return repr(value.value.flat[0].item()), "scalar"
        flags = self._group.flags_of(value)
        assert flags is not None
        key = key_of(value, flags)
        if flags[-1]:
            if (m.moment, key) not in self._inner:
                name = self._load(value, flags, self._at(m.moment))
                self._inner[m.moment, key] = (name, value.dtype.name)
            return self._inner[m.moment, key]
        if key not in self._outer:
            place = self._at(0) if any(flags) else self._before
            self._outer[key] = (self._load(value, flags, place), value.dtype.name)
        return self._outer[key]

    def _load(self, x: Recorded, flags: Flags, place: list[str]) -> str:
        name = self._new()
        place.append(f"{name} = {self._element(x, flags)}")
        return name

    def _define(self, m: Member, value: Local | str) -> None:
        text = value if isinstance(value, str) else value[0]
        name = self._new()
        self._at(m.moment).append(f"{name} = {text}")
        self._settle(m, (name, m.operation.target.dtype.name), m.moment)

    def _settle(self, m: Member, local: Local, moment: int) -> None:
        """Make a result known to what follows, and stored if it is needed elsewhere."""
        x, flags = m.uses[-1]
        key = key_of(x, flags)
        if flags[-1]:
            self._inner[moment, key] = local
        else:
            self._outer[key] = local
        if id(x.root) in self._kept or key in self._group.spilled:
            self._pending[moment, key] = f"{self._element(x, flags)} = {local[0]}"

    def _cast(self, value: Local, dtype: str) -> str:
        name, given = value
        return name if given == dtype or dtype == "bool" else f"{dtype}({name})"

    # --- text ----------------------------------------------------------------------------------

    def _at(self, moment: int) -> list[str]:
        return self._body.setdefault(moment, [])

    def _new(self) -> str:
        self._count += 1
        return f"v{self._count}"

    def _index(self, dim: int) -> str:
        return f"i{range(len(self._dims))[dim]}"

    def _extent(self, dim: int) -> int:
        start, stop = self._dims[dim]
        size = 1
        for n in self._group.domain[start:stop]:
            size *= n
        return size

    def _element(self, x: Recorded, flags: Flags, last: str = "") -> str:
        """The element of an array that the loop is at."""
        dims = [k for k, (start, _) in enumerate(self._dims) if flags[start]]
        shape = tuple(self._extent(k) for k in dims)
        seen = x if x.shape == shape else x.reshape(shape)
        indices = [self._index(k) for k in dims]
        if last:
            indices[-1] = last
        return f"{self._argument(seen, f'a{len(self._arguments)}')}[{', '.join(indices) or '()'}]"

    def _argument(self, value: Recorded | Scalar, name: str) -> str:
        key = value.name if isinstance(value, Scalar) else id(value)
        return self._arguments.setdefault(key, (name, value))[0]

    def _text(self) -> str:
        for (moment, _), store in self._pending.items():
            self._at(moment).append(store)
        after = self._body.pop(AFTER, [])
        lines: list[str] = []
        inner = len(self._dims) - 1
        depth = "    " * inner
        for moment in range(max(self._body, default=0) + 1):
            found = self._body.get(moment, [])
            if moment % 2:
                lines += [depth + line for line in self._opening.get(moment, [])]
                lines.append(f"{depth}for i{inner} in range({self._extent(-1)}):")
                lines += [f"{depth}    {line}" for line in found]
            else:
                lines += [depth + line for line in found]
        outer = [f"{'    ' * k}for i{k} in range({self._extent(k)}):" for k in range(inner)]
        names = ", ".join(name for name, _ in self._arguments.values())
        done = ", ".join(m.operation.name for m in self._group.members)
        body = [f"# {done}: {self._group.domain}", *self._before, *outer, *lines, *after]
        return "\n".join([f"def {self.name}({names}):", *(f"    {line}" for line in body)])


def _uniform(x: Recorded) -> bool:
    first = x.value.flat[0]
    return bool((x.value == first).all()) and isfinite(first)


def _merged(group: Group) -> list[tuple[int, int]]:
    """Return the domain's dimensions, with those made one along which all arrays are alike."""
    uses = [use for m in group.members for use in m.uses]
    dims = [(d, d + 1) for d in range(len(group.domain))]
    for d in range(len(group.domain) - 1, 0, -1):
        if all(_joined(x, flags, d) for x, flags in uses):
            (start, _), (_, stop) = dims[d - 1], dims[d]
            dims[d - 1 : d + 1] = [(start, stop)]
    return dims


def _joined(x: Recorded, flags: Flags, d: int) -> bool:
    """Whether dimension ``d`` of the domain continues the one before it, in an array."""
    if flags[d - 1] != flags[d]:
        return False
    if not flags[d]:
        return True
    missing = len(flags) - x.ndim
    before, here = x.value.strides[d - 1 - missing], x.value.strides[d - missing]
    return bool(before == here * x.shape[d - missing])
