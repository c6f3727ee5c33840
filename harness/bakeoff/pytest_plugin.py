"""The pytest plugin: bakeoff's cells as test items, and a backend for your own tests.

``pytest --bakeoff`` adds one item per cell (a case on a backend) to whatever else is
collected, in any repository, also one without tests::

    pytest --bakeoff --bakeoff-backends numpy,torch --bakeoff-suites matmul

An item is named ``bakeoff::matmul/square-float32-64-forward[torch]``. It passes if every
output is within its error bound of the float64 oracle; it is skipped, with the reason, if
the backend cannot run the case or is not available here; anything else is a failure, shown
with the outputs compared, or with the toolkit's stack and the end of its output.

With pytest-benchmark the same item is timed: one group per case, measured inside the
worker, so that no pipe or file is in the figure. ``--benchmark-skip`` and
``--benchmark-disable`` leave the correctness.

The fixture ``bakeoff_backend`` runs workloads of your own on the chosen backends::

    def test_my_layer(bakeoff_backend):
        y = bakeoff_backend.run(lambda ops, x, w: ops.relu(x @ w), x, w)

Without ``--bakeoff`` and without the fixture nothing of bakeoff is imported but this module.
"""

from typing import TYPE_CHECKING

import pytest

if TYPE_CHECKING:
    from bakeoff.pytest_backend import WorkloadBackend
    from bakeoff.pytest_workers import Workers

PRESETS = ("smoke", "quick", "standard", "full")  # as in bakeoff.case, which is not imported
DEFAULT_BACKENDS = "numpy"


def pytest_addoption(parser: pytest.Parser) -> None:
    """Declare the options; they are described in ``pytest --help``."""
    group = parser.getgroup("bakeoff", "deep-learning backends: right, and how fast")
    group.addoption(
        "--bakeoff",
        action="store_true",
        help="Collect one item per cell: a case of the chosen suites on a chosen backend.",
    )
    group.addoption(
        "--bakeoff-backends",
        metavar="NAMES",
        default=None,
        help="Backends, comma-separated, for the cells and for the bakeoff_backend fixture; "
        f"'jax==0.9.*' is jax with that version. Default: {DEFAULT_BACKENDS}, in place.",
    )
    group.addoption(
        "--bakeoff-suites",
        metavar="NAMES",
        default=None,
        help="Suites, comma-separated. Default: all.",
    )
    group.addoption(
        "--bakeoff-preset",
        choices=PRESETS,
        default="smoke",
        help="How many cases a suite yields, and how large. Default: %(default)s.",
    )
    group.addoption(
        "--bakeoff-cases",
        metavar="GLOB",
        action="append",
        default=[],
        help="Only cases whose id matches: 'matmul/square-*-64-*'. May be repeated.",
    )
    group.addoption(
        "--bakeoff-in-place",
        action="store_true",
        help="Run every backend in the environment that runs pytest; make no environments.",
    )
    group.addoption(
        "--bakeoff-threads",
        metavar="N",
        type=int,
        default=1,
        help="Threads for every backend alike; with one, workers share one core. "
        "Default: %(default)s.",
    )
    group.addoption(
        "--bakeoff-timeout",
        metavar="SECONDS",
        type=float,
        default=60.0,
        help="How long a worker may take to answer one request. Default: %(default)s.",
    )
    group.addoption(
        "--bakeoff-plugin",
        metavar="FILE",
        action="append",
        default=[],
        help="A file or module that registers backends or suites. May be repeated. Write "
        "--bakeoff-plugin=FILE: pytest looks for its root at paths that stand alone.",
    )


@pytest.hookimpl(tryfirst=True)  # before -k, -m, --last-failed and pytest-benchmark look
def pytest_collection_modifyitems(session: pytest.Session, items: list[pytest.Item]) -> None:
    """Add the cells to what was collected."""
    if session.config.getoption("bakeoff"):
        from bakeoff.pytest_cells import collect

        items.extend(collect(session))


def pytest_report_header(config: pytest.Config) -> str | None:
    """Say which cells will be collected."""
    if not config.getoption("bakeoff"):
        return None
    suites = config.getoption("bakeoff_suites") or "all"
    names = config.getoption("bakeoff_backends") or DEFAULT_BACKENDS
    preset = config.getoption("bakeoff_preset")
    threads = config.getoption("bakeoff_threads")
    return f"bakeoff: backends {names}; suites {suites}; preset {preset}; threads {threads}"


def pytest_report_collectionfinish(config: pytest.Config) -> list[str]:
    """Name the plugins and suites that could not be used."""
    if not config.getoption("bakeoff"):
        return []
    from bakeoff.pytest_cells import problems

    return problems(config)


def pytest_generate_tests(metafunc: pytest.Metafunc) -> None:
    """Run a test that asks for ``bakeoff_backend`` once per chosen backend."""
    if "bakeoff_backend" in metafunc.fixturenames:
        from bakeoff.variants import split

        names = split(metafunc.config.getoption("bakeoff_backends") or DEFAULT_BACKENDS)
        metafunc.parametrize("bakeoff_backend", names, indirect=True)


@pytest.fixture(scope="session")
def bakeoff_workers(pytestconfig: pytest.Config) -> "Workers":
    """The session's workers, one per backend, started when first asked for."""
    from bakeoff.pytest_workers import workers_of

    return workers_of(pytestconfig)


@pytest.fixture
def bakeoff_backend(
    request: pytest.FixtureRequest, bakeoff_workers: "Workers"
) -> "WorkloadBackend":
    """A backend that runs workloads: ``run(workload, *arrays)``, ``gradient(...)``.

    The test runs once per name in ``--bakeoff-backends`` (``numpy`` by default) and is
    skipped, with the reason, where the backend is not available.
    """
    from bakeoff.pytest_backend import WorkloadBackend

    return WorkloadBackend(request.param, bakeoff_workers)
