"""A toolkit does its arithmetic itself: an adapter that computed in NumPy would be found out."""

import json
import subprocess
from pathlib import Path

import numpy as np
import pytest
from exhibits import BACKENDS, TIMEOUT_S, Museum
from training_loops import BATCHES, training_inputs, training_loop, training_program
from witnesses import WITNESSES

import bakeoff_worker
from bakeoff.launch import launch_for

pytestmark = [pytest.mark.museum, pytest.mark.toolkit]

HERE = Path(__file__).parent
STEPS = 4
OPTIMIZERS = ("sgd", "adam")


@pytest.mark.parametrize("optimizer", OPTIMIZERS)
@pytest.mark.parametrize("backend", BACKENDS)
def test_the_toolkit_itself_does_the_arithmetic(
    backend: str, optimizer: str, museum: Museum, tmp_path: Path
) -> None:
    """With NumPy fit for reading only, steps are right, and made of the toolkit's functions."""
    witness = WITNESSES[backend]
    inputs = training_inputs("float32")
    files = {name: tmp_path / f"{name}.npy" for name in inputs}
    for name, array in inputs.items():
        np.save(files[name], array)
    launch = launch_for(BACKENDS[backend], str(museum.environment(backend).python))
    task = {
        "here": str(HERE),
        "harness": str(Path(bakeoff_worker.__file__).parents[1]),
        "packages": dict(launch.packages),
        "adapter_file": launch.adapter_file,
        "adapter_class": launch.adapter_class,
        "mode": dict(launch.mode),
        "program": training_program(optimizer, "constant", "float32").to_json(),
        "arrays": {name: str(file) for name, file in files.items()},
        "steps": STEPS,
        "prefixes": witness.modules,
        "graph_of": ["graphs", witness.graph] if witness.graph else None,
        "answer": str(tmp_path / "answer.json"),
    }
    (tmp_path / "task.json").write_text(json.dumps(task), encoding="utf-8")
    done = subprocess.run(
        [launch.python, str(HERE / "watched_training.py"), str(tmp_path / "task.json")],
        env=launch.environment(),
        cwd=tmp_path,
        capture_output=True,
        text=True,
        timeout=TIMEOUT_S,
        check=False,
    )
    assert done.returncode == 0, done.stderr[-3000:]
    answer = json.loads((tmp_path / "answer.json").read_text(encoding="utf-8"))
    losses, _ = training_loop(optimizer, "constant", inputs)
    np.testing.assert_allclose(answer["losses"], losses[:STEPS], rtol=5e-5, atol=5e-5)
    names = ["." + name for name in answer["names"]]
    wanted = {*witness.names, *getattr(witness, optimizer)}
    missing = {w for w in wanted if not any(name.endswith("." + w) for name in names)}
    assert not missing, f"{missing} not seen among {' '.join(names)}"


def test_every_backend_has_a_witness() -> None:
    assert set(WITNESSES) == set(BACKENDS)
    assert BATCHES < STEPS  # the batches come round: a graph is run again, not only traced
