"""How slack the bounds are: ``python tests/correctness/slackness.py`` prints a table.

The worst element of an honest result, as a fraction of its bound, over seeds: its median and
its maximum. A median of 0.01 says that an error a hundred times the usual would still pass.
Sums of n terms are the exception by design: γ_n grows as n, usual errors as √n or less. Their
fraction falls with the length; `bakeoff.compare` remarks on what hides below.
"""

import sys
from collections import defaultdict
from pathlib import Path
from statistics import median

sys.path.insert(0, str(Path(__file__).resolve().parent.parent))

from correctness.honest import ORDERS, checked, product, product_case, sample_case, truth_of

from bakeoff.compare import compare_call
from bakeoff.inputs import draw_inputs
from bakeoff.samples import SAMPLES
from bakeoff_numpy.adapter import NumpyAdapter


def fractions(dtype: str, seeds: int) -> dict[tuple[str, str, str], list[float]]:
    """Return the fractions of every sample call by op, output and kind."""
    adapter = NumpyAdapter()
    found: dict[tuple[str, str, str], list[float]] = defaultdict(list)
    for sample in SAMPLES:
        for with_gradient in (False, True)[: 1 + sample.differentiable]:
            for seed in range(seeds):
                for check in checked(adapter, sample_case(sample, dtype, with_gradient, seed)):
                    what = check.output.split()[0]
                    found[sample.op, what, check.kind].append(check.fraction)
    return found


def main(dtype: str = "float32", seeds: int = 10) -> None:
    print(f"reference engine, {dtype}, {seeds} seeds\n")
    print(f"{'op':42}{'output':8}{'bound':11}{'median':>9}{'max':>9}")
    for (op, what, kind), values in sorted(fractions(dtype, seeds).items()):
        if kind != "exact":
            print(f"{op:42}{what:8}{kind:11}{median(values):9.3f}{max(values):9.3f}")
    print(f"\nmatmul (16, K) @ (K, 16), float32, {seeds} seeds: median by order of summation\n")
    print(f"{'K':>6}" + "".join(f"{order.__name__:>12}" for order in ORDERS))
    for k in (4, 16, 64, 256, 1024):
        row = []
        for order in ORDERS:
            values = []
            for seed in range(seeds):
                case = product_case(16, k, 16, seed=seed)
                inputs = draw_inputs(case)
                got = product(inputs["a"], inputs["b"], order)
                values.append(compare_call(case, [got], truth_of(case, inputs))[0].fraction)
            row.append(median(values))
        print(f"{k:6}" + "".join(f"{v:12.5f}" for v in row))


if __name__ == "__main__":
    main(*sys.argv[1:2])
