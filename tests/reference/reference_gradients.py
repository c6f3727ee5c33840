"""Gradients found without the engine's rules: central differences, complex step."""

from collections.abc import Callable, Sequence
from typing import Any

import numpy as np
from reference_calls import drawn, forward_of, on_tape
from reference_formulas import ANALYTIC, FORMULAS

from bakeoff.samples import Sample

Array = Any
STEP = 1e-4  # fourth order: the truncation is of order STEP**4, the rounding 1e-16 / STEP


MOST = 1000  # elements of one argument that are moved; of larger ones a random choice


def central(f: Callable[..., Array], arrays: Sequence[Array], position: int, g: Array) -> Array:
    """Return the derivative of ``sum(g * f)`` in one argument; NaN where it was not taken."""
    x = arrays[position].copy()
    given = [*arrays[:position], x, *arrays[position + 1 :]]
    result = np.full(x.size, np.nan)

    def at(value: float, i: Any) -> Array:
        x.flat[i] = value
        return np.array(f(*given))  # a copy: results of reshape and the like share memory with x

    chosen = np.random.default_rng(0).permutation(x.size)[:MOST]
    for i in chosen:
        here = x.flat[i]
        near = at(here + STEP, i) - at(here - STEP, i)
        far = at(here + 2 * STEP, i) - at(here - 2 * STEP, i)
        x.flat[i] = here
        slope = np.sum(g * (8 * near - far)) / (12 * STEP)
        result[i] = np.inf if np.isnan(slope) else slope
    return result.reshape(x.shape)


def relative(got: Array, expected: Array) -> float:
    """Return the largest error over the largest magnitude (at least 1e-3).

    Where NaN is expected nothing is compared; NaN elsewhere is an error of NaN.
    """
    taken = ~np.isnan(expected)
    scale = max(float(np.max(np.abs(expected[taken]), initial=0)), 1e-3)
    return float(np.max(np.abs(got - expected)[taken], initial=0)) / scale


def central_error(sample: Sample) -> float:
    """Return the worst relative error of a sample's gradients against central differences."""
    program, arrays = drawn(sample, "float64", with_gradient=True)
    f, names = forward_of(program), [v.name for v in program.inputs]
    grads = on_tape(program, arrays)[1:]
    inputs, g = arrays[:-1], arrays[-1]
    return max(
        relative(grad, central(f, inputs, names.index(n), g))
        for n, grad in zip(program.ask["wrt"], grads, strict=True)
    )


def complex_error(sample: Sample) -> float | None:
    """Return the error of ⟨gradient, v⟩ against the formula's complex step, None if not analytic.

    Im f(x + i h v) / h is the derivative along v to full accuracy: nothing is subtracted.
    """
    if sample.op not in ANALYTIC:
        return None
    program, arrays = drawn(sample, "float64", with_gradient=True)
    node, g, h = program.nodes[-1], arrays[-1], 1e-30
    grads = dict(zip(program.ask["wrt"], on_tape(program, arrays)[1:], strict=True))
    by_name = dict(zip([v.name for v in program.inputs], arrays, strict=True))
    rng = np.random.default_rng(1)
    worst = 0.0
    for name, grad in grads.items():
        v = rng.standard_normal(grad.shape)
        moved = {**by_name, name: by_name[name] + 1j * h * v}
        args = [
            moved[a] if isinstance(a, str) else [moved[n] for n in a] if isinstance(a, tuple) else a
            for a in node.args
        ]
        along = np.sum(g * FORMULAS[sample.op](*args, **node.attrs).imag) / h
        scale = max(float(np.sum(np.abs(grad * v))), 1e-3)
        worst = max(worst, abs(float(np.sum(grad * v)) - along) / scale)
    return worst
