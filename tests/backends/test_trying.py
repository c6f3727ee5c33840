"""Every backend is right on trying inputs: what IEEE 754 and the array API standard say."""

from collections.abc import Callable

import pytest
from conformance_cases import failures

from bakeoff.case import Case
from bakeoff.oracle import Oracle
from bakeoff.trying import KINDS, NO_GRADIENT, trying
from bakeoff.worker import Worker

pytestmark = pytest.mark.toolkit

WorkerOf = Callable[[str], Worker]

BACKENDS = ("numpy", "numpy-plan", "torch", "jax")
# Numba compiles each program for seconds: float32 stands for the others, whose loops are the same.
TRIED = [(b, d) for b in BACKENDS for d in ("float16", "float32", "float64")]
TRIED.append(("numpy-compiled", "float32"))

# What toolkits do that misses IEEE 754, the array API standard or our bounds, by dtype or in all.
_HALF_SUMS = "falls back to loops whose sums are in float16"
_BROADCAST = "the gradient of a broadcast is traced as a reduction in 16 bits"
KNOWN = {
    ("torch", "sign", ""): "the sign of NaN is 0",
    **{
        ("torch", f"conv{t}{n}d", "float16"): _HALF_SUMS
        for n in (1, 2, 3)
        for t in ("", "_transpose")
    },
    **{("jax", op, "float16"): _BROADCAST for op in ("bias_add", "log_softmax", "subtract")},
    ("jax", "silu", "float16"): "its gradient multiplies x by the cotangent first, which overflows",
    ("jax", "divide", ""): "its gradient squares the divisor, which overflows from 2^64 on",
    ("jax", "log1p", "float64"): "far from 0 it is 20 ulp off and more",
}


def _known(backend: str, op: str, dtype: str) -> str:
    return KNOWN.get((backend, op, dtype), KNOWN.get((backend, op, ""), ""))


def cases_of(kind: str, dtype: str) -> list[Case]:
    """Return a case per call, with its gradient where that is asked."""
    found = []
    for s in trying(kind, dtype):
        ask = s.differentiable and kind not in NO_GRADIENT
        name = f"{s.id}-{dtype}"
        found.append(Case("trying", name, s.program(dtype, ask), s.inputs(dtype, ask), dtype))
    return found


@pytest.mark.parametrize("kind", KINDS)
@pytest.mark.parametrize(("backend", "dtype"), TRIED)
def test_trying_inputs_get_what_the_standards_say(
    backend: str, dtype: str, kind: str, worker_of: WorkerOf, oracle: Oracle
) -> None:
    found = failures(worker_of(backend), oracle, cases_of(kind, dtype))
    unknown = [f.text for f in found if not _known(backend, f.op, dtype)]
    assert not unknown, "\n".join(unknown)
    if found:
        reasons = {f"{f.op}: {_known(backend, f.op, dtype)}" for f in found}
        pytest.xfail("; ".join(sorted(reasons)))
