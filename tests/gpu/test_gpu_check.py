"""`make gpu-check` without a GPU: its checks over stand-ins, and its driver over real processes."""

import importlib.util
import json
import math
import sys
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from importlib import import_module
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import numpy as np
import pytest

from bakeoff.plugins import load
from bakeoff.ranking import Ranking, Setting
from bakeoff.record import Block, Check, Outcome, Record
from bakeoff.worker import Worker
from bakeoff_cupy import kernels
from gpu import lt, posing

FOLDER = Path(__file__).parents[2] / "benchmarks" / "gpu"
DEVICE = "NumPy in a GPU's place"
GOOD = {"what": "a", "status": "ok", "found": "b"}


@pytest.fixture(scope="module")
def check() -> Iterator[Any]:
    """The modules of the check, loaded as they are run: with their folder on the path."""
    names = (
        "bench",
        "child",
        "driver",
        "judged",
        "measured",
        "page",
        "provided",
        "steps",
        "storage",
    )
    before = set(sys.modules)
    with pytest.MonkeyPatch.context() as patch:
        patch.syspath_prepend(FOLDER.parent)
        patch.syspath_prepend(FOLDER)
        loaded = {name: import_module(name) for name in names}
        checks = {step.name: import_module(f"checks.{step.name}") for step in loaded["steps"].STEPS}
        spec = importlib.util.spec_from_file_location("gpu_check_main", FOLDER / "__main__.py")
        assert spec is not None
        assert spec.loader is not None
        main = importlib.util.module_from_spec(spec)
        spec.loader.exec_module(main)
        yield SimpleNamespace(**loaded, checks=SimpleNamespace(**checks), main=main)
    for name in set(sys.modules) - before:
        if name in names or name.partition(".")[0] == "checks":
            del sys.modules[name]


@pytest.fixture
def bench(check: Any, tmp_path: Path) -> Any:
    """A device that is NumPy, with the backend's own modules above it."""
    cp = posing.cupy(tmp_path)
    cp.RawKernel = lambda code, name: lambda grid, block, args: posing.queued(lambda: None)
    return check.bench.Bench(cp, lt.Library(posing.queued), "bakeoff_cupy")


def statuses(rows: list[dict[str, Any]]) -> set[str]:
    return {r["status"] for r in rows}


# -- the checks over stand-ins ---------------------------------------------------------------


def test_versions_tell_the_device_and_that_no_rival_has_tf32(check: Any, bench: Any) -> None:
    found = {r["what"]: r for r in check.checks.versions.rows(bench)}
    assert "NumPy in CuPy's place" in found["device"]["found"]
    assert found["TF32"]["status"] == "ok"
    assert found["cuDNN's device descriptor"]["status"] == "not built"


def test_tf32_left_on_is_a_failure(check: Any, bench: Any, monkeypatch: Any) -> None:
    monkeypatch.setenv("CUPY_TF32", "1")
    found = {r["what"]: r["status"] for r in check.checks.versions.rows(bench)}
    assert found["TF32"] == "fail"


def test_every_kernel_has_a_check(check: Any) -> None:
    there = {kernel for its in kernels.KERNELS.values() for kernel in its}
    module = check.checks.kernels
    assert there <= set(module.CASES) | set(module.OPTIMIZED)


@pytest.fixture
def few(monkeypatch: Any) -> None:
    """Some kernels in some instantiations: each costs a second of g++."""
    table = {
        "softmax_cross_entropy": {"softmax_cross_entropy": (("float", "__nv_bfloat16"), ("int",))},
        "optimizers": {"adam": (("__half",),)},
    }
    monkeypatch.setattr(kernels, "KERNELS", table)


@pytest.mark.usefixtures("few")
def test_kernels_are_held_against_float64(check: Any, bench: Any) -> None:
    rows = list(check.checks.kernels.rows(bench))
    assert [r["what"] for r in rows] == ["softmax_cross_entropy", "adam"]
    assert statuses(rows) == {"ok"}
    assert all(0 < r["fraction"] <= 1 for r in rows)


