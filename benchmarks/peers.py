"""Ask each published way to await a Rust future the same questions, and chapter 04's bridge too.

`nox -f benchmarks/noxfile.py -s peers` builds what it needs and runs it on each Python. Each answer
is what happened in a process of its own (`questions.py`). Prints the answers, and keeps them in
`peers.json`, with the versions of everything; `pages.py` shows them in README.md.
"""

from __future__ import annotations

import importlib
import importlib.metadata
import importlib.util
import json
import os
import platform
import socket
import subprocess
import sys
import time
import tomllib
from collections.abc import Callable
from pathlib import Path
from textwrap import shorten
from threading import Timer
from typing import Any

from questions import MARK, NOT_ASKED, QUESTIONS

HERE = Path(__file__).parent
RECORD = HERE / "peers.json"
WATCHDOG = 120  # seconds

WAYS = {
    "native asyncio": "native",
    "PyO3's `async fn`": "async_fn",
    "`future_into_py`": "into_py",
    "granian's future": "granian",
    "chapter 04": "rust_futures",
}
"""Each column, and the module that has its functions."""

ASKED_OF_GRANIAN = [
    "lazy",
    "create_task",
    "never_awaited",
    "awaited_again",
    "two_at_once",
    "fresh_send",
    "context_variables",
    "messages",
    "attached",
]
"""What an app can ask without a server of its own making."""


def ask(question: str, way: str) -> str:
    if way == "granian":
        return ask_granian(question) if question in ASKED_OF_GRANIAN else NOT_ASKED
    return answer([sys.executable, str(HERE / "questions.py"), question, way])


def ask_granian(question: str) -> str:
    """Start a server, ask it for a page, hang up, and listen to what the app has to tell."""
    with socket.create_server(("127.0.0.1", 0)) as free:
        port = free.getsockname()[1]
    granian = [sys.executable, "-m", "granian", "--interface", "rsgi", "--loop", "asyncio"]
    return answer(
        [*granian, "--port", str(port), "in_granian:app"],
        lambda: ask_and_hang_up(port),
        env={**os.environ, "QUESTION": question},
    )


def ask_and_hang_up(port: int) -> None:
    with connected(port) as client:
        client.sendall(b"GET / HTTP/1.1\r\nHost: localhost\r\n\r\n")
        time.sleep(0.5)


def connected(port: int) -> socket.socket:
    """Connect as soon as the server listens."""
    end = time.monotonic() + WATCHDOG
    while True:
        try:
            return socket.create_connection(("127.0.0.1", port))
        except ConnectionRefusedError:
            if time.monotonic() > end:
                raise
            time.sleep(0.1)


def answer(command: list[str], meanwhile: Callable[[], None] = lambda: None, **options: Any) -> str:
    """Return what the process tells, and end it."""
    pipe, null = subprocess.PIPE, subprocess.DEVNULL
    with subprocess.Popen(
        command, cwd=HERE, stdout=pipe, stderr=null, text=True, **options
    ) as process:
        watchdog = Timer(WATCHDOG, process.terminate)
        watchdog.start()
        meanwhile()
        assert process.stdout
        told = next((line for line in process.stdout if line.startswith(MARK)), "")
        watchdog.cancel()
        process.terminate()
    return told.removeprefix(MARK).strip() or f"exit code {process.returncode}"


def installed(way: str) -> bool:
    module = "published" if way in ("async_fn", "into_py", "wake_thread") else way
    if importlib.util.find_spec(module):
        return True
    print(f"{module} is not installed: its column is left out.")
    return False


def versions() -> dict[str, str]:
    """Return the versions of all that takes part."""
    lock = tomllib.loads((HERE / "peers" / "Cargo.lock").read_text("utf-8"))
    crates = {one["name"]: one["version"] for one in lock["package"]}
    return {
        "python": platform.python_version(),
        **{name: crates[name] for name in ("pyo3", "pyo3-async-runtimes", "tokio")},
        **{
            name: importlib.metadata.version(name)
            for name in ("granian", "trio", "uvloop")
            if importlib.util.find_spec(name)
        },
    }


def main() -> None:
    ways = {way: module for way, module in WAYS.items() if installed(module)}
    answers: dict[str, dict[str, str]] = {}
    for question, function in QUESTIONS.items():
        print(question, flush=True)
        answers[question] = {}
        for way, module in ways.items():
            answers[question][way] = ask(function.__name__, module)
            print(f"    {way:<20}{answers[question][way]}", flush=True)
    keep(RECORD, {"versions": versions(), "answers": answers})


def keep(path: Path, found: dict[str, Any]) -> None:
    """Put what this Python found beside what the others did."""
    record = json.loads(path.read_text("utf-8")) if path.exists() else {}
    record[".".join(platform.python_version_tuple()[:2])] = found
    text = json.dumps(dict(sorted(record.items())), indent=2, ensure_ascii=False)
    path.write_text(text + "\n", encoding="utf-8")


def table(record: dict[str, Any]) -> str:
    """Return the answers as Markdown; where the Pythons differ, it says which says what."""
    ways = [way for way in WAYS if any(cell(record, question, way) for question in QUESTIONS)]
    rows = [
        ["", *ways],
        ["---"] * (1 + len(ways)),
        *([question, *(cell(record, question, way) for way in ways)] for question in QUESTIONS),
    ]
    return "".join(f"| {' | '.join(row)} |\n" for row in rows)


def cell(record: dict[str, Any], question: str, way: str) -> str:
    """Return the answers in a line for each; what a long message goes on to say is left out."""
    pythons: dict[str, list[str]] = {}
    for python, one in record.items():
        if way in one["answers"].get(question, {}):
            said = shorten(one["answers"][question][way], 64, placeholder=" …")
            pythons.setdefault(said, []).append(python)
    if len(pythons) < 2:
        return "".join(pythons)
    return "<br>".join(f"{', '.join(which)}: {said}" for said, which in pythons.items())


if __name__ == "__main__":
    main()
    importlib.import_module("pages").write()  # which imports this
