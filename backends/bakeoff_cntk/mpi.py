"""The MPI libraries that CNTK is linked with, or stand-ins for them.

CNTK's libraries do not load without ``libmpi.so.12`` and ``libmpi_cxx.so.1`` (Open MPI 1.10),
which distributions no longer have. In a single process it calls nothing of them. Where they
are missing, libraries are compiled that hold the symbols that CNTK asks for; each function
says its name and aborts.
"""

import ctypes
import glob
import os
import shutil
import subprocess
from typing import List, Set

from bakeoff_worker import Unsupported

LIBRARIES = ("libmpi.so.12", "libmpi_cxx.so.1")
_REMEDY = (
    "CNTK: cannot load %s; install Open MPI 1.10's libraries, or gcc and nm (for example with "
    "`apt install gcc binutils`), with which stand-ins are made"
)


def load(site: str, folder: str) -> str:
    """Make MPI's libraries known to the process; return where they come from.

    Parameters
    ----------
    site
        The folder that the package ``cntk`` lies in.
    folder
        Where stand-ins are kept, once made.
    """
    try:
        for name in LIBRARIES:
            ctypes.CDLL(name, mode=ctypes.RTLD_GLOBAL)
        return "the system's"
    except OSError:
        pass
    paths = [os.path.join(folder, name) for name in LIBRARIES]
    if not all(map(os.path.exists, paths)):
        _make(_symbols(site), folder)
    for path in paths:
        ctypes.CDLL(path, mode=ctypes.RTLD_GLOBAL)
    return "stand-ins, never called"


def _symbols(site: str) -> List[str]:
    """Return MPI's symbols that CNTK's libraries use and do not define."""
    tool = shutil.which("nm")
    if tool is None or shutil.which("gcc") is None:
        raise Unsupported(_REMEDY % LIBRARIES[0])
    used: Set[str] = set()
    defined: Set[str] = set()
    for library in glob.glob(os.path.join(site, "cntk", "libs", "*.so*")):
        listed = subprocess.run(
            [tool, "-D", library], stdout=subprocess.PIPE, stderr=subprocess.DEVNULL, check=False
        )
        for line in listed.stdout.decode("ascii", "replace").splitlines():
            kind, symbol = line.split()[-2:]
            (used if kind == "U" else defined).add(symbol.split("@")[0])
    return sorted(s for s in used - defined if s.startswith(("MPI_", "ompi_", "_ZN3MPI")))


def _make(symbols: List[str], folder: str) -> None:
    os.makedirs(folder, exist_ok=True)
    for name, text in zip(LIBRARIES, (_source(symbols), "int bakeoff_no_mpi_cxx;\n")):
        source = os.path.join(folder, name + ".c")
        with open(source, "w") as file:
            file.write(text)
        target = os.path.join(folder, name)
        made = target + ".%d" % os.getpid()  # another process may be at it too
        command = ["gcc", "-shared", "-fPIC", "-w", "-Wl,-soname," + name, "-o", made, source]
        done = subprocess.run(
            command, stdout=subprocess.PIPE, stderr=subprocess.STDOUT, check=False
        )
        if done.returncode:
            raise Unsupported(
                _REMEDY % name + ": gcc says " + done.stdout.decode("utf-8", "replace")[-500:]
            )
        os.rename(made, target)


def _source(symbols: List[str]) -> str:
    """Return C: objects for what are data in Open MPI, functions that abort for the rest."""
    lines = ["#include <stdio.h>", "#include <stdlib.h>"]
    for symbol in symbols:
        if symbol.startswith("ompi_mpi_") and "intercept" not in symbol:
            lines.append("char %s[1024];" % symbol)
        elif symbol.startswith("_ZN3MPI"):  # constructors of C++ objects that nothing uses
            lines.append("void %s(void *p) {}" % symbol)
        else:
            lines.append(
                'int %s(void) { fputs("no MPI: %s called\\n", stderr); abort(); }'
                % (symbol, symbol)
            )
    return "\n".join(lines) + "\n"
