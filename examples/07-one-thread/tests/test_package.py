"""What is installed: the classes and functions, the stub, and no claim on the GIL."""

from __future__ import annotations

import sys
import sysconfig
from importlib.resources import files

import pytest

import one_thread


@pytest.mark.parametrize("name", one_thread.__all__)
def test_each_function_says_what_it_does(name: str) -> None:
    """In words of its own, and not in those that it inherits: `RuntimeError` has some, too."""
    thing = getattr(one_thread, name)
    assert thing.__doc__
    inherited = [base.__doc__ for base in getattr(thing, "__mro__", ())[1:]]
    assert thing.__doc__ not in [*inherited, type(thing).__doc__]


def test_type_checkers_find_the_stub() -> None:
    assert {"__init__.pyi", "py.typed"} <= {file.name for file in files(one_thread).iterdir()}


def test_importing_it_does_not_bring_the_gil_back() -> None:
    gil_enabled = getattr(sys, "_is_gil_enabled", lambda: True)()
    assert gil_enabled == (not sysconfig.get_config_var("Py_GIL_DISABLED"))
