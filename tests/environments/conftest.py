"""A tiny wheel to install, a cache of its own, and pip settings that need no network."""

import base64
import hashlib
import os
import zipfile
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from bakeoff import installer, pip_settings
from bakeoff.interface import Backend


def write_wheel(folder: Path, name: str, version: str) -> Path:
    """Write a pure-Python wheel of one module."""
    info = f"{name}-{version}.dist-info"
    files = {
        f"{name}.py": f"__version__ = {version!r}\n",
        f"{info}/METADATA": f"Metadata-Version: 2.1\nName: {name}\nVersion: {version}\n",
        f"{info}/WHEEL": "Wheel-Version: 1.0\nGenerator: tests\nRoot-Is-Purelib: true\n"
        "Tag: py3-none-any\n",
    }
    record = ""
    for path, text in files.items():
        digest = base64.urlsafe_b64encode(hashlib.sha256(text.encode()).digest()).rstrip(b"=")
        record += f"{path},sha256={digest.decode()},{len(text)}\n"
    files[f"{info}/RECORD"] = f"{record}{info}/RECORD,,\n"
    wheel = folder / f"{name}-{version}-py3-none-any.whl"
    with zipfile.ZipFile(wheel, "w") as archive:
        for path, text in files.items():
            archive.writestr(path, text)
    return wheel


@pytest.fixture(scope="session")
def wheels(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A folder with wheels of ``bakeoff-toy`` and of a stand-in for NumPy."""
    folder = tmp_path_factory.mktemp("wheels")
    write_wheel(folder, "bakeoff_toy", "1.2")
    write_wheel(folder, "bakeoff_toy", "1.3")
    write_wheel(folder, "numpy", "2.0")
    return folder


@pytest.fixture
def offline(wheels: Path, monkeypatch: pytest.MonkeyPatch) -> pip_settings.PipSettings:
    """Pip is told of the wheels' folder and of no index."""
    settings = pip_settings.PipSettings(no_index=True, find_links=(str(wheels),))
    monkeypatch.setattr(pip_settings, "read", lambda environ=None: settings)
    for name in [n for n in os.environ if n.startswith(("UV_INDEX", "UV_DEFAULT_INDEX"))]:
        monkeypatch.delenv(name)
    return settings


@pytest.fixture
def without_uv(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(installer, "uv_binary", lambda: None)


BackendOf = Callable[..., Backend]


@pytest.fixture
def toy() -> BackendOf:
    """Make a backend that needs ``bakeoff-toy``."""

    def backend(**changes: Any) -> Backend:
        options: dict[str, Any] = {
            "name": "toy",
            "title": "Toy",
            "toolkit": "Toy Kit",
            "adapter": "nowhere:Toy",
            "requirements": ("bakeoff-toy==1.2",),
        }
        return Backend(**{**options, **changes})

    return backend
