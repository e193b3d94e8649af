"""What each function brings and raises, on every event loop."""

from __future__ import annotations

import asyncio
import inspect
import os
import traceback
from collections.abc import Callable
from pathlib import Path
from types import ModuleType
from typing import Any

import pytest

import rust_streams
from conftest import Open, Run, all_of, comes_to, opened_for_writing, turns
from rust_streams import (
    RustPanic,
    count,
    count_batches,
    failing,
    lines,
    panicking,
    produce,
    produce_batches,
    ticks,
)


def test_count(run_anywhere: Run) -> None:
    async def main() -> list[list[int]]:
        return [await all_of(count(n)) for n in (0, 1, 1_000)]

    assert run_anywhere(main) == [[], [0], list(range(1_000))]


def test_ticks(run_anywhere: Run) -> None:
    async def main() -> list[int]:
        return await all_of(ticks(0.001, 5))

    assert run_anywhere(main) == [0, 1, 2, 3, 4]


@pytest.mark.parametrize("interval", [-1.0, 0.0])
def test_ticks_that_wait_for_nothing(book: ModuleType, interval: float, run: Run) -> None:
    async def main() -> list[int]:
        return await all_of(book.ticks(interval, 5))

    assert run(main) == [0, 1, 2, 3, 4]


def test_ticks_that_never_come(run_anywhere: Run) -> None:
    async def main() -> None:
        step = ticks(float("inf"), 5).__anext__()
        step.send(None)
        step.close()

    run_anywhere(main)


@pytest.mark.parametrize("ahead", [0, 1, 2, 16, 100_000])
def test_produce(ahead: int, run_anywhere: Run) -> None:
    async def main() -> tuple[list[int], int]:
        stream = produce(1_000, ahead)
        return await all_of(stream), stream.made

    assert run_anywhere(main) == (list(range(1_000)), 1_000)


def test_the_twin_and_the_native_do_the_same(book: ModuleType, run: Run, tmp_path: Path) -> None:
    (tmp_path / "file").write_text("one\ntwo\n\nfour")

    async def main() -> list[Any]:
        failed = book.failing(3)
        seen = [number async for number in book.ticks(0, 3)]
        with pytest.raises(ValueError, match="failed after 3 items"):
            async for number in failed:
                seen.append(number)
        return [await all_of(book.count(300)), await all_of(book.lines(tmp_path / "file")), seen]

    whole = [list(range(300)), ["one", "two", "", "four"], [0, 1, 2, 0, 1, 2]]
    assert run(main) == whole


TEXTS = {
    "of one line without an end": ("one", ["one"]),
    "of one line": ("one\n", ["one"]),
    "that is empty": ("", []),
    "with an empty line at the end": ("one\n\n", ["one", ""]),
    "of Windows": ("one\r\ntwo\r\n", ["one", "two"]),
    "of several scripts": ("ä€\n🎉\n", ["ä€", "🎉"]),
    "of many lines": ("line\n" * 5_000, ["line"] * 5_000),
    "of a long line": ("x" * 300_000 + "\ny", ["x" * 300_000, "y"]),
}


@pytest.mark.parametrize("name", TEXTS)
def test_lines_of_a_text(name: str, tmp_path: Path, run_anywhere: Run) -> None:
    text, expected = TEXTS[name]
    (tmp_path / "file").write_bytes(text.encode())

    async def main() -> list[str]:
        return await all_of(lines(tmp_path / "file"))

    assert run_anywhere(main) == expected


ERRORS: dict[str, Callable[[Path], Path]] = {
    "is missing": lambda folder: folder / "missing",
    "is a folder": lambda folder: folder,
    "is not in a folder": lambda folder: folder / "file" / "below",
}


@pytest.mark.parametrize("name", ERRORS)
def test_lines_of_what(name: str, tmp_path: Path, run_anywhere: Run) -> None:
    """That is, the error of `open`, at the first step."""
    (tmp_path / "file").write_text("a file")
    path = ERRORS[name](tmp_path)
    with pytest.raises(OSError, match=path.name) as native:
        open(path).close()

    async def main() -> list[Any]:
        stream = lines(path)  # nothing is raised here
        with pytest.raises(OSError, match=path.name) as caught:
            await anext(stream)
        error = caught.value
        return [type(error), error.args, error.filename, str(error), await anext(stream, "end")]

    error = native.value
    expected = [type(error), error.args, error.filename, str(error), "end"]
    expected[2] = str(error.filename)
    assert run_anywhere(main) == expected


def test_lines_that_are_not_utf_8(tmp_path: Path, run_anywhere: Run) -> None:
    (tmp_path / "file").write_bytes(b"good\nb\xffd\ngood\n")

    async def main() -> list[Any]:
        stream = lines(tmp_path / "file")
        seen: list[Any] = [await anext(stream)]
        with pytest.raises(UnicodeDecodeError) as caught:
            await anext(stream)
        return [*seen, str(caught.value), await anext(stream, "end")]

    with pytest.raises(UnicodeDecodeError) as native:
        b"b\xffd".decode()
    assert run_anywhere(main) == ["good", str(native.value), "end"]


