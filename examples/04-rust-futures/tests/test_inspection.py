"""Who looks at a coroutine, a Task or a function finds the line in Rust, and what it returns."""

from __future__ import annotations

import asyncio
import copy
import inspect
import pickle
import sys

import pytest

import rust_futures
from conftest import parked, turns
from rust_futures import hash_file, pending, sleep

LINE = "src/functions.rs"


async def test_a_tasks_stack_leads_to_the_line_in_rust() -> None:
    task = asyncio.create_task(pending())
    await turns(2)
    (frame,) = task.get_stack()
    assert (frame.f_code.co_filename, frame.f_code.co_name) == (LINE, "pending")
    assert frame.f_lineno == frame.f_code.co_firstlineno > 1
    assert f"pending() running at {LINE}:{frame.f_lineno}" in repr(task)
    task.cancel()


async def test_the_call_graph_of_a_task_leads_to_the_line_in_rust() -> None:
    if sys.version_info < (3, 14):
        pytest.skip("call graphs came with 3.14")
    task = await parked(pending())
    graph = asyncio.format_call_graph(task)
    assert f"File '{LINE}'" in graph
    assert "in pending()" in graph
    task.cancel()


def test_debug_mode_tells_where_a_slow_step_was() -> None:
    async def main() -> str:
        asyncio.get_running_loop().set_debug(True)
        task = asyncio.create_task(sleep(0))
        text = repr(task)
        await task
        return text

    assert LINE in asyncio.run(main())


def test_frameworks_that_ask_await_what_it_returns() -> None:
    assert inspect.iscoroutinefunction(hash_file)


def test_one_that_is_not_marked_is_a_function_that_returns_a_coroutine() -> None:
    assert not inspect.iscoroutinefunction(sleep)


def test_it_keeps_its_signature_and_its_documentation() -> None:
    assert str(inspect.signature(hash_file)) == "(path)"
    assert (hash_file.__doc__ or "").startswith("Awaits to")


def test_it_can_be_pickled_and_copied() -> None:
    assert pickle.loads(pickle.dumps(hash_file)) is hash_file
    assert copy.copy(hash_file) is hash_file


def test_the_class_can_be_subscripted_in_an_annotation() -> None:
    """An annotation is evaluated when the function is made."""

    def function() -> rust_futures.Coroutine[bytes]:
        raise NotImplementedError

    assert inspect.signature(function)
    assert str(rust_futures.Coroutine[bytes]) == "pyo3_await.Coroutine[bytes]"


def test_its_classes_say_which_crate_they_are_of() -> None:
    classes: list[type] = [rust_futures.Coroutine, rust_futures.RustPanic]
    assert [kind.__module__ for kind in classes] == ["pyo3_await"] * 2