@pytest.mark.parametrize("wrong", [1.01, math.nan], ids=["one-percent", "nan"])
@pytest.mark.usefixtures("few")
def test_a_kernel_that_gives_another_result_fails_and_no_other(
    check: Any, bench: Any, monkeypatch: Any, wrong: float
) -> None:
    launcher = bench.module("launch").Kernels
    launch = launcher.launch

    def planted(self: Any, file: str, kernel: str, grid: Any, block: Any, arguments: Any) -> None:
        launch(self, file, kernel, grid, block, arguments)
        if kernel.startswith("adam"):
            arguments[0][...] = arguments[0] * arguments[0].dtype.type(wrong)

    monkeypatch.setattr(launcher, "launch", planted)
    found = {r["what"]: r["status"] for r in check.checks.kernels.rows(bench)}
    assert found == {"softmax_cross_entropy": "ok", "adam": "fail"}


def test_a_kernel_that_nothing_checks_is_a_failure(
    check: Any, bench: Any, monkeypatch: Any
) -> None:
    monkeypatch.setattr(kernels, "KERNELS", {"optimizers": {"lion": (("float",),)}})
    [row] = check.checks.kernels.rows(bench)
    assert (row["status"], row["found"]) == ("fail", "nothing checks it, of optimizers.cu")


def test_captured_products_are_right_and_have_a_plain_call_s_bits(check: Any, bench: Any) -> None:
    rows = list(check.checks.products.rows(bench))
    assert [r["what"].split(",")[0] for r in rows[::3]] == ["float32", "float16", "bfloat16"]
    assert len(rows) == 9
    assert statuses(rows) == {"ok"}


@pytest.mark.parametrize(
    ("plant", "told"),
    [("stale", "other bits"), ("epilogue", "of the bound")],
)
def test_a_wrong_captured_product_fails(
    check: Any, bench: Any, monkeypatch: Any, plant: str, told: str
) -> None:
    """A replay that computes nothing anew; and a bias that is left out."""
    if plant == "stale":
        monkeypatch.setattr(bench.module("graph").Captured, "launch", lambda self: None)
    else:
        multiply = bench.library._multiply
        monkeypatch.setattr(
            bench.library, "_multiply",
            lambda asked, *others: multiply({**asked, 7: asked[7] & ~4}, *others),
        )  # fmt: skip
    rows = list(check.checks.products.rows(bench))
    failed = [r for r in rows if r["status"] == "fail"]
    assert len(failed) == (9 if plant == "stale" else 6)
    assert all(told in r["found"] for r in failed)


def test_graphs_of_empty_kernels_are_timed_by_events(check: Any, bench: Any) -> None:
    rows = list(check.checks.latency.rows(bench))
    assert [r["kernels"] for r in rows] == list(check.checks.latency.COUNTS)
    assert all(us == pytest.approx(1500 / 200) for r in rows for us in r["replay_us"])


@pytest.fixture
def worker_of(posed: Worker, posed_graph: Worker) -> Any:
    """Workers over stand-ins, in place of those of environments."""

    @contextmanager
    def start(name: str) -> Iterator[Worker]:
        yield {"cupy": posed, "cupy-graph": posed_graph}[name]

    return start


def test_convolutions_without_cudnn_say_so_and_are_still_judged(check: Any, worker_of: Any) -> None:
    module = check.checks.convolution
    digit = [c for c in module.cases() if c.name == "conv2d-digit-float32-grad-filter"]
    how, case = module.rows(worker_of, digit)
    assert how["status"] in ("not built", "ok")
    assert (case["status"], case["what"]) == ("ok", digit[0].name)
    assert 0 < case["fraction"] <= 1


@pytest.mark.parametrize(
    ("described", "status"),
    [({"convolution": "cuDNN 92000"}, "fail"), ({}, "ok")],
    ids=["refused-by-cudnn", "no-cudnn"],
)
def test_a_pass_that_cudnn_refused_is_no_check_of_it(
    check: Any, worker_of: Any, monkeypatch: Any, described: dict[str, str], status: str
) -> None:
    module = check.checks.convolution
    digit = [c for c in module.cases() if c.name == "conv2d-digit-float32-forward"]
    with worker_of("cupy") as worker:
        monkeypatch.setitem(worker.hello, "describe", described)
        monkeypatch.setattr(worker, "usage", lambda: {"im2col_passes": 1})
        _, case = module.rows(worker_of, digit)
    assert case["status"] == status


def test_each_layer_of_the_check_has_three_passes(check: Any) -> None:
    module = check.checks.convolution
    assert len(module.cases()) == 3 * len(module.LAYERS)


