# /// script
# requires-python = ">=3.11"
# dependencies = [
#     "filelock==4.2.11",
#     "maturin==1.16.0",
#     "nox==2026.10.20",
#     "python-discovery==1.9.5",
#     "uv==0.13.9",
# ]
# ///
"""Measure what the book says about cost, and ask its peers.

`nox -f benchmarks/noxfile.py -s cost-3.12` measures on one Python, `-s cost` on each that is found;
what follows `--` goes to the script. README.md says what each session records, and what it needs.
"""

from __future__ import annotations

import shutil
import sys
from pathlib import Path

import nox

sys.path.insert(0, str(Path(__file__).parent.parent / ".ci"))

from building import (
    CHAPTERS,
    PEERS,
    PYTHONS,
    ROOT,
    VARIANTS,
    build,
    copy_out_of_the_repository,
    install,
    numbered,
)

nox.needs_version = ">=2026.10"
CLIENTS = ["aiohttp==3.14.5", "redis[hiredis]==8.1.0"]  # those that chapter 07 is measured beside
MEASURED = [python for python in PYTHONS if not python.endswith("t")]


@nox.session(python=MEASURED, default=False)
def instructions(session: nox.Session) -> None:
    """Instructions of an await in Rust, beside the same in C."""
    if not shutil.which("valgrind"):
        session.skip("valgrind is missing: on Debian `apt install valgrind`")
    defaults = {"CARGO_PROFILE_RELEASE_LTO": "false", "CARGO_PROFILE_RELEASE_CODEGEN_UNITS": "16"}
    folder = copy_out_of_the_repository(session, numbered("03"))
    slower = build(session, folder, str(session.python), **defaults).rename(
        folder / "default-profile.whl"
    )
    install(session, folder)
    install(session, copy_out_of_the_repository(session, VARIANTS))
    session.run("python", str(ROOT / "benchmarks" / "instructions.py"), str(slower))


@nox.session(python=MEASURED, default=False)
def peers(session: nox.Session) -> None:
    """What each published way to await a Rust future does, beside chapter 04's."""
    run_beside_the_peers(session, "peers.py", numbered("04"))


@nox.session(python=MEASURED, default=False)
def cost(session: nox.Session) -> None:
    """What an await costs in each way there is, an item of a stream, and a call from Rust."""
    session.install(*CLIENTS)
    measured = (chapter for chapter in CHAPTERS if chapter.name < "08")  # which measures itself
    run_beside_the_peers(session, "cost.py", *measured)


def run_beside_the_peers(session: nox.Session, script: str, *chapters: Path) -> None:
    """Run this script of the benchmarks with the peers and these chapters."""
    if sys.platform == "win32":
        session.skip("the peers are asked, and the cost is measured, on Linux and macOS")
    session.install("pyperf==2.10.0")
    for folder in [PEERS, *chapters]:
        install(session, copy_out_of_the_repository(session, folder))
    session.run("python", str(ROOT / "benchmarks" / script), *session.posargs)
