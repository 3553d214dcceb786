"""`tingjian demo`: the sample calls once, and nothing twice."""

import shutil
import stat
import tempfile
from collections.abc import Iterator
from pathlib import Path

import pytest
from service_process import CLIPS, tingjian


@pytest.fixture
def data_dir() -> Iterator[Path]:
    # Not below pytest's own folder, which the database's user may not pass through.
    directory = Path(tempfile.mkdtemp(prefix="tj-demo-"))
    yield directory
    shutil.rmtree(directory, ignore_errors=True)


def test_the_demo_runs_and_runs_again(data_dir: Path, tmp_path: Path) -> None:
    for suffix in (".json", ".flac"):
        source = CLIPS.parent / f"dev-ins-03{suffix}"
        (tmp_path / source.name).symlink_to(source)
    arguments = ("demo", "--calls", tmp_path, "--port", "0", "--exit")

    first = tingjian(data_dir, *arguments)
    assert first.returncode == 0, first.stderr
    assert "dev-ins-03：完成" in first.stderr
    assert "dev-ins-03 的关键事件" in first.stdout
    assert "SOP 执行" in first.stdout
    assert "打开 http://127.0.0.1:" in first.stdout
    sign_in = data_dir / "demo-sign-in.json"
    assert stat.S_IMODE(sign_in.stat().st_mode) == 0o600

    second = tingjian(data_dir, *arguments)
    assert second.returncode == 0, second.stderr
    assert "dev-ins-03：已在库中" in second.stderr
    assert "转写中" not in second.stderr
    assert "dev-ins-03 的关键事件" in second.stdout
    assert first.stdout.splitlines()[-1] == second.stdout.splitlines()[-1]

    sign_in.unlink()
    lost = tingjian(data_dir, *arguments)
    assert lost.returncode == 2
    assert "错误 [no-sign-in]" in lost.stderr
