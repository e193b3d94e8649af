"""`await_foo`: the whole of `await` in one call."""

from __future__ import annotations

import traceback
from types import ModuleType

import pytest


async def foo() -> str:
    print("foo is being called")
    return "hello"


def test_the_result_is_printed_by_its_repr_and_returned(
    book: ModuleType, capsys: pytest.CaptureFixture[str]
) -> None:
    assert book.await_foo(foo) == "hello"
    expected = "foo is being called\nResult of our coroutine: 'hello'\n"
    assert capsys.readouterr().out == expected  # `capsys` replaces Python's sys.stdout, not fd 1


async def failing() -> None:
    raise LookupError("nothing here")


def test_an_exception_comes_out_untouched_and_its_traceback_leads_into_the_coroutine(
    book: ModuleType,
) -> None:
    with pytest.raises(LookupError, match="nothing here") as caught:
        book.await_foo(failing)
    assert traceback.extract_tb(caught.tb)[-1].name == "failing"
    assert caught.value.__cause__ is None
    assert caught.value.__context__ is None


def test_an_exception_of_the_call_itself_comes_out_as_well(book: ModuleType) -> None:
    with pytest.raises(ZeroDivisionError):
        book.await_foo(lambda: 1 // 0)


def test_what_is_not_callable_gets_the_error_of_a_call(book: ModuleType) -> None:
    with pytest.raises(TypeError, match="'int' object is not callable"):
        book.await_foo(5)
