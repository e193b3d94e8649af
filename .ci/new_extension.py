"""Begin a new extension: chapter 08's folder and the crate's source, under the new folder's name.

`nox -s new -- FOLDER` uses it, and runs in the new folder what its README says. `nox -s book` tries
the copying alone.
"""

from __future__ import annotations

import keyword
import re
import shutil
import sys
import tomllib
from pathlib import Path

ROOT = Path(__file__).parent.parent
TEMPLATE = ROOT / "examples" / "08-your-extension"
CRATE = ROOT / "examples" / "04-rust-futures" / "bridge"
LEFT_BEHIND = ["target", "dist", "venv", "env", ".venv", ".tox", ".*_cache", "__pycache__", "*.so"]
"""What builds and tools leave in a folder."""
OF_THE_BOOK = ["README.md", "tests/test_readme.py", "tests/recording.py"]
RUST = (
    "as break const continue crate dyn else enum extern false fn for if impl in let loop match mod "
    "move mut pub ref return self static struct super trait true type unsafe use where abstract "
    "become box do final gen macro override priv try typeof unsized virtual yield std core alloc"
)


def refusal(folder: Path) -> str | None:
    """Return why no extension can begin in that folder, in a line."""
    name = folder.name
    if not re.fullmatch(r"[a-z]([a-z0-9_]*[a-z0-9])?", name):
        return (
            f"{name!r} is no name for a module: take letters, digits and _, in lower case, with a "
            "letter first"
        )
    if name in taken_names():
        return f"{name!r} is taken: by Python or Rust, or by a file or dependency of the extension"
    if folder.exists():
        return f"{folder} exists: say a folder that does not"
    return None


def taken_names() -> set[str]:
    manifest = tomllib.loads((TEMPLATE / "Cargo.toml").read_text("utf-8"))
    project = tomllib.loads((TEMPLATE / "pyproject.toml").read_text("utf-8"))["project"]
    packages = [text for extra in project["optional-dependencies"].values() for text in extra]
    names = [*manifest["dependencies"], *(re.split("[=;]", text)[0] for text in packages)]
    files = [path.stem for path in TEMPLATE.rglob("*") if path.suffix in (".py", ".rs")]
    return {
        *(name.replace("-", "_") for name in names),
        *files,
        *RUST.split(),
        *keyword.kwlist,
        *sys.stdlib_module_names,
        "src",
        "tests",
    }


def create(folder: Path) -> None:
    """Make the folder, which can be built and tested then. `refusal` has had nothing to say."""
    ignore = shutil.ignore_patterns(*LEFT_BEHIND)
    shutil.copytree(TEMPLATE, folder, ignore=ignore)
    shutil.copytree(CRATE, folder / "pyo3-await", ignore=ignore)
    for path in OF_THE_BOOK:
        (folder / path).unlink(missing_ok=True)
    shutil.copy(ROOT / ".ci" / "new_extension.md", folder / "README.md")
    rename(folder)
    settle(folder / "Cargo.toml", r'path = "\.\./.*?"', 'path = "pyo3-await"')
    settle(folder / "Cargo.toml", r"\[workspace\]\n", '[workspace]\nexclude = ["pyo3-await"]\n')
    settle(folder / "pyproject.toml", r' *"sybil==.*\n', "")


def rename(folder: Path) -> None:
    """Write the new name for the old one, in files and in the name of the stub."""
    name = folder.name
    for path in own_files(folder):
        text = path.read_text("utf-8")
        renamed = text.replace("your_extension", name)
        path.write_text(renamed.replace("your-extension", name.replace("_", "-")), "utf-8")
    (folder / "your_extension.pyi").rename(folder / f"{name}.pyi")


def settle(path: Path, pattern: str, replacement: str) -> None:
    text, count = re.subn(pattern, replacement, path.read_text("utf-8"))
    assert count == 1, f"{path.name} has {count} of {pattern}"
    path.write_text(text, "utf-8")


def names_left(folder: Path) -> list[str]:
    """Return each line that still speaks of the template or the book."""
    old = re.compile(r"your.extension|\bchapters?\b|\bbook\b|async.pyo3|examples/|\.\./", re.I)
    return [
        f"{path.relative_to(folder)}: {line.strip()}"
        for path in own_files(folder)
        for line in [path.name, *path.read_text("utf-8").splitlines()]
        if old.search(line)
    ]


def own_files(folder: Path) -> list[Path]:
    """Return the files of the extension, without the crate's, and what a build has left."""
    others = {"pyo3-await", "target", ".git", "__pycache__"}
    return [
        path
        for path in sorted(folder.rglob("*"))
        if path.is_file() and not others & set(path.relative_to(folder).parts[:-1])
        if not re.search("_cache$|_cache/", str(path.relative_to(folder).parent))
    ]
