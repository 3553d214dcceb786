"""Each declared dependency is bounded, locked with hashes and explained in docs/dependencies.md."""

import re
import tomllib
from pathlib import Path

import pytest

ROOT = Path(__file__).resolve().parents[2]
PROJECT = tomllib.loads((ROOT / "pyproject.toml").read_text(encoding="utf-8"))["project"]
EXTRAS: dict[str, list[str]] = PROJECT["optional-dependencies"]
DECLARED: list[str] = PROJECT["dependencies"] + [r for reqs in EXTRAS.values() for r in reqs]


def distribution(requirement: str) -> str:
    """The normalised distribution name of a requirement."""
    match = re.match(r"[A-Za-z0-9._-]+", requirement)
    assert match is not None
    return re.sub(r"[-_.]+", "-", match.group()).lower()


@pytest.mark.parametrize("requirement", DECLARED)
def test_dependency_has_a_lower_bound(requirement: str) -> None:
    assert re.search(r"(>=|==)", requirement), f"{requirement} has no lower bound"


@pytest.mark.parametrize("requirement", DECLARED)
def test_dependency_has_its_line_in_the_docs(requirement: str) -> None:
    lines = (ROOT / "docs" / "dependencies.md").read_text(encoding="utf-8")
    assert f"| `{distribution(requirement)}` |" in lines


def test_every_documented_dependency_is_declared() -> None:
    documented = set(
        re.findall(
            r"^\| `([a-z0-9-]+)` \|",
            (ROOT / "docs" / "dependencies.md").read_text(encoding="utf-8"),
            flags=re.MULTILINE,
        )
    )
    assert documented == {distribution(requirement) for requirement in DECLARED}


@pytest.mark.parametrize(
    "lock", ["requirements.lock", "requirements-dev.lock", "requirements-weights.lock"]
)
def test_lock_has_hashes_and_names_no_index(lock: str) -> None:
    text = (ROOT / lock).read_text(encoding="utf-8")
    assert not re.search(r"https?://|file:|--index-url|--find-links", text)
    pins = re.findall(r"^([a-z0-9._-]+)(?:\[[^]]+\])?==\S+", text, flags=re.MULTILINE)
    blocks = re.split(r"^(?=[a-z0-9._-]+(?:\[[^]]+\])?==)", text, flags=re.MULTILINE)[1:]
    assert len(pins) == len(blocks)
    assert all("--hash=sha256:" in block for block in blocks)


@pytest.mark.parametrize(
    ("lock", "requirements"),
    [
        ("requirements.lock", PROJECT["dependencies"]),
        ("requirements-dev.lock", PROJECT["dependencies"] + EXTRAS["dev"]),
    ],
)
def test_lock_covers_what_is_declared(lock: str, requirements: list[str]) -> None:
    text = (ROOT / lock).read_text(encoding="utf-8")
    locked = {
        re.sub(r"[-_.]+", "-", name).lower()
        for name in re.findall(r"^([A-Za-z0-9._-]+)", text, flags=re.MULTILINE)
    }
    missing = {distribution(r) for r in requirements} - locked
    assert not missing, f"run `make lock`: {sorted(missing)} are declared but not locked"
