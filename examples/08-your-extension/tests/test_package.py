"""What is installed: documents, types that agree with the module, and no claim on the GIL."""

from __future__ import annotations

import ast
import inspect
import operator
import subprocess
import sys
import sysconfig
from importlib.resources import files
from pathlib import Path

import pytest

import your_extension


@pytest.mark.parametrize("name", your_extension.__all__)
def test_each_name_says_what_it_is(name: str) -> None:
    """In words of its own, and not in those that it inherits."""
    thing = getattr(your_extension, name)
    inherited = [base.__doc__ for base in getattr(thing, "__mro__", ())[1:]]
    assert thing.__doc__
    assert thing.__doc__ not in [*inherited, type(thing).__doc__]


def test_type_checkers_find_the_stub() -> None:
    installed = {file.name for file in files(your_extension).iterdir()}
    assert {"__init__.pyi", "py.typed"} <= installed


def test_the_stub_agrees_with_the_module(tmp_path: Path) -> None:
    """Mypy alone would not say so: it believes the stub."""
    pytest.importorskip("mypy.stubtest")
    allowed = tmp_path / "allowed"
    # Maturin puts the compiled module into a package of its name: the stub is the package's.
    allowed.write_text(r"your_extension\.your_extension", "utf-8")
    stubtest = [sys.executable, "-m", "mypy.stubtest", "your_extension", "--allowlist"]
    done = subprocess.run(
        [*stubtest, allowed], cwd=tmp_path, capture_output=True, text=True, check=False
    )
    assert done.returncode == 0, done.stdout + done.stderr


def test_frameworks_see_what_is_to_be_awaited() -> None:
    """What the stub declares with `async def` says so itself, or Starlette does not await it."""
    stub = ast.parse((files(your_extension) / "__init__.pyi").read_text("utf-8"))
    classes = [node for node in stub.body if isinstance(node, ast.ClassDef)]
    bodies = [("", stub.body), *((f"{it.name}.", it.body) for it in classes)]
    declared = {
        scope + function.name
        for scope, body in bodies
        for function in body
        if isinstance(function, ast.AsyncFunctionDef)
    }
    assert declared
    told = {name for name in declared if inspect.iscoroutinefunction(named(name))}
    assert declared == told


def named(name: str) -> object:
    return operator.attrgetter(name)(your_extension)


def test_importing_it_does_not_bring_the_gil_back() -> None:
    gil_enabled = getattr(sys, "_is_gil_enabled", lambda: True)()
    assert gil_enabled == (not sysconfig.get_config_var("Py_GIL_DISABLED"))
