"""One session for each chapter, and a last word on which Pythons they ran."""

from __future__ import annotations

import atexit
from collections.abc import Callable
from pathlib import Path
from typing import Any

import nox
from building import CHAPTERS, FOUND, PYTHONS

ran: set[str] = set()


@atexit.register
def say_which_pythons_ran() -> None:
    if ran:
        missing = [version for version in PYTHONS if version not in FOUND]
        print("Chapters ran on Python", ", ".join(sorted(ran)))
        print("Pythons not found on this machine:", ", ".join(missing) or "none")


def session_per_chapter(
    name: str, needs: str = "README.md", **options: Any
) -> Callable[[Callable[[nox.Session, Path], None]], None]:
    """Register the decorated function as `name-01`, `name-02`, …, for the chapters with `needs`.

    Each is described by the title of the chapter's README and the function's own first line.
    """

    def register(function: Callable[[nox.Session, Path], None]) -> None:
        for chapter in (chapter for chapter in CHAPTERS if (chapter / needs).exists()):
            # `chapter=chapter` keeps the one of this turn of the loop.
            def session_of_chapter(session: nox.Session, chapter: Path = chapter) -> None:
                function(session, chapter)

            title = (chapter / "README.md").read_text("utf-8").partition("\n")[0].lstrip("# ")
            session_of_chapter.__doc__ = f"{title}: {function.__doc__}"
            nox.session(name=f"{name}-{chapter.name[:2]}", **options)(session_of_chapter)

    return register
