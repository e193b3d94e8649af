"""Write what the book shows of the figures kept here: `python benchmarks/pages.py --write`.

A page has parts like `<!-- by machine: one_core 3.12 -->…<!-- end -->`; what stands between is made
by the function or the table of that name. Without `--write` it says which pages do not show what
the data say, as `nox -s book` does.
"""

from __future__ import annotations

import json
import re
import sys
from collections.abc import Callable
from pathlib import Path

sys.path.insert(0, str(Path(__file__).parent))  # `.ci/book.py` imports this too

import draw
import instructions
import peers
import tables

ROOT = Path(__file__).parent.parent
PART = re.compile(r"(<!-- by machine: (\w+) ?(\S*) -->)(\n?).*?(<!-- end -->)", re.DOTALL)


def instructions_counted() -> str:
    return instructions.counts_table(json.loads(instructions.RECORD.read_text("utf-8")))


def instructions_saved() -> str:
    return instructions.savings_table(json.loads(instructions.RECORD.read_text("utf-8")))


def answers() -> str:
    return peers.table(json.loads(peers.RECORD.read_text("utf-8")))


def ladder_picture(folder: str = "") -> str:
    return f"![{draw.ladder_said()}]({folder}ladder.svg)"


def six_picture(folder: str = "") -> str:
    return f"![{draw.six_said()}]({folder}six.svg)"


def growth_picture(folder: str = "") -> str:
    return f"![{draw.growth_said()}]({folder}growth.svg)"


def echo_picture(folder: str = "") -> str:
    return f"![{draw.echo_said()}]({folder}echo.svg)"


def ready_costs() -> str:
    return f"{tables.factor('`Ready` in Rust')} times"


def of_python(make: Callable[[tables.Found], str]) -> Callable[[str], str]:
    return lambda python: make(tables.found(python))


PARTS: dict[str, Callable[..., str]] = {
    **{name: of_python(make) for name, (_, make) in tables.TABLES.items()},
    "answers": answers,
    "chapter": tables.chapter,
    "echo_picture": echo_picture,
    "growth_picture": growth_picture,
    "instructions_counted": instructions_counted,
    "instructions_saved": instructions_saved,
    "ladder_picture": ladder_picture,
    "ready_costs": ready_costs,
    "six_picture": six_picture,
    "versions": of_python(tables.versions),
}


def filled(page: str) -> str:
    """Return the page with each part as its function makes it now."""

    def fill(match: re.Match[str]) -> str:
        begin, name, argument, line, end = match.groups()
        made = PARTS[name](*([argument] if argument else []))
        return f"{begin}{line}{made.rstrip()}{line}{end}"

    return PART.sub(fill, page)


def made() -> dict[Path, str]:
    """Return all that is written by machine, wholly or in part."""
    pages = [ROOT / "README.md", *ROOT.glob("examples/*/README.md"), tables.HERE / "README.md"]
    return {
        **{page: filled(page.read_text("utf-8")) for page in pages},
        tables.HERE / "six.svg": draw.six(),
        tables.HERE / "ladder.svg": draw.ladder(),
        tables.HERE / "growth.svg": draw.growth(),
        ROOT / "examples/07-one-thread/echo.svg": draw.echo(),
    }


def write() -> None:
    for path, text in made().items():
        path.write_text(text, encoding="utf-8")


def disagree() -> list[str]:
    """Say which pages and pictures do not show what the data say."""
    return [
        f"{path.relative_to(ROOT)} is not what the data make: `benchmarks/pages.py --write`"
        for path, text in made().items()
        if not path.exists() or path.read_text("utf-8") != text
    ]


if __name__ == "__main__":
    if "--write" in sys.argv:
        write()
    sys.exit("\n".join(disagree()) or None)
