"""Our import names are short and generic; nobody else in this environment may own them too."""

import importlib
import importlib.metadata
import tomllib
from pathlib import Path

import pytest

ROOT = Path(__file__).resolve().parents[2]
PYPROJECT = tomllib.loads((ROOT / "pyproject.toml").read_text(encoding="utf-8"))
PACKAGES: list[str] = PYPROJECT["tool"]["hatch"]["build"]["targets"]["wheel"]["packages"]


@pytest.mark.parametrize("package", PACKAGES)
def test_no_other_distribution_installs_our_import_name(package: str) -> None:
    owners = set(importlib.metadata.packages_distributions().get(package, []))
    assert owners <= {"tingjian"}, f"{package} also comes with {owners - {'tingjian'}}"


@pytest.mark.parametrize("package", PACKAGES)
def test_import_name_resolves_to_this_project(package: str) -> None:
    module = importlib.import_module(package)
    assert Path(str(module.__file__)).resolve().is_relative_to(ROOT / package)


def test_every_top_level_package_is_listed_everywhere() -> None:
    on_disk = {p.parent.name for p in ROOT.glob("*/__init__.py") if p.parent.name != "tests"}
    assert on_disk == set(PACKAGES)
    assert on_disk == set(PYPROJECT["tool"]["importlinter"]["root_packages"])
    assert on_disk == set(PYPROJECT["tool"]["mypy"]["packages"])
    layers = PYPROJECT["tool"]["importlinter"]["contracts"][0]["layers"]
    assert on_disk == set(layers)
