"""The README is true: its sessions are run, its Rust and its pictures compared.

The fences it may use: `python` is a session, its output compared; `console` holds commands after
`$` and their output; `rust` stands in `src/`, here or in a crate that this one takes by its path,
and `toml` in the folder, word for word; `mermaid` names the record that its arrows are, after
`%% trace:` messages, after `%% changes:` states; `sh` is run by the repository's session `alone`.
"""

from __future__ import annotations

import os
import re
import subprocess
import sys
import tomllib
from collections.abc import Iterator
from pathlib import Path
from textwrap import indent
from typing import Any

import pytest
from sybil import Example, Sybil
from sybil.parsers.markdown import CodeBlockParser, PythonCodeBlockParser

FOLDER = Path(__file__).parent.parent
README = (FOLDER / "README.md").read_text("utf-8")
Arrows = list[tuple[str, str, str, str]]
CRATES = tomllib.loads((FOLDER / "Cargo.toml").read_text("utf-8"))["dependencies"].values()
FOLDERS = [FOLDER, *(FOLDER / crate["path"] for crate in CRATES if "path" in crate)]
SOURCES = [
    path.read_text("utf-8") for folder in FOLDERS for path in sorted(folder.glob("**/src/**/*.rs"))
]


def run_commands(example: Example) -> None:
    """Run each command of a `console` block in the chapter's folder and compare its output."""
    path = os.pathsep.join([str(Path(sys.executable).parent), os.environ["PATH"]])
    commands = re.findall(r"^\$ (.+)\n((?:(?!\$ ).*\n)*)", example.parsed, re.M)
    assert commands
    for command, expected in commands:
        done = subprocess.run(
            command,
            cwd=FOLDER,
            env={**os.environ, "PATH": path, "PYTHONIOENCODING": "utf-8"},
            shell=True,
            stdout=subprocess.PIPE,
            encoding="utf-8",
            check=False,
        )
        assert (done.stdout, done.returncode) == (expected, 0)


def find_in_settings(example: Example) -> None:
    """A `toml` block stands in a file of settings, line for line."""
    if not any(example.parsed in path.read_text("utf-8") for path in FOLDER.glob("*.toml")):
        pytest.fail(f"these settings of README.md no longer stand here:\n\n{example.parsed}")


def find_in_sources(example: Example) -> None:
    """A `rust` block stands in a source file, line for line, perhaps further indented."""
    indented = [indent(example.parsed, " " * width) for width in (0, 4, 8)]
    if not any(block in source for block in indented for source in SOURCES):
        pytest.fail(f"this Rust of README.md no longer stands in src/:\n\n{example.parsed}")


def compare_picture(example: Example) -> None:
    compare = {"sequenceDiagram": compare_messages, "stateDiagram-v2": compare_changes}
    compare[example.parsed.split()[0]](example)


def compare_changes(example: Example) -> None:
    """The arrows between states are the changes that were recorded, in any order. What makes each
    stands on its arrow, and commas are between those that share one.
    """
    (record,) = re.findall(r"^ *%% changes: (.+)$", example.parsed, re.M)
    arrows = re.findall(r"^ *(\S+) --> (\S+): (.+)$", example.parsed, re.M)
    assert len(arrows) == len(re.findall("-->", example.parsed)) > 0
    drawn = [(src, cause, dst) for src, dst, causes in arrows for cause in causes.split(", ")]
    assert sorted(drawn) == sorted(eval(record, example.namespace))


def compare_messages(example: Example) -> None:
    """A sequence's arrows are the trace that it names, in order. A message of a trace is a verb and
    a value, where two talk, or a text between the names of who sends and who receives it.
    """
    (trace,) = re.findall(r"^ *%% trace: (.+)$", example.parsed, re.M)
    arrows = re.findall(r"^ *(\w+) *(-?->>) *(\w+): (.+)$", example.parsed, re.M)
    assert len(arrows) == len(re.findall("->", example.parsed)) > 0
    messages = eval(trace, example.namespace)
    if len(messages[0]) == 3:
        compare_parties(example, arrows, messages)
    else:
        compare_two(arrows, messages)


def compare_two(arrows: Arrows, messages: list[tuple[str, Any]]) -> None:
    """The one who sends is the driver, and all else goes back to it."""
    assert [text for *_, text in arrows] == [message(*pair) for pair in messages]
    ((driver, awaitable),) = {(src, dst) for src, arrow, dst, _ in arrows if arrow == "->>"}
    for (verb, _), (src, _, dst, _) in zip(messages, arrows, strict=True):
        assert (src, dst) == ((driver, awaitable) if verb == "send" else (awaitable, driver))


def compare_parties(example: Example, arrows: Arrows, messages: list[tuple[str, str, str]]) -> None:
    """Each arrow leads from its sender to its receiver, and nobody stands there without one. What
    comes back to a caller is dashed.
    """
    lines = re.findall(r"^ *participant (\w+)(?: as (.+))?$", example.parsed, re.M)
    names = {line: name or line for line, name in lines}
    assert [(names[src], text, names[dst]) for src, _, dst, text in arrows] == messages
    assert set(names.values()) == {name for src, _, dst in messages for name in (src, dst)}
    for _, arrow, _, text in arrows:
        assert (arrow == "-->>") == text.startswith(("yield ", "return ", "raise "))


def message(verb: str, value: Any) -> str:
    """Return a message of a trace as a diagram writes it: `send(None)`, `yield 7`, `return 'x'`."""
    return f"{verb}({value!r})" if verb == "send" else f"{verb} {value!r}"


def left_to_the_repository(example: Example) -> None:
    """Installing and testing need an environment that is not this one."""
    assert example.parsed.strip()


EVALUATORS = {
    "console": run_commands,
    "rust": find_in_sources,
    "toml": find_in_settings,
    "mermaid": compare_picture,
    "sh": left_to_the_repository,
}
SYBIL = Sybil(
    [PythonCodeBlockParser(), *(CodeBlockParser(name, run) for name, run in EVALUATORS.items())]
)
DOCUMENT = SYBIL.parse(FOLDER / "README.md")
EXAMPLES = list(DOCUMENT)


@pytest.fixture(scope="module", autouse=True)
def forget_the_sessions() -> Iterator[None]:
    """What a session made must not live on into the interpreter's exit: a half-run future's
    iterator crashes CPython 3.12.1 there.
    """
    yield
    DOCUMENT.namespace.clear()


@pytest.mark.parametrize("example", EXAMPLES, ids=lambda example: f"line-{example.line}")
def test_example(example: Example) -> None:
    """Each stands on those before it, as for a reader: run them together."""
    example.evaluate()


def test_every_fence_is_of_a_kind_that_is_checked() -> None:
    fences = re.findall(r"^ *```(.*)\n(?:.*\n)*? *```$", README, re.M)
    kinds = {"python", *EVALUATORS}
    assert kinds - {"toml"} <= set(fences) <= kinds  # at least one of each


def test_every_relative_link_leads_somewhere() -> None:
    links = re.findall(r"\]\((?!https?:|#)([^)#]+)", README)
    assert links
    assert [link for link in links if not (FOLDER / link).exists()] == []
