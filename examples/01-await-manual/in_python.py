"""Await by hand, in plain Python: the twin of `src/`. Try it: `python -i in_python.py`.

The functions have the names, arguments, results and errors of those in Rust. Half of
`between_steps.rs` is missing: a loop in Python hears Ctrl-C and lets other threads run by itself.
"""

from __future__ import annotations

import inspect
import math
import sys
import time
from collections.abc import Awaitable, Callable, Generator, Iterator
from contextlib import contextmanager
from types import CoroutineType, GeneratorType
from typing import Any, TypeAlias, TypeGuard, TypeVar, cast

T = TypeVar("T")

CanBeAwaited: TypeAlias = Awaitable[T] | Generator[Any, Any, T]
"""What `await` takes; the generator is that of a function decorated with `types.coroutine`."""

Message: TypeAlias = tuple[str, Any]
"""`("send", None)`, `("yield", x)`, `("return", v)` or `("raise", exc)`."""


def await_foo(foo: Callable[[], CanBeAwaited[T]]) -> T:
    """Call `foo()`, drive what it returns to its end, print the result's `repr` and return it."""
    result = drive(foo())
    print("Result of our coroutine:", repr(result))
    return result


def drive(awaitable: CanBeAwaited[T], *, timeout: float | None = None) -> T:
    """Drive `awaitable` to its end, without an event loop, and return its result.

    Raises what the awaitable raises and what `await` raises; RuntimeError for a yield other than
    None and TimeoutError after `timeout` seconds, both after closing the awaitable.
    """
    deadline = deadline_after(timeout)
    steps = get_awaitable(awaitable)
    while True:
        try:
            yielded = next(steps)
        except StopIteration as stop:
            return cast("T", stop.value)
        with closed_on_error(steps):
            refuse_request(yielded)
            look_at_the_clock(deadline, timeout)


def trace(awaitable: CanBeAwaited[Any], *, timeout: float | None = None) -> list[Message]:
    """Drive `awaitable`, answering every yield with None, and return the messages, in order."""
    deadline = deadline_after(timeout)
    steps = get_awaitable(awaitable)
    messages: list[Message] = []
    while True:
        messages.append(("send", None))
        try:
            messages.append(("yield", next(steps)))
        except StopIteration as stop:
            return [*messages, ("return", stop.value)]
        except (KeyboardInterrupt, SystemExit):
            raise
        except BaseException as error:
            return [*messages, ("raise", error)]
        with closed_on_error(steps):
            look_at_the_clock(deadline, timeout)


def get_awaitable(awaitable: object) -> Iterator[Any]:
    """Return the iterator that `await awaitable` steps; raise what `await` raises."""
    if is_generator_coroutine(awaitable):
        return awaitable
    if type(awaitable) is CoroutineType and awaitable.cr_await is not None:
        raise RuntimeError("coroutine is being awaited already")
    returned = call_await(awaitable)
    if type(returned) is CoroutineType or is_generator_coroutine(returned):
        raise returned_a_coroutine(awaitable)
    if not look_up(type(returned), "__next__"):
        raise returned_non_iterator(awaitable, returned)
    return cast("Iterator[Any]", returned)


mro_of, dict_of, flags_of, name_of = (
    type.__dict__[name].__get__ for name in ("__mro__", "__dict__", "__flags__", "__name__")
)
"""What a class has, whatever its metaclass says that it has."""
METHOD_DESCRIPTOR = 1 << 17
"""The flag of the types of what can be called with its object first, and need not be bound."""


def call_await(awaitable: object) -> Any:
    """Call the `__await__` of the object's type, and no attribute of the object itself."""
    for found in look_up(type(awaitable), "__await__"):
        if flags_of(type(found)) & METHOD_DESCRIPTOR:
            return found(awaitable)
        return bind(found, awaitable)()
    raise cannot_be_awaited(awaitable)


def look_up(cls: type, name: str) -> list[Any]:
    """Return what the class or one of its bases defines, in a list, which is empty if none does."""
    return [names[name] for names in map(dict_of, mro_of(cls)) if name in names][:1]


def bind(found: Any, obj: object) -> Any:
    """Ask a descriptor for what it stands for. Before 3.14 its error is hidden behind another."""
    try:
        for get in look_up(type(found), "__get__"):
            return get(found, obj, type(obj))
    except BaseException:
        if sys.version_info >= (3, 14):
            raise
        name = name_of(type(obj))
        raise AttributeError(f"object {name:.50} does not have __await__ method") from None
    return found


def is_generator_coroutine(obj: object) -> TypeGuard[Generator[Any, Any, Any]]:
    """Is it what a generator function returns that `types.coroutine` decorates?"""
    if type(obj) is not GeneratorType:
        return False
    return bool(obj.gi_code.co_flags & inspect.CO_ITERABLE_COROUTINE)


def cannot_be_awaited(obj: object) -> TypeError:
    name = name_of(type(obj))
    if sys.version_info >= (3, 14):
        return TypeError(f"'{name}' object can't be awaited")
    return TypeError(f"object {name} can't be used in 'await' expression")


def returned_a_coroutine(awaitable: object) -> TypeError:
    return must_return_an_iterator(awaitable, "coroutine", "a coroutine")


def returned_non_iterator(awaitable: object, returned: object) -> TypeError:
    before_3_15 = f"non-iterator of type '{name_of(type(returned))}'"
    return must_return_an_iterator(awaitable, full_name(type(returned)), before_3_15)


def must_return_an_iterator(awaitable: object, returned: str, before_3_15: str) -> TypeError:
    if sys.version_info >= (3, 15):
        name = full_name(type(awaitable))
        return TypeError(f"{name}.__await__() must return an iterator, not {returned}")
    return TypeError(f"__await__() returned {before_3_15}")


def full_name(cls: type) -> str:
    """Return the name that PEP 737 calls fully qualified."""
    hidden = cls.__module__ in {"builtins", "__main__"}
    return cls.__qualname__ if hidden else f"{cls.__module__}.{cls.__qualname__}"


def refuse_request(yielded: object) -> None:
    """None asks for nothing but the next step; anything else only an event loop could serve."""
    if yielded is not None:
        raise RuntimeError(f"no event loop here to serve what was yielded: {yielded!r}")


def deadline_after(timeout: float | None) -> float:
    """Return the time, on the monotonic clock, at which `timeout` seconds will have passed."""
    if timeout is None:
        return math.inf
    if math.isnan(timeout):
        raise ValueError("Invalid value NaN (not a number)")
    return time.monotonic() + float(timeout)


def look_at_the_clock(deadline: float, timeout: float | None) -> None:
    if timeout is not None and time.monotonic() >= deadline:
        raise TimeoutError(f"not done within {float(timeout)} seconds")


@contextmanager
def closed_on_error(steps: Iterator[Any]) -> Generator[None, None, None]:
    """On an error in the block, close the steps first; what `close()` raises is its context."""
    try:
        yield
    except BaseException as error:
        reason = error
    else:
        return
    try:
        if close := getattr(steps, "close", None):
            close()
    except (KeyboardInterrupt, SystemExit) as error:
        error.__context__ = reason
        raise
    except BaseException as error:
        reason.__context__ = error
    raise reason
