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


def second_layer(kernel: Get, backwards: bool) -> Iterator[Callable[[], None]]:
    for shape in [(5, 40, 10), (17, 128, 10), (9, 33, 32), (300, 3, 2)]:
        check = checks.test_the_second_layer_gives_losses_and_every_gradient
        yield lambda s=shape, f=check: f(kernel, "float", backwards, "int", *s)  # type: ignore[misc]


def optimizers(kernel: Get, backwards: bool) -> Iterator[Callable[[], None]]:
    yield lambda: checks.test_each_step_takes_the_next_row_of_numbers(kernel, "float", backwards)
    for name in checks.NUMBERS:
        check = checks.test_optimizers_do_what_the_reference_does
        yield lambda n=name, f=check: f(kernel, "float", backwards, n, 300)  # type: ignore[misc]


CHECKS = {
    "softmax_cross_entropy": softmax,
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
    (file, barrier, position)
    for file in kernels.KERNELS
    for barrier in ("__syncthreads();", "__syncwarp();")
    for position in range(kernels.source(file).count(barrier))
]


@pytest.mark.parametrize("file", kernels.KERNELS)
def test_texts_as_they_are_pass(tmp_path: Path, file: str) -> None:
    assert missed(tmp_path, file, kernels.source(file))


@pytest.mark.parametrize(("file", "barrier", "position"), BARRIERS)
def test_a_missing_barrier_is_found(tmp_path: Path, file: str, barrier: str, position: int) -> None:
    parts = kernels.source(file).split(barrier)
    joined = [barrier] * (len(parts) - 1)
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
    "weights transposed": (
        "two_layer", "weight[(long long)(begin + lane) * classes + c]",
        "weight[(long long)c * hidden + begin + lane]"),
    "mean left out": ("two_layer", "known ? d / rows :", "known ? d :"),
    "loss not divided": ("two_layer", "narrow<T>(total / rows)", "narrow<T>(total)"),
    "losses added more than once": (
        "two_layer", "r < rows; r += STRIPES * WARP", "r < rows; r += WARP"),
    "one stripe left out": ("two_layer", "for (int s = 1;", "for (int s = 2;"),
    "dh a block late": ("two_layer", "(blockIdx.x - hidden - 2)", "(blockIdx.x - hidden - 1)"),
    "class past the last": (
        "two_layer", "} else if (lane < classes) {\n            if", "} else {\n            if"),
    "every warp takes numbers": (
        "two_layer", "blockIdx.x == 0 && threadIdx.y == 0", "threadIdx.y == 0"),
    "numbers of the step before": (
        "optimizers", "table[(long long)present * count + i]",
        "table[(long long)(present - 1) * count + i]"),
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