def test_what_uses_cudnn_is_known_by_its_description(check: Any) -> None:
    how = check.checks.convolution.how
    assert how({"convolution": "cuDNN 92000 by its frontend"})["status"] == "ok"
    assert how({"convolution": "im2col; no cuDNN: not installed"})["status"] == "not built"
    assert how({"blas": "cuBLASLt"})["status"] == "not built"


def test_replays_are_compared_bit_by_bit(check: Any) -> None:
    compared = check.checks.replay.compared
    eager = [np.ones(3, "f4"), np.arange(6, dtype="f4").reshape(2, 3)]
    assert compared("adam", eager, [a.copy() for a in eager])["status"] == "ok"
    other = [eager[0], np.nextafter(eager[1], 9, dtype="f4")]
    row = compared("adam", eager, other)
    assert row["status"] == "fail"
    assert row["unequal_bytes"] > 0


def test_a_replayed_step_has_the_eager_bits(check: Any, worker_of: Any, monkeypatch: Any) -> None:
    module = check.checks.replay
    sgd, *others = list(module.cases())
    assert [c.name for c in others] == [
        "momentum",
        "nesterov",
        "adagrad",
        "rmsprop",
        "adam",
        "adamw",
    ]
    monkeypatch.setattr(module, "cases", lambda: [sgd])
    monkeypatch.setattr(module, "STEPS", 3)  # of the emulator's
    [row] = module.rows(worker_of)
    assert (row["what"], row["status"]) == ("sgd", "ok"), row


def test_without_nvml_energy_is_not_available_and_says_what_to_install(
    check: Any, monkeypatch: Any
) -> None:
    monkeypatch.setattr(check.checks.energy.nvidia, "describe", list)
    [row] = check.checks.energy.rows(None)
    assert row["status"] == "not available"
    assert "nvidia-ml-py" in row["found"]


def test_clocks_that_were_held_down_fail(check: Any) -> None:
    slowed = check.checks.energy.slowed
    assert slowed([{"clock_events": ["idle"], "power_w": 80.0}])["status"] == "told"
    row = slowed([{"clock_events": ["software power cap"], "power_w": 700.0}])
    assert row["status"] == "fail"
    assert "software power cap" in row["found"]


# -- the table of rivals -----------------------------------------------------------------------


def ranking(ours_ns: int, theirs_ns: int, outcome: Outcome = Outcome.OK, **modes: Any) -> Any:
    """Three rounds of two backends on a device with events."""
    records = [
        Record("s/c", backend, 0, n, outcome if backend == "torch-cuda" else Outcome.OK,
               reason="" if outcome is Outcome.OK else "no such op",
               checks=(Check("y", "bound", 0.0, 1.0, 0.0),),
               blocks=(Block(0, 10, 9 * ns, 1, 0, device_ns=10 * (ns + n)),))
        for n in range(3) for backend, ns in (("cupy", ours_ns), ("torch-cuda", theirs_ns))
    ]  # fmt: skip
    on = {"cupy": Setting("cuda", 1, known=True, events=True, modes={"tf32": False}),
          "torch-cuda": Setting("cuda", 1, known=True, events=True, modes=modes)}  # fmt: skip
    return Ranking((), on, records)


@pytest.mark.parametrize(
    ("theirs_ns", "status"), [(300_000, "ok"), (190_000, "fail")], ids=["3x", "1.9x"]
)
def test_a_race_is_won_by_its_gate(check: Any, theirs_ns: int, status: str) -> None:
    race = check.checks.rivals.Race("step", "s/c", "cupy", "torch-cuda", 2)
    row = check.checks.rivals.judged(race, ranking(100_000, theirs_ns))
    assert row["status"] == status
    assert row["ratio"] == pytest.approx(theirs_ns / 100_000, rel=1e-3)
    assert f"cupy 100 µs (100 to 100); torch-cuda {theirs_ns / 1000:.0f} µs" in row["found"]
    assert "by the device's events" in row["found"]
    assert row["low"] <= row["ratio"] <= row["high"]


