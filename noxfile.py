# /// script
# requires-python = ">=3.11"
# dependencies = ["maturin==1.16.0", "nox==2026.10.20", "python-discovery==1.9.5", "uv==0.13.9"]
# ///
"""Build, run and test every chapter on every supported Python.

`nox -s example-02` runs a chapter on each Python found, `nox -s example-02-3.12` on one, and what
follows `--` goes to pytest. `nox` runs every session that `nox -l` marks with a `*`.
"""

from __future__ import annotations

import atexit
import functools
import getpass
import hashlib
import json
import os
import re
import shlex
import shutil
import subprocess
import sys
import tempfile
import tomllib
from collections.abc import Callable
from pathlib import Path
from typing import Any

import nox
from python_discovery import get_interpreter

ROOT = Path(__file__).parent
CHAPTERS = sorted(ROOT.glob("examples/[0-9][0-9]-*"))
SHARED = ["src/get_awaitable.rs", "src/await_errors.rs", "tests/test_readme.py"]
PYTHONS = ["3.11", "3.12", "3.13", "3.14", "3.15", "3.14t", "3.15t"]

nox.needs_version = ">=2026.10"
nox.options.default_venv_backend = "uv"
nox.options.download_python = "never"
nox.options.error_on_missing_interpreters = False  # nor where `CI` is set
nox.options.reuse_venv = "yes"

# pyenv's shims of versions that are not activated exist, and fail: look behind them.
pyenv = Path(os.environ.get("PYENV_ROOT", Path.home() / ".pyenv"))
behind_the_shims = map(str, pyenv.glob("versions/3.1[1-9]*/bin"))
os.environ["PATH"] = os.pathsep.join([*behind_the_shims, os.environ["PATH"]])

FOUND = [version for version in PYTHONS if get_interpreter(version)]
if not FOUND:
    sys.exit(f"No supported Python here. Install one of these: {', '.join(PYTHONS)}.")
ran: set[str] = set()


@atexit.register
def say_which_pythons_ran() -> None:
    if ran:
        missing = [version for version in PYTHONS if version not in FOUND]
        print("Ran on Python", ", ".join(version for version in PYTHONS if version in ran))
        print("Skipped, as not found here:", ", ".join(missing) or "none")


def session_per_chapter(
    name: str, **options: Any
) -> Callable[[Callable[[nox.Session, Path], None]], None]:
    """Register the decorated function as a session of each chapter: `name-01`, `name-02`, …"""

    def register(function: Callable[[nox.Session, Path], None]) -> None:
        for chapter in CHAPTERS:

            def session_of_chapter(session: nox.Session, chapter: Path = chapter) -> None:
                function(session, chapter)

            title = (chapter / "README.md").read_text("utf-8").partition("\n")[0].lstrip("# ")
            session_of_chapter.__doc__ = f"{title}: {function.__doc__}"
            nox.session(name=f"{name}-{chapter.name[:2]}", **options)(session_of_chapter)

    return register


@session_per_chapter("example", python=PYTHONS)
def example(session: nox.Session, chapter: Path) -> None:
    """build, demo and tests."""
    install(session, copy_out_of_the_repository(session, chapter))
    session.run("python", "demo.py")
    session.run("pytest", *session.posargs)
    ran.add(str(session.python))


@session_per_chapter("alone", python=FOUND[:1], venv_backend="venv", default=False)
def alone(session: nox.Session, chapter: Path) -> None:
    """its folder alone, by the commands of its README: pip, pytest, tox."""
    require_rust(chapter)
    session.chdir(copy_out_of_the_repository(session, chapter))
    readme = Path("README.md").read_text("utf-8")
    for block in re.findall(r"^```sh\n(.+?)^```", readme, re.MULTILINE | re.DOTALL):
        for command in block.splitlines():
            session.run(*shlex.split(command))


@nox.session(python=FOUND[:1])
def types(session: nox.Session) -> None:
    """Strict types: noxfile, twins and tests, and the stubs against the built modules."""
    session.install("mypy==2.4.1", "nox==2026.10.20", "python-discovery==1.9.5")
    session.run("mypy", "--strict", __file__, ".ci/summary.py")
    for chapter in CHAPTERS:
        folder = copy_out_of_the_repository(session, chapter)
        install(session, folder)
        session.run("mypy", ".")
        module = package(folder).replace("-", "_")
        # Maturin makes a package of the module, and `module.module` has no stub of its own.
        (folder / "allowed").write_text(f"{module}\\.{module}\n")
        session.run("stubtest", module, "--allowlist", "allowed")


