"""A Rust class that is a coroutine."""

from collections.abc import Awaitable
from collections.abc import Coroutine as AbstractCoroutine
from inspect import Signature
from types import CodeType, FrameType, GenericAlias, TracebackType
from typing import Any, Generic, NoReturn, ParamSpec, Self, TypeVar, final, overload

__all__ = [
    "Coroutine",
    "FirstTry",
    "Launch",
    "both",
    "countdown",
    "delegate",
    "my_both",
    "my_coroutine",
]

_P = ParamSpec("_P")
_T = TypeVar("_T", covariant=True)
_First = TypeVar("_First")
_Second = TypeVar("_Second")

@final
class FirstTry:
    def __new__(cls) -> Self: ...
    def __await__(self) -> Any: ...
    def __iter__(self) -> Self: ...
    def __next__(self) -> NoReturn: ...

@final
class Coroutine(AbstractCoroutine[Any, Any, _T]):
    def __class_getitem__(cls, key: Any) -> GenericAlias: ...
    def __await__(self) -> Any: ...
    def __next__(self) -> Any: ...
    def send(self, value: Any) -> Any: ...
    @overload
    def throw(
        self,
        typ: type[BaseException],
        val: BaseException | object = None,
        tb: TracebackType | None = None,
        /,
    ) -> Any: ...
    @overload
    def throw(
        self, typ: BaseException, val: None = None, tb: TracebackType | None = None, /
    ) -> Any: ...
    def close(self) -> Any: ...
    @property
    def cr_await(self) -> Any: ...
    @property
    def cr_code(self) -> CodeType: ...
    @property
    def cr_frame(self) -> FrameType | None: ...
    @property
    def cr_origin(self) -> None: ...
    @property
    def cr_running(self) -> bool: ...
    @property
    def cr_state(self) -> str: ...
    @property
    def cr_suspended(self) -> bool: ...
    @property
    def __name__(self) -> str: ...
    @property
    def __qualname__(self) -> str: ...

class _CoroutineFunction(Generic[_P, _T]):
    __name__: str
    __signature__: Signature
    def __call__(self, *args: _P.args, **kwargs: _P.kwargs) -> Coroutine[_T]: ...

class _Delegate:
    __name__: str
    __signature__: Signature
    def __call__(self, awaitable: Awaitable[_First]) -> Coroutine[_First]: ...

class _Both:
    __name__: str
    __signature__: Signature
    def __call__(
        self, first: Awaitable[_First], second: Awaitable[_Second]
    ) -> Coroutine[tuple[_First, _Second]]: ...

@final
class Launch:
    def __new__(cls, n: int) -> Self: ...
    async def countdown(self, /) -> str: ...
    @staticmethod
    async def of(n: int) -> str: ...
    @classmethod
    async def of_class(cls, n: int) -> str: ...

my_coroutine: _CoroutineFunction[[], str]
countdown: _CoroutineFunction[[int], str]
delegate: _Delegate
both: _Both
my_both: _Both
