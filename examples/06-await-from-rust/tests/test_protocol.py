"""Whatever happens in whatever order, the structure holds: tried with orders that are made up."""

from __future__ import annotations

from dataclasses import dataclass
from types import ModuleType
from typing import Any

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from conftest import Hook, Run, beside, turns
from soak import Often


class FailureError(Exception):
    """What a hook raises that was told to."""


class Told(Hook):
    """A hook that ends as it is told."""

    fails = False

    async def __call__(self) -> Any:
        result = await super().__call__()
        if self.fails:
            raise FailureError(result)
        return result

    async def end(self, fails: bool) -> None:
        """Let it end, and wait until it has."""
        await self.begun.wait()
        self.fails = fails
        self.go.set()
        while not self.ends:
            await turns(1)


@dataclass
class Script:
    """In which order hooks end, and which fail. If some do not end, the `await` is cancelled."""

    count: int
    order: list[int]
    failures: set[int]

    def decides(self, name: str) -> list[int]:
        """Return the hook whose end is that of the await, if there is one."""
        return [index for index in self.order if name == "first" or index in self.failures][:1]

    def played(self, name: str) -> list[int]:
        """Return which hooks end as they are told: up to the one that decides."""
        ends = [self.order.index(index) + 1 for index in self.decides(name)]
        return self.order[: min([*ends, self.count])]

    def expected(self, name: str) -> Any:
        """Return what the await brings: a result, the arguments of a failure, or None."""
        for index in self.decides(name):
            return (index,) if index in self.failures else index
        return None if self.cancels(name) else list(range(self.count))

    def cancels(self, name: str) -> bool:
        return not self.decides(name) and len(self.order) < self.count


@st.composite
def scripts(draw: st.DrawFn) -> Script:
    count = draw(st.integers(1, 5))
    order = draw(st.permutations(range(count)))
    failures = draw(st.sets(st.sampled_from(order)))
    return Script(count, order[: draw(st.integers(0, count))], failures)


@pytest.mark.parametrize("name", ["call_all", "first"])
def test_no_hook_outlives_the_await(name: str, book: ModuleType, run: Run, often: Often) -> None:
    """And the first failure, or for `first` whichever ends first, decides what the await brings."""

    @settings(
        max_examples=often(30, 3_000),
        deadline=None,
        suppress_health_check=[HealthCheck.function_scoped_fixture],
    )
    @given(scripts())
    def check(script: Script) -> None:
        brought, ends = run(lambda: played(book, name, script))
        assert brought == script.expected(name)
        assert ends == [1] * script.count

    check()


async def played(book: ModuleType, name: str, script: Script) -> tuple[Any, list[int]]:
    """Await the function while its hooks end in this order. Return what that has brought, and how
    often each hook has ended at that moment.
    """
    hooks = [Told(index) for index in range(script.count)]
    brought: Any = None
    ends: list[int] = []

    async def main() -> None:
        nonlocal brought, ends
        try:
            brought = await getattr(book, name)(hooks)
        except FailureError as failure:
            brought = failure.args
        finally:
            ends = [hook.ends for hook in hooks]

    async with beside(main) as cancel:
        for hook in hooks:
            await hook.begun.wait()
        for index in script.played(name):
            await hooks[index].end(index in script.failures)
        if script.cancels(name):
            cancel()
    return brought, ends