@pytest.mark.parametrize(
    ("given", "status", "told"),
    [
        ({"tf32": True}, "error", "not comparable: cupy has tf32 off, torch-cuda on"),
        ({"outcome": Outcome.MISMATCH}, "fail", "torch-cuda: mismatch"),
        ({"outcome": Outcome.UNAVAILABLE}, "not available", "torch-cuda: unavailable no such op"),
        ({"outcome": Outcome.CRASHED}, "lost", "torch-cuda: crashed"),
    ],
    ids=["tf32", "wrong", "not-installed", "crashed"],
)
def test_what_cannot_be_raced_is_shown_as_what_it_is(
    check: Any, given: dict[str, Any], status: str, told: str
) -> None:
    race = check.checks.rivals.Race("step", "s/c", "cupy", "torch-cuda", 0.1)
    row = check.checks.rivals.judged(race, ranking(100, 200, **given))
    assert row["status"] == status
    assert told in row["found"]


def test_a_rival_that_this_checkout_lacks_is_not_built(check: Any) -> None:
    rivals = check.checks.rivals
    race = rivals.Race("step", "two_layer/x", "cupy-nowhere", "torch-nowhere", 1)
    [row] = rivals.rows(None, [race])
    assert (row["status"], row["found"]) == (
        "not built", "no backend cupy-nowhere")  # fmt: skip


def test_a_missing_environment_says_how_to_get_it_beforehand(
    check: Any, tmp_path: Path, monkeypatch: Any
) -> None:
    monkeypatch.setenv("BAKEOFF_CACHE_DIR", str(tmp_path))
    rivals = check.checks.rivals
    [race] = [r for r in rivals.RACES if r.base == "torch-cuda" and r.new == "cupy-graph"]
    [row] = rivals.rows(check.provided.provide(in_place=False), [race])
    assert row["status"] == "not available"
    assert "`bakeoff env create cupy-graph`" in row["found"]


@pytest.mark.alone
def test_a_race_is_run_by_bakeoff_s_own_rounds(check: Any) -> None:
    """Of the processor's backends, in the running Python: the whole way, but for the device."""
    rivals = check.checks.rivals
    case = "two_layer/linear-float32-batch64-adam-step"
    race = rivals.Race("plan vs tape", case, "numpy-plan", "numpy", 1e-3)
    pace = rivals.Pace(budget_s=4, rounds=2, sweeps=2, block_ns=1_000_000, timeout_s=60)
    [row] = rivals.rows(check.provided.provide(in_place=True), [race], pace)
    if "contended" in row["found"]:
        pytest.skip(f"this machine is busy: {row['found']}")
    assert row["status"] == "ok", row
    assert row["low"] <= row["ratio"] <= row["high"]
    assert set(row["times_ns"]) == {"numpy-plan", "numpy"}


def test_a_step_whose_backend_s_environment_is_missing_says_so(
    check: Any, tmp_path: Path, monkeypatch: Any
) -> None:
    """In the step's own process, where nothing is installed."""
    monkeypatch.setenv("BAKEOFF_CACHE_DIR", str(tmp_path))
    command = check.driver.commands(str, in_place=False)
    step = next(s for s in check.steps.STEPS if s.name == "replay")
    with (tmp_path / "records").open("w") as records:
        [done] = check.driver.run([step], command, records, str)
    [row] = done.rows
    assert row["status"] == "not available"
    assert "`bakeoff env create cupy`" in row["found"]


def test_the_races_are_of_cases_that_the_suites_have(check: Any) -> None:
    there = {c.id for s in load().suites.values() for c in s.cases("full")}
    assert {r.case for r in check.checks.rivals.RACES} <= there


def test_the_races_gates_are_those_that_were_set(check: Any) -> None:
    gates = [r.gate for r in check.checks.rivals.RACES]
    assert gates[:5] == [8, 3, 2, 1.2, 1]
    assert set(gates[5:]) == {1 / 1.05, 1 / 1.02}


# -- the driver over real processes --------------------------------------------------------------


def says(*rows: dict[str, Any], then: str = "") -> list[str]:
    """Return a command that emits rows, and goes on with some Python."""
    lines = "".join(f"print({json.dumps(r)!r}, flush=True)\n" for r in rows)
    return [sys.executable, "-c", f"import os, signal, sys, time\n{lines}{then}"]


