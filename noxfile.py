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
"""Build, run and test every chapter on every supported Python.

Nox makes an environment of the packages above and runs this file in it.

`nox -s example-02` runs a chapter on each Python found, `nox -s example-02-3.12` on one, and what
follows `--` goes to pytest. `nox` runs every session that `nox -l` marks with a `*`.
"""

from __future__ import annotations

import atexit
import hashlib
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
from filelock import FileLock
from python_discovery import get_interpreter

ROOT = Path(__file__).parent
CHAPTERS = sorted(ROOT.glob("examples/[0-9][0-9]-*"))
CRATE = ROOT / "examples" / "04-rust-futures" / "bridge"
RUNGS = ROOT / "benchmarks" / "rungs"
PEERS = ROOT / "benchmarks" / "peers"
PYTHONS = ["3.11", "3.12", "3.13", "3.14", "3.15", "3.14t", "3.15t"]
MEASURED = [python for python in PYTHONS if not python.endswith("t")]
"""What `benchmarks/` keeps records of."""

nox.needs_version = ">=2026.10"
nox.options.default_venv_backend = "uv"
nox.options.download_python = "never"
nox.options.error_on_missing_interpreters = False  # a skip, also where `CI` is set
nox.options.reuse_venv = "yes"

# pyenv's shims of versions that are not active exist, and fail: put what is behind them first.
pyenv = Path(os.environ.get("PYENV_ROOT", Path.home() / ".pyenv"))
behind_the_shims = sorted(
    map(str, pyenv.glob("versions/3.1[1-9]*/bin")),
    key=lambda path: [int(number) for number in re.findall(r"\d+", path)],
    reverse=True,
)
os.environ["PATH"] = os.pathsep.join([*behind_the_shims, os.environ["PATH"]])

# Sessions with `python=FOUND[:1]` run once, on the oldest Python: what it takes, all take.
FOUND = [version for version in PYTHONS if get_interpreter(version)]
if not FOUND:
    sys.exit(f"No supported Python here. Install one of these: {', '.join(PYTHONS)}.")
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


@session_per_chapter("example", python=PYTHONS)
def example(session: nox.Session, chapter: Path) -> None:
    """build, demo and tests."""
    ran.add(str(session.python))
    install(session, copy_out_of_the_repository(session, chapter))
    session.run("python", "demo.py")
    session.run("pytest", *session.posargs)


@session_per_chapter("alone", python=FOUND[:1], venv_backend="venv", default=False)
def alone(session: nox.Session, chapter: Path) -> None:
    """its folder alone, by the commands of its README: pip, pytest, tox."""
    require_rust(session, chapter)
    session.chdir(copy_out_of_the_repository(session, chapter))
    for command in commands_of_the_readme():
        session.run(*shlex.split(command))


def commands_of_the_readme() -> list[str]:
    readme = Path("README.md").read_text("utf-8")
    blocks = re.findall(r"^```sh\n(.+?)^```", readme, re.MULTILINE | re.DOTALL)
    return [command for block in blocks for command in block.splitlines()]


@session_per_chapter("soak", "tests/soak.py", python=PYTHONS, default=False)
def soak(session: nox.Session, chapter: Path) -> None:
    """what can go wrong, tried a hundred thousand times."""
    install(session, copy_out_of_the_repository(session, chapter))
    session.run("pytest", "--soak", "-o", "faulthandler_timeout=7200", *session.posargs)


@session_per_chapter("model", "bridge/tests/loom.rs", python=FOUND[:1], default=False)
def model(session: nox.Session, chapter: Path) -> None:
    """its hand-over between threads, in every order that they can come in."""
    require_rust(session, chapter)
    session.chdir(copy_out_of_the_repository(session, chapter) / "bridge")
    environment = cargo_environment(str(session.python))
    cargo = ["cargo", "test", "--release", "--locked", "--test", "loom"]
    session.run(*cargo, env=environment, external=True)


@nox.session(python=FOUND[:1])
def crate(session: nox.Session) -> None:
    """pyo3-await as its users get it: documents, features, package, and from this repository."""
    require_rust(session, CRATE)
    folder = copy_out_of_the_repository(session, CRATE)
    session.chdir(folder)
    environment = cargo_environment(str(session.python))

    def cargo(*arguments: str, **more: str) -> None:
        session.run("cargo", *arguments, env={**environment, **more}, external=True)

    cargo("doc", "--no-deps", "--locked", RUSTDOCFLAGS="-D warnings")
    cargo("check", "--locked", "--no-default-features", RUSTFLAGS="-D warnings")
    cargo("package", "--locked", "--allow-dirty")
    if (ROOT / ".git").exists():
        shutil.rmtree(folder.parent / "user", ignore_errors=True)
        cargo("new", "--lib", "--vcs", "none", str(folder.parent / "user"))
        session.chdir(folder.parent / "user")
        cargo("add", "pyo3-await", "--git", ROOT.as_uri())
        Path("src/lib.rs").write_text(USES_THE_CRATE, "utf-8")
        cargo("check", RUSTFLAGS="-D warnings")


