"""The server that demo, tests and benchmark talk to: keys and values, in memory, in threads.

A request is a line, and so is an answer.

    GET key              VALUE value, or NONE
    SET key value        OK
    SCAN, SCAN prefix    KEY key, a line for each, and then END
    BYE                  OK, when all is saved
    anything else        ERROR and what is wrong

`python server.py` runs it until its input ends, and prints its port.
"""

from __future__ import annotations

import select
import socket
import socketserver
import sys
import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from typing import Any, Self


class Server(socketserver.ThreadingTCPServer):
    """`with Server() as server` runs it, and `server.port` is where."""

    def __init__(self) -> None:
        self.values: dict[str, str] = {}
        self.saved: dict[str, str] = {}
        self.heard: list[str] = []
        self._changed = threading.Condition()
        self._gates: dict[str, threading.Event] = {}
        self._open: set[socket.socket] = set()
        super().__init__(("127.0.0.1", 0), Connection)
        self.port: int = self.server_address[1]
        self._thread = threading.Thread(target=self.serve_forever, args=(0.01,))

    def __enter__(self) -> Self:
        self._thread.start()
        return self

    def __exit__(self, *_exception: object) -> None:
        self.shutdown()
        self._thread.join()
        for connection in list(self._open):
            connection.shutdown(socket.SHUT_RDWR)
        self.server_close()  # joins the threads of the connections

    @property
    def connections(self) -> int:
        return len(self._open)

    def wait_until(self, condition: Callable[[], object]) -> None:
        """Block until the condition holds. It is asked again whenever something has changed."""
        with self._changed:
            self._changed.wait_for(condition)

    @contextmanager
    def holding(self, verb: str) -> Iterator[None]:
        """Let requests of this verb wait for their answers until the block ends."""
        gate = self._gates[verb] = threading.Event()
        try:
            yield
        finally:
            del self._gates[verb]
            gate.set()

    def hear(self, line: str, connection: socket.socket) -> list[str]:
        """Return the answers, when nobody holds them. A client that hangs up is not waited for."""
        with self.changing():
            self.heard.append(line)
        if gate := self._gates.get(line.split(" ")[0]):
            while not gate.wait(0.001):
                if has_hung_up(connection):
                    raise ConnectionError
        with self.changing():
            return self.answers(line)

    def answers(self, line: str) -> list[str]:
        match line.split(" ", 2):
            case ["GET", key]:
                return [f"VALUE {self.values[key]}" if key in self.values else "NONE"]
            case ["SET", key, value]:
                self.values[key] = value
                return ["OK"]
            case ["SCAN", *words]:
                prefix = "".join(words)
                return [*(f"KEY {key}" for key in self.values if key.startswith(prefix)), "END"]
            case ["BYE"]:
                self.saved = dict(self.values)
                return ["OK"]
            case _:
                return [f"ERROR unknown request: {line}"]

    @contextmanager
    def changing(self) -> Iterator[None]:
        with self._changed:
            yield
            self._changed.notify_all()

    def process_request(self, request: Any, client_address: Any) -> None:
        with self.changing():
            self._open.add(request)
        super().process_request(request, client_address)

    def close_request(self, request: Any) -> None:
        with self.changing():
            self._open.remove(request)
        super().close_request(request)


class Connection(socketserver.StreamRequestHandler):
    """A connection, in a thread of its own."""

    server: Server

    def handle(self) -> None:
        try:
            for line in self.rfile:
                for answer in self.server.hear(line.decode().rstrip("\n"), self.connection):
                    self.wfile.write(f"{answer}\n".encode())
        except ConnectionError:
            pass  # the client has gone


def has_hung_up(connection: socket.socket) -> bool:
    readable, _, _ = select.select([connection], [], [], 0)
    return bool(readable) and not connection.recv(1, socket.MSG_PEEK)


if __name__ == "__main__":
    with Server() as server:
        print(server.port, flush=True)
        sys.stdin.read()
