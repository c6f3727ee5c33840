"""Plugins are loaded from three places; each failure is named and stops nothing else."""

import textwrap
from pathlib import Path

import pytest

from bakeoff import plugins

BACKEND = """
from bakeoff import hookimpl
from bakeoff.interface import Backend

@hookimpl
def register_backends(register):
    register(Backend(name="{name}", title="T", toolkit="T", adapter="{adapter}"))
"""


def write(folder: Path, name: str, text: str) -> str:
    path = folder / name
    path.write_text(textwrap.dedent(text), encoding="utf-8")
    return str(path)


def test_builtin_plugins_load_without_problems(tmp_path):
    loaded = plugins.load(start=tmp_path)
    assert loaded.problems == []
    assert {
        "numpy",
        "numpy-plan",
        "numpy-compiled",
        "torch",
        "torch-compile",
        "jax",
    } <= loaded.backends.keys()
    assert {"operators", "matmul", "conv", "two_layer"} <= loaded.suites.keys()
    assert "html" in loaded.report_formats


def test_a_file_registers_a_backend_and_its_adapter_is_found_beside_it(tmp_path):
    path = write(tmp_path, "mine.py", BACKEND.format(name="mine", adapter="adapter.py:Mine"))
    loaded = plugins.load([path], start=tmp_path)
    assert loaded.backends["mine"].adapter == f"{tmp_path / 'adapter.py'}:Mine"


def test_the_users_pyproject_names_plugins(tmp_path):
    write(tmp_path, "mine.py", BACKEND.format(name="mine", adapter="m:M"))
    write(tmp_path, "pyproject.toml", '[tool.bakeoff]\nplugins = ["mine.py"]\n')
    below = tmp_path / "deeper"
    below.mkdir()
    assert "mine" in plugins.load(start=below).backends


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("import no_such_module_anywhere", "ModuleNotFoundError"),
        ("raise SystemError('boom')", "SystemError: boom"),
        ("raise SystemExit(5)", "SystemExit: 5"),
        (BACKEND.format(name="numpy", adapter="m:M"), "'numpy' is taken by plugin numpy"),
        (BACKEND.format(name="No Good", adapter="m:M"), "expected lower-case letters"),
        (BACKEND.format(name="fine", adapter="m"), "expected 'module:Class'"),
        (
            "from bakeoff import hookimpl\n@hookimpl\ndef register_backend(register): ...",
            "unknown hook 'register_backend'",
        ),
        (
            "from bakeoff import hookimpl\n@hookimpl\ndef register_backends(enroll): ...",
            "PluginValidationError",
        ),
        (
            "from bakeoff import hookimpl\n@hookimpl\ndef register_backends(register): register(7)",
            "got int, expected Backend",
        ),
    ],
    ids=["missing-import", "raises", "exits", "clash", "bad-name", "bad-adapter", "unknown-hook",
         "wrong-signature", "wrong-thing"],
)  # fmt: skip
def test_a_bad_plugin_is_named_and_survived(tmp_path, text, expected):
    path = write(tmp_path, "bad.py", text)
    good = write(tmp_path, "good.py", BACKEND.format(name="good", adapter="m:M"))
    loaded = plugins.load([path, good], start=tmp_path)
    assert len(loaded.problems) == 1
    assert "bad.py" in loaded.problems[0]
    assert expected in loaded.problems[0]
    assert {"good", "numpy"} <= loaded.backends.keys()


def test_a_damaged_pyproject_is_a_problem_not_a_crash(tmp_path):
    write(tmp_path, "pyproject.toml", "[tool.bakeoff]\nplugins = 3\n")
    loaded = plugins.load(start=tmp_path)
    assert "expected a list" in loaded.problems[0]


def test_a_plugin_named_twice_is_loaded_once(tmp_path):
    write(tmp_path, "mine.py", BACKEND.format(name="mine", adapter="m:M"))
    write(tmp_path, "pyproject.toml", '[tool.bakeoff]\nplugins = ["mine.py"]\n')
    loaded = plugins.load([str(tmp_path / "mine.py")], start=tmp_path)
    assert loaded.problems == []
