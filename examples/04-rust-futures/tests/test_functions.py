"""What each function awaits to and raises, on every event loop."""

from __future__ import annotations

import asyncio
import contextvars
import hashlib
import math
import sys
import traceback
import types
from collections.abc import Callable, Coroutine, Generator
from pathlib import Path
from types import ModuleType
from typing import Any

import pytest

from conftest import Run, parked
from rust_futures import (
    RustPanic,
    explode,
    explode_when_dropped,
    fail,
    first_try_steps,
    hash_file,
    inline_sleep,
    inline_yield_now,
    live_futures,
    pending,
    ready,
    sleep,
    steps,
    yield_now,
)


def test_sleep_awaits_to_its_result(run_anywhere: Run) -> None:
    async def main() -> list[Any]:
        return [await sleep(0.001, "slept"), await sleep(0, 0), await sleep(-1, result=(1, 2))]

    assert run_anywhere(main) == ["slept", 0, (1, 2)]


def test_yield_now_goes_to_the_runtime_and_comes_back(run_anywhere: Run) -> None:
    async def main() -> Any:
        coroutine: Coroutine[Any, Any, Any] = yield_now()
        return await coroutine

    assert run_anywhere(main) is None


def test_the_twin_does_the_same(book: ModuleType, run: Run, tmp_path: Path) -> None:
    (tmp_path / "file").write_bytes(b"hash me")

    async def main() -> list[Any]:
        gathered = await asyncio.gather(*(book.sleep(0.001, number) for number in range(10)))
        return [gathered, await book.yield_now(), await book.hash_file(tmp_path / "file")]

    assert run(main) == [list(range(10)), None, hashlib.sha256(b"hash me").hexdigest()]


def test_an_error_arrives_as_its_exception(book: ModuleType, run: Run) -> None:
    async def main() -> None:
        await book.fail("no such luck")

    with pytest.raises(ValueError, match=r"^no such luck$"):
        run(main)


def test_one_after_the_other_in_one_task(run_anywhere: Run) -> None:
    async def main() -> int:
        return sum([await sleep(0, number) for number in range(100)])

    assert run_anywhere(main) == 4950


@pytest.mark.parametrize("name", ["missing", "missing/too"])
def test_hash_file_says_what_open_says(run_anywhere: Run, tmp_path: Path, name: str) -> None:
    async def main() -> None:
        await hash_file(tmp_path / name)

    with pytest.raises(FileNotFoundError) as native:
        (tmp_path / name).open()
    with pytest.raises(FileNotFoundError) as ours:
        run_anywhere(main)
    assert str(ours.value) == str(native.value)
    assert ours.value.args == native.value.args


def test_hash_file_refuses_what_is_no_path() -> None:
    with pytest.raises(TypeError, match="PathLike"):
        hash_file(3)  # type: ignore[arg-type, unused-coroutine]


@pytest.mark.parametrize("length", [0, 1, 65_535, 65_536, 65_537, 1_000_000])
def test_files_of_any_length_are_hashed(tmp_path: Path, length: int) -> None:
    content = bytes(number % 251 for number in range(length))
    (tmp_path / "file").write_bytes(content)
    assert asyncio.run(hash_file(tmp_path / "file")) == hashlib.sha256(content).hexdigest()


def test_a_delay_that_is_no_number(run_anywhere: Run) -> None:
    async def main() -> Any:
        return await sleep(math.nan, "slept")

    if sys.version_info >= (3, 13):  # as asyncio.sleep
        with pytest.raises(ValueError, match=r"^Invalid delay: NaN \(not a number\)$"):
            run_anywhere(main)
    else:
        assert run_anywhere(main) == "slept"


def test_a_delay_that_is_not_even_that() -> None:
    with pytest.raises(TypeError):
        sleep("1")  # type: ignore[call-overload]


@pytest.mark.parametrize("delay", [math.inf, 1e300, 1e20])
async def test_an_endless_delay_can_be_cancelled(delay: float) -> None:
    task = await parked(sleep(delay))
    task.cancel()
    with pytest.raises(asyncio.CancelledError):
        await task


def test_a_traceback_points_at_the_await(run_anywhere: Run) -> None:
    async def main() -> None:
        await fail("here")  # this line

    with pytest.raises(ValueError, match="here") as caught:
        run_anywhere(main)
    last = traceback.extract_tb(caught.value.__traceback__)[-1]
    assert last.line == 'await fail("here")  # this line'


