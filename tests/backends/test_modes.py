"""What a user switches on in a toolkit is read back as a mode, and so not ranked with the rest."""

from dataclasses import replace
from pathlib import Path

import pytest
from backends.registered import TIMEOUT_S, built_in

from bakeoff import environments
from bakeoff.worker import Worker, launch_for

pytestmark = pytest.mark.toolkit

SWITCHES = {
    "tf32": ("torch", "TORCH_ALLOW_TF32_CUBLAS_OVERRIDE", "1"),
    "fast_math": ("jax", "XLA_FLAGS", "--xla_cpu_enable_fast_math=true"),
}


@pytest.mark.parametrize("mode", SWITCHES)
def test_a_mode_that_is_on_is_read_back(mode: str, tmp_path: Path) -> None:
    backend, variable, value = SWITCHES[mode]
    registered = built_in()[backend]
    python = environments.provide(registered, progress=print).python
    launch = launch_for(registered, str(python))
    launch = replace(launch, env={**launch.env, variable: value})
    with Worker(launch, TIMEOUT_S, tmp_path) as worker:
        modes = worker.hello["describe"]["modes"]
    assert [name for name, on in modes.items() if on is True] == [mode]


def test_jax_s_precision_of_products_is_a_mode(tmp_path: Path) -> None:
    registered = built_in()["jax"]
    python = environments.provide(registered, progress=print).python
    launch = launch_for(registered, str(python))
    for precision, reduced in (("tensorfloat32", True), ("highest", False)):
        env = {**launch.env, "JAX_DEFAULT_MATMUL_PRECISION": precision}
        with Worker(replace(launch, env=env), TIMEOUT_S, tmp_path) as worker:
            assert worker.hello["describe"]["modes"]["tf32"] is reduced
