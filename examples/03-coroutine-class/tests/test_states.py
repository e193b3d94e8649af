"""The states of a coroutine, and what each refuses: created, running, suspended, closed."""

from __future__ import annotations

import asyncio
import itertools
import subprocess
import sys
from collections.abc import Callable
from types import ModuleType
from typing import Any

import native
import pytest
from native import turn

import coroutine_class
from tracing import trace


def finish(coroutine: Any) -> Any:
    with pytest.raises(StopIteration) as stop:
        while True:
            coroutine.send(None)
    return stop.value.value


def test_each_resolves_to_its_result(book: ModuleType) -> None:
    assert finish(book.my_coroutine()) == "Ended"
    assert finish(book.countdown(3)) == "liftoff"
    assert finish(book.delegate(book.countdown(2))) == "liftoff"


def test_countdown_suspends_as_often_as_it_says(book: ModuleType) -> None:
    turns = [("send", None), ("yield", None)] * 3
    assert trace(book.countdown(3)) == [*turns, ("send", None), ("return", "liftoff")]


def test_delegate_adds_no_message_of_its_own(book: ModuleType) -> None:
    assert trace(book.delegate(book.countdown(2))) == trace(book.countdown(2))


@pytest.mark.parametrize("value", [None, (1, 2), StopIteration(3), ValueError("v")], ids=repr)
def test_any_result_comes_through_unharmed(book: ModuleType, value: object) -> None:
    assert finish(book.delegate(asyncio.sleep(0, value))) is value


def test_the_first_send_must_be_none(book: ModuleType) -> None:
    coroutine = book.countdown(1)
    message = r"^can't send non-None value to a just-started coroutine$"
    with pytest.raises(TypeError, match=message):
        coroutine.send("early")
    assert coroutine.send(None) is None  # nothing was lost
    assert finish(coroutine) == "liftoff"


@pytest.mark.parametrize("again", ["send", "throw"])
@pytest.mark.parametrize("end", [finish, lambda coroutine: coroutine.close()])
def test_one_that_is_over_cannot_be_used_again(
    book: ModuleType, again: str, end: Callable[[Any], Any]
) -> None:
    coroutine = book.countdown(1)
    end(coroutine)
    argument = None if again == "send" else ValueError("late")
    with pytest.raises(RuntimeError, match=r"^cannot reuse already awaited coroutine$"):
        getattr(coroutine, again)(argument)
    assert coroutine.close() is None


@pytest.mark.parametrize("again", ["send", "throw", "close"])
def test_one_that_is_running_cannot_be_entered(book: ModuleType, again: str) -> None:
    if book.__name__ == "native" and again != "send" and sys.version_info < (3, 13):
        pytest.skip("CPython 3.12.1 crashes here")
    errors: list[type] = []

    class Enters:
        def __await__(self) -> Any:
            arguments: dict[str, list[Any]] = {
                "send": [None],
                "throw": [ValueError("in between")],
                "close": [],
            }
            with pytest.raises(ValueError, match=r"^coroutine already executing$") as caught:
                getattr(coroutine, again)(*arguments[again])
            errors.append(caught.type)
            return iter(())

    coroutine = book.delegate(Enters())
    assert finish(coroutine) is None
    assert errors == [ValueError]


@pytest.mark.parametrize("half_run", [False, True])
@pytest.mark.parametrize("again", ["send", "throw", "close"])
def test_a_class_thrown_in_may_enter_it_when_it_is_called(half_run: bool, again: str) -> None:
    class Suspends:
        def __await__(self) -> Any:
            return itertools.repeat("yielded")

    def outcome(coroutine: Any, verb: str, *arguments: object) -> object:
        try:
            return getattr(coroutine, verb)(*arguments)
        except Exception as error:
            return type(error), str(error)

    def record(module: ModuleType) -> list[object]:
        coroutine, seen = module.delegate(Suspends()), []

        class Enters(Exception):  # noqa: N818
            def __init__(self) -> None:
                seen.append(outcome(coroutine, again, *arguments[again]))

        arguments: dict[str, list[Any]] = {"send": [None], "throw": [OSError], "close": []}
        if half_run:
            coroutine.send(None)
        seen.append(outcome(coroutine, "throw", Enters))
        return [str(one) for one in [*seen, outcome(coroutine, "send", None)]]

    assert record(coroutine_class) == record(native)


@pytest.mark.parametrize("module", [native, coroutine_class])
def test_a_class_thrown_in_may_make_something_else(module: ModuleType) -> None:
    class MakesANumber(Exception):  # noqa: N818
        def __new__(cls) -> Any:
            return 5

    message = "should have returned an instance of BaseException, not int$"
    with pytest.raises(TypeError, match=rf"^calling <class '.*MakesANumber'> {message}"):
        module.countdown(1).throw(MakesANumber)


@pytest.mark.parametrize("second", [native, coroutine_class], ids=["native", "rust"])
def test_one_that_is_awaited_is_not_awaited_by_another(
    book: ModuleType, second: ModuleType
) -> None:
    shared = book.countdown(1)
    first = book.delegate(shared)
    first.send(None)
    with pytest.raises(RuntimeError, match=r"^coroutine is being awaited already$"):
        second.delegate(shared).send(None)
    assert finish(first) == "liftoff"


