"""The inputs of a case, as NumPy arrays, reproducible from its seed, id and input names.

Each input has its own generator, PCG64 seeded with the BLAKE2b hash of
``(case.seed, case.id, input name)``, so that adding an input changes no other. Values are
drawn in float64 and rounded once to the input's dtype: every backend and the float64
oracle start from the same numbers. ``.npy`` cannot hold bfloat16: such inputs are float32
arrays whose values bfloat16 can represent.

A data set is an ``.npz`` file in a package, named ``"package:file"`` (``.npz`` left out),
with the arrays ``train_x, train_y, test_x, test_y``. ``uint8`` in an ``x`` array stands
for images: they are divided by 255. ``y`` holds class numbers.
"""

import hashlib
from collections.abc import Callable, Mapping, Sequence
from functools import lru_cache
from importlib import resources
from math import prod, sqrt
from pathlib import Path
from typing import Any, NamedTuple

import numpy as np
from numpy.typing import NDArray

from bakeoff.case import Case, Draw, Fit
from bakeoff.errors import UsageError
from bakeoff_worker.program import Program

Array = NDArray[Any]
Shape = tuple[int, ...]
LABELS = "int64"  # the dtype in which `fit_arrays` gives class numbers


# Kinds: f(rng, shape, **params) -> float64 (or integer) array.


def _normal(rng: np.random.Generator, shape: Shape, scale: float = 1.0, loc: float = 0.0) -> Array:
    return loc + scale * rng.standard_normal(shape)


def _uniform(rng: np.random.Generator, shape: Shape, low: float = 0.0, high: float = 1.0) -> Array:
    return rng.uniform(low, high, shape)


def _positive(rng: np.random.Generator, shape: Shape, low: float = 0.1, high: float = 2.0) -> Array:
    return rng.uniform(low, high, shape)


def _nonzero(rng: np.random.Generator, shape: Shape, low: float = 0.1, high: float = 2.0) -> Array:
    return np.asarray(rng.uniform(low, high, shape) * rng.choice((-1.0, 1.0), shape))


def _distinct(rng: np.random.Generator, shape: Shape, scale: float = 2.0) -> Array:
    size = prod(shape)
    # Evenly spaced, hence no ties; the offset of a quarter keeps zero out.
    steps = (np.arange(size) + 0.25) / max(size, 1)  # in [0, 1)
    return rng.permutation(scale * (2 * steps - 1)).reshape(shape)


def _integers(rng: np.random.Generator, shape: Shape, high: int, low: int = 0) -> Array:
    return rng.integers(low, high, shape)


def _bool(rng: np.random.Generator, shape: Shape) -> Array:
    return np.asarray(rng.random(shape) < 0.5)


def _probabilities(rng: np.random.Generator, shape: Shape, axis: int = -1) -> Array:
    weights = rng.standard_exponential(shape)  # normalised: uniform on the simplex
    return np.asarray(weights / weights.sum(axis=axis, keepdims=True))


def _among(
    rng: np.random.Generator, shape: Shape, values: Sequence[float | str] = (-1.0, 0.0, 1.0)
) -> Array:
    """Each of ``values`` about as often. NaN and infinity are text, as JSON has neither."""
    numbers = np.array([float(v) for v in values])
    return rng.permutation(np.resize(numbers, prod(shape))).reshape(shape)


