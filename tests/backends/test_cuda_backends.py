"""Backends of a GPU: what can be known of them without one, and the rest where there is one."""

import importlib.util
import json
import subprocess
import sys
from collections.abc import Callable, Iterator
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import numpy as np
import pytest
from conformance_cases import FAMILIES, cases_of, failures

from bakeoff import devices, environments
from bakeoff.environments import requirements_of
from bakeoff.errors import EnvironmentFailure
from bakeoff.interface import Backend
from bakeoff.oracle import Oracle
from bakeoff.plan import USUAL_BACKENDS
from bakeoff.program import Value, trace, training
from bakeoff.record import Outcome
from bakeoff.samples import SAMPLES
from bakeoff.worker import Worker, WorkerFailure, launch_for
from bakeoff_worker.loader import load_class
from bakeoff_worker.program import Program

CUDA = (
    "torch-cuda", "torch-cuda-compile", "torch-cuda-reduce-overhead", "torch-cuda-graph",
    "torch-cuda-tf32", "jax-cuda", "jax-cuda-scan", "tensorflow-cuda", "tensorflow-cuda-function",
    "cupy", "cupy-graph", "cupy-graph-steps", "cupy-tf32",
)  # fmt: skip
WorkerOf = Callable[[str], Worker]
Backends = dict[str, Backend]
ADAPTERS = Path(__file__).parents[2] / "backends"


# -- without a device ----------------------------------------------------------------------


@pytest.mark.parametrize("name", CUDA)
def test_they_are_of_the_device_and_not_among_the_usual(name: str, backends: Backends) -> None:
    backend = backends[name]
    assert backend.device == backend.mode.get("device", "cuda") == "cuda"
    assert name not in USUAL_BACKENDS


def test_one_build_of_pytorch_serves_all_its_backends(backends: Backends) -> None:
    found = {requirements_of(b) for b in backends.values() if b.toolkit == "PyTorch"}
    assert len(found) == 1


