"""Comparing a backend's results with the truth. Pure functions over NumPy arrays.

Every check's ``fraction`` is the error over its bound at the element where that is worst;
at most 1 passes. It is infinite where an error meets a bound of zero, where a value is not
finite though it should be, and for a wrong shape or dtype; never NaN. (Python's ``json``,
which the journal uses, writes and reads infinity.)

A check that passes may carry a remark in ``reason``: sums that are within the worst-case
bound, but further off than full precision leads in practice, or elements left undecided.
"""

from collections.abc import Mapping, Sequence
from dataclasses import replace
from math import inf, isfinite, sqrt

import numpy as np

from bakeoff.bounds import FORMATS
from bakeoff.case import Case
from bakeoff.inputs import RANDOM, rounded
from bakeoff.record import Check
from bakeoff.truth import Array, CallTruth, FitTruth, Part, TrainingTruth

_ULP_KINDS = ("rounded", "ulp")
_INTEGERS = ("int32", "int64")


def compare_call(case: Case, outputs: Sequence[Array], truth: CallTruth) -> tuple[Check, ...]:
    """Compare outputs and gradients, in program order.

    Returns
    -------
    tuple of Check
        One per output and gradient; a single failed one if their number is wrong.
    """
    if len(outputs) != len(truth.parts):
        names = ", ".join(p.name for p in truth.parts)
        return (_failed("outputs", "count", f"{len(outputs)} arrays, expected {names}"),)
    known = {v.name for v in case.program.inputs if v.dtype in FORMATS}
    random = all(case.inputs[n].kind in RANDOM for n in known)
    return tuple(
        _failed(part.name, part.kind, f"{part.name}: the oracle is in doubt: {truth.doubt}")
        if truth.doubt
        else compare_part(part if random else replace(part, walk=None), got)
        for part, got in zip(truth.parts, outputs, strict=True)
    )


def compare_part(part: Part, got: Array) -> Check:
    """Compare one array with its expected values and bound."""
    got = np.asarray(got)
    problem = _form_problem(part, got)
    if problem:
        return _failed(part.name, part.kind, f"{part.name}: {problem}")
    if not got.size:
        return Check(part.name, part.kind, 0.0, 0.0, 0.0)
    errors, undecided = _errors(got, part)
    fractions = _fractions(errors, part.bound)
    worst = np.unravel_index(int(np.argmax(fractions)), got.shape)
    fraction = float(fractions[worst])
    usual = None if part.walk is None else float(np.max(_fractions(errors, part.walk)))
    return Check(
        output=part.name,
        kind=part.kind,
        error=float(errors[worst]),
        bound=float(part.bound[worst]),
        fraction=fraction,
        usual=usual,
        reason=_told(part, got, worst) if fraction > 1 else _remark(part, usual, undecided),
        **_ulps(part, errors),
    )


def _failed(name: str, kind: str, reason: str) -> Check:
    return Check(name, kind, inf, 0.0, inf, reason=reason)


def _form_problem(part: Part, got: Array) -> str:
    """Return what is wrong with shape or dtype, or ""."""
    if got.shape != part.expected.shape:
        return f"shape {got.shape}, expected {part.expected.shape}"
    if part.dtype in _INTEGERS:  # toolkits differ in their index dtype; the values decide
        return "" if got.dtype.kind in "iu" else f"dtype {got.dtype}, expected an integer one"
    held = {"bfloat16": "float32"}.get(part.dtype, part.dtype)
    if got.dtype.name != held:
        return f"dtype {got.dtype}, expected {part.dtype}"
    if part.dtype == "bfloat16" and not np.array_equal(
        rounded(got, "bfloat16"), got, equal_nan=True
    ):
        return "values that bfloat16 cannot hold: computed in a wider dtype"
    return ""


def _errors(got: Array, part: Part) -> tuple[Array, int]:
    """Return |got - expected|, infinite where one is finite and the other is not.

    NaN meets NaN, and infinity infinity of its sign, with no error. Where the bound is
    infinite nothing is compared; the second result counts these.
    """
    g, e = got.astype(np.float64), part.expected.astype(np.float64)
    with np.errstate(invalid="ignore", over="ignore"):
        errors = np.abs(g - e)
    alike = (g == e) | (np.isnan(g) & np.isnan(e))
    if got.dtype.kind in "iu":
        alike &= got == part.expected  # exact where float64 is not
    undecided = np.isinf(part.bound)
    errors = np.where(alike | undecided, 0.0, np.where(np.isfinite(errors), errors, np.inf))
    if got.dtype.kind in "iu":
        errors = np.where(alike | undecided, 0.0, np.maximum(errors, 1.0))
    return errors, int(np.count_nonzero(undecided))


def _fractions(errors: Array, bound: Array) -> Array:
    """Return errors / bound; no error is 0 whatever the bound, an error over 0 is infinite."""
    with np.errstate(divide="ignore", invalid="ignore", over="ignore"):
        return np.where(errors == 0, 0.0, np.where(np.isinf(errors), np.inf, errors / bound))


