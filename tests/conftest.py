"""Options and fixtures shared by all tests."""

import json
import os
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest


def pytest_addoption(parser: pytest.Parser) -> None:
    parser.addoption(
        "--update-golden",
        action="store_true",
        help="Write the golden files anew instead of comparing with them.",
    )


@pytest.fixture(autouse=True)
def _no_settings_of_this_machine(monkeypatch: pytest.MonkeyPatch) -> None:
    """Tests see the default settings, whatever the developer's environment says."""
    for name in list(os.environ):
        if name.startswith("TINGJIAN_"):
            monkeypatch.delenv(name)


@pytest.fixture
def golden(request: pytest.FixtureRequest) -> Callable[[Path, Any], None]:
    """Compares JSON types with a golden file, or writes it with `--update-golden`."""

    def compare(path: Path, actual: Any) -> None:
        if request.config.getoption("--update-golden"):
            path.write_text(
                json.dumps(actual, ensure_ascii=False, indent=1) + "\n", encoding="utf-8"
            )
            return
        assert path.exists(), f"{path} is missing; run pytest with --update-golden"
        assert actual == json.loads(path.read_text(encoding="utf-8"))

    return compare
