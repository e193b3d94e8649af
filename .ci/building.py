"""What the noxfiles share: the Pythons, and how a folder is built for one of them, alone."""

from __future__ import annotations

import hashlib
import os
import re
import shutil
import subprocess
import sys
import tempfile
import tomllib
from pathlib import Path

import nox
from filelock import FileLock
from python_discovery import get_interpreter

ROOT = Path(__file__).parent.parent
CHAPTERS = sorted(ROOT.glob("examples/[0-9][0-9]-*"))
CRATE = ROOT / "examples" / "04-rust-futures" / "bridge"
VARIANTS = ROOT / "benchmarks" / "variants"
PEERS = ROOT / "benchmarks" / "peers"
PYTHONS = ["3.11", "3.12", "3.13", "3.14", "3.15", "3.14t", "3.15t"]

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


def numbered(number: str) -> Path:
    (chapter,) = ROOT.glob(f"examples/{number}-*")
    return chapter


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


QUICK = {"CARGO_PROFILE_RELEASE_LTO": "off", "CARGO_PROFILE_RELEASE_CODEGEN_UNITS": "16"}
"""The same code is built in a third of the time, and is slower. Not for what is measured."""


def install(session: nox.Session, folder: Path, **options: str) -> None:
    """Build the chapter's wheel for exactly this Python, install it, and stay in its folder."""
    wheel = build(session, folder, str(session.python), **options)
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


def missing_rust_tools() -> str | None:
    """Say what else than the compiler is missing, if it is."""
    asked = (["cargo", tool, "--version"] for tool in ("fmt", "clippy"))
    if any(subprocess.run(ask, capture_output=True, check=False).returncode for ask in asked):
        return "rustfmt or clippy is missing: `rustup component add rustfmt clippy`"
    return None
