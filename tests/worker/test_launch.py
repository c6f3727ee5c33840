"""How a backend's data become a launch."""

import sys
from pathlib import Path

import pytest

import bakeoff
from bakeoff.errors import PluginError
from bakeoff.interface import Backend
from bakeoff.launch import launch_for

FAKE = Path(__file__).with_name("fake_adapter.py")


def backend(adapter=f"{FAKE}:FakeAdapter", **fields):
    return Backend("fake", "Fake", "fake", adapter, **fields)


def test_an_adapter_may_be_a_file():
    launch = launch_for(
        backend(mode={"scale": 2.0}, env={"FLAGS": "--threads={threads}"}), "python", 4, 1
    )
    assert launch.adapter_file == str(FAKE.resolve())
    assert launch.adapter_class == "FakeAdapter"
    assert launch.mode == {"scale": 2.0}
    assert launch.env == {"FLAGS": "--threads=4"}
    assert (launch.python, launch.threads, launch.cpu, launch.name) == ("python", 4, 1, "fake")


def test_a_toolkit_may_keep_what_it_compiles_for_a_run(tmp_path):
    registered = backend(env={"FLAGS": "x", "KEEP_IN": "{cache}/compiled"})
    alone = launch_for(registered, "python")
    assert (alone.env, alone.caches) == ({"FLAGS": "x"}, False)
    in_run = launch_for(registered, "python", cache=tmp_path)
    assert in_run.env == {"FLAGS": "x", "KEEP_IN": f"{tmp_path}/compiled"}
    assert in_run.caches
    assert not launch_for(backend(), "python", cache=tmp_path).caches


@pytest.fixture
def plugin(tmp_path, monkeypatch):
    folder = tmp_path / "launch_plugin"
    folder.mkdir()
    (folder / "__init__.py").write_text("")
    (folder / "adapter.py").write_text("raise RuntimeError('only a worker may import this')\n")
    (tmp_path / "launch_single.py").write_text("")
    monkeypatch.syspath_prepend(str(tmp_path))
    yield folder
    sys.modules.pop("launch_plugin", None)


def test_an_adapter_may_be_a_module_which_is_found_but_not_imported(plugin):
    launch = launch_for(
        backend("launch_plugin.adapter:A", packages=("launch_plugin", "launch_single")), "python"
    )
    assert launch.adapter_file == str(plugin / "adapter.py")
    assert launch.packages == {
        "launch_plugin": str(plugin),
        "launch_single": str(plugin.parent / "launch_single.py"),
    }
    assert "launch_plugin.adapter" not in sys.modules


@pytest.mark.parametrize(
    ("adapter", "message"),
    [
        ("no/such/file.py:A", "backend fake: no adapter file"),
        ("no_such_module.adapter:A", "backend fake: cannot look up 'no_such_module.adapter'"),
        ("no_such_module:A", "backend fake: 'no_such_module' is no Python module of a file"),
        ("math:A", "backend fake: 'math' is no Python module of a file"),
    ],
)
def test_what_cannot_be_found_is_named(adapter, message):
    with pytest.raises(PluginError, match=message):
        launch_for(backend(adapter), "python")
    assert bakeoff.__version__
