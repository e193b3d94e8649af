"""Scripts for coroutines: what is done to one, what it awaits, and a record of all that happens."""

from __future__ import annotations

import gc
import types
import warnings
from collections.abc import Callable
from functools import partial
from typing import Any


class NeedsAnArgument(Exception):  # noqa: N818
    """An exception whose class alone makes none."""

    def __init__(self, argument: object) -> None:
        super().__init__(argument)


class MakesANumber(Exception):  # noqa: N818
    """An exception whose class makes none."""

    def __new__(cls, *arguments: object) -> Any:
        return 5


EXCEPTIONS: dict[str, Callable[[], Any]] = {
    "ValueError": lambda: ValueError("v"),
    "KeyError class": lambda: KeyError,
    "StopIteration": lambda: StopIteration(7),
    "StopIteration class": lambda: StopIteration,
    "StopAsyncIteration": lambda: StopAsyncIteration("s"),
    "GeneratorExit": lambda: GeneratorExit("g"),
    "GeneratorExit class": lambda: GeneratorExit,
    "KeyboardInterrupt": lambda: KeyboardInterrupt("k"),
    "class that needs an argument": lambda: NeedsAnArgument,
    "class that makes a number": lambda: MakesANumber,
    "number": lambda: 42,
    "string": lambda: "text",
    "class of numbers": lambda: int,
}
VALUES: dict[str, Callable[[], Any]] = {
    "none": lambda: None,
    "number": lambda: 5,
    "tuple": lambda: (1, 2),
    "exception": lambda: ValueError("w"),
}


def describe(error: BaseException | None, depth: int = 4) -> object:
    """Return what two equal exceptions have in common: type, message, cause and context."""
    if error is None or depth == 0:
        return None
    cause, context = describe(error.__cause__, depth - 1), describe(error.__context__, depth - 1)
    return type(error).__name__, str(error), cause, context, error.__suppress_context__


