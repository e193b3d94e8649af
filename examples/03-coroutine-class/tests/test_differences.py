"""Each row of DIFFERENCES.md, tried on a native coroutine and on ours."""

from __future__ import annotations

import asyncio
import gc
import inspect
import sys
import traceback
import types
import weakref
from collections.abc import Callable, Generator
from pathlib import Path
from types import ModuleType
from typing import Any

import native
import pytest

import coroutine_class

PAGE = (Path(__file__).parent.parent / "DIFFERENCES.md").read_text("utf-8")


def closed(coroutine: Any) -> Any:
    coroutine.close()
    return coroutine


def has_the_native_type(module: ModuleType) -> bool:
    coroutine = closed(module.countdown(1))
    assert asyncio.iscoroutine(coroutine)
    assert inspect.iscoroutine(coroutine) == isinstance(coroutine, types.CoroutineType)
    return inspect.iscoroutine(coroutine)


def can_be_delegated_to_by_a_generator(module: ModuleType) -> bool:
    @types.coroutine
    def generator(inner: Any) -> Generator[Any, Any, Any]:
        return (yield from inner)

    inner = module.countdown(1)
    try:
        return next(generator(inner)) is None
    except TypeError:
        return False
    finally:
        inner.close()


def shows_where_it_stands(module: ModuleType) -> bool:
    coroutine = module.delegate(asyncio.sleep(0, "slept"))
    lines = [coroutine.cr_frame.f_lineno]
    coroutine.send(None)
    lines.append(coroutine.cr_frame.f_lineno)
    has_locals = bool(coroutine.cr_frame.f_locals)
    coroutine.close()
    assert has_locals == (lines[0] != lines[1])
    return has_locals


def says_where_it_was_made(module: ModuleType) -> bool:
    sys.set_coroutine_origin_tracking_depth(1)
    try:
        return closed(module.countdown(1)).cr_origin is not None
    finally:
        sys.set_coroutine_origin_tracking_depth(0)


def can_be_renamed(module: ModuleType) -> bool:
    coroutine = closed(module.countdown(1))
    try:
        coroutine.__name__ = coroutine.__qualname__ = "renamed"
    except AttributeError:
        return False
    return True


def stands_in_a_traceback(module: ModuleType) -> bool:
    with pytest.raises(TypeError) as caught:
        module.delegate(5).send(None)
    return "delegate" in [frame.name for frame in traceback.extract_tb(caught.tb)]


def gives_its_iterator_while_it_is_awaited(module: ModuleType) -> bool:
    shared = module.countdown(1)
    first = module.delegate(shared)
    first.send(None)
    try:
        return bool(shared.__await__())
    except RuntimeError:
        return False
    finally:
        first.close()


def is_suspended_while_the_inner_throw_is_looked_up(module: ModuleType) -> bool:
    seen: list[bool] = []

    class Inner:
        def __await__(self) -> Any:
            return self

        def __next__(self) -> None: ...

        @property
        def throw(self) -> Any:
            seen.append(coroutine.cr_suspended)
            raise AttributeError

    coroutine = module.delegate(Inner())
    coroutine.send(None)
    with pytest.raises(LookupError):
        coroutine.throw(LookupError())
    return seen[0]


def stops_at_the_recursion_limit(module: ModuleType) -> bool:
    tower = [module.countdown(1)]
    for _ in range(900):
        tower.append(module.delegate(tower[-1]))
    limit = sys.getrecursionlimit()
    sys.setrecursionlimit(500)
    try:
        tower[-1].send(None)
    except RecursionError:
        return True
    finally:
        sys.setrecursionlimit(limit)
        for coroutine in tower:
            coroutine.close()
    return False


class Awaitable:
    """Its iterator does not hold it."""

    def __await__(self) -> Any:
        return iter([None])


def holds_the_awaitable(module: ModuleType) -> bool:
    awaitable = Awaitable()
    end = weakref.ref(awaitable)
    coroutine = module.delegate(awaitable)
    del awaitable
    coroutine.send(None)
    held = end() is not None
    coroutine.close()
    return held


def lives_as_long_as_the_traceback(module: ModuleType) -> bool:
    inner = module.delegate(Awaitable())
    end = weakref.ref(inner)
    outer = module.delegate(inner)
    outer.send(None)
    try:
        outer.throw(ValueError(), 5)
    except TypeError as error:
        kept = error
    del inner, outer
    gc.collect()
    assert kept.__traceback__
    return end() is not None


DIFFERENT: dict[str, Callable[[ModuleType], bool]] = {
    "`inspect.iscoroutine`, `isinstance(x, types.CoroutineType)`": has_the_native_type,
    "`yield from x` in a generator of `types.coroutine`": can_be_delegated_to_by_a_generator,
    "`cr_frame`": shows_where_it_stands,
    "`cr_origin`, and where a forgotten one was made": says_where_it_was_made,
    "`__name__`, `__qualname__`": can_be_renamed,
    "a traceback": stands_in_a_traceback,
    "`x.__await__()` while somebody awaits `x`": gives_its_iterator_while_it_is_awaited,
    "the look-up of the inner `throw`, up to 3.14": is_suspended_while_the_inner_throw_is_looked_up,
    "too many inside each other": stops_at_the_recursion_limit,
    "`delegate`, after its first step": holds_the_awaitable,
    "bad arguments of `throw`": lives_as_long_as_the_traceback,
}


def test_the_page_has_these_rows() -> None:
    rows = [line.split("|")[1].strip() for line in PAGE.splitlines() if line.startswith("| ")]
    assert rows == ["", *DIFFERENT]


@pytest.mark.filterwarnings("ignore::DeprecationWarning")  # of several arguments of `throw`
@pytest.mark.parametrize("name", DIFFERENT)
def test_ours_differs(name: str) -> None:
    same = "up to 3.14" in name and sys.version_info >= (3, 15)
    assert (DIFFERENT[name](native), DIFFERENT[name](coroutine_class)) == (not same, False)
