"""How slack the bounds are: ``python tests/correctness/slackness.py`` prints a table.

The worst element of an honest result, as a fraction of its bound, over seeds: its median and
its maximum. A median of 0.01 says that an error a hundred times the usual would still pass.
Sums of n terms are the exception by design: γ_n grows as n, usual errors as √n or less. Their
fraction falls with the length, and is multiplied by it here; `Check.usual` tells what hides
below. `test_slackness` holds the bounds to what is stated there.
"""

import sys
from collections import defaultdict
from collections.abc import Iterator
from pathlib import Path
from statistics import median

sys.path.insert(0, str(Path(__file__).resolve().parent.parent))

import numpy as np
from correctness.honest import (
    ORDERS,
    product,
    product_case,
    run,
    sample_case,
    truth_of,
    widened,
)

from bakeoff.compare import compare_call
from bakeoff.inputs import draw_inputs
from bakeoff.samples import SAMPLES, Sample
from bakeoff.trying import trying
from bakeoff.widening import in_float64
from bakeoff_numpy.adapter import NumpyAdapter

Group = tuple[str, str, str]  # op, "y" or "grad", kind of bound


def tried(dtype: str) -> Iterator[Sample]:
    """Yield the calls by which slackness is measured: random inputs, and adversarial ones."""
    yield from SAMPLES
    for kind in ("strided", "cancelling"):
        yield from trying(kind, dtype)


def fractions(dtype: str, seeds: int) -> dict[Group, list[float]]:
    """Return the fractions by group, those of sums times the number of their terms."""
    adapter = NumpyAdapter()
    found: dict[Group, list[float]] = defaultdict(list)
    for sample in tried(dtype):
        for seed in range(seeds):
            case = sample_case(sample, dtype, sample.differentiable, seed)
            inputs = draw_inputs(case)
            exact = run(adapter, in_float64(case.program), widened(inputs))
            truth = truth_of(case, inputs, exact)
            checks = compare_call(case, run(adapter, case.program, inputs), truth)
            for part, check in zip(truth.parts, checks, strict=True):
                if np.any(part.bound) and check.bound < np.inf:
                    group = (sample.op, part.name.split()[0], part.kind)
                    terms = part.terms if part.kind == "gamma" else 1
                    found[group].append(check.fraction * terms)
    return found


def main(dtype: str = "float32", seeds: str = "10") -> None:
    print(f"reference engine, {dtype}, {seeds} seeds\n")
    print(f"{'op':42}{'output':8}{'bound':11}{'median':>9}{'max':>9}")
    for (op, what, kind), values in sorted(fractions(dtype, int(seeds)).items()):
        print(f"{op:42}{what:8}{kind:11}{median(values):9.3f}{max(values):9.3f}")
    print(f"\nmatmul (16, K) @ (K, 16), float32, {seeds} seeds: median by order of summation\n")
    print(f"{'K':>6}" + "".join(f"{order.__name__:>12}" for order in ORDERS))
    for k in (4, 16, 64, 256, 1024):
        row = []
        for order in ORDERS:
            values = []
            for seed in range(int(seeds)):
                case = product_case(16, k, 16, seed=seed)
                inputs = draw_inputs(case)
                got = product(inputs["a"], inputs["b"], order)
                values.append(compare_call(case, [got], truth_of(case, inputs))[0].fraction)
            row.append(median(values))
        print(f"{k:6}" + "".join(f"{v:12.5f}" for v in row))


if __name__ == "__main__":
    main(*sys.argv[1:3])
