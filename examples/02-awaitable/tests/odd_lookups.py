"""Awaitables, and not, whose `__await__` is found, hidden or bound in an odd way.

None suspends. What `await` does to each, its errors included, is what Rust has to do.
"""

from __future__ import annotations

import asyncio
from collections.abc import Callable
from typing import Any


def ready(self: object = None) -> Any:
    return iter(())


class NoneForAwait:
    __await__ = None


class OnTheInstance:
    def __init__(self) -> None:
        self.__await__ = ready


class HiddenByTheInstance:
    __await__ = ready

    def __init__(self) -> None:
        self.__dict__["__await__"] = None


class AsClassMethod:
    __await__: Any = classmethod(ready)


class AsStaticMethod:
    __await__: Any = staticmethod(ready)


class AsProperty:
    __await__: Any = property(lambda self: ready)


class Secretive:
    """Has no attributes for anybody who asks."""

    def __getattribute__(self, name: str) -> Any:
        raise OSError(name)


class SecretiveType(type):
    def __getattribute__(cls, name: str) -> Any:
        raise OSError(name)


class AwaitableType(type):
    __await__ = ready


class Generous:
    """Has every attribute that it is asked for."""

    def __getattr__(self, name: str) -> Any:
        return ready


class WithCall:
    """No descriptor: it is called without the object that it is an attribute of."""

    def __call__(self) -> Any:
        return ready()


class NotForTheClass:
    """A descriptor that is for instances alone."""

    def __get__(self, instance: object, owner: type) -> Any:
        if instance is None:
            raise KeyError("class access")
        return ready


class ForNobody:
    def __get__(self, instance: object, owner: type) -> Any:
        raise KeyError("no access")


class GetOnTheInstance(WithCall):
    def __init__(self) -> None:
        self.__get__ = ForNobody


def odd(found: Any = None, base: type = object, metaclass: type[type] = type) -> Any:
    """Return an instance of a class whose `__await__` is `found`."""
    return type.__call__(metaclass("Odd", (base,), {"__await__": found} if found else {}))


ODD_LOOKUPS: dict[str, Callable[[], Any]] = {
    "__await__ = None": NoneForAwait,
    "__await__ on the instance only": OnTheInstance,
    "__await__ hidden by the instance": HiddenByTheInstance,
    "__await__ is a class method": AsClassMethod,
    "__await__ is a static method": AsStaticMethod,
    "__await__ is a property": AsProperty,
    "__getattribute__ raises": lambda: odd(ready, Secretive),
    "__getattribute__ raises, and no __await__": Secretive,
    "__getattribute__ of the metaclass raises": lambda: odd(ready, metaclass=SecretiveType),
    "the same, and no __await__": lambda: odd(metaclass=SecretiveType),
    "__await__ on the metaclass only": lambda: odd(metaclass=AwaitableType),
    "a class, with __await__ on the metaclass": lambda: AwaitableType("Odd", (), {}),
    "__getattr__ gives anything": Generous,
    "__await__ is a number": lambda: odd(5),
    "__await__ is an object to call": lambda: odd(WithCall()),
    "__await__ is a descriptor that raises for the class": lambda: odd(NotForTheClass()),
    "__await__ is a descriptor that raises": lambda: odd(ForNobody()),
    "__await__ is an object with a __get__ of its own": lambda: odd(GetOnTheInstance()),
    "__await__ is that of another type": lambda: odd(asyncio.Future.__await__),
    "__await__ is a method of another type": lambda: odd(list.append),
    "__await__ is that of a base": lambda: odd(base=AsClassMethod),
    "__await__ of a base is hidden": lambda: odd(5, base=AsClassMethod),
}
