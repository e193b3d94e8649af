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

import re
import shlex
import shutil
import sys
from pathlib import Path

import nox

sys.path.insert(0, str(Path(__file__).parent / ".ci"))

import new_extension
from building import (
    CHAPTERS,
    CRATE,
    FOUND,
    PEERS,
    PYTHONS,
    QUICK,
    ROOT,
    VARIANTS,
    build,
    cargo_environment,
    copy_out_of_the_repository,
    install,
    missing_rust_tools,
    numbered,
    package,
    require_rust,
)
from sessions import ran, session_per_chapter

nox.needs_version = ">=2026.10"
WORKFLOWS = ".github/workflows/*.yml"


@session_per_chapter("example", python=PYTHONS)
def example(session: nox.Session, chapter: Path) -> None:
    """build, demo and tests."""
    ran.add(str(session.python))
    install(session, copy_out_of_the_repository(session, chapter), **QUICK)
    session.run("python", "demo.py")
    # Chapter 06 builds a program: of what is compiled already.
    environment = {**cargo_environment(str(session.python)), **QUICK}
    session.run("pytest", *session.posargs, env=environment)


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
    # The same for each command: with other flags all that the crate needs is compiled anew.
    environment |= {"RUSTFLAGS": "-D warnings", "RUSTDOCFLAGS": "-D warnings"}

    def cargo(*arguments: str) -> None:
        session.run("cargo", *arguments, env=environment, external=True)

    cargo("doc", "--no-deps", "--locked")
    cargo("check", "--locked", "--no-default-features")
    cargo("package", "--locked", "--allow-dirty")
    if (ROOT / ".git").exists():
        shutil.rmtree(folder.parent / "user", ignore_errors=True)
        cargo("new", "--lib", "--vcs", "none", str(folder.parent / "user"))
        session.chdir(folder.parent / "user")
        cargo("add", "pyo3-await", "--git", ROOT.as_uri())
        Path("src/lib.rs").write_text(USES_THE_CRATE, "utf-8")
        cargo("check")


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
    wheel = build(session, folder, FOUND[0], "--features", "pyo3/abi3-py311", **QUICK)
    session.install(f"{wheel}[test]", "--reinstall-package", package(folder))
    session.run("pytest", "--ignore", "tests/test_readme.py", *session.posargs)


@session_per_chapter("conformance", "tests/conformance.py", python=PYTHONS, default=False)
def conformance(session: nox.Session, chapter: Path) -> None:
    """CPython's own tests, over the chapter's coroutines."""
    install(session, copy_out_of_the_repository(session, chapter))
    session.run("python", "tests/conformance.py")


@nox.session(python=FOUND[:1], venv_backend="venv", default=False)
def new(session: nox.Session) -> None:
    """Start your own: `nox -s new -- ../fetchlib` makes a project of that name, and tries it."""
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
    installs, *checks = commands_of_the_readme()
    tidy = ["ruff check --fix --select I .", "ruff format .", "cargo fmt"]  # names have a width
    for command in ["cargo update --workspace", installs, *tidy, *checks]:
        session.run(*shlex.split(command), external=True)
    if left := new_extension.names_left(folder):
        session.error("\n".join(left))
    session.log(f"{folder} is yours: begin with its README.md")


@nox.session(python=FOUND[:1])
def types(session: nox.Session) -> None:
    """Strict types: noxfiles, twins and tests, and the stubs against the built modules."""
    session.install("mypy==2.4.1", *nox.project.load_toml(__file__)["dependencies"])
    session.run("mypy", "--strict", __file__, env={"MYPYPATH": ".ci"})
    session.run("mypy", "--strict", ".ci", "benchmarks")  # apart: it has a noxfile too
    for crate in [*CHAPTERS, PEERS]:
        folder = copy_out_of_the_repository(session, crate)
        install(session, folder, **QUICK)
        session.run("mypy", ".", env={"MYPY_CACHE_DIR": str(ROOT / ".nox" / "mypy")})
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
    for crate in (*CHAPTERS, CRATE, VARIANTS, PEERS):
        session.chdir(crate)
        session.run("cargo", "fmt", "--check")
        options = ["--release", "--locked", "--all-targets", "--", "-D", "warnings"]
        session.run("cargo", "clippy", *options, env=cargo_environment(FOUND[0]))


@nox.session(name="lint-python")
def lint_python(session: nox.Session) -> None:
    """ruff and its formatter, and the schema of the workflows."""
    session.install("ruff==0.17.5", "check-jsonschema==0.39.0")
    session.run("ruff", "check", ".", ".ci")
    session.run("ruff", "format", "--check", ".", ".ci")
    workflows = map(str, [*ROOT.glob(WORKFLOWS), *ROOT.glob(f"examples/*/{WORKFLOWS}")])
    session.run("check-jsonschema", "--builtin-schema", "vendor.github-workflows", *workflows)


@nox.session(venv_backend="none")
def book(session: nox.Session) -> None:
    """The pages agree with files and records, and what chapters have in common is the same."""
    session.run(sys.executable, ".ci/book.py", external=True)
