"""`drive`: what a yield means to a driver that is not an event loop."""

from __future__ import annotations

import asyncio
import inspect
import math
from collections.abc import Generator
from decimal import Decimal
from types import ModuleType

import pytest

from samples import Finishes, Returns, Steps, ask, hello_after


def test_a_coroutine_that_never_suspends_is_done_in_one_step(book: ModuleType) -> None:
    assert book.drive(hello_after(0)) == "hello"


def test_none_means_step_me_again(book: ModuleType) -> None:
    assert book.drive(hello_after(3)) == "hello"


def test_a_generator_based_coroutine_is_its_own_iterator(book: ModuleType) -> None:
    assert book.drive(ask()) is None


def test_an_object_with_await_is_driven_by_the_iterator_it_returns(book: ModuleType) -> None:
    assert book.drive(Steps([None, None])) is None


def test_the_iterator_needs_no_iter_method_of_its_own(book: ModuleType) -> None:
    class OnlyNext:
        def __next__(self) -> None:
            raise StopIteration("done")

    assert book.drive(Returns(OnlyNext())) == "done"


@pytest.mark.parametrize("value", [None, (), (1, 2), ValueError("as a value"), StopIteration(3)])
def test_any_value_is_returned_as_it_is(book: ModuleType, value: object) -> None:
    async def give() -> object:
        return value

    assert book.drive(give()) is value


def test_a_finished_future_is_an_awaitable_like_any_other(book: ModuleType) -> None:
    loop = asyncio.new_event_loop()
    future = loop.create_future()
    future.set_result("ready")
    assert book.drive(future) == "ready"
    loop.close()


def test_a_request_is_refused_by_name_and_the_awaitable_is_closed_first(book: ModuleType) -> None:
    class Request:
        def __repr__(self) -> str:
            return "<a request>"

    awaitable = Finishes()
    coroutine = awaitable.asking_for(Request())
    with pytest.raises(RuntimeError) as caught:
        book.drive(coroutine)
    assert str(caught.value) == "no event loop here to serve what was yielded: <a request>"
    assert awaitable.finished
    assert inspect.getcoroutinestate(coroutine) == inspect.CORO_CLOSED


def test_a_pending_future_is_such_a_request(book: ModuleType) -> None:
    loop = asyncio.new_event_loop()
    future = loop.create_future()
    with pytest.raises(RuntimeError, match=r"yielded: <Future pending>"):
        book.drive(future)
    future.cancel()
    loop.close()


def test_a_request_whose_repr_fails_still_closes_the_awaitable(book: ModuleType) -> None:
    class Unspeakable:
        def __repr__(self) -> str:
            raise LookupError("no words")

    awaitable = Finishes()
    coroutine = awaitable.asking_for(Unspeakable())
    with pytest.raises(LookupError, match="no words"):
        book.drive(coroutine)
    assert awaitable.finished


def test_an_iterator_without_close_is_simply_dropped(book: ModuleType) -> None:
    with pytest.raises(RuntimeError, match="yielded: 7") as caught:
        book.drive(Steps([7]))
    assert caught.value.__context__ is None


def test_what_close_raises_is_the_context_of_the_error(book: ModuleType) -> None:
    async def stubborn() -> None:
        try:
            await ask("please")
        finally:
            raise LookupError("while closing")

    with pytest.raises(RuntimeError, match="'please'") as caught:
        book.drive(stubborn())
    assert isinstance(caught.value.__context__, LookupError)


def test_so_is_its_refusal_to_be_closed(book: ModuleType) -> None:
    def stubborn() -> Generator[str, None, None]:
        try:
            yield "please"
        except GeneratorExit:
            yield "more"

    with pytest.raises(RuntimeError, match="'please'") as caught:
        book.drive(Returns(stubborn()))
    assert str(caught.value.__context__) == "generator ignored GeneratorExit"


def test_an_awaitable_that_never_ends_is_closed_when_the_time_is_up(book: ModuleType) -> None:
    awaitable = Finishes()
    coroutine = awaitable.asking_for(None)  # kept, or dropping it would close it
    with pytest.raises(TimeoutError, match=r"^not done within 0\.0 seconds$"):
        book.drive(coroutine, timeout=0)
    assert awaitable.finished
    assert inspect.getcoroutinestate(coroutine) == inspect.CORO_CLOSED


@pytest.mark.parametrize("ending", [KeyboardInterrupt, SystemExit])
def test_what_ends_the_program_goes_on_though_it_comes_from_close(
    book: ModuleType, ending: type[BaseException]
) -> None:
    async def interrupted_while_closing() -> None:
        try:
            await ask("please")
        finally:
            raise ending

    with pytest.raises(ending) as caught:
        book.drive(interrupted_while_closing())
    assert "'please'" in str(caught.value.__context__)


def test_time_is_looked_at_only_after_a_yield(book: ModuleType) -> None:
    assert book.drive(hello_after(0), timeout=-1) == "hello"
    with pytest.raises(TimeoutError, match=r"not done within -1\.0 seconds"):
        book.drive(hello_after(1), timeout=-1)


def test_any_real_number_is_a_timeout(book: ModuleType) -> None:
    with pytest.raises(TimeoutError, match=r"^not done within 1e-09 seconds$"):
        book.drive(Finishes().asking_for(None), timeout=Decimal("1e-9"))


@pytest.mark.parametrize("timeout", [None, 3600, 1e300, math.inf])
def test_a_timeout_that_does_not_strike_changes_nothing(
    book: ModuleType, timeout: float | None
) -> None:
    assert book.drive(hello_after(2), timeout=timeout) == "hello"


def test_a_timeout_that_is_not_a_number_is_refused(book: ModuleType) -> None:
    with pytest.raises(ValueError, match=r"^Invalid value NaN \(not a number\)$"):
        book.drive(Steps([]), timeout=math.nan)
    with pytest.raises(TypeError, match="must be real number, not str"):
        book.drive(Steps([]), timeout="soon")