USES_THE_CRATE = """
use pyo3_await::Coroutine;

pub fn answer() -> Coroutine {
    pyo3_await::spawn("answer", async { Ok::<_, std::convert::Infallible>(42) })
}
"""


@nox.session(python=FOUND[-1:])
def abi3(session: nox.Session) -> None:
    """Chapter 04 as one wheel for all Pythons: built on the oldest, tested on the newest."""
    folder = copy_out_of_the_repository(session, numbered("04"))
    wheel = build(session, folder, FOUND[0], "--features", "pyo3/abi3-py311")
    session.install(f"{wheel}[test]", "--reinstall-package", package(folder))
    session.run("pytest", "--ignore", "tests/test_readme.py", *session.posargs)


@session_per_chapter("conformance", "tests/conformance.py", python=PYTHONS, default=False)
def conformance(session: nox.Session, chapter: Path) -> None:
    """CPython's own tests, over the chapter's coroutines."""
    install(session, copy_out_of_the_repository(session, chapter))
    session.run("python", "tests/conformance.py")


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
    install(session, copy_out_of_the_repository(session, RUNGS))
    session.run("python", str(ROOT / "benchmarks" / "instructions.py"), str(slower))


@nox.session(python=MEASURED, default=False)
def peers(session: nox.Session) -> None:
    """What each published way to await a Rust future does, beside chapter 04's."""
    run_beside_the_peers(session, "peers.py")


@nox.session(python=MEASURED, default=False)
def cost(session: nox.Session) -> None:
    """What an await costs in each way there is, from the cheapest to the dearest."""
    run_beside_the_peers(session, "cost.py", numbered("01"), numbered("02"), numbered("03"))


def run_beside_the_peers(session: nox.Session, script: str, *chapters: Path) -> None:
    """Run this script of the benchmarks with the peers, chapter 04 and these chapters."""
    if sys.platform == "win32":
        session.skip("the peers are asked, and the cost is measured, on Linux and macOS")
    session.install("pyperf==2.10.0")
    for folder in [PEERS, numbered("04"), *chapters]:
        install(session, copy_out_of_the_repository(session, folder))
    session.run("python", str(ROOT / "benchmarks" / script), *session.posargs)


@nox.session(python=FOUND[:1], venv_backend="venv", default=False)
def new(session: nox.Session) -> None:
    """Start your own: `nox -s new -- ../fetchlib` makes a project of that name, and tries it."""
    sys.path.insert(0, str(ROOT / ".ci"))
    import new_extension

    require_rust(session, new_extension.TEMPLATE)
    if missing := missing_rust_tools():
        session.error(missing)
    if len(session.posargs) != 1:
        session.error("say where, in a folder of the new name: nox -s new -- ../fetchlib")
    folder = Path(session.invoked_from, session.posargs[0]).resolve()
    if refusal := new_extension.refusal(folder):
        session.error(refusal)
    new_extension.create(folder)
    session.chdir(folder)
    install, *checks = commands_of_the_readme()
    tidy = ["ruff check --fix --select I .", "ruff format .", "cargo fmt"]  # names have a width
    for command in ["cargo update --workspace", install, *tidy, *checks]:
        session.run(*shlex.split(command), external=True)
    if left := new_extension.names_left(folder):
        session.error("\n".join(left))
    session.log(f"{folder} is yours: begin with its README.md")


def numbered(number: str) -> Path:
    (chapter,) = ROOT.glob(f"examples/{number}-*")
    return chapter


@nox.session(python=FOUND[:1])
def types(session: nox.Session) -> None:
    """Strict types: noxfile, twins and tests, and the stubs against the built modules."""
    session.install("mypy==2.4.1", *nox.project.load_toml(__file__)["dependencies"])
    session.run("mypy", "--strict", __file__, ".ci", "benchmarks")
    for crate in [*CHAPTERS, PEERS]:
        folder = copy_out_of_the_repository(session, crate)
        install(session, folder)
        session.run("mypy", ".")
        module = package(folder).replace("-", "_")
        # Maturin puts the compiled module into a package of its name: the stub is the package's.
        (folder / "allowed").write_text(f"{module}\\.{module}\n")
        session.run("stubtest", module, "--allowlist", "allowed")


@nox.session(venv_backend="none", name="lint-rust")
def lint_rust(session: nox.Session) -> None:
    """cargo fmt and clippy, where they are installed."""
    require_rust(session, CHAPTERS[0])
    if missing := missing_rust_tools():
        session.skip(missing)
    for crate in (*CHAPTERS, CRATE, RUNGS, PEERS):
        session.chdir(crate)
        session.run("cargo", "fmt", "--check")
        options = ["--release", "--locked", "--all-targets", "--", "-D", "warnings"]
        session.run("cargo", "clippy", *options, env=cargo_environment(FOUND[0]))


