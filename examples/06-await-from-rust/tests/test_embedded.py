"""A program of Rust that is no module starts Python, and awaits a coroutine from its `main`."""

from __future__ import annotations

import faulthandler
import os
import shutil
import subprocess
import sys
import sysconfig
from pathlib import Path

import pytest

FOLDER = Path(__file__).parent.parent
LONGEST_BUILD = 1_800  # seconds


def require_the_library() -> None:
    """Skip the test if the interpreter cannot be had as a library."""
    variables = sysconfig.get_config_vars()
    if sys.platform == "win32":
        return  # it is one
    if not variables["Py_ENABLE_SHARED"]:
        pytest.skip("this Python is linked statically: there is no library to link a program to")
    library, folder = variables["LDLIBRARY"], Path(variables["LIBDIR"])
    if not any((folder / sub / library).exists() for sub in ("", variables.get("MULTIARCH") or "")):
        pytest.skip(f"{library} is not in {folder}: on Debian the package libpython3-dev has it")


@pytest.fixture
def environment() -> dict[str, str]:
    """For cargo: which Python. For the program on Windows: where that is."""
    if not shutil.which("cargo"):
        pytest.skip("cargo is not here to build the program")
    require_the_library()
    path = os.pathsep.join([sys.base_prefix, os.environ["PATH"]])
    # The Python itself, and not that of an environment: with each other path PyO3 is compiled anew.
    # If a path is given, the wheel has been built with that one.
    python = getattr(sys, "_base_executable", sys.executable)
    return {"PYO3_PYTHON": python, **os.environ, **({"PATH": path} if os.name == "nt" else {})}


def test_it_prints_what_python_has_brought(environment: dict[str, str]) -> None:
    faulthandler.cancel_dump_traceback_later()  # cargo takes its time, and has a limit of its own
    cargo = ["cargo", "run", "--release", "--locked", "--quiet"]
    done = subprocess.run(
        [*cargo, "--features", "embed", "--bin", "embedded"],
        cwd=FOLDER,
        env=environment,
        capture_output=True,
        text=True,
        timeout=LONGEST_BUILD,
        check=False,
    )
    assert (done.stdout, done.returncode) == ("slept: two, one\n", 0), done.stderr
