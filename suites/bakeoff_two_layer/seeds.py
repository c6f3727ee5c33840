"""One training, many seeds: how long it takes to learn, and not by one lucky start.

A seed decides the first weights and the order of the batches. `SEEDS` of them, as the oracle's
own spread is judged by at least `bakeoff.arrival.LEAST_SEEDS`; one process round of each, as
the seeds are the repetition.

Measured in float64 on 24 seeds: the target is reached after 5 to 10 epochs, 7.7 on the mean.
In float32 it is the same epoch, but for one seed that arrives one epoch earlier.
"""

from collections.abc import Iterator
from dataclasses import replace

from bakeoff.case import Case

SEEDS = 24


def seeds(base: Case) -> Iterator[Case]:
    """Yield a training to a stated accuracy from as many starts as there are seeds."""
    assert base.fit is not None
    for seed in range(SEEDS):
        yield replace(
            base,
            name=f"{base.name}-seed{seed:02}",
            title=f"{base.title}, seed {seed}",
            seed=seed,
            fit=replace(base.fit, order_seed=seed, rounds=1),
            tags={**base.tags, "seed": seed},
        )