def missing_rust_tools() -> str | None:
    asked = (["cargo", tool, "--version"] for tool in ("fmt", "clippy"))
    if any(subprocess.run(ask, capture_output=True, check=False).returncode for ask in asked):
        return "rustfmt or clippy is missing: `rustup component add rustfmt clippy`"
    return None


@nox.session(name="lint-python")
def lint_python(session: nox.Session) -> None:
    """ruff and its formatter."""
    session.install("ruff==0.17.5")
    session.run("ruff", "check", ".", ".ci")
    session.run("ruff", "format", "--check", ".", ".ci")


@nox.session(venv_backend="none")
def book(session: nox.Session) -> None:
    """The pages agree with files and records, and what chapters have in common is the same."""
    session.run(sys.executable, ".ci/book.py", external=True)


def copy_out_of_the_repository(session: nox.Session, chapter: Path) -> Path:
    """Return a copy of the chapter's folder that nothing above it can help or disturb.

    From chapter 05 on the crate lies beside it, as in the repository. The path is the same at
    each run of this clone, and no other's, and the files keep their times, so that cargo builds
    only what has changed.
    """
    clone = hashlib.sha256(bytes(ROOT)).hexdigest()[:8]
    examples = Path(tempfile.gettempdir(), f"async-pyo3-{clone}", session.name)
    crate = CRATE.relative_to(ROOT / "examples")
    if f"../{crate.as_posix()}" in (chapter / "Cargo.toml").read_text("utf-8"):
        copy_folder(CRATE, examples / crate)
    return copy_folder(chapter, examples / chapter.name)


def copy_folder(folder: Path, to: Path) -> Path:
    """Return a copy without hidden files and what a build leaves behind."""
    shutil.rmtree(to, ignore_errors=True)
    output = ["target", "dist", "venv", "env", "__pycache__", "*.so", "*.pyd"]
    return shutil.copytree(folder, to, ignore=shutil.ignore_patterns(".*", *output))


def install(session: nox.Session, folder: Path) -> None:
    """Build the chapter's wheel for exactly this Python, install it, and stay in its folder."""
    wheel = build(session, folder, str(session.python))
    # Without `--reinstall-package` an old build of the same version would stay.
    session.install(f"{wheel}[test]", "--reinstall-package", package(folder))


def build(session: nox.Session, folder: Path, python: str, *arguments: str, **options: str) -> Path:
    """Build the wheel of a folder by this Python, stay in the folder, and return it."""
    require_rust(session, folder)
    session.chdir(folder)
    environment = {**cargo_environment(python), **options}
    shutil.rmtree("wheels", ignore_errors=True)
    maturin = [sys.executable, "-m", "maturin", "build", "--release", "--out", "wheels"]
    maturin += ["--interpreter", environment["PYO3_PYTHON"], *arguments]
    # A second build at the same time would take maturin's files away.
    with FileLock(ROOT / ".nox" / f"{python}.lock"):
        session.run(*maturin, env=environment, external=True)
    (wheel,) = Path("wheels").glob("*.whl")
    return wheel.resolve()


def cargo_environment(python: str) -> dict[str, str]:
    """Tell cargo its Python, and the target directory that all chapters share for that Python.

    It must be the Python itself, and not that of an environment: with each other path PyO3 is
    compiled anew.
    """
    found = get_interpreter(python)
    assert found
    return {
        "CARGO_TARGET_DIR": str(ROOT / ".nox" / "cargo" / python),
        "PYO3_PYTHON": str(found.system_executable),
    }


def package(folder: Path) -> str:
    """Return the name of the package that the folder makes."""
    project: str = tomllib.loads((folder / "pyproject.toml").read_text("utf-8"))["project"]["name"]
    return project


def require_rust(session: nox.Session, folder: Path) -> None:
    """End the session in one clear line where cargo, rustc or the C compiler is missing or old."""
    manifest = tomllib.loads((folder / "Cargo.toml").read_text("utf-8"))
    wanted = manifest["package"]["rust-version"]
    hint = f"Rust {wanted} or newer is needed: https://rustup.rs, or on Debian 13 and newer "
    hint += "`apt install rustc cargo gcc`"
    for tool in ("cargo", "rustc", *(["cc"] if os.name == "posix" else [])):
        if not shutil.which(tool):
            session.error(f"{tool} was not found. {hint}")
    rustc = subprocess.run(["rustc", "--version"], capture_output=True, text=True, check=False)
    found = re.search(r"rustc (\d+)\.(\d+)", rustc.stdout)
    if not found:
        session.error(f"rustc does not say its version. {rustc.stderr.strip()} {hint}")
    if [int(part) for part in found.groups()] < [int(part) for part in wanted.split(".")[:2]]:
        session.error(f"{found[0]} is too old. {hint}")