def test_what_is_thrown_in_comes_out_and_ends_it(book: ModuleType) -> None:
    coroutine = book.countdown(5)
    coroutine.send(None)
    with pytest.raises(LookupError, match="from outside"):
        coroutine.throw(LookupError("from outside"))
    with pytest.raises(RuntimeError, match="already awaited"):
        coroutine.send(None)


def test_what_is_thrown_into_delegate_arrives_at_what_it_awaits(book: ModuleType) -> None:
    async def catches() -> str:
        try:
            await turn()
        except LookupError as error:
            return f"caught {error}"
        return "nothing"

    coroutine = book.delegate(catches())
    coroutine.send(None)
    with pytest.raises(StopIteration) as stop:
        coroutine.throw(LookupError("'x'"))
    assert stop.value.value == "caught 'x'"


def test_close_closes_what_is_awaited(book: ModuleType) -> None:
    closed = []

    async def waits() -> None:
        try:
            await turn()
        finally:
            closed.append("yes")

    coroutine = book.delegate(waits())
    coroutine.send(None)
    assert coroutine.close() is None
    assert closed == ["yes"]


def test_a_stop_iteration_from_inside_is_not_taken_for_the_end(book: ModuleType) -> None:
    class Raises:
        def __await__(self) -> Any:
            raise StopIteration(5)

    with pytest.raises(RuntimeError, match=r"^coroutine raised StopIteration$") as caught:
        book.delegate(Raises()).send(None)
    assert isinstance(caught.value.__cause__, StopIteration)


def test_a_body_that_panics_is_over(capfd: pytest.CaptureFixture[str]) -> None:
    class Panics:
        """What it raises is a panic of Rust; PyO3 lets it loose again where it meets it."""

        def __init__(self, error: Any) -> None:
            self.error = error

        def __await__(self) -> Any:
            raise self.error("on purpose")

    with pytest.raises(LookupError):  # from the first error on PyO3 has the class
        coroutine_class.delegate(Panics(LookupError)).send(None)
    classes = BaseException.__subclasses__()
    classes = [error for error in classes if error.__name__ == "PanicException"]
    for panic in classes:
        coroutine: Any = coroutine_class.delegate(Panics(panic))
        with pytest.raises(panic, match="on purpose"):
            coroutine.send(None)
        with pytest.raises(RuntimeError, match=r"^cannot reuse already awaited coroutine$"):
            coroutine.send(None)
        assert coroutine.cr_state == "CORO_CLOSED"
        del coroutine  # in silence: what is reported would be an error here
    assert "PyO3 is resuming a panic" in capfd.readouterr().err


@pytest.mark.filterwarnings("ignore")  # of the many that are never begun
def test_too_many_inside_each_other_are_a_recursion_error(book: ModuleType) -> None:
    tower = book.countdown(1)
    for _ in range(50_000):
        tower = book.delegate(tower)
    with pytest.raises(RecursionError, match="maximum recursion depth exceeded"):
        tower.send(None)
    with pytest.raises(RuntimeError, match="cannot reuse already awaited coroutine"):
        tower.send(None)
    del tower


def test_1200_inside_each_other_are_not_too_many() -> None:
    tower = coroutine_class.countdown(3)
    for _ in range(1_200):
        tower = coroutine_class.delegate(tower)
    assert finish(tower) == "liftoff"


DEEP = """
import sys, threading
from coroutine_class import countdown, delegate

def deep(levels):
    coroutine = countdown(1)
    for _ in range(levels):
        coroutine = delegate(coroutine)
    try:
        coroutine.send(None)
    except RecursionError as error:
        assert str(error) == "maximum recursion depth exceeded", error
        print("refused")
    else:
        coroutine.close()
        print("closed")

"""
IN_A_SMALL_THREAD = """
threading.stack_size(512 * 1024)
for levels in (100, 900, 20_000):
    thread = threading.Thread(target=deep, args=[levels])
    thread.start()
    thread.join()
"""
ON_THE_MAIN_THREAD = """
sys.setrecursionlimit(1_000_000)
for levels in (1_000, 10_000, 100_000):
    deep(levels)
"""


@pytest.mark.parametrize("program", [IN_A_SMALL_THREAD, ON_THE_MAIN_THREAD], ids=["small", "main"])
def test_the_stack_never_overflows(program: str) -> None:
    done = subprocess.run(
        [sys.executable, "-W", "ignore", "-c", DEEP + program],
        capture_output=True,
        text=True,
        check=False,
    )
    first, *_, last = done.stdout.split() or [""]
    assert (done.returncode, done.stderr, first, last) == (0, "", "closed", "refused")
    assert len(done.stdout.split()) == 3


def test_a_negative_countdown_is_refused() -> None:
    from coroutine_class import countdown

    with pytest.raises(OverflowError):
        countdown(-1)  # type: ignore[unused-coroutine]
