"""Variants: another version of a backend's toolkit is a backend of its own, all the way."""

import doctest
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from bakeoff import environments, variants
from bakeoff.cli import main
from bakeoff.errors import EnvironmentFailure, UsageError
from bakeoff.interface import Backend
from bakeoff.journal import FILE_NAME, Journal
from bakeoff.plan import choose_backends
from bakeoff.record import Outcome
from bakeoff_jax import BACKENDS as JAX
from bakeoff_torch import BACKENDS as TORCH

BARE = Backend("bare", "Bare", "bare", "bare.py:Bare")
OLD = replace(BARE, name="old", requirements=("imageio==2.*", "strange-old==1.0", "numpy==1.23.5"))
KNOWN = {b.name: b for b in (*JAX, *TORCH, BARE, OLD)}
HERE = ".".join(np.__version__.split(".")[:2])


def test_examples_hold() -> None:
    assert doctest.testmod(variants).failed == 0


@pytest.mark.parametrize(
    ("text", "names"),
    [
        ("numpy", ["numpy"]),
        ("numpy,jax==0.9.*,jax==0.10.*", ["numpy", "jax==0.9.*", "jax==0.10.*"]),
        ("jax>=0.9,<0.10,numpy", ["jax>=0.9,<0.10", "numpy"]),
        ("jax >= 0.9, < 0.10, !=0.9.1 , numpy", ["jax>=0.9,<0.10,!=0.9.1", "numpy"]),
        (" , numpy,,torch ,", ["numpy", "torch"]),
        ("", []),
    ],
)
def test_commas_inside_a_specifier_do_not_part_names(text: str, names: list[str]) -> None:
    assert variants.split(text) == names


@pytest.mark.parametrize(
    ("name", "requirements"),
    [
        ("torch==2.12.*", ("torch==2.12.*", "numpy<3,>=2")),
        ("torch-compile>=2.11,<2.12", ("torch<2.12,>=2.11", "numpy<3,>=2")),
        # jaxlib is pinned as jax is, and goes along: JAX's metadata say which one fits.
        ("jax==0.9.0.1", ("jax==0.9.0.1", "jaxlib", "numpy<3,>=2")),
    ],
)
def test_the_toolkits_requirement_is_replaced(name: str, requirements: tuple[str, ...]) -> None:
    (found,) = choose_backends([name], KNOWN)
    base = KNOWN[found.variant_of]
    assert (found.name, found.requirements) == (name, requirements)
    assert found.title == f"{base.title} {name.removeprefix(base.name)}"
    assert (found.adapter, found.mode, found.env) == (base.adapter, base.mode, base.env)


@pytest.mark.parametrize(
    ("name", "message"),
    [
        ("bare==1.*", "bare installs nothing, of which none is known to be the toolkit's own"),
        ("old==1.*", "old installs imageio==2.*, strange-old==1.0, numpy==1.23.5, of which none"),
        ("jax==", "'==' is no version specifier; expected one such as jax==1.2"),
        ("jax=0.9", "'=0.9' is no version specifier"),
        ("jx==0.9.*", "no 'jx', did you mean jax"),
        ("==0.9.*", "expected NAME==0.9"),
    ],
)
def test_what_is_no_variant_is_refused(name: str, message: str) -> None:
    with pytest.raises(UsageError, match=message):
        choose_backends([name], KNOWN)


