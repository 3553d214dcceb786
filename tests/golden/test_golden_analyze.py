"""The whole result of `tingjian analyze` on one written call, compared with a stored one.

After an intended change: `pytest tests/golden --update-golden`, and read the difference.
"""

import json
from collections.abc import Callable
from pathlib import Path
from typing import Any

from typer.testing import CliRunner

from cli.main import app

HERE = Path(__file__).parent
CALL = HERE.parents[1] / "fixtures" / "audio" / "dev-ins-03.json"


def test_analyze_of_a_written_call(tmp_path: Path, golden: Callable[[Path, Any], None]) -> None:
    arguments = ("--tree", HERE / "tree.yaml", "--rules", HERE / "rules.yaml", "--out", tmp_path)
    result = CliRunner().invoke(app, ["analyze", str(CALL), *map(str, arguments)])
    assert result.exit_code == 0, result.output
    document = json.loads((tmp_path / "dev-ins-03.json").read_text(encoding="utf-8"))
    # These name this build, not what was found.
    for name in ("software", "encoder", "act_model"):
        del document["versions"][name]
    golden(HERE / "analyze-dev-ins-03.json", document)
