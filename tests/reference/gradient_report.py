"""Print the worst relative error of every op's gradient: run this file.

Columns: central differences of fourth order, and the complex step where the op is analytic.
"""

import sys
from pathlib import Path

import numpy as np

sys.path.insert(0, str(Path(__file__).parent))

from reference_calls import SMOOTH  # after the path is set
from reference_gradients import central_error, complex_error  # after the path is set


def errors() -> dict[str, tuple[int, float, float | None]]:
    """Return samples, worst central and worst complex-step error by op."""
    found: dict[str, tuple[int, float, float | None]] = {}
    for sample in SMOOTH:
        count, central, step = found.get(sample.op, (0, 0.0, None))
        complex_step = complex_error(sample)
        if complex_step is not None:
            step = max(step or 0.0, complex_step)
        found[sample.op] = (count + 1, max(central, central_error(sample)), step)
    return found


def main() -> None:
    found = errors()
    print(f"{'op':<42}{'samples':>8}{'central':>11}{'complex':>11}")
    for op, (count, central, step) in sorted(found.items(), key=lambda item: -item[1][1]):
        print(f"{op:<42}{count:>8}{central:>11.1e}{'' if step is None else f'{step:.1e}':>11}")
    worst = [central for _, central, _ in found.values()]
    print(
        f"\n{len(found)} ops: worst {max(worst):.1e}, median {np.median(worst):.1e}, "
        f"{sum(w <= 1e-9 for w in worst)} at most 1e-9"
    )


if __name__ == "__main__":
    main()
