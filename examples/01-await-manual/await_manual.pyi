"""What `await` does, with no `await` in sight."""

from collections.abc import Awaitable, Callable, Generator
from types import ModuleType
from typing import Any, TypeAlias, TypeVar

__all__ = [
    "await_foo",
    "count_steps_by_interned_name",
    "count_steps_by_name",
    "count_steps_by_slot",
    "drive",
    "drive_all",
    "first_try",
    "hello",
    "my_drive_all",
    "trace",
]

_T = TypeVar("_T")
_CanBeAwaited: TypeAlias = Awaitable[_T] | Generator[Any, Any, _T]
_Message: TypeAlias = tuple[str, Any]

hello: ModuleType

def await_foo(foo: Callable[[], _CanBeAwaited[_T]]) -> _T: ...
def drive(awaitable: _CanBeAwaited[_T], *, timeout: float | None = None) -> _T: ...
def trace(awaitable: _CanBeAwaited[Any], *, timeout: float | None = None) -> list[_Message]: ...
def first_try(awaitable: Awaitable[_T]) -> _T: ...
def count_steps_by_name(awaitable: _CanBeAwaited[Any]) -> int: ...
def count_steps_by_interned_name(awaitable: _CanBeAwaited[Any]) -> int: ...
def count_steps_by_slot(awaitable: _CanBeAwaited[Any]) -> int: ...
def my_drive_all(*awaitables: _CanBeAwaited[Any]) -> list[Any]: ...
def drive_all(*awaitables: _CanBeAwaited[Any]) -> list[Any]: ...
