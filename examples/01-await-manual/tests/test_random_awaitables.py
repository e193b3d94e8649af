"""Random awaitables: `drive` and `trace` see just what an `async def` between them would see."""

from __future__ import annotations

from collections.abc import Generator
from types import ModuleType
from typing import Any

from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from samples import Returns, outcome

# What an iterator does at one step; the last of a script ends it.
YIELDS = st.tuples(st.just("yield"), st.sampled_from([None, None, None, 0, "request", ()]))
ENDS = st.one_of(
    st.tuples(st.just("return"), st.sampled_from([None, 5, (1, 2), StopIteration(3)])),
    st.tuples(st.just("raise"), st.sampled_from([ValueError("v"), LookupError("l")])),
)
SCRIPTS = st.tuples(st.lists(YIELDS, max_size=5), ENDS).map(lambda parts: [*parts[0], parts[1]])
SHAPES = st.sampled_from(["generator", "iterator", "iterator with close", "native"])


class Scripted:
    """An iterator that plays a script and writes down each call that it gets."""

    def __init__(self, script: list[tuple[str, Any]]) -> None:
        self.script = iter(script)
        self.calls: list[str] = []

    def __next__(self) -> object:
        self.calls.append("next")
        verb, value = next(self.script)
        if verb == "yield":
            return value
        raise StopIteration(value) if verb == "return" else value


class ScriptedWithClose(Scripted):
    def close(self) -> None:
        self.calls.append("close")


def play(inner: Scripted) -> Generator[Any, Any, Any]:
    try:
        while True:
            try:
                value = next(inner)
            except StopIteration as stop:
                return stop.value
            yield value
    except GeneratorExit:
        inner.calls.append("close")
        raise


async def native(awaitable: Any) -> Any:
    return await awaitable


def build(script: list[tuple[str, Any]], shape: str) -> tuple[Scripted, Any]:
    inner = ScriptedWithClose(script) if shape == "iterator with close" else Scripted(script)
    if shape in {"generator", "native"}:
        awaitable: Any = Returns(play(inner))
        return inner, native(awaitable) if shape == "native" else awaitable
    return inner, Returns(inner)


@settings(suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(SCRIPTS, SHAPES)
def test_a_trace_is_the_same_through_an_async_def(
    book: ModuleType, script: list[tuple[str, Any]], shape: str
) -> None:
    direct, awaitable = build(script, shape)
    through, other = build(script, shape)
    assert book.trace(awaitable) == book.trace(native(other))
    assert direct.calls == through.calls


@settings(suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(SCRIPTS, SHAPES)
def test_drive_ends_as_the_trace_says(
    book: ModuleType, script: list[tuple[str, Any]], shape: str
) -> None:
    inner, awaitable = build(script, shape)
    result = outcome(lambda: book.drive(awaitable))
    requests = [value for verb, value in script if verb == "yield" and value is not None]
    verb, value = script[-1]
    if requests:
        words = f"no event loop here to serve what was yielded: {requests[0]!r}"
        assert result == ("raises", (RuntimeError, words))
        assert inner.calls[-1] == ("next" if shape == "iterator" else "close")
    elif verb == "raise":
        assert result == ("raises", (type(value), str(value)))
    else:
        assert result == ("returns", value)
        assert inner.calls == ["next"] * len(script)
