"""The crate's part of this chapter in plain Python: the same parts under the same names.

Where the Rust has tokio, this has an event loop of its own in a thread: the runtime. What runs
there is a *future*, and must not touch the loop that awaits it. When it needs Python, it asks: the
request goes into the loop's ready queue; the loop's thread makes the awaitable, awaits it, and
answers.
"""

from __future__ import annotations

import asyncio
import collections
import contextlib
import contextvars
import functools
import socket
import threading
import weakref
from collections.abc import (
    AsyncGenerator,
    AsyncIterable,
    Awaitable,
    Callable,
    Coroutine,
)
from typing import Any, Generic, TypeVar

_T = TypeVar("_T")
Begin = Callable[[], Awaitable[_T]]
"""Makes an awaitable. It is called on the thread of the loop."""


class ReadyQueue:
    """What the loop's thread shall call. Many threads push, one loop takes."""

    def __init__(self) -> None:
        self.ready: list[Callable[[], object]] = []
        self.lock = threading.Lock()

    def push(self, item: Callable[[], object]) -> bool:
        """Say whether the item is the first: whoever pushes the first must wake the loop."""
        with self.lock:
            self.ready.append(item)
            return len(self.ready) == 1

    def take_all(self) -> list[Callable[[], object]]:
        with self.lock:
            ready, self.ready = self.ready, []
            return ready


class Wakeup:
    """A byte that is written to the one socket makes the other readable."""

    def __init__(self) -> None:
        self.writer, self.reader = socket.socketpair()
        self.reader.setblocking(False)

    def wake(self) -> None:
        with contextlib.suppress(OSError):  # the loop is closed
            self.writer.send(b"\0")

    def drain(self) -> None:
        with contextlib.suppress(BlockingIOError):
            self.reader.recv(4096)

    def __del__(self) -> None:
        self.writer.close()
        self.reader.close()


class EventLoop:
    """A running loop: what is ready, and how to wake it."""

    def __init__(self, loop: asyncio.AbstractEventLoop) -> None:
        self.ready, self.wakeup = ReadyQueue(), Wakeup()
        self.waiting: set[object] = set()  # keeps alive what may come in
        self.loop, self.watches = weakref.ref(loop), True
        try:  # in an empty context: a loop keeps the one that it is given
            contextvars.Context().run(loop.add_reader, self.wakeup.reader, self.woken)
        except NotImplementedError:
            self.watches = False

    def schedule(self, item: Callable[[], object]) -> None:
        """Have this called on the loop's thread. It may be called on any."""
        if self.ready.push(item):
            self.wakeup.wake()
            if not self.watches and (loop := self.loop()):
                with contextlib.suppress(RuntimeError):  # it is closed
                    loop.call_soon_threadsafe(self.woken)

    def woken(self) -> None:
        self.wakeup.drain()  # first: what is pushed after this wakes again
        for item in self.ready.take_all():
            item()


class Outcome(Generic[_T]):
    """What an awaitable has brought: a result, or an exception of any kind."""

    def __init__(self, result: Any = None, error: BaseException | None = None) -> None:
        self.result, self.error = result, error

    def unwrap(self) -> _T:
        if self.error:
            raise self.error
        result: _T = self.result
        return result


async def outcome_of(begin: Begin[_T]) -> Outcome[_T]:
    try:
        return Outcome(await begin())
    except GeneratorExit:
        raise  # a request to exit takes no answer
    except BaseException as error:
        return Outcome(error=error)


class Request(Generic[_T]):
    """One call of Python: asked for and answered on the runtime's thread, served on the loop's."""

    def __init__(self, begin: Begin[_T], caller: Caller) -> None:
        self.begin, self.caller = begin, caller
        self.answer: asyncio.Future[Outcome[_T]] = runtime().create_future()
        self.task: asyncio.Task[Outcome[_T]] | None = None

    def start(self) -> None:
        """Serve it in a Task of its own, which has a copy of the caller's context."""
        context = self.caller.context.copy()
        coroutine = outcome_of(self.begin)
        self.task = asyncio.get_running_loop().create_task(coroutine, context=context)
        self.task.add_done_callback(self.end)

    async def serve_here(self) -> None:
        """Serve it in the Task that runs."""
        self.give_back(await outcome_of(self.begin))

    def cancel(self) -> None:
        if self.task:
            self.task.cancel()

    def end(self, task: asyncio.Task[Outcome[_T]]) -> None:
        never_began = Outcome[_T](error=asyncio.CancelledError())
        self.give_back(never_began if task.cancelled() else task.result())

    def give_back(self, outcome: Outcome[_T]) -> None:
        runtime().call_soon_threadsafe(self.answer.set_result, outcome)

    async def answered(self) -> _T:
        """Suspend the future until the answer is there.

        A future of Rust that is dropped cannot wait: there its coroutine waits in its place. Here
        the future itself can wait until the Task that it has cancelled is over.
        """
        try:
            await asyncio.wait([self.answer])
        except asyncio.CancelledError:
            self.caller.event_loop.schedule(self.cancel)
            await asyncio.wait([self.answer])
            raise
        return self.answer.result().unwrap()


