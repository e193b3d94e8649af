"""Functions that say that they return coroutines: the compiled module contains this file."""

from __future__ import annotations

import functools
import inspect
import sys
from collections.abc import Callable
from typing import Any

Function = Callable[..., Any]


def marked(function: Function, module: str, qualified_name: str) -> Any:
    """Put a function of Python before one of Rust, which takes no mark. It has this name there."""
    call = forward(function)
    functools.update_wrapper(call, function)
    name = qualified_name.rpartition(".")[2]
    call.__module__, call.__qualname__, call.__name__ = module, qualified_name, name
    call.__code__ = call.__code__.replace(co_name=name, co_qualname=qualified_name)
    mark(call)
    return call


def forward(function: Function) -> Any:
    """Make a function that calls this one, with the same parameters if they can be written down.

    A call that gathers its arguments takes longer.
    """

    def gather(*arguments: Any, **keywords: Any) -> Any:
        return function(*arguments, **keywords)

    try:
        return with_parameters(function, inspect.signature(function))
    except (ValueError, SyntaxError, NameError):
        return gather


def with_parameters(function: Function, signature: inspect.Signature) -> Any:
    """Raise ValueError, SyntaxError or NameError for a signature that is no source of Python."""
    parameters = signature.parameters.values()
    gathers = (inspect.Parameter.VAR_POSITIONAL, inspect.Parameter.VAR_KEYWORD)
    if any(it.kind in gathers or it.default is ... for it in parameters):
        raise ValueError("`...` stands for a default that only Rust knows")
    given = [f"{it.name}={it.name}" if it.kind is it.KEYWORD_ONLY else it.name for it in parameters]
    name = "_".join(["function", *signature.parameters])  # that of no parameter
    source = f"lambda {str(signature)[1:-1]}: {name}({', '.join(given)})"
    return eval(source, {name: function})


def mark(function: Any) -> None:
    if sys.version_info >= (3, 12):
        inspect.markcoroutinefunction(function)
    else:
        # `inspect` asks for a flag of the code. A call does not: what makes coroutines is an
        # instruction.
        flags = function.__code__.co_flags | inspect.CO_COROUTINE
        function.__code__ = function.__code__.replace(co_flags=flags)
