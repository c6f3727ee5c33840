"""The examples in the engine's docstrings run."""

import doctest
import importlib
import pkgutil

import pytest

import bakeoff_reference

MODULES = [m.name for m in pkgutil.walk_packages(bakeoff_reference.__path__, "bakeoff_reference.")]


@pytest.mark.parametrize("name", MODULES)
def test_examples(name: str) -> None:
    assert doctest.testmod(importlib.import_module(name)).failed == 0
