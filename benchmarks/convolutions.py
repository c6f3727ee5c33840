"""Every strategy of convolution on the layers of the suite `conv`, beside the one that is chosen.

One core, one thread, CPU time; strategies in random order, round after round; medians of each
one's time over the chosen one's (and over PyTorch's, where that is installed) in the same round.
``--errors`` prints the largest error over the largest result against float64 instead.

Run: ``OPENBLAS_NUM_THREADS=1 python benchmarks/convolutions.py [--layers middle,deep]``, with any
Python that has NumPy, and ``harness``, ``suites`` and ``reference_engine`` on its path.
"""

import argparse
import os
import time
from collections.abc import Callable, Mapping
from typing import Any

import numpy as np

from bakeoff_conv import LAYERS, Layer
from bakeoff_reference.arguments import pairs_of, per_dim, window_extent
from bakeoff_reference.arrays import NUMPY
from bakeoff_reference.conv import adjoint, passes
from bakeoff_reference.conv.choose import choose
from bakeoff_reference.conv.geometry import Geometry, transposed_extent
from bakeoff_reference.conv.settings import ConvSettings
from bakeoff_reference.conv.strategies import STRATEGIES, Problem, Strategy

PASSES = ("forward", "input_grad", "filter_grad")
Ways = dict[str, Callable[[], Any]]


def problem_of(layer: Layer) -> Problem:
    """Return the convolution of a layer; of a transpose, the one that it is the gradient of."""
    dims, attrs = len(layer.x) - 2, layer.attrs
    kernel = layer.weight[2:]
    stride = per_dim("conv", "stride", attrs.get("stride", 1), dims)
    dilation = per_dim("conv", "dilation", attrs.get("dilation", 1), dims)
    padding = pairs_of("conv", "padding", attrs.get("padding", 0), dims)
    groups = attrs.get("groups", 1)
    space, out = layer.x[2:], layer.x[2:]
    channels = layer.x[1]
    if "transpose" in layer.op:
        channels = layer.weight[1] * groups
        space = transposed_extent(space, kernel, stride, padding, (0,) * dims, dilation)
    else:
        out = window_extent("conv", space, kernel, stride, padding, dilation)
    geo = Geometry(kernel, out, stride, padding, dilation, groups)
    return Problem((layer.x[0], channels, *space), layer.weight, geo)


def arrays(problem: Problem, dtype: str = "float32") -> tuple[Any, Any, Any]:
    """Return x, weight and cotangent, standard normal, the same in every dtype."""
    rng = np.random.default_rng(0)
    g_shape = (problem.x_shape[0], problem.weight_shape[0], *problem.geo.out)
    return tuple(  # type: ignore[return-value]
        rng.standard_normal(s, dtype="float32").astype(dtype)
        for s in (problem.x_shape, problem.weight_shape, g_shape)
    )


def ways(problem: Problem, which: Any, dtype: str = "float32") -> Ways:
    """Return every strategy's way through one pass."""
    x, w, g = arrays(problem, dtype)
    args = {
        "forward": (x, w, x.shape),
        "input_grad": (g, w, x.shape),
        "filter_grad": (g, x, w.shape),
    }[which]
    found: Ways = {}
    for name, s in STRATEGIES.items():
        if name != "adjoint" and s.offers(which) and s.applies(problem):
            found[name] = lambda s=s: passes.run(s, which, NUMPY, *args, problem.geo)  # type: ignore[misc]
        elif which == "input_grad" and s.forward and s.applies(problem):
            found[f"adjoint {name}"] = lambda s=s: _adjoint(s, g, w, problem)  # type: ignore[misc]
    return found


def _adjoint(strategy: Strategy, g: Any, w: Any, problem: Problem) -> Any:
    limit = ConvSettings().workspace_bytes

    def forward(xp: Any, a: Any, b: Any, sub: Geometry) -> Any:
        fits = strategy.applies(Problem(a.shape, b.shape, sub))
        run = (strategy if fits else STRATEGIES["blocked"]).forward
        assert run is not None
        return run(xp, a, b, sub, limit)

    return adjoint.input_grad(NUMPY, g, w, problem.x_shape, problem.geo, forward)


