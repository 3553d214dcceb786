"""What `tingjian upload` sends: recordings, and what a manifest knows about each."""

from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from api.v1.calls.manifest import ManifestRow, parse_manifest
from api.v1.calls.metadata import UploadMetadata
from cli.calls import find_calls, is_recording
from core.errors import AppError


@dataclass(frozen=True, slots=True)
class Item:
    """One recording to send, or why it cannot be. `row` is its line in the manifest, if any."""

    name: str
    files: tuple[Path, ...]
    metadata: Mapping[str, object]
    row: int | None = None
    error: AppError | None = None


def plan(
    paths: Iterable[Path], manifest: Path | None, common: Mapping[str, object]
) -> tuple[Item, ...]:
    """The items to send, in manifest order, else in the order of the paths.

    With a manifest, its rows name files among those that `paths` mean, or relative to the
    manifest's own directory. `common` is metadata for all, under what a row says itself.

    Raises:
        AppError: `not-found`; `bad-manifest` when the manifest as a whole cannot be read.
    """
    given = list(paths)
    recordings = [path for path in find_calls(given) if is_recording(path)] if given else []
    if manifest is None:
        if not recordings:
            raise AppError("not-found", "没有要上传的录音。请给出录音文件、目录或 --manifest。")
        return tuple(Item(path.name, (path,), common) for path in recordings)
    try:
        content = manifest.read_bytes()
    except OSError as error:
        raise AppError(
            "not-found", f"读不了清单 {manifest}（{error.strerror}）。请检查路径。"
        ) from error
    by_name = {path.name: path for path in recordings}
    rows = parse_manifest(content, manifest.name)
    return tuple(_row_item(row, by_name, manifest.parent, common) for row in rows)


def _row_item(
    row: ManifestRow, by_name: Mapping[str, Path], folder: Path, common: Mapping[str, object]
) -> Item:
    name = "，".join(row.files)
    if row.error is not None:
        return Item(name, (), {}, row.row, row.error)
    files: list[Path] = []
    for wanted in row.files:
        path = by_name.get(Path(wanted).name, folder / wanted)
        if not path.is_file():
            error = AppError(
                "file-missing",
                f"第 {row.row} 行：没有找到录音 {wanted}。请改正 file 列，或给出它所在的目录。",
            )
            return Item(name, (), {}, row.row, error)
        files.append(path)
    return Item(name, tuple(files), {**common, **told(row.metadata)}, row.row)


def told(metadata: UploadMetadata) -> dict[str, Any]:
    """The metadata that was told, as JSON types under the names that the service takes."""
    values: dict[str, Any] = {}
    for name in UploadMetadata.__dataclass_fields__:
        value = getattr(metadata, name)
        if value in (None, ()) or (name == "fields" and not value):
            continue
        if name == "started_at":
            value = value.isoformat()
        elif name == "channels":
            value = ",".join(value)
        elif name == "fields":
            value = dict(value)
        values[name] = value
    return values
