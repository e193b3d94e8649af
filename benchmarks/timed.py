"""Have pyperf take the times of one part of the record, each in a process of its own.

Run by `cost.py`: `python timed.py --what streams`. pyperf runs it anew for each time.
"""

from __future__ import annotations

import importlib
from collections.abc import Callable, Iterable
from typing import Any

from calls import calls
from ladder import SIZES, Timed, awaits, driven, end_at_once, growth
from streams import streams
from turns import turns

PARTS: dict[str, Callable[[int], Iterable[Timed]]] = {
    "driven": lambda _: driven(),
    "awaits": lambda _: awaits(),
    "one core": lambda _: awaits(),
    "growth": growth,
    "streams": lambda _: streams(),
    "calls": lambda _: calls(),
    "turns": lambda _: turns(),
}


def main() -> None:
    runner = importlib.import_module("pyperf").Runner(add_cmdline_args=pass_on)
    runner.argparser.add_argument("--what", choices=PARTS)
    runner.argparser.add_argument("--most", type=int, default=SIZES[-1])
    arguments = runner.parse_args()
    for one in PARTS[arguments.what](arguments.most):
        take(runner, one)
    if arguments.worker:
        end_at_once()


def take(runner: Any, one: Timed) -> None:
    runner.bench_time_func(one.title, lambda _: one.seconds(), inner_loops=one.times)


def pass_on(command: list[str], arguments: Any) -> None:
    command += ["--what", arguments.what, "--most", str(arguments.most)]


if __name__ == "__main__":
    main()
