"""Who has a tokio runtime already hands it in, and what needs one when it is dropped has one."""

from __future__ import annotations

import asyncio
import gc
import hashlib
import os
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest

from conftest import wait_until
from rust_futures import Goodbye, bring_runtime, digest, goodbyes, pending, worker_name


def run(program: str) -> tuple[int, str]:
    """Return the exit code of a process that runs this, and all that it prints."""
    done = subprocess.run(
        [sys.executable, "-W", "ignore", "-c", "import asyncio, os\n" + program],
        stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT,
        text=True,
        check=False,
    )
    return done.returncode, done.stdout


@pytest.mark.parametrize("how", ["bring_runtime", "bring_builder"])
def test_futures_run_on_the_runtime_that_was_brought(how: str) -> None:
    program = f"""
from rust_futures import {how} as bring, worker_name
bring("mine")
assert asyncio.run(worker_name()) == "mine"
"""
    assert run(program) == (0, "")


def test_by_default_it_is_the_crates() -> None:
    assert asyncio.run(worker_name()) == "pyo3-await"


def test_once_the_runtime_has_started_it_is_too_late() -> None:
    asyncio.run(worker_name())
    with pytest.raises(RuntimeError, match=r"^the runtime has started already$"):
        bring_runtime("late")


@pytest.mark.skipif(not hasattr(os, "fork"), reason="this system does not fork")
def test_a_child_builds_its_own_by_the_same_builder() -> None:
    program = """
from rust_futures import bring_builder, worker_name
bring_builder("mine")
assert asyncio.run(worker_name()) == "mine"
child = os.fork()
if not child:
    assert asyncio.run(worker_name()) == "mine"
    os._exit(0)
assert os.waitpid(child, 0)[1] == 0
"""
    assert run(program) == (0, "")


@pytest.mark.skipif(not hasattr(os, "fork"), reason="this system does not fork")
def test_a_child_cannot_use_the_runtime_that_its_parent_handed_in() -> None:
    program = """
from rust_futures import bring_runtime, worker_name
bring_runtime("mine")
asyncio.run(worker_name())
child = os.fork()
if not child:
    try:
        asyncio.run(worker_name())
    except RuntimeError as error:
        assert "handed in by the parent process" in str(error)
        os._exit(0)
    os._exit(1)
assert os.waitpid(child, 0)[1] == 0
"""
    assert run(program) == (0, "")


def test_a_value_that_needs_a_runtime_when_it_is_dropped_has_one() -> None:
    before = goodbyes()
    session = Goodbye()
    del session
    gc.collect()
    wait_until(lambda: goodbyes() == before + 1)


def test_a_result_is_converted_by_a_closure(tmp_path: Path) -> None:
    (tmp_path / "file").write_bytes(b"content")
    assert asyncio.run(digest(tmp_path / "file")) == hashlib.sha256(b"content").digest()


def test_a_name_may_be_made_at_run_time() -> None:
    with pytest.warns(RuntimeWarning, match=r"^coroutine 'job 7' was never awaited$"):
        pending(f"job {7}")
        gc.collect()


def test_a_helper_around_spawn_is_not_the_place_that_is_shown() -> None:
    coroutine: Any = pending()
    line = coroutine.cr_code.co_firstlineno
    source = Path(__file__).parent.parent / coroutine.cr_code.co_filename
    assert source.read_text("utf-8").splitlines()[line - 1].strip().startswith("without_result(")
    coroutine.close()
