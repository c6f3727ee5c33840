"""Mistakes planted in the kernels' texts are found by running them on the CPU."""

import subprocess
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest

from bakeoff_cupy import kernels
from gpu import test_kernels as checks
from gpu.emulated import Kernel, library

Get = Callable[[str, str], Kernel]


def softmax(kernel: Get, backwards: bool) -> Iterator[Callable[[], None]]:
    for shape in [(1, 1, 32), (5, 10, 32), (3, 33, 64), (2, 1000, 256)]:
        check = checks.test_softmax_cross_entropy_gives_losses_and_their_gradient
        yield lambda s=shape, f=check: f(kernel, "float", backwards, "int", *s)  # type: ignore[misc]


def activation(kernel: Get, backwards: bool) -> Iterator[Callable[[], None]]:
    for shape in [(5, 3), (64, 33)]:
        check = checks.test_bias_and_activation_go_forward_and_back
        yield lambda s=shape, f=check: f(kernel, "float", backwards, "Relu", s)  # type: ignore[misc]


def second_layer(kernel: Get, backwards: bool) -> Iterator[Callable[[], None]]:
    for shape in [(5, 40, 10), (17, 128, 10), (9, 33, 32)]:
        check = checks.test_the_second_layer_gives_losses_and_every_gradient
        yield lambda s=shape, f=check: f(kernel, "float", backwards, "int", *s)  # type: ignore[misc]


def optimizers(kernel: Get, backwards: bool) -> Iterator[Callable[[], None]]:
    yield lambda: checks.test_each_step_takes_the_next_row_of_numbers(kernel, "float", backwards)
    for name in checks.NUMBERS:
        check = checks.test_optimizers_do_what_the_reference_does
        yield lambda n=name, f=check: f(kernel, "float", backwards, n, 300)  # type: ignore[misc]


CHECKS = {
    "softmax_cross_entropy": softmax,
    "bias_activation": activation,
    "two_layer": second_layer,
    "optimizers": optimizers,
}


def missed(folder: Path, file: str, text: str) -> bool:
    """Return whether every check passes on a text."""
    compiled = library(folder, file, text)
    for backwards in (False, True):
        for check in CHECKS[file](lambda _, name: compiled[name], backwards):
            try:
                check()
            except AssertionError:
                return False
    return True


BARRIERS = [
    (file, position)
    for file in kernels.KERNELS
    for position in range(kernels.source(file).count("__syncthreads();"))
]


@pytest.mark.parametrize("file", kernels.KERNELS)
def test_texts_as_they_are_pass(tmp_path: Path, file: str) -> None:
    assert missed(tmp_path, file, kernels.source(file))


@pytest.mark.parametrize(("file", "position"), BARRIERS)
def test_a_missing_barrier_is_found(tmp_path: Path, file: str, position: int) -> None:
    parts = kernels.source(file).split("__syncthreads();")
    joined = ["__syncthreads();"] * (len(parts) - 1)
    joined[position] = ";"
    text = "".join(a + b for a, b in zip(parts, [*joined, ""], strict=True))
    assert not missed(tmp_path, file, text)


WRONG = {
    "row begins one element late": (
        "softmax_cross_entropy", "logits + row * classes;", "logits + row * classes + 1;"),
    "gradient of the row before": (
        "softmax_cross_entropy", "grad + row * classes;", "grad + (row - 1) * classes;"),
    "lanes beyond the last warp are added": (
        "softmax_cross_entropy", "lane < warps ? scratch[lane] : Op::start()", "scratch[lane]"),
    "half a warp is not added": (
        "softmax_cross_entropy", "int offset = WARP / 2;", "int offset = WARP / 4;"),
    "bias by row": ("bias_activation", "bias[i % columns]", "bias[i / columns]"),
    "last column left out": (
        "bias_activation", "if (column < columns) {", "if (column < columns - 1) {"),
    "column past the last": (
        "bias_activation", "threadIdx.y == 0 && column < columns", "threadIdx.y == 0"),
    "one stripe left out": ("bias_activation", "for (int s = 1;", "for (int s = 2;"),
    "weights transposed": (
        "two_layer", "weight[(long long)(begin + lane) * classes + c]",
        "weight[(long long)c * hidden + begin + lane]"),
    "mean left out": ("two_layer", "known ? d / rows :", "known ? d :"),
    "mask left out": ("two_layer", "wide(h[i]) > 0.0f ? total : 0.0f", "total"),
    "momentum forgotten": ("optimizers", "v[i] = beta * v[i] + wide(g[i]);", "v[i] = wide(g[i]);"),
    "one element past the end": (
        "optimizers", "threadIdx.x; i < size; i += step", "threadIdx.x; i <= size; i += step"),
    "every element twice": ("optimizers", "i += step) f(i);", "i += step) f(i), f(i);"),
}  # fmt: skip


@pytest.mark.parametrize(("file", "right", "wrong"), WRONG.values(), ids=WRONG)
def test_a_wrong_index_or_term_is_found(tmp_path: Path, file: str, right: str, wrong: str) -> None:
    text = kernels.source(file)
    assert right in text
    assert not missed(tmp_path, file, text.replace(right, wrong))


@pytest.mark.parametrize("file", kernels.KERNELS)
def test_a_typing_error_does_not_compile(tmp_path: Path, file: str) -> None:
    with pytest.raises(subprocess.CalledProcessError):
        library(tmp_path, file, kernels.source(file).replace("narrow<T>", "narow<T>"))