@pytest.mark.parametrize(
    ("name", "toolkit", "requirements", "own"),
    [
        ("torch-compile", "PyTorch", ("numpy>=2", "torch==2.*"), "torch"),
        ("tensorflow1", "TensorFlow 1", ("absl-py==2", "tensorflow==1.15"), "tensorflow"),
        ("paddle", "PaddlePaddle", ("setuptools<81", "paddlepaddle==3.*"), "paddlepaddle"),
        ("numpy-plan", "NumPy", ("threadpoolctl>=3", "numpy>=2"), "numpy"),
        ("keras-torch", "Keras", ("torch==2.*", "keras==3.*"), "keras"),
        ("mine", "mine", ("numpy", "my-toolkit==1.*"), "my-toolkit"),
        ("caffe2", "Caffe2", ("future==1.0", "torch==1.8.1"), None),
        ("bare", "bare", (), None),
    ],
)
def test_the_toolkits_own_requirement_is_known_by_its_name(
    name: str, toolkit: str, requirements: tuple[str, ...], own: str | None
) -> None:
    backend = Backend(name, toolkit, toolkit, "x.py:X", requirements=requirements)
    found = variants.toolkit_requirement(backend)
    assert (found.name if found else None) == own


def test_no_two_variants_share_a_file_and_no_name_leads_elsewhere() -> None:
    given = [f"jax{op}0.9{end}" for op in ("===", "==", "!=", "~=", ">=", "<=", ">", "<")
             for end in ("", ".*", ",<1", ",>1", "+cpu", ".1")]  # fmt: skip
    names = [variants.file_name(name) for name in given]
    assert len(set(names)) == len(given)
    for name in names:
        assert set(name) <= set("abcdefghijklmnopqrstuvwxyz0123456789.+-"), name
    assert variants.file_name("torch-compile") == "torch-compile"


def test_in_place_a_version_that_is_not_there_is_refused() -> None:
    base = Backend("np", "NumPy", "NumPy", "np.py:Np", requirements=("numpy>=1",))
    fits, not_there = choose_backends([f"np=={HERE}.*", "np<1"], {"np": base})
    assert environments.provide(fits, in_place=True).resolved == {"numpy": np.__version__}
    with pytest.raises(EnvironmentFailure, match=f"has numpy {np.__version__}, and numpy<1 was"):
        environments.provide(not_there, in_place=True)


@pytest.fixture(autouse=True)
def _own_lock(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Measure without waiting for others on this machine."""
    monkeypatch.setenv("BAKEOFF_CACHE_DIR", str(tmp_path / "cache"))


def run(out: Path, *options: str) -> int:
    return main([
        "run", "--preset", "smoke", "--max-time", "0.01", "--in-place", "--out", str(out),
        "--suites", "matmul", "--no-report", *options,
    ])  # fmt: skip


def outcomes(out: Path) -> dict[str, set[Outcome]]:
    with Journal(out / FILE_NAME) as journal:
        found: dict[str, set[Outcome]] = {}
        for record in journal.records():
            found.setdefault(record.backend, set()).add(record.outcome)
        return found


def test_a_variant_is_a_backend_of_its_own_from_run_to_resume(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    here, gone = f"numpy=={HERE}.*", "numpy>=1,<2"
    assert run(tmp_path / "r", "--backends", f"numpy,{here},{gone}") == 0
    expected = {"numpy": {Outcome.OK}, here: {Outcome.OK}, gone: {Outcome.UNAVAILABLE}}
    assert outcomes(tmp_path / "r") == expected
    with Journal(tmp_path / "r" / FILE_NAME) as journal:
        meta: dict[str, Any] = journal.meta
        reasons = {r.reason for r in journal.records() if r.backend == gone}
    assert [b["name"] for b in meta["backends"]] == ["numpy", here, gone]
    assert [b["variant_of"] for b in meta["backends"]] == ["", "numpy", "numpy"]
    assert all(f"has numpy {np.__version__}" in reason for reason in reasons)
    assert here in capsys.readouterr().out
    assert main(["run", "--resume", str(tmp_path / "r"), "--no-report"]) == 0
    assert outcomes(tmp_path / "r") == expected


def test_a_wrong_variant_on_the_command_line_is_told(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    assert run(tmp_path / "r", "--backends", "numpy,numpy==x.y") == 2
    assert "'==x.y' is no version specifier" in capsys.readouterr().err
    assert not (tmp_path / "r").exists()