@pytest.mark.parametrize("name", CUDA)
def test_without_a_device_nothing_is_installed(
    name: str, backends: Backends, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    def absent(library: str) -> Any:
        raise OSError(library)

    monkeypatch.setitem(devices._LOOKS, "cuda", lambda load: devices._cuda(absent))
    with pytest.raises(EnvironmentFailure, match=f"backend {name}: no CUDA device: looked for"):
        environments.provide(backends[name], cache=tmp_path)
    assert list(tmp_path.iterdir()) == []


@pytest.mark.toolkit
@pytest.mark.parametrize(
    ("name", "build", "told"),
    [
        ("torch-cuda", "torch", "was built without CUDA"),
        ("jax-cuda", "jax", "sees no CUDA device: no CUDA plugin"),
        ("tensorflow-cuda", "tensorflow", "was built without CUDA"),
    ],
)
def test_a_build_for_the_cpu_is_refused_with_its_reason(
    name: str, build: str, told: str, backends: Backends, tmp_path: Path
) -> None:
    """A package index that prefers CPU builds must not give a GPU backend the CPU's times."""
    if not devices.why_missing("cuda"):
        pytest.skip("there is a CUDA device: the toolkit may well see it")
    python = environments.provide(backends[build], progress=print).python
    with pytest.raises(WorkerFailure, match=told) as caught:
        Worker(launch_for(backends[name], str(python)), 120.0, tmp_path)
    assert caught.value.outcome is Outcome.UNAVAILABLE


def programs() -> Iterator[Program]:
    """Every sample op, forward and with gradients, and a training step of each optimizer."""
    for sample in SAMPLES:
        for with_gradient in (False, True) if sample.differentiable else (False,):
            made = sample.program("float32", with_gradient)
            yield made._replace(name=f"{sample.id}{'-gradient' * with_gradient}")
    for name in ("sgd", "momentum", "nesterov", "adagrad", "rmsprop", "adam", "adamw"):
        hyper = {"lr": 0.1, **({"weight_decay": 0.1} if name == "adamw" else {})}
        yield trace(
            lambda ops, w, x: ops.mean(ops.square(x @ w)),
            [Value("w", (4, 1), "float32"), Value("x", (8, 4), "float32")],
            training(["w"], name, hyper),
            name,
        )


@pytest.mark.toolkit
def test_pytorch_makes_every_tensor_on_the_device_of_the_others(backends: Backends) -> None:
    python = environments.provide(backends["torch"], progress=print).python
    lines = [json.dumps(p.to_json()) for p in programs()]
    assert len(lines) > 200
    done = subprocess.run(
        [python, Path(__file__).with_name("meta_programs.py")],
        input="\n".join(lines), capture_output=True, text=True, timeout=300, check=False,
    )  # fmt: skip
    assert done.returncode == 0, done.stderr
    assert json.loads(done.stdout) == {}


class Event:
    """A CUDA event of a device whose clock reads milliseconds."""

    now_ms = 0.0

    def __init__(self, enable_timing: bool) -> None:
        assert enable_timing
        self.at: float | None = None
        self.waited = False

    def record(self) -> None:
        self.at = Event.now_ms

    def synchronize(self) -> None:
        self.waited = True

    def elapsed_time(self, end: "Event") -> float:
        assert end.waited, "the time is undefined before the event has passed"
        assert self.at is not None
        assert end.at is not None
        return end.at - self.at


class Buffer:
    """A tensor of the device, which counts how often it was written."""

    def __init__(self, size: int, dtype: str, device: str) -> None:
        assert (dtype, device) == ("uint8", "cuda")
        self.size, self.written = size, 0

    def zero_(self) -> None:
        self.written += 1


def toolkit(cache_bytes: int | None = 50 * 2**20, available: bool = True) -> Any:
    """Return the part of ``torch`` that a GPU needs, TF32 on as cuDNN has it by default."""
    told: dict[str, Any] = {"name": "Toy", "major": 9, "minor": 0}
    if cache_bytes is not None:
        told["L2_cache_size"] = cache_bytes
    matmul = SimpleNamespace(
        allow_tf32=True,
        allow_fp16_reduced_precision_reduction=True,
        allow_bf16_reduced_precision_reduction=True,
    )
    cudnn = SimpleNamespace(allow_tf32=True, version=lambda: 91000, benchmark=False)
    backends = SimpleNamespace(cuda=SimpleNamespace(matmul=matmul), cudnn=cudnn)
    cuda = SimpleNamespace(
        is_available=lambda: available,
        get_device_properties=lambda index: SimpleNamespace(**told),
        Event=Event,
        max_memory_allocated=lambda: 2 * 50 * 2**20 + 12345,
    )
    return SimpleNamespace(
        __version__="2.13.0", version=SimpleNamespace(cuda="13.0"), cuda=cuda, backends=backends,
        uint8="uint8", empty=Buffer, get_float32_matmul_precision=lambda: "highest",
    )  # fmt: skip


@pytest.fixture(scope="module")
def module() -> Any:
    """``bakeoff_torch.cuda``, loaded without its toolkit."""
    path = ADAPTERS / "bakeoff_torch" / "cuda.py"
    spec = importlib.util.spec_from_file_location("torch_cuda_of_tests", path)
    assert spec is not None
    assert spec.loader is not None
    found = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(found)
    return found


def test_pytorch_s_events_become_nanoseconds_after_waiting(module: Any) -> None:
    timer = module.Timer(toolkit())
    start = timer.record()
    Event.now_ms += 1.25
    assert timer.elapsed_ns(start, timer.record()) == 1_250_000


@pytest.mark.parametrize(("cache_bytes", "at_least"), [(50 * 2**20, 100 * 2**20), (None, 2**28)])
def test_a_flush_writes_twice_the_cache(
    module: Any, cache_bytes: int | None, at_least: int
) -> None:
    timer = module.Timer(toolkit(cache_bytes))
    assert timer._buffer.size == timer.buffer_bytes >= at_least
    timer.flush_cache()
    timer.flush_cache()
    assert timer._buffer.written == 2


def test_the_peak_is_without_the_timer_s_own_buffer(module: Any) -> None:
    torch = toolkit()
    assert module.peak_bytes(torch, module.Timer(torch)) == 12345


def test_tf32_is_turned_off_and_read_back(module: Any) -> None:
    torch = toolkit()
    assert "TF32 in matmul on, in cuDNN on" in module.describe(torch)["precision"]
    module.set_precision(torch)
    told = module.describe(torch)
    assert "TF32 in matmul off, in cuDNN off" in told["precision"]
    assert "float16 off, in bfloat16 off" in told["precision"]
    assert told["device"] == "cuda (Toy, compute capability 9.0)"


@pytest.mark.toolkit
def test_adam_is_fused_on_a_device(backends: Backends) -> None:
    """The options that ``torch.optim`` is given, by parameters that say where they lie."""
    python = environments.provide(backends["torch"], progress=print).python
    done = subprocess.run(
        [python, "-c", ADAMS, str(ADAPTERS / "bakeoff_torch" / "adapter.py")],
        capture_output=True, text=True, timeout=300, check=False, cwd=ADAPTERS.parent / "harness",
    )  # fmt: skip
    assert done.returncode == 0, done.stderr
    assert json.loads(done.stdout) == {"cpu": None, "cuda": True, "float64 in a graph": False}


ADAMS = """
import json, sys
from types import SimpleNamespace
sys.path.insert(0, ".")
from bakeoff_worker import loader, optimizers
adapter = sys.modules[loader.load_class(sys.argv[1], "TorchAdapter").__module__]
torch = SimpleNamespace(optim=SimpleNamespace(Adam=lambda params, **given: given))
hyper = optimizers.hyperparameters("adam", {"lr": 0.1})

def fused(is_cuda, **more):
    given = adapter.native_optimizer(
        torch, "adam", hyper, [SimpleNamespace(is_cuda=is_cuda)], 0.1, **more)
    return given.get("fused")

print(json.dumps({"cpu": fused(False), "cuda": fused(True),
                  "float64 in a graph": fused(True, **adapter.cuda.capturable(True))}))
"""


def test_a_pytorch_that_sees_no_device_says_so(module: Any) -> None:
    with pytest.raises(ImportError, match=r"sees no CUDA device$"):
        module.set_precision(toolkit(available=False))


def tensorflow(*gpus: str) -> Any:
    """Return the part of ``tensorflow`` that a GPU needs, TF32 on as it is by default."""
    state = SimpleNamespace(tf32=True)
    experimental = SimpleNamespace(
        enable_tensor_float_32_execution=lambda on: setattr(state, "tf32", on),
        tensor_float_32_execution_enabled=lambda: state.tf32,
        get_device_details=lambda gpu: {"device_name": gpu, "compute_capability": (9, 0)},
    )
    return SimpleNamespace(
        __version__="2.21.0",
        config=SimpleNamespace(
            list_physical_devices=lambda kind: list(gpus), experimental=experimental
        ),
        sysconfig=SimpleNamespace(get_build_info=lambda: {"cuda_version": "12.8"}),
        test=SimpleNamespace(is_built_with_cuda=lambda: True),
    )


def test_tensorflow_turns_tf32_off_and_reads_it_back() -> None:
    found = load_class(str(ADAPTERS / "bakeoff_tensorflow" / "adapter.py"), "TensorflowAdapter")
    adapter, tf = sys.modules[found.__module__], tensorflow("Toy")
    assert adapter._describe_gpu(tf, "Toy")["modes"] == {"tf32": True}
    told = adapter._describe_gpu(tf, adapter._full_precision(tf))
    assert told["modes"] == {"tf32": False}
    assert told["device"] == "cuda (Toy, compute capability 9.0)"
    with pytest.raises(ImportError, match=r"TensorFlow 2\.21\.0 sees no CUDA device$"):
        adapter._full_precision(tensorflow())


# -- with one ------------------------------------------------------------------------------


@pytest.mark.toolkit
@pytest.mark.parametrize("family", FAMILIES)
@pytest.mark.parametrize("backend", ["torch-cuda", "jax-cuda", "tensorflow-cuda"])
def test_ops_are_within_bounds_on_the_device(
    backend: str, family: str, worker_of: WorkerOf, oracle: Oracle
) -> None:
    found = failures(worker_of(backend), oracle, cases_of("float32", family=family))
    assert not found, "\n".join(f.text for f in found)


@pytest.mark.toolkit
@pytest.mark.parametrize("backend", CUDA)
def test_the_views_of_a_product_on_the_device_agree(backend: str, worker_of: WorkerOf) -> None:
    worker, size = worker_of(backend), 512
    program = trace(
        lambda ops, a, b: a @ b,
        [Value("a", (size, size), "float32"), Value("b", (size, size), "float32")],
    )
    rng = np.random.default_rng(0)
    worker.prepare(program, {n: rng.normal(size=(size, size)).astype("f4") for n in "ab"})
    taken = worker.block(worker.calibrate(5_000_000))
    assert (taken.device_ns is not None) == worker.hello["device_events"]
    if taken.device_ns is not None:
        assert 0 < taken.device_ns <= 1.02 * taken.wall_ns
        assert min(worker.cold(5)) > 0
        assert worker.usage()["device_peak_bytes"] >= 3 * 4 * size * size