def _spiked(
    rng: np.random.Generator, shape: Shape, values: Sequence[float | str] = ("nan",)
) -> Array:
    """Normal, but for each of ``values`` in about one element of fifteen."""
    drawn = rng.standard_normal(prod(shape))
    spikes = _among(rng, (len(values) * max(1, len(drawn) // 15),), values)[: len(drawn)]
    drawn[rng.permutation(len(drawn))[: len(spikes)]] = spikes
    return drawn.reshape(shape)


def _powers(
    rng: np.random.Generator,
    shape: Shape,
    low: float = -10.0,
    high: float = 10.0,
    signed: bool = True,
) -> Array:
    """±2^e with e uniform: magnitudes of every size between 2^low and 2^high."""
    signs = rng.choice((-1.0, 1.0), shape) if signed else 1.0
    return np.asarray(signs * np.exp2(rng.uniform(low, high, shape)))


def _mirrored(
    rng: np.random.Generator, shape: Shape, axis: int = -1, sign: float = -1.0, scale: float = 1.0
) -> Array:
    """Normal; the second half along the axis is ``sign`` times the first, but for 1e-6 of it.

    Sums along the axis cancel with sign -1, and sums of products with sign 1 in the one factor
    and -1 in the other. A middle element that is left over is tiny.
    """
    x = scale * rng.standard_normal(shape)
    half = shape[axis] // 2
    first, second = np.moveaxis(x, axis, 0)[:half], np.moveaxis(x, axis, 0)[shape[axis] - half :]
    np.moveaxis(x, axis, 0)[half : shape[axis] - half] *= 1e-6
    second[...] = sign * first * (1 + 1e-6 * rng.standard_normal(first.shape))
    return x


def fans(shape: Shape) -> tuple[int, int]:
    """Return (fan in, fan out) of a weight: (in, out) or (out, in / groups, \\*kernel)."""
    if len(shape) == 2:
        return shape[0], shape[1]
    kernel = prod(shape[2:])
    return shape[1] * kernel, shape[0] * kernel


def _glorot(rng: np.random.Generator, shape: Shape) -> Array:
    """Glorot and Bengio (2010), eq. 16: uniform, variance 2 / (fan in + fan out)."""
    limit = sqrt(6 / sum(fans(shape)))
    return rng.uniform(-limit, limit, shape)


def _he(rng: np.random.Generator, shape: Shape) -> Array:
    """He et al. (2015), eq. 10: normal, variance 2 / fan in."""
    return sqrt(2 / fans(shape)[0]) * rng.standard_normal(shape)


def _zeros(rng: np.random.Generator, shape: Shape) -> Array:
    return np.zeros(shape)


def _constant(rng: np.random.Generator, shape: Shape, value: float) -> Array:
    return np.full(shape, value)


KINDS: Mapping[str, Callable[..., Array]] = {
    "normal": _normal,
    "uniform": _uniform,
    "positive": _positive,
    "nonzero": _nonzero,
    "distinct": _distinct,
    "integers": _integers,
    "bool": _bool,
    "probabilities": _probabilities,
    "glorot": _glorot,
    "he": _he,
    "zeros": _zeros,
    "constant": _constant,
    "among": _among,
    "spiked": _spiked,
    "powers": _powers,
    "mirrored": _mirrored,
}

RANDOM = frozenset({"normal", "uniform", "positive", "nonzero", "distinct", "glorot", "he"})
"""Kinds that draw floating-point values of no pattern, hardly ever the same twice."""


def draw_inputs(case: Case) -> dict[str, Array]:
    """Draw every input of a case's program, cotangents included.

    Besides `KINDS`, an input can be of kind ``dataset`` (``name="package:file"``,
    ``part="train"``, ``field="x"``), where the fields of one data set take the same rows,
    or ``affine`` (``of="x"``, ``weight=[...]``, ``bias``, ``noise``), the values
    ``x @ weight + bias + noise * normal`` of an input ``x`` that stands before it.

    Returns
    -------
    dict
        Arrays by input name, of the program's shape and dtype. For a training program the
        data inputs have a leading axis of length ``case.batches``.

    Raises
    ------
    UsageError
        If an input has no draw, or its draw names a kind or data set that there is not.
    """
    data = {v.name for v in case.program.data_inputs} if case.program.kind == "training" else set()
    arrays: dict[str, Array] = {}
    for value in case.program.inputs:
        if value.name not in case.inputs:
            raise UsageError(f"{case.id}: input {value.name} has no draw; add it to Case.inputs")
        shape = ((case.batches,) if value.name in data else ()) + value.shape
        drawn = _draw(case, value.name, case.inputs[value.name], shape, arrays)
        arrays[value.name] = rounded(drawn, value.dtype)
    return arrays


def save_inputs(inputs: Mapping[str, Array], folder: Path) -> dict[str, Path]:
    """Write inputs as ``.npy`` files, once for all workers to map; return the files by name."""
    files = {name: folder / f"{name}.npy" for name in inputs}
    for name, path in files.items():
        np.save(path, inputs[name], allow_pickle=False)
    return files


def _draw(case: Case, name: str, how: Draw, shape: Shape, earlier: Mapping[str, Array]) -> Array:
    if how.kind == "dataset":
        return _rows(case, name, shape, how.params)
    rng = generator(case.seed, case.id, name)
    if how.kind == "affine":
        return _affine(rng, earlier, **how.params)
    if how.kind not in KINDS:
        raise UsageError(
            f"{case.id}: input {name} is drawn as {how.kind!r}, expected one of "
            f"{', '.join([*KINDS, 'affine', 'dataset'])}"
        )
    params = dict(how.params)
    if params.get("axis", -1) >= 0:  # of the program's shape; count it from the end
        params["axis"] -= len(next(v for v in case.program.inputs if v.name == name).shape)
    return KINDS[how.kind](rng, shape, **params)


def _affine(
    rng: np.random.Generator,
    earlier: Mapping[str, Array],
    of: str,
    weight: list[Any],
    bias: float = 0.0,
    noise: float = 0.0,
) -> Array:
    exact = np.asarray(earlier[of], dtype=np.float64) @ np.asarray(weight, dtype=np.float64)
    return np.asarray(exact + bias + noise * rng.standard_normal(exact.shape))


def _rows(case: Case, name: str, shape: Shape, params: Mapping[str, Any]) -> Array:
    """Return rows of a data set in a random order that is the same for all its fields."""
    source, part, field = params["name"], params.get("part", "train"), params["field"]
    rows = load_dataset(source)[f"{part}_{field}"]
    wanted = shape[: len(shape) - (rows.ndim - 1)]  # (batches, batch) or (batch,)
    if prod(wanted) > len(rows):
        raise UsageError(
            f"{case.id}: input {name} asks for {prod(wanted)} rows of {source} {part}, "
            f"which has {len(rows)}; lower batches or the batch size"
        )
    order = generator(case.seed, case.id, f"{source} {part}").permutation(len(rows))
    return _numbers(rows[order[: prod(wanted)]].reshape(shape), field)


def generator(seed: int, *names: str) -> np.random.Generator:
    """Return a PCG64 generator whose seed is a hash of ``seed`` and ``names``."""
    text = "\0".join([str(seed), *names]).encode()
    digest = hashlib.blake2b(text, digest_size=16).digest()
    return np.random.Generator(np.random.PCG64(int.from_bytes(digest, "little")))


def rounded(array: Array, dtype: str) -> Array:
    """Round to a dtype by name; bfloat16 is held in float32.

    >>> rounded(np.array([1.0, 1.00390625, 1.01171875]), "bfloat16").tolist()
    [1.0, 1.0, 1.015625]
    """
    if dtype != "bfloat16":
        return np.asarray(array, dtype=dtype, order="C")
    single = np.asarray(array, dtype=np.float32, order="C")
    bits = single.view(np.uint32)
    # bfloat16 is the upper half of float32. Adding half a unit in its last place, less one
    # where that place is even, and cutting is rounding to nearest, ties to even.
    near = (bits + (np.uint32(0x7FFF) + ((bits >> 16) & 1))) & np.uint32(0xFFFF0000)
    return np.where(np.isfinite(single), near.view(np.float32), single)


# Data sets and training to an accuracy.


class FitArrays(NamedTuple):
    """What training to an accuracy reads.

    ``order`` is (epochs, steps, batch): the rows of ``train_x`` that each step uses; ``before``
    the same of each stage before it.
    """

    train_x: Array
    train_y: Array
    test_x: Array
    test_y: Array
    order: NDArray[np.int64]
    before: tuple[NDArray[np.int64], ...] = ()

    def stages(self, fit: Fit) -> list[tuple[Program, Array]]:
        """Return the stages before a fit, each with its order of rows."""
        return [(s.program, rows) for s, rows in zip(fit.before, self.before, strict=True)]


def fit_arrays(fit: Fit) -> FitArrays:
    """Return the data of a fit, ``x`` in the dtype of the predicting program.

    Each epoch is a fresh shuffle from ``fit.order_seed``; what is left after the last
    whole batch of an epoch is not used in it.
    """
    arrays = load_dataset(fit.dataset)
    dtype = next(v.dtype for v in fit.predict.inputs if v.name == "x")
    rows = np.arange(len(arrays["train_x"]))
    rng = generator(fit.order_seed, fit.dataset, "order")
    chosen = generator(fit.order_seed, fit.dataset, "labelled").permutation(rows)[: fit.labelled]
    return FitArrays(
        rounded(_numbers(arrays["train_x"], "x"), dtype),
        arrays["train_y"].astype(LABELS),
        rounded(_numbers(arrays["test_x"], "x"), dtype),
        arrays["test_y"].astype(LABELS),
        _order(rng, rows if fit.labelled is None else chosen, fit.epochs, fit.batch_size, fit),
        tuple(
            _order(
                generator(fit.order_seed, fit.dataset, f"before {i}"),
                rows, stage.epochs, stage.batch_size, fit,
            )
            for i, stage in enumerate(fit.before)
        ),
    )  # fmt: skip


def _order(
    rng: np.random.Generator, rows: NDArray[np.int64], epochs: int, batch: int, fit: Fit
) -> NDArray[np.int64]:
    """Return which rows each step uses, (epochs, steps, batch)."""
    steps = len(rows) // batch  # in an epoch
    if steps == 0:
        raise UsageError(
            f"fit: batch size {batch} exceeds the {len(rows)} rows of {fit.dataset}; lower it"
        )
    shuffled = [rng.permutation(rows)[: steps * batch] for _ in range(epochs)]
    return np.stack(shuffled).reshape(epochs, steps, batch).astype(np.int64)


def fit_rows(case: Case, data: FitArrays) -> dict[str, Array]:
    """Return all training rows by the program's data inputs: those drawn from the data set."""
    return {
        v.name: data.train_y if v.dtype == LABELS else data.train_x
        for v in case.program.data_inputs
        if case.inputs[v.name].kind == "dataset"
    }


def fit_noise(case: Case) -> dict[str, Array]:
    """Return the other data inputs of a fit, a dropout's noise: (steps, *shape) each.

    They go by the step and are the same in every epoch. Epochs shuffle the rows, so that no
    row keeps its noise.
    """
    assert case.fit is not None
    steps = len(load_dataset(case.fit.dataset)["train_x"]) // case.fit.batch_size  # in an epoch
    drawn = [v for v in case.program.data_inputs if case.inputs[v.name].kind != "dataset"]
    return {
        v.name: rounded(_draw(case, v.name, case.inputs[v.name], (steps, *v.shape), {}), v.dtype)
        for v in drawn
    }


@lru_cache(maxsize=4)
def load_dataset(name: str) -> Mapping[str, Array]:
    """Return the arrays of the data set ``"package:file"``, read-only, as stored.

    Raises
    ------
    UsageError
        If the package or its file is not there.
    """
    package, _, file = name.partition(":")
    try:
        resource = resources.files(package).joinpath(f"{file}.npz")
        with resource.open("rb") as stream, np.load(stream, allow_pickle=False) as stored:
            arrays = {key: stored[key] for key in stored.files}
    except (ImportError, ValueError, OSError) as error:
        raise UsageError(
            f"data set {name!r}: {type(error).__name__}: {error}; expected 'package:file', "
            "an .npz file in an installed package"
        ) from error
    for array in arrays.values():
        array.flags.writeable = False
    return arrays


def _numbers(rows: Array, field: str) -> Array:
    return rows / 255 if field == "x" and rows.dtype == np.uint8 else rows
