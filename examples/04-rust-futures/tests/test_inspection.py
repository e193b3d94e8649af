"""Who looks at a coroutine, a Task or a function finds the line in Rust, and what it returns."""

from __future__ import annotations

import asyncio
import copy
import inspect
import pickle
import sys
from collections.abc import Callable
from typing import Any

import pytest

import rust_futures
from conftest import parked, turns
from rust_futures import Connection, hash_file, open_connection, pending, sleep

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


FUNCTIONS: dict[str, Callable[..., object]] = {
    "a function": hash_file,
    "another": open_connection,
    "a method of the class": Connection.read,
}


@pytest.mark.parametrize("name", FUNCTIONS)
def test_frameworks_that_ask_await_what_it_returns(name: str) -> None:
    assert inspect.iscoroutinefunction(FUNCTIONS[name])


def test_one_that_is_not_marked_is_a_function_that_returns_a_coroutine() -> None:
    assert not inspect.iscoroutinefunction(sleep)


def test_a_method_of_an_object_is_a_coroutine_function_too() -> None:
    async def main() -> list[bool]:
        async def nothing(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
            writer.close()

        async with await asyncio.start_server(nothing, "127.0.0.1", 0) as server:
            port = server.sockets[0].getsockname()[1]
            async with await open_connection("127.0.0.1", port) as connection:
                assert await connection.read() == b""
                methods = [connection.read, connection.readline, connection.close]
                return [inspect.iscoroutinefunction(method) for method in methods]

    assert asyncio.run(main()) == [True, True, False]


def test_it_keeps_its_signature_and_its_documentation() -> None:
    assert str(inspect.signature(open_connection)) == "(host, port, *, limit=65536)"
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


def test_a_name_may_have_a_class_before_it() -> None:
    """`__qualname__` is the whole, `__name__` what follows the last dot."""

    async def main() -> tuple[str, str]:
        async def nothing(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
            writer.close()

        async with await asyncio.start_server(nothing, "127.0.0.1", 0) as server:
            port = server.sockets[0].getsockname()[1]
            async with await open_connection("127.0.0.1", port) as connection:
                coroutine: Any = connection.read()
                names = coroutine.__qualname__, coroutine.__name__
                await coroutine
                return names

    assert asyncio.run(main()) == ("Connection.read", "read")