@nox.session(venv_backend="none", name="lint-rust")
def lint_rust(session: nox.Session) -> None:
    """cargo fmt and clippy, where they are installed."""
    for tool in ("cargo-fmt", "cargo-clippy"):
        if not shutil.which(tool):
            session.skip(f"{tool} was not found: `rustup component add rustfmt clippy`")
    for chapter in CHAPTERS:
        session.chdir(chapter)
        session.run("cargo", "fmt", "--check")
        options = ["--release", "--locked", "--all-targets", "--", "-D", "warnings"]
        session.run("cargo", "clippy", *options, env=cargo_environment(FOUND[0]))


@nox.session(name="lint-python")
def lint_python(session: nox.Session) -> None:
    """ruff and its formatter."""
    session.install("ruff==0.17.5")
    session.run("ruff", "check", ".")
    session.run("ruff", "format", "--check", ".")


@nox.session(venv_backend="none")
def book(session: nox.Session) -> None:
    """The front page leads to every chapter, and what chapters have in common is the same."""
    page = (ROOT / "README.md").read_text("utf-8")
    measured = json.loads((ROOT / "examples/02-awaitable/measured.json").read_text("utf-8"))
    if f"costs {measured['ratios']['`Ready` in Rust']} times" not in page:
        session.error("README.md does not have the figure that chapter 02 measured.")
    for link in re.findall(r"\]\((?!https?:|#)([^)#]+)", page):
        if not (ROOT / link).exists():
            session.error(f"README.md links to {link}, which does not exist.")
    seen: dict[Path, bytes] = {}
    for chapter in CHAPTERS:
        if f"](examples/{chapter.name}/" not in page or f"example-{chapter.name[:2]}" not in page:
            session.error(f"README.md does not lead to {chapter.name}.")
        for name in map(Path, SHARED):
            if (chapter / name).exists():
                text = (chapter / name).read_bytes()
                if seen.setdefault(name, text) != text:
                    session.error(f"{name} in {chapter.name} differs from that of another chapter.")


def copy_out_of_the_repository(session: nox.Session, chapter: Path) -> Path:
    """Return a copy of the chapter's folder that nothing above it can help or disturb.

    Its path is the same at each run and the files keep their times, so that cargo builds only what
    has changed.
    """
    clone = hashlib.sha256(bytes(ROOT)).hexdigest()[:8]
    base = Path(tempfile.gettempdir(), f"async-pyo3-{getpass.getuser()}-{clone}")
    folder = base / str(session.python) / chapter.name
    shutil.rmtree(folder, ignore_errors=True)
    ignore = shutil.ignore_patterns(".*", "target", "dist", "__pycache__", "*.so", "*.pyd")
    return shutil.copytree(chapter, folder, ignore=ignore)


def install(session: nox.Session, folder: Path) -> None:
    """Build the chapter's wheel for exactly this Python, install it, and stay in its folder."""
    require_rust(folder)
    session.chdir(folder)
    environment = cargo_environment(str(session.python))
    shutil.rmtree("wheels", ignore_errors=True)
    maturin = [sys.executable, "-m", "maturin", "build", "--release", "--out", "wheels"]
    python = ["--interpreter", environment["PYO3_PYTHON"]]
    session.run(*maturin, *python, env=environment, external=True)
    (wheel,) = Path("wheels").glob("*.whl")
    session.install(f"{wheel.resolve()}[test]", "--reinstall-package", package(folder))


def cargo_environment(python: str) -> dict[str, str]:
    """Tell cargo its Python, and the target directory that all chapters share for that Python."""
    found = get_interpreter(python)
    assert found
    return {
        "CARGO_TARGET_DIR": str(ROOT / ".nox" / "cargo" / python),
        "PYO3_PYTHON": str(found.system_executable),
    }


def package(folder: Path) -> str:
    """Return the name of the chapter's package."""
    return folder.name.partition("-")[2]


@functools.cache
def require_rust(chapter: Path) -> None:
    """End in one clear line where cargo, rustc or the C compiler is missing or too old."""
    manifest = tomllib.loads((chapter / "Cargo.toml").read_text("utf-8"))
    wanted = manifest["package"]["rust-version"]
    hint = f"Rust {wanted} or newer is needed: https://rustup.rs, or `apt install rustc cargo gcc`."
    for tool in ("cargo", "rustc", *(["cc"] if os.name == "posix" else [])):
        if not shutil.which(tool):
            sys.exit(f"{tool} was not found. {hint}")
    rustc = subprocess.run(["rustc", "--version"], capture_output=True, text=True, check=False)
    found = re.search(r"rustc (\d+)\.(\d+)", rustc.stdout)
    if not found:
        sys.exit(f"rustc does not say its version: {rustc.stderr.strip()} {hint}")
    if [int(part) for part in found.groups()] < [int(part) for part in wanted.split(".")]:
        sys.exit(f"{found[0]} is too old. {hint}")
