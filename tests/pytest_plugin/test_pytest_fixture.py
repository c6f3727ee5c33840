"""The fixture `bakeoff_backend`, and the plugin where nobody asks for it."""

from pathlib import Path

import pytest

pytest_plugins = ["pytester"]

PLANTED = str(Path(__file__).with_name("planted.py"))


def test_without_the_option_nothing_is_imported(pytester: pytest.Pytester) -> None:
    """Installed but not asked for: no array library, no worker, no item, no option lost."""
    pytester.makepyfile(
        """
        import sys

        def test_own():
            ours = {m for m in sys.modules if m.split(".")[0].startswith("bakeoff")}
            assert ours == {"bakeoff", "bakeoff.hookspecs", "bakeoff.pytest_plugin"}
            assert "numpy" not in sys.modules
        """
    )
    result = pytester.runpytest_subprocess("-v", "-W", "error")
    result.assert_outcomes(passed=1)
    assert "bakeoff:" not in result.stdout.str()


WORKLOADS = """
    import numpy as np
    import pytest

    X = np.array([[1.0, -2.0], [3.0, 4.0]], dtype=np.float32)
    W = np.array([[1.0, 2.0], [0.5, -1.0]], dtype=np.float32)

    def layer(ops, x, w):
        return ops.relu(x @ w)

    def test_run(bakeoff_backend):
        y = bakeoff_backend.run(layer, X, W)
        assert y.dtype == np.float32
        np.testing.assert_allclose(y, np.maximum(X @ W, 0))

    def test_run_gives_a_tuple_for_several_outputs(bakeoff_backend):
        y, z = bakeoff_backend.run(lambda ops, x: (x + x, ops.exp(x)), X)
        np.testing.assert_allclose(z, np.exp(X), rtol=1e-6)

    def test_gradient(bakeoff_backend):
        mask = (X @ W > 0).astype(np.float32)
        dx, dw = bakeoff_backend.gradient(layer, X, W)
        np.testing.assert_allclose(dx, mask @ W.T)
        np.testing.assert_allclose(dw, X.T @ mask)
        only = bakeoff_backend.gradient(layer, X, W, wrt="w", cotangents=[2 * np.ones((2, 2))])
        np.testing.assert_allclose(only, X.T @ (2 * mask))
        (same,) = bakeoff_backend.gradient(layer, X, W, wrt=[1])
        np.testing.assert_allclose(same, dw)

    def test_describe(bakeoff_backend, request):
        assert request.node.name == f"test_describe[{bakeoff_backend.name}]"
        assert bakeoff_backend.describe["threads"] == 1
        assert "float32" in bakeoff_backend.dtypes

    def test_softmax(bakeoff_backend):
        y = bakeoff_backend.run(lambda ops, x: ops.softmax(x), X)
        np.testing.assert_allclose(y.sum(axis=-1), 1, rtol=1e-6)

    def test_wrong_shapes_are_errors(bakeoff_backend):
        with pytest.raises(ValueError, match="matmul"):
            bakeoff_backend.run(layer, X, W[:1])
"""


def test_workloads_run_on_numpy_unless_told_otherwise(pytester: pytest.Pytester) -> None:
    """``run``, ``gradient`` and ``describe``, with no option at all."""
    pytester.makepyfile(WORKLOADS)
    result = pytester.runpytest_subprocess("-v", "-W", "error")
    result.assert_outcomes(passed=6)
    result.stdout.fnmatch_lines(["*::test_run[[]numpy] PASSED*"])


def test_workloads_run_on_every_chosen_backend(pytester: pytest.Pytester) -> None:
    """Once per backend; what a backend cannot do skips, what fails in it fails."""
    pytester.makepyfile(WORKLOADS)
    result = pytester.runpytest_subprocess(
        "--bakeoff-backends=numpy-plan,fake,absent,raising",
        f"--bakeoff-plugin={PLANTED}",
        "--bakeoff-in-place",
        "-rsf",
    )
    # numpy-plan: all; fake: all but softmax; absent: what is refused before; raising: that
    # and what needs no call
    result.assert_outcomes(passed=6 + 5 + 1 + 2, skipped=0 + 1 + 5 + 1, failed=3)
    result.stdout.fnmatch_lines_random(
        [
            "SKIPPED * fake: unsupported: op softmax is not offered",
            "SKIPPED * absent: unavailable: backend absent: surely-not-installed*",
            "E   *WorkerFailure: error: RuntimeError: the fake fails on purpose*",
            "E   *in fail",  # the toolkit's stack
        ]
    )


def test_a_misspelt_backend_is_told_without_a_traceback(pytester: pytest.Pytester) -> None:
    pytester.makepyfile("def test_own(bakeoff_backend): bakeoff_backend.run(lambda ops, x: x, [1])")
    result = pytester.runpytest_subprocess("--bakeoff-backends", "nmpy")
    result.assert_outcomes(failed=1)
    assert "no 'nmpy', did you mean numpy" in result.stdout.str()
    assert "UsageError" not in result.stdout.str()
