"""How far rounding may lead a training run from its float64 trajectory.

Rounding errors of a step are passed on to the next, grow or die out there, and depend on
the optimizer (Adam divides by the gradient's own size, so that where a gradient is near zero,
rounding alone decides the direction of a step). No bound in closed form is worth having. The
envelope is measured: the float64 run is repeated from parameters, and on data, that are
perturbed in each element by relative errors of some u of the dtype under test, drawn anew
for each step and seed. Allowed is a multiple of the largest deviation that any of the
perturbed runs shows up to that step, plus what the roundings of the updates themselves can add
up to: ``γ_steps max|w|`` for storing the parameters, and ``16 u steps max|w_1 - w_0|`` for the
arithmetic of the optimizer (Adam's step is a dozen operations), the first update standing for
all.

Source of the idea: Chaitin-Chatelin and Frayssé, *Lectures on Finite Precision Computations*
(1996), chapter 2: perturb the data by the size of rounding, and watch the results.
"""

from collections.abc import Iterator, Mapping, Sequence

import numpy as np

from bakeoff.bounds import FORMATS
from bakeoff.bounds.balls import gamma
from bakeoff.inputs import generator
from bakeoff.truth import Array, TrainingTruth

SEEDS = 5
# Perturbations reach further than roundings do, and the multiple is small in return: what a
# ReLU at an argument near zero does is decided by rounding, and the envelope knows of it only
# if some perturbed run decided otherwise.
MULTIPLE = 4.0  # of the largest deviation seen
PARAM_ROUNDINGS = 16.0  # size of the perturbations, in units of u
DATA_ROUNDINGS = 32.0  # stands for the roundings inside a step too
UPDATE_ROUNDINGS = 16.0  # inside an optimizer's step
LOSS_ROUNDINGS = 32.0  # a loss's own evaluation: mean, logarithm, sum of products
RESIDENT_BYTES = 2**27  # of perturbed data; beyond, perturbed batches are used again


def perturbed(
    inputs: Mapping[str, Array],
    params: Sequence[str],
    batches: int,
    steps: int,
    u: float,
    seed: int,
) -> tuple[dict[str, Array], int]:
    """Return inputs perturbed by some u, and how many batches the data now have.

    The data are repeated for the steps, so that each step meets errors of its own.
    """
    data = {n: a for n, a in inputs.items() if n not in params}
    size = sum(a.nbytes for a in data.values()) or 1
    copies = max(1, min(-(-steps // batches), RESIDENT_BYTES // size))
    found = {}
    for name, array in inputs.items():
        rng = generator(seed, "envelope", name)
        if name in params:
            found[name] = _nudged(array, PARAM_ROUNDINGS * u, rng)
        else:
            found[name] = _nudged(np.concatenate([array] * copies), DATA_ROUNDINGS * u, rng)
    return found, copies * batches


def _nudged(array: Array, size: float, rng: np.random.Generator) -> Array:
    if array.dtype.kind != "f":
        return array
    return np.asarray(array * (1 + size * rng.uniform(-1, 1, array.shape)))


def envelope(
    start: Sequence[Array],
    losses: Array,
    params: dict[int, list[Array]],
    runs: Sequence[tuple[Array, dict[int, list[Array]]]],
    dtype: str,
) -> TrainingTruth:
    """Return the float64 run with what its perturbed ``runs`` allow of deviation.

    ``start`` are the parameters before the first step.
    """
    u = FORMATS[dtype].u
    with np.errstate(invalid="ignore"):
        strayed = np.maximum.reduce([np.abs(run[0] - losses) for run in runs])
    # A run that came back by chance is no promise: the envelope never narrows.
    loss_envelope = MULTIPLE * np.maximum.accumulate(strayed) + LOSS_ROUNDINGS * u * np.abs(losses)
    return TrainingTruth(
        losses,
        loss_envelope,
        params,
        dict(_param_envelopes(start, params, [r[1] for r in runs], u)),
    )


def _param_envelopes(
    start: Sequence[Array],
    params: dict[int, list[Array]],
    runs: Sequence[dict[int, list[Array]]],
    u: float,
) -> Iterator[tuple[int, list[float]]]:
    widest = [0.0] * len(start)
    first = params.get(1, start)
    updates = [_largest(w1 - w0) for w0, w1 in zip(start, first, strict=True)]
    for step in sorted(params):
        allowed = []
        for i, exact in enumerate(params[step]):
            widest[i] = max(widest[i], *(_largest(r[step][i] - exact) for r in runs))
            stored = gamma(step + 1, u) * _largest(exact)
            updated = UPDATE_ROUNDINGS * u * step * updates[i]
            allowed.append(MULTIPLE * widest[i] + stored + updated)
        yield step, allowed


def _largest(array: Array) -> float:
    return float(np.max(np.abs(array), initial=0.0))
