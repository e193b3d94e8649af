"""What can be awaited, what it raises, and in which context it runs."""

from __future__ import annotations

import asyncio
import contextvars
import traceback
import types
from collections.abc import Awaitable, Callable, Generator
from types import ModuleType
from typing import Any

import pytest

import await_from_rust
from conftest import Run, in_trio, turns


async def give() -> str:
    await turns(2)
    return "given"


class HasAwait:
    """No coroutine, and awaitable all the same."""

    def __await__(self) -> Generator[Any, Any, str]:
        return give().__await__()


@types.coroutine
def generator() -> Generator[Any, Any, str]:
    return (yield from give().__await__())


async def forever() -> None:
    await asyncio.Event().wait()


def future() -> asyncio.Future[str]:
    made: asyncio.Future[str] = asyncio.get_running_loop().create_future()
    made.get_loop().call_soon(made.set_result, "given")
    return made


AWAITABLES: dict[str, Callable[[], Awaitable[str]]] = {
    "a coroutine": give,
    "an object with __await__": HasAwait,
    "a generator that is a coroutine": generator,
    "a coroutine of Rust": lambda: await_from_rust.call(give),
    "a future of asyncio": future,
    "a Task of asyncio": lambda: asyncio.ensure_future(give()),
}


@pytest.mark.parametrize("name", AWAITABLES)
def test_any_awaitable(book: ModuleType, run: Run, name: str) -> None:
    async def main() -> Any:
        if in_trio() and name.endswith("of asyncio"):
            pytest.skip("trio has none")
        return await book.call(AWAITABLES[name])

    assert run(main) == "given"


@pytest.mark.parametrize("result", [None, 5, "text", give], ids=["None", "int", "str", "function"])
def test_what_is_no_awaitable_is_the_type_error_of_await(
    book: ModuleType, run: Run, result: Any
) -> None:
    async def main() -> list[str]:
        errors = []
        for awaitable in (result, book.call(lambda: result)):
            try:
                await awaitable
            except TypeError as error:
                errors.append(str(error))
        return errors

    expected, raised = run(main)
    assert raised == expected


def test_a_function_that_raises_before_it_returns(book: ModuleType, run: Run) -> None:
    error = ValueError("no awaitable")

    def function() -> Awaitable[Any]:
        raise error

    async def main() -> None:
        await book.call(function)

    with pytest.raises(ValueError, match="no awaitable") as raised:
        run(main)
    assert raised.value is error


ERRORS: list[BaseException] = [
    KeyError("key"),
    KeyboardInterrupt("Ctrl-C"),
    SystemExit(3),
    StopAsyncIteration("end"),
    asyncio.CancelledError("by itself"),
    BaseExceptionGroup("many", [SystemExit(1)]),
]


@pytest.mark.parametrize("error", ERRORS, ids=lambda error: type(error).__name__)
def test_an_exception_is_the_same_object_and_tells_where_it_was_raised(
    book: ModuleType, run: Run, error: BaseException
) -> None:
    async def raises() -> None:
        await turns(1)
        deeper()

    def deeper() -> None:
        raise error.with_traceback(None)

    async def main() -> list[str]:
        try:
            await book.call(raises)
        except BaseException as raised:
            assert raised is error
            return [frame.name for frame in traceback.extract_tb(raised.__traceback__)]
        raise AssertionError("nothing was raised")

    names = run(main)
    assert names[0] == "main"
    assert names[-2:] == ["raises", "deeper"]


def test_stop_iteration_is_a_runtime_error_as_in_every_coroutine(
    book: ModuleType, run: Run
) -> None:
    def function() -> Awaitable[Any]:
        raise StopIteration("not a result")

    async def main() -> None:
        with pytest.raises(RuntimeError, match="coroutine raised StopIteration") as raised:
            await book.call(function)
        assert isinstance(raised.value.__cause__, StopIteration)

    run(main)


request = contextvars.ContextVar[str]("request")


def test_the_context_is_that_of_the_task_that_awaits(book: ModuleType, run: Run) -> None:
    """For the function itself, and for what it awaits."""

    async def main() -> Any:
        request.set("mine")

        def function() -> Awaitable[tuple[str, str]]:
            seen = request.get()

            async def sees() -> tuple[str, str]:
                await turns(1)
                return seen, request.get()

            return sees()

        return await book.call_all([function, function]), await book.call(function)

    assert run(main) == ([("mine", "mine")] * 2, ("mine", "mine"))


def test_two_tasks_do_not_see_each_others_context(book: ModuleType, run: Run) -> None:
    async def sees(name: str) -> str:
        request.set(name)

        async def get() -> str:
            await turns(2)
            return request.get()

        seen: str = await book.call(get)
        return seen

    async def main() -> Any:
        return await book.call_all([lambda name=name: sees(name) for name in "abc"])

    assert run(main) == ["a", "b", "c"]
