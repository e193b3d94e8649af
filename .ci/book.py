"""Check the book's pages against files and records, and that what chapters share is the same.

Run by `nox -s book`. The commands for a person's machine are left to `.ci/run`.
"""

import re
import shlex
import shutil
import subprocess
import sys
import tempfile
import tomllib
from pathlib import Path

import new_extension

ROOT = Path(__file__).parent.parent
PAGE = (ROOT / "README.md").read_text("utf-8")
CHAPTERS = sorted(ROOT.glob("examples/[0-9][0-9]-*"))
CHAPTER_PAGES = [chapter / "README.md" for chapter in CHAPTERS]


def links_that_lead_nowhere() -> list[str]:
    """Links from page to page, and to a heading of a page, as GitHub names it."""
    link = re.compile(r"\]\((?!https?:)([^)#]*)(#[^)]*)?\)")
    return [
        f"{page.relative_to(ROOT)} links to {path}{anchor}"
        for page in [ROOT / "README.md", *CHAPTER_PAGES, ROOT / "benchmarks" / "README.md"]
        for path, anchor in link.findall(page.read_text("utf-8"))
        if not leads_to(page.parent / path if path else page, anchor)
    ]


def leads_to(path: Path, anchor: str) -> bool:
    if not anchor or not path.exists():
        return path.exists()
    headings = re.findall(r"^#+ (.+)$", path.read_text("utf-8"), re.MULTILINE)
    names = ["#" + re.sub(r"[^\w\- ]", "", line.lower()).replace(" ", "-") for line in headings]
    return anchor in names


def chapters_not_in_the_table() -> list[str]:
    rows = {
        chapter.name: rf"\]\(examples/{chapter.name}/README\.md\) .*`.* example-{chapter.name[:2]}`"
        for chapter in CHAPTERS
    }
    return [
        f"README.md has no row for {name}" for name, row in rows.items() if not re.search(row, PAGE)
    ]


def pages_that_are_not_the_record() -> list[str]:
    """Figures are put into the pages by machine, and pictures drawn, from what was recorded."""
    sys.path.insert(0, str(ROOT / "benchmarks"))
    import pages

    return pages.disagree()


def files_that_differ() -> list[str]:
    """These stand in more than one chapter, so that each is whole, and must be the same there.

    The words of `await` are those of the crate, too.
    """
    shared = {
        "src": ["get_awaitable.rs", "await_errors.rs", "call_await.rs"],
        "tests": [
            "collector.py",
            "listening.py",
            "odd_lookups.py",
            "soak.py",
            "test_readme.py",
            "tracing.py",
        ],
    }
    versions = {
        f"{folder}/{name}": [path.read_bytes() for path in ROOT.glob(f"examples/*/{folder}/{name}")]
        for folder, names in shared.items()
        for name in names
    }
    carried = ROOT / "examples/04-rust-futures/bridge/src/delegate/errors.rs"
    versions["src/await_errors.rs"].append(carried.read_bytes())
    return [
        f"chapters differ in {name}, or only one has it"
        for name, texts in versions.items()
        if len(texts) < 2 or len(set(texts)) != 1
    ]


def coroutine_files_that_differ() -> list[str]:
    """Chapter 03 explains the folder of the coroutine's protocol, chapter 04's crate carries it."""
    explained, carried = (
        {path.name: path.read_bytes() for path in ROOT.glob(f"examples/{files}")}
        for files in (
            "03-coroutine-class/src/coroutine/*.rs",
            "04-rust-futures/bridge/src/coroutine/*.rs",
        )
    )
    return [
        f"src/coroutine/{name} differs between chapters 03 and 04, or only one has it"
        for name in sorted(explained.keys() | carried.keys())
        if explained.get(name) != carried.get(name)
    ]


def flaws_of_a_new_extension() -> list[str]:
    """What `nox -s new` makes has the new name everywhere. That it works, the session tells."""
    with tempfile.TemporaryDirectory() as scratch:
        folder = Path(scratch, "fetch_lib")
        new_extension.create(folder)
        manifest = tomllib.loads((folder / "Cargo.toml").read_text("utf-8"))
        project = tomllib.loads((folder / "pyproject.toml").read_text("utf-8"))["project"]
        crate = folder / manifest["dependencies"]["pyo3-await"]["path"] / "Cargo.toml"
        named = [manifest["package"]["name"], manifest["lib"]["name"], project["name"]]
        return [
            *(f"a new extension still says: {line}" for line in new_extension.names_left(folder)),
            *([] if named == ["fetch-lib", "fetch_lib", "fetch-lib"] else [f"names: {named}"]),
            *([] if crate.exists() else [f"a new extension has no {crate}"]),
            *([] if new_extension.refusal(folder) else ["a folder that exists is not refused"]),
        ]


def commands_that_fail() -> list[str]:
    """Take a chapter out of this repository, as the page says."""
    blocks = re.findall(r"^```sh\n(.+?)^```", PAGE, re.MULTILINE | re.DOTALL)
    (block,) = (block for block in blocks if "ADDRESS" in block)
    with tempfile.TemporaryDirectory() as folder:
        for line in block.replace("ADDRESS", ROOT.as_uri()).splitlines():
            done = subprocess.run(shlex.split(line), cwd=folder, capture_output=True, text=True)
            if done.returncode:
                return [f"{line}: {done.stderr}"]
        taken = sorted(path.name for path in Path(folder, "my-extension").iterdir())
    return [] if "Cargo.toml" in taken else [f"my-extension holds only {taken}"]


problems = [
    *links_that_lead_nowhere(),
    *chapters_not_in_the_table(),
    *pages_that_are_not_the_record(),
    *files_that_differ(),
    *coroutine_files_that_differ(),
    *flaws_of_a_new_extension(),
    *(commands_that_fail() if (ROOT / ".git").exists() and shutil.which("cp") else []),
]
sys.exit("\n".join(problems) or None)
