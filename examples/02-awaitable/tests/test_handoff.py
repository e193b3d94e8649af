"""`Handoff`: whatever happens to it, happens to what it hands over to."""

from __future__ import annotations

import asyncio
import gc
import types
import weakref
from collections.abc import Callable, Generator
from types import ModuleType
from typing import Any

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from awaitable import Handoff
from odd_lookups import ODD_LOOKUPS
from samples import Returns, ask, give, native, outcome, run
from tracing import trace


def test_the_iterator_is_that_of_the_awaitable_itself(book: ModuleType) -> None:
    iterator = iter([1, 2])
    assert book.Handoff(Returns(iterator)).__await__() is iterator


def test_it_resolves_to_what_the_awaitable_resolves_to(book: ModuleType) -> None:
    assert run(book.Handoff(give((1, 2)))) == (1, 2)
    assert run(book.Handoff(book.Handoff(give("twice removed")))) == "twice removed"


def test_the_messages_are_those_of_the_awaitable(book: ModuleType) -> None:
    assert trace(book.Handoff(asyncio.sleep(0, "slept"))) == trace(asyncio.sleep(0, "slept"))


def finished_future(result: object) -> Any:
    loop = asyncio.new_event_loop()
    future = loop.create_future()
    future.set_result(result)
    loop.close()
    return future


def test_awaiting_it_twice_awaits_the_awaitable_twice(book: ModuleType) -> None:
    patient, impatient = book.Handoff(finished_future(5)), book.Handoff(give(5))
    assert [run(patient), run(patient)] == [5, 5]
    assert run(impatient) == 5
    with pytest.raises(RuntimeError, match=r"^cannot reuse already awaited coroutine$"):
        run(impatient)


async def test_a_cancellation_reaches_the_awaitable(book: ModuleType) -> None:
    started, cancelled = asyncio.Event(), asyncio.Event()

    async def waits() -> None:
        started.set()
        try:
            await asyncio.Event().wait()
        except asyncio.CancelledError:
            cancelled.set()
            raise

    task = asyncio.ensure_future(book.Handoff(waits()))
    await started.wait()
    task.cancel()
    with pytest.raises(asyncio.CancelledError):
        await task
    assert cancelled.is_set()


def test_a_cycle_through_it_is_collected(book: ModuleType) -> None:
    ready = Returns(None)
    ready.anything = book.Handoff(ready)
    end = weakref.ref(ready)
    del ready
    gc.collect()
    assert end() is None


def test_it_can_be_subscripted_in_annotations(book: ModuleType) -> None:
    assert book.Handoff[int].__origin__ is book.Handoff


def test_awaiting_it_a_thousand_times_leaves_nothing_behind(book: ModuleType) -> None:
    inner = Returns(None)
    end = weakref.ref(inner)
    handoff = book.Handoff(inner)
    for _ in range(1000):
        inner.anything = iter(())
        assert run(handoff) is None
    del handoff, inner
    assert end() is None


def test_its_repr_shows_the_awaitable(book: ModuleType) -> None:
    assert repr(book.Handoff(5)) == "Handoff(5)"


def test_a_generator_based_coroutine_cannot_be_handed_out() -> None:
    generator: Any = ask_nothing()
    assert run(ask_nothing()) is None  # `await` takes one
    with pytest.raises(TypeError, match="__await__"):
        run(Handoff(generator))  # but not from an `__await__`
    assert run(Handoff(native(ask_nothing()))) is None


@types.coroutine
def ask_nothing() -> Generator[object, object, None]:
    yield from ()


BAD: dict[str, Callable[[], Any]] = {
    "a number": lambda: 5,
    "a function": lambda: native,
    "a plain generator": lambda: (step for step in range(0)),
    "__await__ returns a number": lambda: Returns(5),
    "__await__ returns a coroutine": lambda: Returns(closed()),
    "an awaited coroutine": lambda: closed(),
}


def closed() -> Any:
    coroutine = give(5)
    coroutine.close()
    return coroutine


@pytest.mark.parametrize("name", BAD)
def test_what_cannot_be_awaited_gets_the_error_of_await(name: str) -> None:
    expected = outcome(lambda: run(BAD[name]()))
    assert expected[0] == "raises"
    assert outcome(lambda: run(Handoff(BAD[name]()))) == expected


@pytest.mark.parametrize("name", ODD_LOOKUPS)
def test_it_looks_for_await_where_await_does(name: str) -> None:
    expected = outcome(lambda: run(ODD_LOOKUPS[name]()))
    assert outcome(lambda: run(Handoff(ODD_LOOKUPS[name]()))) == expected


def test_a_coroutine_that_another_one_awaits_is_refused() -> None:
    shared = native(ask())
    first = native(shared)
    first.send(None)
    with pytest.raises(RuntimeError, match=r"^coroutine is being awaited already$"):
        run(Handoff(shared))
    first.close()


# Random protocols: what a driver sees and what the awaitable sees, with and without a middle man.

ACTIONS = st.sampled_from(["send None", "send value", "throw", "close"])
ANSWERS = st.sampled_from(["yield", "return", "raise", "swallow"])


def scripted(answers: list[str], seen: list[str]) -> Generator[Any, Any, str]:
    """Answer each step by the script, and write down what came in."""
    for number, answer in enumerate(answers):
        if answer == "return":
            return f"result {number}"
        if answer == "raise":
            raise LookupError(number)
        try:
            seen.append(f"sent {(yield number)!r}")
        except ValueError as error:
            seen.append(f"thrown {error}")
            if answer != "swallow":
                raise
        except GeneratorExit:
            seen.append("closed")
            raise
    return "end"


def act(coroutine: Any, actions: list[str]) -> list[tuple[str, object]]:
    steps = {
        "send None": lambda: coroutine.send(None),
        "send value": lambda: coroutine.send("value"),
        "throw": lambda: coroutine.throw(ValueError("from outside")),
        "close": coroutine.close,
    }
    return [outcome(lambda step=step: steps[step]()) for step in actions]  # type: ignore[misc]


@settings(suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(st.lists(ACTIONS, max_size=8), st.lists(ANSWERS, max_size=5))
def test_nobody_can_tell_that_a_middle_man_was_there(
    book: ModuleType, actions: list[str], answers: list[str]
) -> None:
    results = []
    for between in (lambda inner: inner, native, book.Handoff):
        seen: list[str] = []
        coroutine = native(between(Returns(scripted(answers, seen))))
        results.append((act(coroutine, ["send None", *actions]), seen))
        coroutine.close()
    assert results[0] == results[1] == results[2]
