"""Every command of a healthy worker."""

import os
import time
from pathlib import Path

import numpy as np
import pytest

from bakeoff.record import Outcome
from bakeoff.worker import WorkerFailure


def test_hello_says_what_the_toolkit_offers(shared):
    hello = shared.hello
    assert {"python", "numpy", "pid", "affinity", "describe", "unsupported"} <= set(hello)
    assert "matmul" in hello["ops"]
    assert hello["dtypes"] == ["float32", "float64", "int64"]
    assert hello["asks"] == ["forward", "gradient", "training"]
    assert "adam" in hello["optimizers"]
    assert 0 < hello["import_ns"] < hello["ready_ns"] < 20e9


def test_describe_may_hold_numpy_scalars(shared):
    assert shared.hello["describe"]["notes"][1] == 1.5


def test_forward_returns_the_outputs(shared, product, factors):
    costs = shared.prepare(product, factors)
    assert costs["transfer_ns"] > 0
    assert costs["compile_ns"] > 0
    (c,), first = shared.call()
    (again,), second = shared.call()
    assert c.dtype == np.float32
    np.testing.assert_allclose(c, factors["a"] @ factors["b"], rtol=1e-6)
    np.testing.assert_array_equal(c, again)
    assert first["first"]
    assert not second["first"]
    assert first["wall_ns"] > 0


def test_gradient_returns_outputs_then_gradients_in_wrt_order(shared, product_gradient, factors):
    a, b = (factors[k].astype("float64") for k in "ab")
    c = np.arange(15.0).reshape(3, 5)
    shared.prepare(product_gradient, {"a": a, "b": b, "c": c})
    (out, grad_b, grad_a), _ = shared.call()
    np.testing.assert_allclose(out, a @ b)
    np.testing.assert_allclose(grad_b, a.T @ c)
    np.testing.assert_allclose(grad_a, c @ b.T)


def test_inputs_may_be_files_written_once(shared, product, factors, tmp_path):
    paths = {}
    for name, array in factors.items():
        paths[name] = tmp_path / f"{name}.npy"
        np.save(paths[name], array)
    shared.prepare(product, paths)
    (c,), _ = shared.call()
    np.testing.assert_allclose(c, factors["a"] @ factors["b"], rtol=1e-6)
    assert all(p.exists() for p in paths.values())


def test_resident_inputs_come_back_as_sent(shared, product, factors):
    shared.prepare(product, factors)
    shared.call()
    for name, (array,) in shared.inputs().items():
        np.testing.assert_array_equal(array, factors[name])


def test_a_block_has_the_calibrated_length(shared, product, factors):
    shared.prepare(product, factors)
    loops = shared.calibrate(20_000_000)
    block = shared.block(loops)
    assert block.loops == loops > 10
    assert 2e6 < block.wall_ns < 2e9  # a loaded machine may stretch it
    assert block.cpu_ns > 0
    assert block.involuntary >= 0


def test_usage_gives_the_peak_of_this_program(shared, product, factors):
    shared.prepare(product, factors)
    usage = shared.usage()
    assert 5e6 < usage["rss_bytes"] <= usage["peak_rss_bytes"] < 4e9


def test_usage_gives_what_the_toolkit_says_of_its_device(start):
    assert start(mode={"device_peak_bytes": 123_456}).usage()["device_peak_bytes"] == 123_456
    assert "device_peak_bytes" not in start().usage()


def test_prepare_says_whether_the_peak_is_the_programs(start, product, factors):
    resettable = os.access("/proc/self/clear_refs", os.W_OK)
    assert start().prepare(product, factors)["peak_is_of_program"] == resettable


def test_arrays_never_travel_as_pickles(shared, product, factors):
    with pytest.raises(ValueError, match="allow_pickle"):
        shared.prepare(product, {**factors, "a": np.array([[object()]])})
    shared.usage()


def test_the_scratch_folder_is_emptied_between_requests_and_removed(start, product, factors):
    worker = start()
    worker.prepare(product, factors)
    worker.call()
    folder = worker._folder
    assert not list(folder.glob("*.npy"))
    worker.close()
    assert not folder.exists()
    worker.close()


@pytest.mark.parametrize(
    ("command", "message"),
    [
        (lambda w: w.call(), "no program is resident"),
        (lambda w: w.block(1), "no program is resident"),
        (lambda w: w._ask("dance", None), "command 'dance', expected one of"),
    ],
    ids=["call", "block", "unknown"],
)
def test_a_request_out_of_order_is_an_error_that_says_what_is_missing(shared, command, message):
    shared.release()
    with pytest.raises(WorkerFailure, match=message) as caught:
        command(shared)
    assert caught.value.outcome == Outcome.ERROR
    assert shared.alive


def test_inputs_must_have_the_programs_shapes(shared, product, factors):
    with pytest.raises(WorkerFailure, match=r"input a has shape \(4, 5\), expected \(3, 4\)"):
        shared.prepare(product, {**factors, "a": factors["b"]})
    with pytest.raises(WorkerFailure, match="no array for input b"):
        shared.prepare(product, {"a": factors["a"]})


def test_a_line_that_is_no_json_is_answered_and_survived(shared):
    reply = shared._process.exchange(b"\xffnot json\n", time.monotonic() + 10)
    assert b'"ok": false' in reply
    assert b"no JSON" in reply
    shared.usage()


def test_unsupported_programs_are_refused_with_the_toolkits_reason(start, product, factors):
    worker = start(mode={"lacks": ["matmul"]})
    with pytest.raises(WorkerFailure) as caught:
        worker.prepare(product, factors)
    assert caught.value.outcome == Outcome.UNSUPPORTED
    assert caught.value.reason == "the fake lacks matmul on purpose"
    assert worker.alive


@pytest.mark.parametrize("dtype", ["float16", "bool"])
def test_a_dtype_that_is_not_offered_is_unsupported(shared, product, factors, dtype):
    values = tuple(v._replace(dtype=dtype) for v in product.inputs)
    with pytest.raises(WorkerFailure, match=f"no {dtype}") as caught:
        shared.prepare(product._replace(inputs=values), factors)
    assert caught.value.outcome == Outcome.UNSUPPORTED


def test_an_optimizer_that_does_not_exist_is_unsupported(shared, regression, regression_inputs):
    program = regression("sgd", {"lr": 0.1})
    with pytest.raises(WorkerFailure, match="optimizer lion is not offered"):
        shared.prepare(
            program._replace(ask={**program.ask, "optimizer": "lion"}), regression_inputs, 4
        )


def test_the_log_can_be_kept(start, product, factors, tmp_path: Path):
    log = tmp_path / "kept.log"
    worker = start(log=log, mode={"fault": "garbage"})
    worker.prepare(product, factors)
    worker.call()
    worker.close()
    assert "garbage" in log.read_text(errors="replace")
    assert os.listdir(tmp_path) == ["kept.log"]
