"""cuDNN's own plans for every convolution that bakeoff asks for, without a device or a driver."""

import json
import os
import subprocess
import sys
from collections.abc import Iterator, Sequence
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import numpy as np
import pytest

import bakeoff_conv
import bakeoff_cupy
from bakeoff.samples import SAMPLES
from bakeoff_cupy.convolution.deviceless import REQUIREMENTS
from bakeoff_cupy.convolution.problem import Problem, problem
from bakeoff_reference.arrays import NUMPY
from bakeoff_reference.engine import Engine
from gpu.provided import python_with

PACKAGE = Path(bakeoff_cupy.__file__).parent
HERE = Path(__file__).parent / "deviceless"
PRECISIONS = (("float32", False), ("float32", True), ("float16", False), ("bfloat16", False))
Named = tuple[str, Problem]


def asked(op: str, x: Sequence[int], weight: Sequence[int], attrs: Any) -> list[Any]:
    """Return what the engine asks of ``xp.convolution`` for an op and both its gradients."""
    found: list[Any] = []

    def convolution(which: Any, a: Any, b: Any, shape: Any, geo: Any) -> Any:
        found.append((which, a.shape, b.shape, shape, geo))
        return np.zeros(shape, a.dtype)

    engine = Engine(SimpleNamespace(**vars(NUMPY), convolution=convolution))
    given = [engine.wrap(np.zeros(s, "f4")) for s in (x, weight)]
    out, pull = engine.vjp(lambda a, b: engine.ops[op](a, b, **attrs), *given)
    pull(out)
    return found


def layers() -> dict[str, tuple[Any, ...]]:
    """Return the layers of the suite ``conv``, and the catalogue's samples."""
    suite = {name: (at.op, at.x, at.weight, at.attrs) for name, at in bakeoff_conv.LAYERS.items()}
    samples = [s.program("float32", False) for s in SAMPLES if s.op.startswith("conv")]
    ids = [s.id for s in SAMPLES if s.op.startswith("conv")]
    return suite | {
        name: (p.nodes[0].op, *(v.shape for v in p.inputs), p.nodes[0].attrs)
        for name, p in zip(ids, samples, strict=True)
    }


def problems() -> Iterator[Named]:
    """Yield every pass of every layer in every precision."""
    for name, layer in layers().items():
        for which, *sizes in asked(*layer):
            for dtype, tf32 in PRECISIONS:
                yield name, problem(which, dtype, tf32, *sizes)


def test_every_layer_asks_for_three_passes() -> None:
    found = list(problems())
    assert len(set(found)) == len(found) == len(layers()) * 3 * len(PRECISIONS)
    assert {name.split("-")[0] for name in layers()} >= {
        *(f"conv{n}d" for n in (1, 2, 3)), *(f"conv_transpose{n}d" for n in (1, 2, 3))
    }  # fmt: skip
    assert [p.check() for _, p in found] == [""] * len(found)


@pytest.fixture(scope="module")
def python() -> Path:
    """cuDNN's interpreter, with nothing of CuPy."""
    return python_with("cudnn-plans", "cuDNN", REQUIREMENTS)


@pytest.fixture(scope="module")
def driver(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A folder with a ``libcuda.so.1`` that knows of no device."""
    folder = tmp_path_factory.mktemp("driver")
    subprocess.run(
        ["gcc", "-shared", "-fPIC", "-o", folder / "libcuda.so.1", HERE / "libcuda.c"], check=True
    )
    return folder


def built(
    python: Path, driver: Path, problems: Sequence[Named]
) -> "subprocess.CompletedProcess[str]":
    return subprocess.run(
        [python, "-m", "convolution.deviceless", HERE / "h100-sxm.json"],
        cwd=PACKAGE,
        env={**os.environ, "LD_LIBRARY_PATH": str(driver)},
        input="\n".join(json.dumps({"name": n, **p._asdict()}) for n, p in problems),
        capture_output=True,
        text=True,
        check=False,
    )


@pytest.mark.museum
def test_cudnn_has_a_plan_for_every_layer(python: Path, driver: Path) -> None:
    wanted = list(problems())
    done = built(python, driver, wanted)
    assert (done.returncode, done.stderr) == (0, "")
    rows = [line.split() for line in done.stdout.splitlines()]
    assert [(row[0], row[1]) for row in rows] == [(name, p.which) for name, p in wanted]
    sys.stdout.write(done.stdout)
    workspace = {tuple(row[:3]): int(row[3].replace(",", "")) for row in rows}
    for precision in ("float32", "tf32", "float16", "bfloat16"):
        # a conversion of the images to the other layout would take megabytes
        assert workspace["middle", "forward", precision] < 1000


MISTAKES = {
    "an output that is too large": {"y": (16, 64, 29, 28)},
    "filters of other channels": {"weight": (64, 48, 3, 3)},
    "padding before the image only": {"high": (0, 0)},
    "a stride": {"stride": (2, 1)},
}


@pytest.mark.museum
@pytest.mark.parametrize("mistake", MISTAKES)
def test_cudnn_finds_a_planted_mistake(mistake: str, python: Path, driver: Path) -> None:
    (right,) = (p for n, p in problems() if n == "middle" and p.which == "forward"
                and p.dtype == "float16")  # fmt: skip
    done = built(python, driver, [("middle", right._replace(**MISTAKES[mistake]))])
    assert (done.returncode, done.stdout) == (1, "")
    assert "CUDNN_STATUS_BAD_PARAM" in done.stderr