class Run:
    """One coroutine, made by `make` of an awaitable, and the record of all that happens."""

    def __init__(
        self,
        make: Callable[[Any], Any],
        actions: list[tuple[str, ...]],
        inner: list[tuple[str, str]],
        shape: str,
    ) -> None:
        self.make, self.actions, self.inner, self.shape = make, actions, list(inner), shape
        self.record: list[object] = []
        self.coroutine: Any = None
        self.other: Any = None

    def play(self) -> list[object]:
        """Do all that the script says, drop the coroutine, and return the record."""
        said: list[str] = []
        with warnings.catch_warnings():
            warnings.simplefilter("always")
            # To record the warnings themselves would keep alive the coroutines that they are of.
            warnings.showwarning = lambda message, *_: said.append(str(message))
            awaitable = self.awaitable()
            self.coroutine, self.other = self.make(awaitable), self.make(awaitable)
            del awaitable
            for action in self.actions:
                self.note(action, self.outcome(action), self.looks())
            self.coroutine = self.other = None
            gc.collect()
        self.note(*said)
        return self.record

    def note(self, *what: object) -> None:
        self.record.append(what)

    def outcome(self, action: tuple[str, ...]) -> object:
        try:
            return "returns", repr(self.act(*action))
        except BaseException as error:
            return "raises", describe(error)

    def iterator(self) -> Any:
        """Ours is its own; that of a native one is made by `__await__`."""
        return self.coroutine if hasattr(self.coroutine, "__next__") else self.coroutine.__await__()

    def act(self, verb: str, *names: str) -> object:
        if verb == "send":
            return self.coroutine.send(VALUES[names[0]]())
        if verb == "other":  # awaits the same
            return self.other.send(VALUES[names[0]]())
        if verb == "close":
            return self.coroutine.close()
        if verb == "next":
            return next(self.iterator())
        first, *rest = names
        arguments = [self.exception(first), *(VALUES[name]() for name in rest)]
        if "native" in self.shape and len(arguments) > 1 and not makes_an_exception(arguments):
            return "left out: see the README"
        return self.coroutine.throw(*arguments)

    def exception(self, name: str) -> Any:
        """Return what is thrown: of this name, or a class that first enters the coroutine so."""
        if name in EXCEPTIONS:
            return EXCEPTIONS[name]()

        class Enters(Exception):  # noqa: N818
            def __init__(_, *arguments: object) -> None:  # noqa: N805
                self.enter(name.removeprefix("class that enters by "))

        return Enters

    def enter(self, verb: str) -> None:
        argument = {"send": ["none"], "throw": ["ValueError"], "close": []}[verb]
        self.note("entered", self.outcome((verb, *argument)))

    def looks(self) -> object:
        coroutine = self.coroutine
        return coroutine.cr_running, coroutine.cr_suspended, coroutine.cr_await is None

    def awaitable(self) -> Any:
        """Return what is awaited, of the shape that the script says."""
        if self.shape == "number":
            return 5
        if self.shape == "native":
            return self.native_inner()
        if self.shape == "native or ours":
            return self.make(Awaitable(self, self.generator()))
        if self.shape == "generator":
            generator: Any = types.coroutine(self.generator)
            return generator()
        methods: dict[str, Any] = {"__next__": scripted("next")}
        methods |= {
            name: scripted(name) for name in ("send", "throw", "close") if name in self.shape
        }
        iterator = type("Inner", (), methods)()
        iterator.run = self
        return (Secretive if self.shape == "secretive" else Awaitable)(self, iterator)

    async def native_inner(self) -> object:
        return await Awaitable(self, self.generator())

    def generator(self) -> Any:
        """Play the inner script at the suspension points of a generator."""
        result: object = None
        while True:
            try:
                ending, value = self.step(f"resumed with {result!r}")
                if ending == "return":
                    return value
                result = yield value
            except GeneratorExit:
                self.note("inner closed")
                if not self.inner or self.inner[0][0] != "yield":
                    raise
            except ValueError as error:
                self.note("inner caught", str(error))
                if not self.inner:
                    raise

    def step(self, call: str) -> tuple[str, Any]:
        """Note that the inner one was called, and do what its script says next."""
        self.note("inner", call)
        verb, name = self.inner.pop(0) if self.inner else ("return", "none")
        if verb == "raise":
            error = EXCEPTIONS[name]()
            raise error if makes_an_exception([error]) else OSError(name)
        if verb == "enter":
            self.enter(name)
            return "yield", "after entering"
        return verb, VALUES[name]()


class Awaitable:
    def __init__(self, run: Run, iterator: Any) -> None:
        self.run = run
        self.iterator = iterator

    def __await__(self) -> Any:
        return self.run.step("__await__")[1] if self.run.shape == "bad" else self.iterator


class Secretive:
    """Its `__await__` is a property, and it has no attributes for anybody who asks."""

    def __init__(self, run: Run, iterator: Any) -> None:
        object.__setattr__(self, "run", run)
        object.__setattr__(self, "iterator", iterator)

    def __getattribute__(self, name: str) -> Any:
        raise OSError(name)

    @property
    def __await__(self) -> Any:
        run, iterator = map(partial(object.__getattribute__, self), ("run", "iterator"))
        run.step("look-up of __await__")
        return lambda: iterator


def scripted(name: str) -> Callable[..., object]:
    """Return a method that plays the next step of the script, whatever it is given."""

    def method(self: Any, *arguments: object) -> object:
        shown = [describe(a) if isinstance(a, BaseException) else repr(a) for a in arguments]
        verb, value = self.run.step(f"{name} {shown}")
        if verb == "return":
            raise StopIteration(value)
        return value

    return method


def makes_an_exception(arguments: list[Any]) -> bool:
    """Would `throw(*arguments)` throw it, and not complain of it?"""
    kind, value, traceback = [*arguments, None, None][:3]
    if traceback is not None:
        return False
    if isinstance(kind, BaseException):
        return value is None
    return isinstance(kind, type) and issubclass(kind, BaseException)
