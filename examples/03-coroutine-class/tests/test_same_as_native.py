"""Random scripts: whatever is done to it, `delegate` does what `async def` does.

`pytest --soak tests/test_same_as_native.py` plays a hundred thousand of them.
"""

from __future__ import annotations

import gc
import sys
from typing import Any

import native
import pytest
from hypothesis import given
from hypothesis import strategies as st

import coroutine_class
from odd_lookups import ODD_LOOKUPS
from scripts import EXCEPTIONS, VALUES, Run, describe

SHAPES = [
    "number",
    "native",
    "native or ours",
    "generator",
    "iterator",
    "iterator with send",
    "iterator with close",
    "iterator with throw",
    "iterator with throw and close",
    "iterator with send, throw and close",
    "bad",
    "secretive",
]
# CPython 3.12.1 crashes when a native coroutine is thrown into or closed while it runs.
ENTERING = ["send", "throw", "close"] if sys.version_info >= (3, 13) else ["send"]

VALUE = st.sampled_from(sorted(VALUES))
EXCEPTION = st.sampled_from(sorted(EXCEPTIONS))
THROWN = EXCEPTION | st.sampled_from([f"class that enters by {verb}" for verb in ENTERING])
ACTION = st.one_of(
    st.tuples(st.just("send"), st.sampled_from(["none", "none", "none", "number"])),
    st.tuples(st.just("throw"), THROWN),
    st.tuples(st.just("throw"), THROWN, VALUE),
    st.tuples(st.just("throw"), THROWN, VALUE, VALUE),
    st.tuples(st.sampled_from(["next", "close"])),
    st.tuples(st.just("other"), st.sampled_from(["none", "none", "number"])),
)
INNER = st.one_of(
    st.tuples(st.just("yield"), VALUE),
    st.tuples(st.just("yield"), VALUE),
    st.tuples(st.just("return"), VALUE),
    st.tuples(st.just("raise"), EXCEPTION),
    st.tuples(st.just("enter"), st.sampled_from(ENTERING)),
)


def play(make: Any, *script: Any) -> list[object]:
    """Return the record of a script, with what was reported as unraisable."""
    reported: list[object] = []
    hook, sys.unraisablehook = (
        sys.unraisablehook,
        lambda hook: reported.append(describe(hook.exc_value)),
    )
    try:
        return [Run(make, *script).play(), reported]
    finally:
        sys.unraisablehook = hook


@pytest.mark.parametrize("name", ODD_LOOKUPS)
def test_delegate_looks_for_await_where_await_does(name: str) -> None:
    def outcome(coroutine: Any) -> object:
        with pytest.raises(BaseException) as caught:  # noqa: PT011
            coroutine.send(None)
        return describe(caught.value)

    awaitable = ODD_LOOKUPS[name]
    expected = outcome(native.delegate(awaitable()))
    assert outcome(coroutine_class.delegate(awaitable())) == expected


@pytest.mark.filterwarnings("ignore")
@given(
    st.lists(ACTION, max_size=6),
    st.lists(INNER, max_size=6),
    st.sampled_from(SHAPES),
)
def test_delegate_does_what_async_def_does(
    actions: list[tuple[str, ...]], inner: list[tuple[str, str]], shape: str
) -> None:
    gc.freeze()  # what is here already need not be looked through for garbage each time
    expected = play(native.delegate, actions, inner, shape)
    assert play(coroutine_class.delegate, actions, inner, shape) == expected
