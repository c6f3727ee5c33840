"""Running a program in ball arithmetic: outputs and gradients with their bounds."""

from collections.abc import Iterator, Mapping
from typing import Any, NamedTuple

import numpy as np

from bakeoff.bounds import elementwise, exponentials, functions, movement, products, reductions
from bakeoff.bounds.balls import FORMATS, Arithmetic, Array, Ball
from bakeoff.bounds.table import RULES, Applied, Vjp, scalar
from bakeoff.errors import BakeoffError
from bakeoff.floors import is_product
from bakeoff.ops import OPS
from bakeoff_worker.program import Node, Program, references

# Imported for the rules that they register.
_MODULES = (movement, elementwise, functions, reductions, products, exponentials)


class Bounded(NamedTuple):
    """An output or gradient with its bound.

    ``name`` is ``"y"`` or ``"grad w"``; ``kind`` the kind of bound; ``terms`` the length of
    the longest sum on the way to it.
    """

    name: str
    dtype: str
    kind: str
    ball: Ball
    terms: int


def analyse(program: Program, inputs: Mapping[str, Array], tf32: bool = False) -> list[Bounded]:
    """Bound the outputs of a forward program, or outputs and gradients of a gradient one.

    Parameters
    ----------
    program
        In the dtype under test.
    inputs
        By name, cotangents included, exactly as every backend gets them.
    tf32
        Let operands of float32 products be rounded to TF32.

    Returns
    -------
    list
        Outputs in order, then gradients in the order of ``wrt``.

    Raises
    ------
    BakeoffError
        For an op that has no rule.
    """
    with np.errstate(all="ignore"):
        run = _Run(program, inputs, tf32)
        found = [run.output(label, name) for label, name in _labels(program)]
        if program.kind == "gradient":
            found += run.gradients()
    return found


def _labels(program: Program) -> Iterator[tuple[str, str]]:
    single = len(program.outputs) == 1
    for i, name in enumerate(program.outputs):
        yield ("y" if single else f"y{i}"), name


def multiplies(program: Program) -> bool:
    """Whether a program has float32 products, whose operands a mode may round to TF32."""
    return any(is_product(node) and node.dtype == "float32" for node in program.nodes)


class _Run:
    """A program's values as balls, and the vjps of its nodes."""

    def __init__(self, program: Program, inputs: Mapping[str, Array], tf32: bool) -> None:
        self.program = program
        self.tf32 = tf32 and multiplies(program)
        self.inputs = inputs
        self.values = program.values()
        self.balls = {v.name: _given(inputs[v.name], v.dtype) for v in program.inputs}
        self.terms = dict.fromkeys(self.balls, 1)  # of the longest sum on the way to a value
        self.arithmetics: dict[str, Arithmetic] = {}
        self.vjps: dict[str, tuple[Vjp, ...]] = {}
        for node in program.nodes:
            self._apply(node)

    def _apply(self, node: Node) -> None:
        if node.op not in RULES:
            raise BakeoffError(
                f"bounds: op {node.op} has no rule, expected one of {', '.join(sorted(RULES))}"
            )
        names = references(node)
        # Scalar operands take the dtype of the tensor beside them.
        operand = self.values[names[-1]].dtype if names else node.dtype
        balls, dtypes = [], []
        for arg in _flat(node):
            named = isinstance(arg, str)
            dtypes.append(self.values[arg].dtype if named else operand)
            balls.append(self.balls[arg] if named else scalar(arg, operand))
        fl = self.arithmetics[node.name] = Arithmetic(node.dtype, self.tf32)
        at = Applied(node.op, node.attrs, node.shape, fl, tuple(dtypes))
        self.balls[node.name], self.vjps[node.name] = RULES[node.op](at, *balls)
        self.terms[node.name] = max(fl.terms, self._longest(names))

    def _longest(self, names: list[str]) -> int:
        return max((self.terms[n] for n in names), default=1)

    def output(self, label: str, name: str) -> Bounded:
        return self._bounded(label, name, self.balls[name], self.terms[name])

    def _bounded(self, label: str, name: str, ball: Ball, terms: int) -> Bounded:
        kind = self._kind(label.startswith("grad"), ball, terms)
        return Bounded(label, self.values[name].dtype, kind, ball, terms)

    def _kind(self, gradient: bool, ball: Ball, terms: int) -> str:
        """The kind of bound: the op's own for one op's result, else what it consists of."""
        kinds = {OPS[n.op].bound for n in self.program.nodes}
        if ball.rad is None or not np.any(ball.rad):
            return "exact"
        if self.tf32:
            return "tf32"
        if len(self.program.nodes) > 1:
            return "gamma" if kinds <= {"gamma", "exact"} else "composite"
        if not gradient:  # of exact ops: arange's steps, a limit of clip, what may be flushed
            return "rounded" if kinds == {"exact"} else kinds.pop()
        if kinds <= {"gamma", "exact", "rounded"}:
            return "gamma" if terms > 1 else "rounded"
        return "composite"

    def gradients(self) -> Iterator[Bounded]:
        """Backward through the nodes: each value's cotangent is the sum over its uses."""
        ask = self.program.ask
        reached = self._reached(set(ask["wrt"]))
        parts: dict[str, list[Ball]] = {}
        terms = dict.fromkeys(self.values, 1)
        for output, cotangent in zip(self.program.outputs, ask["cotangents"], strict=True):
            parts.setdefault(output, []).append(self.balls[cotangent])
        for node in reversed(self.program.nodes):
            if node.name not in parts or node.name not in reached:
                continue
            g = self._total(node.name, parts.pop(node.name))
            fl, before = self.arithmetics[node.name], self._longest(references(node))
            for name, vjp in zip(_flat(node), self.vjps[node.name], strict=False):
                if name in reached and self.values[name].dtype in FORMATS:
                    fl.terms = 1
                    parts.setdefault(name, []).append(vjp(g))
                    terms[name] = max(terms[name], terms[node.name], before, fl.terms)
        for name in ask["wrt"]:
            ball = self._total(name, parts.get(name, []))
            yield self._bounded(f"grad {name}", name, ball, terms[name])

    def _reached(self, wrt: set[str]) -> set[str]:
        """The values that depend on ``wrt``."""
        reached = set(wrt)
        for node in self.program.nodes:
            if reached.intersection(references(node)):
                reached.add(node.name)
        return reached

    def _total(self, name: str, parts: list[Ball]) -> Ball:
        value = self.values[name]
        return Arithmetic(value.dtype).total(parts) if parts else Ball(np.zeros(value.shape))


def _flat(node: Node) -> Iterator[Any]:
    """The arguments, sequences flattened: names and numbers."""
    for arg in node.args:
        yield from arg if isinstance(arg, tuple) else (arg,)


def _given(array: Array, dtype: str) -> Ball:
    """Return an input as a ball, floats in float64; a subnormal may be taken for zero."""
    array = np.asarray(array)
    if dtype not in FORMATS:
        return Ball(array)
    wide, f = array.astype(np.float64), FORMATS[dtype]
    tiny = (wide != 0) & (np.abs(wide) < f.smallest)
    if f.eta < f.smallest or not np.any(tiny):  # float16's subnormals are kept
        return Ball(wide)
    return Ball(wide, np.where(tiny, np.abs(wide), 0.0))
