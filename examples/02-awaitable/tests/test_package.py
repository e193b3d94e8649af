"""What is installed: the classes by their full names, the stub, and no claim on the GIL."""

from __future__ import annotations

import sys
import sysconfig
from importlib.resources import files

import pytest

import awaitable


@pytest.mark.parametrize("name", awaitable.__all__)
def test_each_class_knows_its_module(name: str) -> None:
    assert repr(getattr(awaitable, name)) == f"<class 'awaitable.{name}'>"


def test_type_checkers_find_the_stub() -> None:
    assert {"__init__.pyi", "py.typed"} <= {file.name for file in files(awaitable).iterdir()}


def test_importing_it_does_not_bring_the_gil_back() -> None:
    gil_enabled = getattr(sys, "_is_gil_enabled", lambda: True)()
    assert gil_enabled == (not sysconfig.get_config_var("Py_GIL_DISABLED"))
