"""Settings with the overrides that command-line options give."""

from pathlib import Path
from typing import Annotated, Any

import typer
from pydantic import ValidationError

from core.errors import AppError
from core.logging import setup_logging
from core.settings import Settings

DataDir = Annotated[
    Path | None,
    typer.Option("--data-dir", help="数据目录（数据库、录音、权重）；默认取 TINGJIAN_DATA_DIR。"),
]
Host = Annotated[str | None, typer.Option("--host", help="监听地址。")]
Port = Annotated[
    int | None, typer.Option("--port", min=0, max=65535, help="端口；0 为任一空闲端口。")
]


def load_settings(
    data_dir: Path | None = None, host: str | None = None, port: int | None = None
) -> Settings:
    """The settings of this process: environment, then the given options. Sets up logging.

    Raises:
        AppError: `bad-settings` naming the variable that is wrong.
    """
    try:
        settings = Settings()
    except ValidationError as error:
        first = error.errors()[0]
        name = "TINGJIAN_" + "__".join(str(part) for part in first["loc"]).upper()
        raise AppError("bad-settings", f"{name} 的值无效：{first['msg']}。请改正它。") from error
    api: dict[str, Any] = {}
    if host is not None:
        api["host"] = host
    if port is not None:
        api["port"] = port
    settings = settings.model_copy(update={"api": settings.api.model_copy(update=api)})
    if data_dir is not None:
        settings = settings.model_copy(update={"data_dir": data_dir.expanduser().resolve()})
    setup_logging(settings.log_level, settings.log_format)
    return settings