class Caller:
    """Has a loop call Python: the one that runs where this is made, in a copy of its context."""

    def __init__(self) -> None:
        self.event_loop, self.context = running(), contextvars.copy_context()

    async def call(self, begin: Begin[_T]) -> _T:
        """In a Task of its own. From any future, also one that nobody awaits."""
        request = Request(begin, self)
        self.event_loop.schedule(request.start)
        return await request.answered()

    @staticmethod
    def current() -> Caller:
        """Return that of the future that runs here."""
        return here.get().caller


class InFlight:
    """One future that is awaited: started on the runtime, ended there, and then scheduled."""

    alive = 0

    def __init__(self, future: Coroutine[Any, Any, Any]) -> None:
        self.future, self.caller, self.is_over = future, Caller(), False
        self.in_task: collections.deque[Request[Any]] = collections.deque()
        self.waiter: asyncio.Future[None] | None = None
        self.caller.event_loop.waiting.add(self)
        runtime().call_soon_threadsafe(self.start)

    def start(self) -> None:
        InFlight.alive += 1
        self.task = runtime().create_task(self.run())
        self.task.add_done_callback(self.end)

    async def run(self) -> Outcome[Any]:
        here.set(self)
        return await outcome_of(lambda: self.future)

    def end(self, task: asyncio.Task[Outcome[Any]]) -> None:
        InFlight.alive -= 1
        self.future.close()  # it may never have begun
        self.is_over = True
        self.caller.event_loop.schedule(self.resume)

    def cancel(self) -> None:
        runtime().call_soon_threadsafe(self.drop)

    def drop(self) -> None:
        self.task.cancel()

    def resume(self) -> None:
        """Have its coroutine resumed. Called on the loop's thread."""
        if self.waiter and not self.waiter.done():
            self.waiter.set_result(None)

    def ask(self, request: Request[Any]) -> None:
        """Have its coroutine serve this itself. Called on the loop's thread."""
        self.in_task.append(request)
        self.resume()


here: contextvars.ContextVar[InFlight] = contextvars.ContextVar("here")
"""Whose future runs: the runtime's Tasks inherit it."""


async def spawn(future: Coroutine[Any, Any, _T]) -> _T:
    """Run `future` on the runtime, and suspend until it is over. Serve what it asks of this Task.

    When this is cancelled, the future is cancelled first, and has ended when this raises.
    """
    in_flight = InFlight(future)
    thrown: BaseException | None = None
    try:
        while not in_flight.is_over:
            try:
                await serve_or_suspend(in_flight)
            except GeneratorExit:
                in_flight.cancel()
                raise  # a request to exit takes no "not yet"
            except BaseException as error:
                if not thrown:
                    in_flight.cancel()
                thrown = error
    finally:
        in_flight.caller.event_loop.waiting.discard(in_flight)
    if thrown:
        raise thrown
    result: _T = in_flight.task.result().unwrap()
    return result


async def serve_or_suspend(in_flight: InFlight) -> None:
    if in_flight.in_task:
        await in_flight.in_task.popleft().serve_here()
    else:
        in_flight.waiter = asyncio.get_running_loop().create_future()
        await in_flight.waiter


def running() -> EventLoop:
    """Return the state of the loop that runs here, which is made when the loop is met first."""
    loop = asyncio.get_running_loop()
    if loop not in _loops:
        _loops[loop] = EventLoop(loop)
    return _loops[loop]


_loops: weakref.WeakKeyDictionary[asyncio.AbstractEventLoop, EventLoop] = (
    weakref.WeakKeyDictionary()
)


@functools.cache
def runtime() -> asyncio.AbstractEventLoop:
    """Return the loop that runs the futures, in a thread that does not keep the process alive."""
    loop = asyncio.new_event_loop()
    threading.Thread(target=loop.run_forever, daemon=True, name="runtime").start()
    return loop


async def call(begin: Begin[_T]) -> _T:
    """Have a Task of its own await what `begin` returns. From any future that somebody awaits.

    It is cancelled when this future is, and is over when this raises.
    """
    return await Caller.current().call(begin)


async def call_in_task(begin: Begin[_T]) -> _T:
    """Have the Task that awaits this future await it: one at a time, and never interrupted here."""
    in_flight = here.get()
    request = Request(begin, in_flight.caller)
    in_flight.caller.event_loop.schedule(functools.partial(in_flight.ask, request))
    return await request.answered()


async def async_iter(
    begin: Callable[[], AsyncIterable[_T]], call: Callable[[Begin[_T]], Awaitable[_T]] = call
) -> AsyncGenerator[_T, None]:
    """Give the items of the async iterable that `begin` returns. It is closed when this is."""

    async def start() -> Any:
        return aiter(begin())

    iterator: Any = await call(start)
    try:
        while True:
            try:
                item = await call(iterator.__anext__)
            except StopAsyncIteration:
                return
            yield item
    finally:
        if aclose := getattr(iterator, "aclose", None):
            await call(aclose)