def chosen(problem: Problem, which: Any) -> Callable[[], Any]:
    """Return the way that the engine goes."""
    x, w, g = arrays(problem)
    run: dict[str, Callable[[], Any]] = {
        "forward": lambda: passes.forward(NUMPY, x, w, problem.geo),
        "input_grad": lambda: passes.input_grad(NUMPY, g, w, x.shape, problem.geo),
        "filter_grad": lambda: passes.filter_grad(NUMPY, g, x, w.shape, problem.geo),
    }
    return run[which]


def torch_way(layer: Layer, problem: Problem, which: str) -> Ways:
    """Return PyTorch's way, or none."""
    try:
        import torch
    except ImportError:
        return {}
    torch.set_num_threads(1)
    x, w, g = (torch.from_numpy(a) for a in arrays(problem))
    geo, dims = problem.geo, len(problem.geo.kernel)
    low = tuple(lo for lo, _ in geo.padding)
    function = torch.nn.functional
    backward = torch.ops.aten.convolution_backward

    def gradient(mask: list[bool]) -> Any:
        return backward(
            g, x, w, None, geo.stride, low, geo.dilation, False, (0,) * dims, geo.groups, mask
        )

    conv = getattr(function, f"conv{dims}d")
    back = getattr(function, f"conv_transpose{dims}d")
    transposed = "transpose" in layer.op
    run: dict[str, Callable[[], Any]] = {
        "forward": lambda: conv(x, w, None, geo.stride, low, geo.dilation, geo.groups),
        "filter_grad": lambda: gradient([False, True, False]),
        "input_grad": lambda: (
            back(g, w, None, geo.stride, low, 0, geo.groups, geo.dilation)
            if transposed
            else gradient([True, False, False])
        ),
    }
    return {"torch": run[which]}


def race(candidates: Ways, seconds: float) -> dict[str, list[int]]:
    """Return CPU times in ns, round by round."""
    rng = np.random.default_rng(1)
    times: dict[str, list[int]] = {name: [] for name in candidates}
    for run in candidates.values():
        run()
    end = time.monotonic() + seconds
    while time.monotonic() < end or len(times["chosen"]) < 5:
        for name in rng.permutation(list(candidates)):
            start = time.process_time_ns()
            candidates[name]()
            times[name].append(time.process_time_ns() - start)
    return times


def show_times(name: str, layer: Layer, which: str, seconds: float) -> None:
    problem = problem_of(layer)
    others = ways(problem, which)
    everyone = {"chosen": chosen(problem, which), **others, **torch_way(layer, problem, which)}
    times = race(everyone, seconds)
    base = np.array(times["chosen"])
    ratios = {n: float(np.median(np.array(t) / base)) for n, t in times.items() if n != "chosen"}
    torch = ratios.pop("torch", None)
    strategy = choose(which, problem, ConvSettings()).name  # type: ignore[arg-type]
    versus = f", {1 / torch:.2f} x torch" if torch else ""
    print(f"{name} {which}: {strategy}, {np.median(base) / 1e3:.0f} µs{versus}; ", end="")
    print(", ".join(f"{n} {r:.2f}" for n, r in sorted(ratios.items(), key=lambda i: i[1])))


def show_errors(name: str, layer: Layer, which: str) -> None:
    problem = problem_of(layer)
    exact = ways(problem, which, "float64")
    exact_of = next(iter(exact.values()))()
    errors: Mapping[str, float] = {
        n: float(np.max(np.abs(run() - exact_of)) / np.max(np.abs(exact_of)))
        for n, run in ways(problem, which).items()
    }
    print(f"{name} {which}: " + ", ".join(f"{n} {e:.1e}" for n, e in errors.items()))


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--layers", default=",".join(LAYERS), help="names of the suite's layers")
    parser.add_argument("--seconds", type=float, default=1.0, help="of each pass of each layer")
    parser.add_argument("--errors", action="store_true", help="print errors, not times")
    given = parser.parse_args()
    os.sched_setaffinity(0, {max(os.sched_getaffinity(0))})
    for name in given.layers.split(","):
        if name not in LAYERS:
            parser.error(f"layer {name!r}, expected some of {', '.join(LAYERS)}")
        for which in PASSES:
            if given.errors:
                show_errors(name, LAYERS[name], which)
            else:
                show_times(name, LAYERS[name], which, given.seconds)


if __name__ == "__main__":
    main()