ENDINGS: dict[str, tuple[str, str, str]] = {
    "well": ("", "ok", ""),
    "with-a-traceback": ("raise ValueError('no such thing')", "error", "no such thing"),
    "device-lost": ("raise RuntimeError('cudaErrorIllegalAddress: an illegal memory access')",
                    "lost", "cudaErrorIllegalAddress"),
    "killed": ("os.kill(os.getpid(), signal.SIGKILL)", "lost", "SIGKILL"),
    "hanging": ("time.sleep(600)", "timeout", "ended after 2 s"),
    "not-a-row": ("print('Warning: something', flush=True)", "error", "expected a row as JSON"),
}  # fmt: skip


@pytest.mark.parametrize("ending", ENDINGS)
def test_however_a_step_ends_its_rows_are_kept_and_the_next_one_runs(
    check: Any, tmp_path: Path, ending: str
) -> None:
    then, status, told = ENDINGS[ending]
    step = check.steps.Step
    steps = [step("first", "First", "run", 2.0 if ending == "hanging" else 60.0),
             step("second", "Second", "run", 60.0)]  # fmt: skip
    commands = {"first": says(GOOD, then=then), "second": says(GOOD)}
    path = tmp_path / "records.jsonl"
    with path.open("w") as records:
        first, second = check.driver.run(steps, lambda s: commands[s.name], records, str)
    assert first.rows[0] == GOOD
    assert (first.status, second.status) == (status, "ok")
    assert told in first.rows[-1]["found"]
    kept = [json.loads(line) for line in path.read_text().splitlines()]
    assert [(r["step"], r["status"]) for r in kept] == [
        *(("first", r["status"]) for r in first.rows), ("second", "ok")]  # fmt: skip


def test_each_row_is_on_the_disk_before_the_next_is_asked_for(check: Any, tmp_path: Path) -> None:
    path = tmp_path / "records.jsonl"
    with path.open("w") as records:
        done = check.driver.Done(check.steps.STEPS[0])
        for number in range(3):
            check.driver._keep(done, records, {**GOOD, "number": number})
            assert json.loads(path.read_text().splitlines()[-1])["number"] == number


def gpu_check(check: Any, out: Path, command: Callable[[Any], list[str]], *arguments: str) -> int:
    """Run the whole command on a machine that seems to have a device."""
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(check.main.devices, "why_missing", lambda device: "")
        patch.setattr(check.main, "device_name", lambda: DEVICE)
        code: int = check.main.main(["--out", str(out), *arguments], command)
    return code


PAGE, RECORDS = "RESULTS-NumPy-in-a-GPU-s-place.md", "RESULTS-NumPy-in-a-GPU-s-place.jsonl"


def test_a_failing_step_stops_no_other_and_shows_on_the_page(check: Any, tmp_path: Path) -> None:
    bad = {"what": "adam", "status": "fail", "found": "7 of the | bound"}
    code = gpu_check(
        check, tmp_path, lambda s: says(GOOD, bad) if s.name == "kernels" else says(GOOD)
    )
    page = (tmp_path / PAGE).read_text()
    assert code == 1
    assert page.startswith(f"# {DEVICE}, checked")
    assert "| 2. Every kernel against float64 | **fail** | 2 |" in page
    assert "| adam | **fail** | 7 of the \\| bound |" in page
    assert page.count("| ok |") >= 2 * 7
    assert len((tmp_path / RECORDS).read_text().splitlines()) == 9


def test_eight_good_steps_are_a_success(check: Any, tmp_path: Path) -> None:
    assert gpu_check(check, tmp_path, lambda step: says(GOOD)) == 0
    assert "**" not in (tmp_path / PAGE).read_text()


@pytest.mark.parametrize("status", ["not built", "not available"])
def test_what_was_not_checked_is_no_success(check: Any, tmp_path: Path, status: str) -> None:
    code = gpu_check(check, tmp_path, lambda step: says({**GOOD, "status": status}))
    assert code == 1
    assert f"**{status}**" in (tmp_path / PAGE).read_text()


def test_ctrl_c_keeps_what_was_done_and_says_what_was_not(check: Any, tmp_path: Path) -> None:
    interrupting = says(GOOD, then="os.kill(os.getppid(), signal.SIGINT); time.sleep(600)")
    code = gpu_check(
        check, tmp_path, lambda step: interrupting if step.name == "kernels" else says(GOOD)
    )
    page = (tmp_path / PAGE).read_text()
    assert code == 130
    assert "| 1. Versions and device descriptor | ok |" in page
    assert "| 2. Every kernel against float64 | **interrupted** | 2 |" in page
    assert page.count("interrupted before it began") == 6
    kept = [json.loads(line) for line in (tmp_path / RECORDS).read_text().splitlines()]
    assert [r["status"] for r in kept[:3]] == ["ok", "ok", "interrupted"]


