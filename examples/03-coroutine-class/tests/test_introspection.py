"""What others can see of a coroutine: asyncio, inspect, a Task's repr, the call graph of 3.14."""

from __future__ import annotations

import asyncio
import copy
import inspect
import pickle
import re
import runpy
import sys
import warnings
from collections.abc import Coroutine
from importlib import import_module
from pathlib import Path
from types import MethodType, ModuleType
from typing import Any

import pytest

import coroutine_class
from coroutine_class import Coroutine as RustCoroutine
from coroutine_class import FirstTry, Launch, countdown, delegate

FUNCTION = Path(__file__).parent.parent / "src" / "coroutine" / "function.py"
FACTORIES = [coroutine_class.my_coroutine, countdown, delegate]


def test_it_is_a_coroutine_to_asyncio_and_to_the_abc(book: ModuleType) -> None:
    coroutine = book.countdown(1)
    assert asyncio.iscoroutine(coroutine)
    assert inspect.isawaitable(coroutine)
    assert isinstance(coroutine, Coroutine)
    coroutine.close()


def test_inspect_iscoroutine_is_for_the_native_type_alone() -> None:
    coroutine = countdown(1)
    assert not inspect.iscoroutine(coroutine)
    coroutine.close()


def test_it_cannot_be_iterated_over(book: ModuleType) -> None:
    coroutine = book.countdown(1)
    with pytest.raises(TypeError, match="not iterable"):
        iter(coroutine)
    coroutine.close()


def test_names_and_repr_are_like_the_native_ones(book: ModuleType) -> None:
    coroutine = book.countdown(1)
    assert coroutine.__name__ == coroutine.__qualname__ == "countdown"
    assert re.fullmatch(r"<coroutine object countdown at 0x[0-9a-f]+>", repr(coroutine))
    coroutine.close()


def test_cr_await_is_what_it_waits_for(book: Any) -> None:
    future = asyncio.new_event_loop().create_future()
    inner = book.delegate(future)
    coroutine = book.delegate(inner)
    assert not coroutine.cr_await
    assert coroutine.send(None) is future
    assert coroutine.cr_await is inner
    assert type(inner.cr_await) is type(future.__await__())
    coroutine.close()
    assert coroutine.cr_await is None
    future.cancel()
    future.get_loop().close()


def test_its_states_can_be_seen(book: ModuleType) -> None:
    coroutine = book.countdown(1)
    seen = [(coroutine.cr_running, coroutine.cr_suspended)]
    coroutine.send(None)
    seen.append((coroutine.cr_running, coroutine.cr_suspended))
    coroutine.close()
    seen.append((coroutine.cr_running, coroutine.cr_suspended))
    assert seen == [(False, False), (False, True), (False, False)]


def test_inspect_knows_its_state() -> None:
    coroutine: Any = countdown(1)
    assert inspect.getcoroutinestate(coroutine) == inspect.CORO_CREATED
    coroutine.close()
    assert inspect.getcoroutinestate(coroutine) == inspect.CORO_CLOSED


def says_that_it_returns_a_coroutine(function: Any) -> bool:
    """Say what `inspect` says, and asyncio while it has such a question: it goes with 3.16."""
    with warnings.catch_warnings():
        warnings.simplefilter("ignore", DeprecationWarning)
        asyncio_says = asyncio.iscoroutinefunction(function)
    assert asyncio_says == inspect.iscoroutinefunction(function)
    return asyncio_says


@pytest.mark.parametrize("function", FACTORIES, ids=repr)
def test_the_functions_are_coroutine_functions(function: Any) -> None:
    assert says_that_it_returns_a_coroutine(function)
    assert function.__doc__.startswith("Returns a coroutine that")
    assert repr(function).startswith(f"<function {function.__name__} at 0x")


METHODS = [Launch(1).countdown, Launch.countdown, Launch.of, Launch(1).of, Launch.of_class]


@pytest.mark.parametrize("method", METHODS, ids=repr)
def test_the_methods_are_coroutine_functions(method: Any) -> None:
    assert says_that_it_returns_a_coroutine(method)
    assert method.__doc__.startswith("Returns a coroutine that")
    assert import_module(method.__module__).Launch is Launch
    assert method.__qualname__ == f"Launch.{method.__name__}"


def test_the_methods_are_methods() -> None:
    launch = Launch(2)
    method: Any = launch.countdown
    assert isinstance(method, MethodType)
    assert method.__self__ is launch
    coroutine: Any = method()
    assert (coroutine.__qualname__, coroutine.__name__) == ("Launch.countdown", "countdown")
    assert coroutine.cr_code.co_qualname == "Launch.countdown"
    assert coroutine.cr_code.co_name == "countdown"
    assert asyncio.run(coroutine) == asyncio.run(Launch.countdown(launch)) == "liftoff"
    assert asyncio.run(launch.of(1)) == asyncio.run(launch.of_class(1)) == "liftoff"
    with pytest.raises(TypeError):
        Launch.countdown(5)  # type: ignore[arg-type,unused-coroutine]


