"""The BLAS that NumPy has loaded, for toolkits that compute through it: its threads, its core."""

from typing import Any, Dict, List

Library = Dict[str, Any]


def limit_threads(threads: int) -> None:
    """Limit the libraries loaded so far, for good: import NumPy first."""
    import threadpoolctl

    threadpoolctl.threadpool_limits(threads)


def libraries() -> List[Library]:
    """Return each BLAS with its version, core type and number of threads, as it says itself."""
    import threadpoolctl

    return [
        {
            "name": p["internal_api"],
            "version": p["version"],
            "core": p.get("architecture", ""),
            "threads": p["num_threads"],
            "file": p["filepath"].rsplit("/", 1)[-1],
        }
        for p in threadpoolctl.threadpool_info()
        if p["user_api"] == "blas"
    ]


def threads_of(found: List[Library]) -> int:
    """Return the most threads that any of them uses; without one NumPy uses one."""
    return max([1] + [int(library["threads"]) for library in found])


def openmp_threads() -> int:
    """Return the most threads that any OpenMP runtime in the process would use now."""
    import threadpoolctl

    pools = threadpoolctl.threadpool_info()
    return max([1] + [int(p["num_threads"]) for p in pools if p["user_api"] == "openmp"])