def test_a_step_without_its_environment_is_not_available_and_others_run(
    check: Any, tmp_path: Path
) -> None:
    def command(step: Any) -> list[str]:
        if step.kind == "device":
            raise check.provided.EnvironmentFailure("say `bakeoff env create cupy`")
        return says(GOOD)

    assert gpu_check(check, tmp_path, command) == 1
    page = (tmp_path / PAGE).read_text()
    assert page.count("say `bakeoff env create cupy`") == 4
    assert "| 7. The table of rivals | ok |" in page


def test_without_a_device_nothing_is_written(check: Any, tmp_path: Path, capsys: Any) -> None:
    out = tmp_path / "out"
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(check.main.devices, "why_missing", lambda device: f"no {device} device")
        assert check.main.main(["--out", str(out)], lambda step: says(GOOD)) == 3
    assert "no cuda device; nothing was checked" in capsys.readouterr().err
    assert not out.exists()


def test_the_steps_are_eight_and_take_less_than_eight_minutes(check: Any) -> None:
    assert len(check.steps.STEPS) == 8
    assert sum(step.limit_s for step in check.steps.STEPS) < 8 * 60


def test_an_unknown_step_is_refused_by_name(check: Any, capsys: Any) -> None:
    with pytest.raises(SystemExit, match="2"):
        check.main.main(["--steps", "kernel"])
    assert "expected to match some of versions, kernels" in capsys.readouterr().err


POSED_CHILD = """
import sys
sys.path[:0] = {paths!r}
from pathlib import Path
from gpu import lt, posing
from child import main
from bench import Bench

def given(name, in_place):
    print("a toolkit that prints")
    cp = posing.cupy(Path({folder!r}))
    return Bench(cp, lt.Library(posing.queued), "bakeoff_cupy")

sys.exit(main(sys.argv[1:], given))
"""


def test_a_step_s_own_process_emits_rows_and_nothing_else(check: Any, tmp_path: Path) -> None:
    """The child as it is, over stand-ins: what is printed there does not mix with rows."""
    script = tmp_path / "posed_child.py"
    paths = [str(FOLDER), str(Path(__file__).parents[1])]
    script.write_text(POSED_CHILD.format(paths=paths, folder=str(tmp_path)))
    code = gpu_check(check, tmp_path, lambda step: [sys.executable, str(script), step.name],
                     "--steps", "versions", "--steps", "products")  # fmt: skip
    page = (tmp_path / PAGE).read_text()
    assert code == 1, "there is no cuDNN frontend"
    assert "| float16, bias and ReLU | ok | the bits of a plain call" in page
    assert "a toolkit that prints" not in page


def test_the_name_of_the_device_is_the_driver_s(check: Any) -> None:
    def named(buffer: Any, size: int, device: Any) -> int:
        buffer.value = b"NVIDIA H100 80GB HBM3"
        return 0

    driver = SimpleNamespace(cuInit=lambda flags: 0, cuDeviceGet=lambda device, number: 0,
                             cuDeviceGetName=named)  # fmt: skip
    assert check.main.device_name(lambda library: driver) == "NVIDIA H100 80GB HBM3"
    broken = SimpleNamespace(cuInit=lambda flags: 999)
    assert check.main.device_name(lambda library: broken) == "unknown device (CUDA error 999)"


TEXT = "template <class T>\n__global__ void f(const T* __restrict__ x, long long* y,\n  int n) {"


def test_a_launch_s_arguments_go_by_the_names_in_the_kernel_s_text(check: Any) -> None:
    assert check.checks.kernels.parameters(TEXT, "f") == ["x", "y", "n"]


@pytest.mark.usefixtures("few")
def test_a_kernel_with_a_parameter_that_is_not_known_of_fails(
    check: Any, bench: Any, monkeypatch: Any
) -> None:
    module = check.checks.kernels
    monkeypatch.setattr(module, "parameters", lambda text, kernel: ["logits", "temperature"])
    row = next(module.rows(bench))
    assert (row["status"], row["found"]) == ("fail", "the check has no temperature for it")
