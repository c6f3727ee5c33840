"""Modules loaded by location, without what is beside them."""

import sys

import pytest

from bakeoff_worker import loader


@pytest.fixture
def clean_modules():
    """Forget the modules and finders that a test adds."""
    modules, finders = set(sys.modules), list(sys.meta_path)
    yield
    sys.meta_path[:] = finders
    for name in set(sys.modules) - modules:
        del sys.modules[name]


@pytest.mark.usefixtures("clean_modules")
def test_an_adapter_is_loaded_without_its_registering_package(tmp_path):
    (tmp_path / "__init__.py").write_text("raise RuntimeError('registers the plugin')\n")
    (tmp_path / "lowering.py").write_text("value = 7\n")
    (tmp_path / "adapter.py").write_text(
        "from .lowering import value\nclass A:\n    value = value\n"
    )
    path = list(sys.path)
    adapter = loader.load_class(str(tmp_path / "adapter.py"), "A")
    assert adapter.value == 7
    assert sys.path == path


@pytest.mark.usefixtures("clean_modules")
def test_a_module_that_fails_is_not_left_half_loaded(tmp_path):
    (tmp_path / "broken.py").write_text("1 / 0\n")
    with pytest.raises(ZeroDivisionError):
        loader.load_class(str(tmp_path / "broken.py"), "A")
    assert "bakeoff_adapter.broken" not in sys.modules


@pytest.mark.usefixtures("clean_modules")
def test_files_and_classes_that_are_missing_are_named(tmp_path):
    with pytest.raises(ImportError, match=r"no file .*nowhere\.py"):
        loader.load_class(str(tmp_path / "nowhere.py"), "A")
    (tmp_path / "empty.py").write_text("")
    with pytest.raises(ImportError, match="has no class A"):
        loader.load_class(str(tmp_path / "empty.py"), "A")
    (tmp_path / "text.txt").write_text("")
    with pytest.raises(ImportError, match="is no Python file"):
        loader.load_class(str(tmp_path / "text.txt"), "A")
    with pytest.raises(ImportError, match="packages: no such file or folder"):
        loader.make_importable({"gone": str(tmp_path / "gone")})


@pytest.mark.usefixtures("clean_modules")
def test_packages_are_made_importable_but_not_imported(tmp_path):
    package = tmp_path / "pkg_by_location"
    package.mkdir()
    (package / "__init__.py").write_text("from . import part\n")
    (package / "part.py").write_text("value = 3\n")
    (tmp_path / "beside.py").write_text("")
    loader.make_importable({"pkg_by_location": str(package)})
    assert "pkg_by_location" not in sys.modules
    import pkg_by_location

    assert pkg_by_location.part.value == 3
    with pytest.raises(ImportError):
        import beside  # noqa: F401 - it must not be found


def test_locations_must_be_names_to_paths():
    with pytest.raises(TypeError, match="expected names to paths"):
        loader.locations({"a": 1})