@pytest.mark.skipif(not hasattr(os, "mkfifo"), reason="needs a named pipe")
def test_lines_arrive_as_they_are_written(tmp_path: Path, run: Run) -> None:
    """And the loop goes on while nothing is: the writer is on the same thread."""
    os.mkfifo(tmp_path / "fifo")

    async def main() -> list[str]:
        stream = lines(tmp_path / "fifo")
        first = asyncio.ensure_future(anext(stream))
        writer = await opened_for_writing(tmp_path / "fifo")
        seen = []
        for text in ("one", "two"):
            os.write(writer, f"{text}\n".encode())
            seen.append(await first)
            first = asyncio.ensure_future(anext(stream, "end"))
        os.close(writer)
        return [*seen, await first]

    assert run(main) == ["one", "two", "end"]


@pytest.mark.parametrize("inline", [False, True])
@pytest.mark.parametrize("n", [0, 1, 500])
def test_failing(n: int, inline: bool, run_anywhere: Run) -> None:
    async def main() -> list[Any]:
        stream, seen = failing(n, inline=inline), []
        with pytest.raises(ValueError, match=rf"^failed after {n} items$"):
            async for number in stream:
                seen.append(number)
        return seen

    assert run_anywhere(main) == list(range(n))


@pytest.mark.parametrize("inline", [False, True])
@pytest.mark.parametrize("n", [0, 1, 500])
def test_panicking(n: int, inline: bool, run_anywhere: Run, capfd: Any) -> None:
    async def main() -> list[Any]:
        stream, seen = panicking(n, inline=inline), []
        with pytest.raises(RustPanic, match=rf"^panicked after {n} items, at src/functions.rs:"):
            async for number in stream:
                seen.append(number)
        return [*seen, await anext(stream, "end")]

    assert run_anywhere(main) == [*range(n), "end"]
    assert f"panicked after {n} items" in capfd.readouterr().err


def test_an_error_comes_after_all_items_that_were_made_before_it(channel: Open, run: Run) -> None:
    async def main() -> list[Any]:
        sender, stream = channel()
        seen: list[Any] = []
        for number in range(5):
            sender.send(number)
        sender.fail("at last")
        with pytest.raises(ValueError, match="at last"):
            async for number in stream:
                seen.append(number)
        return [*seen, await anext(stream, "end"), await anext(stream, "end")]

    assert run(main) == [0, 1, 2, 3, 4, "end", "end"]


def test_batches_that_are_there_at_once(run_anywhere: Run) -> None:
    async def main() -> list[list[int]]:
        return await all_of(count_batches(10, 4))

    assert run_anywhere(main) == [[0, 1, 2, 3], [4, 5, 6, 7], [8, 9]]


@pytest.mark.parametrize("size", [1, 7, 100])
def test_batches_of_what_has_been_made(size: int, run_anywhere: Run) -> None:
    async def main() -> list[list[int]]:
        return await all_of(produce_batches(1_000, size, 50))

    batches = run_anywhere(main)
    assert [number for batch in batches for number in batch] == list(range(1_000))
    assert all(1 <= len(batch) <= min(size, 50) for batch in batches)


def test_a_batch_is_what_is_there(run: Run) -> None:
    """It is not waited for until it is full."""

    async def main() -> list[Any]:
        stream = produce_batches(100, 1_000, 10)
        first = await anext(stream)
        await comes_to(lambda: stream.made == len(first) + 10)
        return [first, await anext(stream)]

    first, second = run(main)
    assert [*first, *second] == list(range(len(first) + 10))


def test_an_error_is_raised_where_the_step_is_awaited(run_anywhere: Run) -> None:
    async def main() -> None:
        await anext(failing(0))  # this line

    with pytest.raises(ValueError, match="failed") as caught:
        run_anywhere(main)
    last = traceback.extract_tb(caught.value.__traceback__)[-1]
    assert last.line == "await anext(failing(0))  # this line"


async def test_a_tasks_stack_leads_to_the_line_in_rust() -> None:
    task = asyncio.create_task(ticks(100, 1).__anext__())
    await turns(2)
    (frame,) = task.get_stack()
    assert (frame.f_code.co_filename, frame.f_code.co_name) == ("src/functions.rs", "ticks")
    task.cancel()


def test_a_step_is_a_coroutine_with_the_name_of_its_stream() -> None:
    step = count(1).__anext__()
    assert inspect.getcoroutinestate(step) == "CORO_CREATED"
    assert step.__qualname__ == "count"
    assert step.cr_code.co_filename == "src/functions.rs"
    step.close()


def test_what_an_annotation_may_say() -> None:
    def function() -> tuple[rust_streams.AsyncIterator[int], rust_streams.Produced[int]]:
        raise NotImplementedError

    assert inspect.signature(function)
    assert str(rust_streams.AsyncIterator[int]) == "pyo3_await.AsyncIterator[int]"