def test_a_cause_and_a_context_arrive(run_anywhere: Run) -> None:
    async def main() -> None:
        try:
            raise LookupError("earlier")
        except LookupError:
            await fail("later")

    with pytest.raises(ValueError, match="later") as caught:
        run_anywhere(main)
    assert repr(caught.value.__context__) == "LookupError('earlier')"


def test_a_panic_arrives_with_message_and_place(run_anywhere: Run, capfd: Any) -> None:
    async def main() -> None:
        await explode("boom")

    with pytest.raises(RustPanic, match=r"^boom, at src/functions\.rs:\d+:\d+$"):
        run_anywhere(main)
    assert issubclass(RustPanic, RuntimeError)
    assert "panicked at src/functions.rs" in capfd.readouterr().err  # the default hook has said so


def test_a_panic_hurts_its_own_awaiter_only(run: Run) -> None:
    async def main() -> list[Any]:
        both = [explode("boom"), sleep(0.001, "slept")] * 100
        return await asyncio.gather(*both, return_exceptions=True)

    results = run(main)
    assert [type(result) for result in results] == [RustPanic, str] * 100


def test_context_variables_are_intact_after_each_await(run_anywhere: Run) -> None:
    variable = contextvars.ContextVar[str]("variable")

    async def main() -> list[str]:
        seen = []
        for value in "abc":
            variable.set(value)
            await sleep(0.001)
            await yield_now()
            seen.append(variable.get())
        return seen

    assert run_anywhere(main) == ["a", "b", "c"]


def test_inline_it_suspends_when_it_must(run_anywhere: Run) -> None:
    async def main() -> list[int]:
        counts = []
        for coroutine in (ready("at once"), inline_yield_now()):
            yields: list[Any] = []
            await counting(coroutine, yields)
            counts.append(len(yields))
        return counts

    assert run_anywhere(main) == [0, 1]


def test_inline_it_finds_the_timer_of_its_runtime(run_anywhere: Run) -> None:
    async def main() -> int:
        await inline_sleep(0.001)
        return live_futures()

    assert run_anywhere(main) == 0


def test_many_at_once_cost_a_turn_and_not_a_future_each() -> None:
    async def main() -> list[object]:
        coroutines = [pending(), yield_now()]
        first = [coroutine.send(None) for coroutine in coroutines]
        for coroutine in coroutines:
            coroutine.close()
        return [type(yielded).__name__ for yielded in first]

    assert asyncio.run(main()) == ["Future", "NoneType"]


@pytest.mark.parametrize("function", [yield_now, inline_yield_now, lambda: inline_sleep(1)])
def test_without_a_loop_there_is_an_error_and_nothing_is_left(
    function: Callable[[], Coroutine[Any, Any, None]], capfd: Any
) -> None:
    with pytest.raises(RuntimeError, match=r"^no running event loop$"):
        function().send(None)
    assert live_futures() == 0
    assert capfd.readouterr().err == ""


@pytest.mark.parametrize("inline", [False, True])
def test_without_a_loop_a_panic_in_its_drop_hurts_nobody(inline: bool, capfd: Any) -> None:
    """The future is dropped as any other: what it does then does not reach Python."""
    with pytest.raises(RuntimeError, match=r"^no running event loop$"):
        explode_when_dropped("dropped", inline=inline).send(None)
    assert live_futures() == 0
    assert "panicked at src/functions.rs" in capfd.readouterr().err


async def test_a_tuple_stays_one_value() -> None:
    assert await sleep(0, (1, 2)) == (1, 2)
    assert await ready((1, 2)) == (1, 2)


async def test_an_exception_as_a_result_is_a_result() -> None:
    stop = StopIteration(5)
    assert await sleep(0, stop) is stop


@types.coroutine
def counting(coroutine: Any, yields: list[Any]) -> Generator[Any, Any, Any]:
    """Pass on what goes between a loop and a coroutine, and keep what the coroutine yields."""
    sent = None
    while True:
        try:
            yields.append(next(coroutine) if sent is None else coroutine.send(sent))
        except StopIteration as end:
            return end.value
        sent = yield yields[-1]


def test_a_thousand_steps_of_a_future_are_one_of_its_coroutine() -> None:
    yields: list[Any] = []

    async def main() -> None:
        await counting(steps(1_000), yields)
        await counting(first_try_steps(1_000).__await__(), yields_of_the_first)

    yields_of_the_first: list[Any] = []
    asyncio.run(main())
    assert len(yields) == 1
    assert len(yields_of_the_first) == 1_000