def _told(part: Part, got: Array, worst: tuple[np.intp, ...]) -> str:
    """Say which element is worst, what was got, and what was allowed."""
    where = f"[{', '.join(str(int(i)) for i in worst)}]" if worst else ""
    allowed = part.bound[worst]
    limit = f"allowed {allowed:.3g} ({part.kind})" if allowed else f"none allowed ({part.kind})"
    error = abs(float(got[worst]) - float(part.expected[worst]))
    return (
        f"{part.name}{where}: got {_number(got[worst])}, expected "
        f"{_number(part.expected[worst])}; error {error:.3g}, {limit}"
    )


def _number(value: object) -> str:
    return f"{value:.9g}" if isinstance(value, np.floating) else str(value)


def _remark(part: Part, usual: float | None, undecided: int) -> str:
    if usual is not None and usual > 1:
        kept, less = part.dtype, "TF32 or bfloat16"
        if part.kind == "tf32":
            kept, less = "TF32", "bfloat16"
        return (
            f"{part.name}: error is {usual:.3g} times what {kept} keeps to over "
            f"{part.terms} terms: reduced precision, such as {less} products"
        )
    if undecided:
        return f"{undecided} of {part.expected.size} elements undecided: rounding may tip them"
    return ""


def _ulps(part: Part, errors: Array) -> dict[str, float | None]:
    """Errors in units in the last place of the expected value: the worst, and 99 %."""
    if part.kind not in _ULP_KINDS or part.dtype not in FORMATS:
        return {}
    with np.errstate(over="ignore", invalid="ignore"):  # in subnormal units
        ulps = errors / spacing(part.expected, part.dtype)
    ulps = ulps[np.isfinite(ulps)]
    if not ulps.size:
        return {}
    return {"ulp_max": float(ulps.max()), "ulp_p99": float(np.percentile(ulps, 99))}


def spacing(values: Array, dtype: str) -> Array:
    """Return the distance between neighbouring numbers of a dtype at the given values.

    >>> spacing(np.array([1.0, 1.9, 1000.0]), "float16").tolist()
    [0.0009765625, 0.0009765625, 0.5]
    """
    f = FORMATS[dtype]
    _, exponent = np.frexp(np.maximum(np.abs(values), f.smallest))  # |x| = m 2^e, m in [1/2, 1)
    return np.asarray(np.ldexp(2 * f.u, exponent - 1))


# --- training -------------------------------------------------------------------------------


def compare_training(
    case: Case, losses: Array, params: Mapping[int, Sequence[Array]], truth: TrainingTruth
) -> tuple[Check, ...]:
    """Compare the losses of all steps, and the parameters after some steps.

    Parameters
    ----------
    losses
        One per step, each before its update.
    params
        By the number of steps done.
    """
    checks = [_trajectory(np.asarray(losses), truth.losses, truth.loss_envelope)]
    names = case.program.ask["params"]
    dtypes = {v.name: v.dtype for v in case.program.inputs}
    for step, expected in sorted(truth.params.items()):
        for i, name in enumerate(names):
            label = f"{name} after {step} step{'s' * (step > 1)}"
            bound = np.full(expected[i].shape, truth.param_envelope[step][i])
            part = Part(label, dtypes[name], "envelope", expected[i], bound)
            found = params.get(step, ())
            checks.append(
                compare_part(part, found[i])
                if i < len(found)
                else _failed(label, "envelope", f"{label}: no parameters were returned")
            )
    return tuple(checks)


def _trajectory(losses: Array, expected: Array, envelope: Array) -> Check:
    n = len(expected)
    if losses.ndim != 1 or len(losses) < n:
        return _failed("loss", "envelope", f"loss: shape {losses.shape}, expected ({n},)")
    return compare_part(
        Part("loss", "float64", "envelope", expected, envelope), losses[:n].astype(np.float64)
    )


def compare_fit(case: Case, losses: Array, accuracy: float, truth: FitTruth) -> tuple[Check, Check]:
    """Compare a training to an accuracy: its first losses, and how good it became.

    Two runs that differ in rounding only may classify some rows differently. The
    accuracies of two equally good models on n rows differ by less than
    3 √(2 p (1 - p)/n) in 99.7 % of pairs even if their errors were independent; here both
    models see the same rows, which makes them more alike. Being better is no error.

    Parameters
    ----------
    losses
        Of all steps, in order: those of the stages before, and then the fit's.
    accuracy
        After the last epoch.
    """
    p, n = truth.accuracy, truth.test_rows
    margin = max(3 * sqrt(2 * p * (1 - p) / n), 3 / n)
    lack = max(0.0, p - accuracy) if isfinite(accuracy) else inf
    reason = "" if lack <= margin else (
        f"accuracy {accuracy:.4f}, expected at least {p:.4f} - {margin:.4f}"
    )  # fmt: skip
    return (
        _trajectory(np.asarray(losses).reshape(-1), truth.losses, truth.loss_envelope),
        Check("accuracy", "margin", lack, margin, lack / margin, reason=reason),
    )
