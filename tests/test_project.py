"""What the project promises about its own files: size, places, locks."""

import ast
import re
import subprocess
from collections.abc import Iterator
from functools import cache
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[1]
GENERATED = "speaker/bgp/pb/"
MOST_FILE_LINES = 400
MOST_FUNCTION_LINES = 40
MACHINE_PATH = re.compile("(?<![\\w.~$}-])/(?:" + "|".join(["work", "root", "home"]) + ")/")
Function = ast.FunctionDef | ast.AsyncFunctionDef


@cache
def tracked() -> tuple[str, ...]:
    """Every file that belongs to the project, by its path from the root."""
    if not (ROOT / ".git").exists():
        pytest.skip("not a git checkout: nothing says which files belong to the project")
    listed = subprocess.run(
        ["git", "ls-files", "-z"], cwd=ROOT, capture_output=True, text=True, check=True, timeout=10
    )
    return tuple(name for name in listed.stdout.split("\0") if name and (ROOT / name).is_file())


def modules() -> Iterator[tuple[str, str]]:
    """Name and text of every Python file that somebody wrote."""
    for name in tracked():
        if name.endswith(".py") and not name.startswith(GENERATED):
            yield name, (ROOT / name).read_text(encoding="utf-8")


def code_lines(function: Function) -> int:
    """Lines from `def` to the end, without the docstring."""
    first = function.body[0]
    documented = ast.get_docstring(function) is not None
    docstring = (first.end_lineno or first.lineno) - first.lineno + 1 if documented else 0
    return (function.end_lineno or function.lineno) - function.lineno + 1 - docstring


def test_the_project_is_here():
    assert {"pyproject.toml", "crds/meta.py"} <= set(tracked())


def test_files_are_short():
    long = {name: text.count("\n") for name, text in modules() if text.count("\n") > MOST_FILE_LINES}
    assert long == {}


def test_functions_are_short():
    long = {
        f"{name}:{node.lineno} {node.name}": code_lines(node)
        for name, text in modules()
        for node in ast.walk(ast.parse(text))
        if isinstance(node, Function) and code_lines(node) > MOST_FUNCTION_LINES
    }
    assert long == {}


def test_the_docstring_does_not_make_a_function_long():
    function = ast.parse('def f():\n    """One.\n\n    Two.\n    """\n    return 1\n').body[0]
    assert isinstance(function, Function)
    assert code_lines(function) == 2


def test_packages_hold_no_code_of_their_own():
    with_code = [
        name
        for name, text in modules()
        if name.endswith("__init__.py")
        and not (len(ast.parse(text).body) == 1 and ast.get_docstring(ast.parse(text)))
    ]
    assert with_code == []


def test_no_file_names_a_path_of_a_machine():
    found = [
        f"{name}:{number}"
        for name in tracked()
        for number, line in enumerate((ROOT / name).read_bytes().decode(errors="replace").splitlines(), 1)
        if MACHINE_PATH.search(line)
    ]
    assert found == []


@pytest.mark.parametrize(
    ("text", "named"),
    [
        pytest.param("cd /{}/someone", True, id="path"),
        pytest.param('"/{}/someone"', True, id="quoted"),
        pytest.param("see docs/{}/page", False, id="folder-of-a-folder"),
        pytest.param("$ROOT/{}/x", False, id="behind-a-variable"),
    ],
)
@pytest.mark.parametrize("folder", ["root", "home"])
def test_what_a_path_of_a_machine_is(text, named, folder):
    assert bool(MACHINE_PATH.search(text.format(folder))) is named


def locked(name: str) -> list[str]:
    """The requirements of a lock file, each with its hashes on one line."""
    text = (ROOT / name).read_text(encoding="utf-8").replace("\\\n", " ")
    return [line for line in text.splitlines() if line.strip() and not line.lstrip().startswith("#")]


def test_every_locked_package_has_a_version_and_a_hash():
    locks = [name for name in tracked() if name.endswith(".lock")]
    assert {"requirements/runtime.lock", "requirements/dev.lock"} <= set(locks)
    for name in locks:
        assert locked(name), name
        for requirement in locked(name):
            assert re.match(r"[\w.-]+(\[[\w,-]+\])?==\S+ ", requirement), (name, requirement[:80])
            assert re.search(r"--hash=sha256:[0-9a-f]{64}\b", requirement), (name, requirement[:80])


def test_locks_say_what_and_not_from_where():
    """Where packages come from is the affair of whoever installs them: a mirror, a cache."""
    for name in tracked():
        if name.endswith(".lock"):
            assert "://" not in (ROOT / name).read_text(encoding="utf-8"), name
