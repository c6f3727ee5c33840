"""The catalogue's samples as cases, several of them merged into one program.

A toolkit that compiles spends seconds on each program, whatever its size: merged, the
samples of an op or of a family cost one compilation. Each is judged by itself.
"""

from collections.abc import Container, Iterator, Mapping, Sequence
from typing import Any, NamedTuple

from bakeoff.case import Case
from bakeoff.compare import compare_call
from bakeoff.inputs import draw_inputs
from bakeoff.ops import OPS
from bakeoff.oracle import Oracle
from bakeoff.program import Node, Program, Value, gradient
from bakeoff.record import Check
from bakeoff.samples import SAMPLES, samples_of
from bakeoff.worker import Worker

FAMILIES = tuple(dict.fromkeys(s.entry.family for s in SAMPLES))
HALF_OPS = (  # of these a sample each is tried in 16 bits
    "add", "multiply", "exp", "sum", "mean", "matmul", "bias_add", "relu", "softmax", "conv2d",
    "max_pool2d", "avg_pool2d", "softmax_cross_entropy_with_logits", "astype", "concat",
)  # fmt: skip


def cases_of(
    dtype: str,
    *,
    op: str = "",
    family: str = "",
    ops: Container[str] = OPS,
    first: bool = False,
    gradients: bool = True,
) -> list[Case]:
    """Return a gradient case per sample that has one, else a forward case.

    ``first``: only of each op's first sample. ``gradients`` False: forward cases only.
    """
    return [
        Case(
            suite="conformance",
            name=f"{s.id}-{dtype}",
            program=s.program(dtype, gradients and s.differentiable),
            inputs=s.inputs(dtype, gradients and s.differentiable),
            dtype=dtype,
        )
        for s in SAMPLES
        if op in ("", s.op)
        and family in ("", s.entry.family)
        and s.op in ops
        and not (first and s is not samples_of(s.op)[0])
    ]


def merged(cases: Sequence[Case]) -> Program:
    """Return one program of all: names prefixed, cotangents last."""
    values: list[Value] = []
    cotangents: list[Value] = []
    nodes: list[Node] = []
    outputs: list[str] = []
    ask: dict[str, Any] = gradient([], [])
    for i, case in enumerate(cases):
        program, rename = case.program, _Prefix(f"s{i}_")
        forward = {v.name for v in program.forward_inputs}
        for v in program.inputs:
            (values if v.name in forward else cotangents).append(v._replace(name=rename(v.name)))
        nodes += [n._replace(name=rename(n.name), args=rename(n.args)) for n in program.nodes]
        outputs += rename(program.outputs)
        ask["wrt"] += rename(tuple(program.ask.get("wrt", ())))
        ask["cotangents"] += rename(tuple(program.ask.get("cotangents", ())))
    if cases[0].program.kind == "forward":
        ask = {"kind": "forward"}
    return Program("merged", (*values, *cotangents), tuple(nodes), tuple(outputs), ask)


class _Prefix:
    def __init__(self, prefix: str) -> None:
        self.prefix = prefix

    def __call__(self, item: Any) -> Any:
        if isinstance(item, tuple):
            return tuple(map(self, item))
        return self.prefix + item if isinstance(item, str) else item


class Failure(NamedTuple):
    """An array that misses its bound."""

    op: str
    text: str


def failures(worker: Worker, oracle: Oracle, cases: Sequence[Case]) -> list[Failure]:
    """Run the cases and return what is wrong with the results."""
    found = []
    for kind in ("forward", "gradient"):
        chosen = [c for c in cases if c.program.kind == kind]
        if chosen:
            found += [
                Failure(
                    case.program.nodes[-1].op,
                    f"{case.id}: {check.reason} (fraction {check.fraction:.3g})",
                )
                for case, check in _checked(worker, oracle, chosen)
                if not check.fraction <= 1
            ]
    return found


def _checked(worker: Worker, oracle: Oracle, cases: Sequence[Case]) -> Iterator[tuple[Case, Check]]:
    inputs = [draw_inputs(case) for case in cases]
    together: Mapping[str, Any] = {
        f"s{i}_{name}": array for i, drawn in enumerate(inputs) for name, array in drawn.items()
    }
    worker.prepare(merged(cases), together)
    results, _ = worker.call()
    worker.release()
    grads = iter(results[sum(len(c.program.outputs) for c in cases) :])
    outputs = iter(results)
    for case, drawn in zip(cases, inputs, strict=True):
        got = [next(outputs) for _ in case.program.outputs]
        got += [next(grads) for _ in case.program.ask.get("wrt", ())]
        for check in compare_call(case, got, oracle.call(case, drawn)):
            yield case, check
