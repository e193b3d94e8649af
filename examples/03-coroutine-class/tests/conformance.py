"""CPython's own tests, with their coroutines wrapped in `delegate`: `python tests/conformance.py`.

`test_coroutines` drives each coroutine through `delegate`; in `test_asyncio.test_tasks` each Task
is given `delegate(coroutine)`. Tests that look at the wrapped object itself must fail; they are
listed here, and one that passes after all is an error too. Needs the interpreter's `test` package.
"""

from __future__ import annotations

import asyncio
import inspect
import sys
import unittest
from collections.abc import Callable
from importlib import import_module
from typing import Any

from coroutine_class import delegate

# What each test of test_tasks looks at that a wrapper cannot hide.
EXPECTED = {
    "test_get_coro": "the identity of the Task's coroutine",
    "test_get_stack": "the frames of the coroutine, of which the wrapper's has no caller",
    "test_task_repr": "the name of the Task's coroutine",
    "test_task_source_traceback": "the frame that makes the Task, which is here in between",
}


if sys.version_info >= (3, 12):
    EXPECTED["test_ensure_future_task_awaitable"] = "the type of the Task's coroutine"


def wrapped(coro: Any) -> Any:
    """Wrap a coroutine, and leave anything else for the test to see refused."""
    return delegate(coro) if inspect.iscoroutine(coro) else coro


def run_through_delegate(coro: Any) -> tuple[list[Any], Any]:
    """Do what the `run_async` of test_coroutines does, from outside of a `delegate`."""
    outer, yielded = delegate(coro), []
    while True:
        try:
            yielded.append(outer.send(None))
        except StopIteration as stop:
            return yielded, stop.args[0] if stop.args else None


def with_coroutine_wrapped(function: Callable[..., Any], place: int) -> Callable[..., Any]:
    """Return `function` with its argument at `place` wrapped."""

    def call(*arguments: Any, **keywords: Any) -> Any:
        if "coro" in keywords:
            return function(*arguments, **{**keywords, "coro": wrapped(keywords["coro"])})
        before, coro, after = arguments[:place], arguments[place], arguments[place + 1 :]
        return function(*before, wrapped(coro), *after, **keywords)

    return call


def suite() -> unittest.TestSuite:
    test_coroutines: Any = import_module("test.test_coroutines")
    test_tasks: Any = import_module("test.test_asyncio.test_tasks")

    loop_class: Any = asyncio.base_events.BaseEventLoop
    loop_class.create_task = with_coroutine_wrapped(loop_class.create_task, 1)
    test_case = test_tasks.BaseTaskTests
    test_case.new_task = with_coroutine_wrapped(test_case.new_task, 2)
    test_coroutines.run_async = run_through_delegate
    load = unittest.defaultTestLoader.loadTestsFromModule
    return unittest.TestSuite([load(test_coroutines), load(test_tasks)])


def main() -> int:
    result = unittest.TextTestRunner(verbosity=0).run(suite())
    failed = {test.id().rpartition(".")[2] for test, _ in [*result.failures, *result.errors]}
    for name in sorted(failed - EXPECTED.keys()):
        print("failed, and should pass:", name)
    for name in sorted(EXPECTED.keys() - failed):
        print("passed, and is said to fail:", name)
    print(
        f"{result.testsRun} tests ran; {len(failed)} fail by name, {len(EXPECTED)} are expected to"
    )
    return failed != EXPECTED.keys() or result.testsRun < 900


if __name__ == "__main__":
    sys.exit(main())