def test_the_methods_have_signatures() -> None:
    def signature(method: Any) -> str:
        return str(inspect.signature(method))

    assert signature(Launch.countdown) == "(self, /)"
    assert signature(Launch(1).countdown) == "()"
    assert signature(Launch.of) == signature(Launch.of_class) == "(n)"


def test_a_function_in_a_class_becomes_a_method(book: ModuleType) -> None:
    class Holds:
        function: Any = book.countdown

    coroutine = Holds.function(1)
    coroutine.close()
    with pytest.raises(TypeError):
        Holds().function(1)  # one too many


@pytest.mark.parametrize("function", [*FACTORIES, Launch.countdown], ids=repr)
def test_tools_are_told_that_what_marks_a_function_has_no_file(function: Any) -> None:
    """Such as coverage, which would look for it. Nor is it a module that others could import."""
    assert function.__code__.co_filename.startswith("<")
    assert "coroutine functions" not in sys.modules


def odd(_function: Any, function: int = 1, *, last: int = 2) -> tuple[Any, ...]:
    return _function, function, last


def with_a_default_that_is_no_source(number: float = float("inf")) -> float:
    return number


def with_more_than_is_known(*numbers: int, **named: int) -> tuple[Any, ...]:
    return numbers, named


class Unsigned:
    __name__ = "unsigned"

    @property
    def __signature__(self) -> inspect.Signature:
        raise ValueError("as of some functions in C")

    def __call__(self, number: int) -> int:
        return number


def test_a_function_of_any_signature_can_be_marked() -> None:
    """Also of one that cannot be written down."""
    forward = runpy.run_path(str(FUNCTION))["forward"]
    assert forward(odd)("first", last=3) == ("first", 1, 3)
    assert forward(with_a_default_that_is_no_source)() == float("inf")
    assert forward(with_more_than_is_known)(1, two=2) == ((1,), {"two": 2})
    assert forward(Unsigned())(1) == 1


COPIES = [copy.copy, copy.deepcopy, lambda function: pickle.loads(pickle.dumps(function))]


@pytest.mark.parametrize("again", COPIES)
@pytest.mark.parametrize("function", [*FACTORIES, Launch.countdown, Launch.of], ids=repr)
def test_the_functions_can_be_copied_and_pickled(function: Any, again: Any) -> None:
    assert again(function) is function


def test_the_functions_have_signatures() -> None:
    assert str(inspect.signature(countdown)) == "(n)"  # type: ignore[arg-type,unused-ignore]
    with pytest.raises(TypeError, match="missing 1 required positional argument: 'n'"):
        countdown()  # type: ignore[call-arg,unused-coroutine]


def line_of_delegate() -> int:
    """Return the line where the coroutine is made."""
    lines = (Path(__file__).parent.parent / "src" / "delegate.rs").read_text("utf-8").splitlines()
    return 1 + next(n for n, line in enumerate(lines) if 'Coroutine::new("delegate"' in line)


def test_code_and_frame_point_into_the_rust_sources() -> None:
    coroutine: Any = delegate(FirstTry())
    assert coroutine.cr_code.co_name == "delegate"
    assert Path(coroutine.cr_code.co_filename) == Path("src/delegate.rs")
    assert coroutine.cr_frame is not None
    assert coroutine.cr_frame.f_lineno == coroutine.cr_code.co_firstlineno == line_of_delegate()
    assert coroutine.cr_frame.f_back is None
    assert coroutine.cr_frame.f_locals == {}
    assert coroutine.cr_origin is None
    coroutine.close()
    assert coroutine.cr_frame is None


def test_the_repr_of_a_task_says_where_it_stands() -> None:
    async def main() -> str:
        task = asyncio.create_task(countdown(5))
        await asyncio.sleep(0)
        shown = repr(task)
        await task
        return shown

    shown = asyncio.run(main())
    assert re.search(r"coro=<countdown\(\) running at src.countdown\.rs:\d+>", shown)


@pytest.mark.skipif(sys.version_info < (3, 14), reason="the call graph came with 3.14")
def test_the_call_graph_leads_through_delegate() -> None:
    async def waits() -> None:
        await asyncio.sleep(0)

    async def main() -> list[str]:
        task = asyncio.create_task(delegate(waits()))
        await asyncio.sleep(0)
        graph = asyncio.capture_call_graph(task)  # type: ignore[attr-defined,unused-ignore]
        names = [entry.frame.f_code.co_name for entry in graph.call_stack]
        await task
        return names

    assert asyncio.run(main()) == ["sleep", "waits", "delegate"]


def test_the_class_can_neither_be_called_nor_derived_from() -> None:
    with pytest.raises(TypeError, match=r"cannot create|No constructor defined"):
        RustCoroutine()
    with pytest.raises(TypeError, match="not an acceptable base type"):
        type("Derived", (RustCoroutine,), {})


def test_the_class_says_where_it_comes_from() -> None:
    assert RustCoroutine.__module__ == "coroutine_class"
    assert repr(RustCoroutine) == "<class 'coroutine_class.Coroutine'>"


def test_the_class_takes_a_type_parameter() -> None:
    alias: Any = RustCoroutine[int]
    assert (alias.__origin__, alias.__args__) == (RustCoroutine, (int,))
