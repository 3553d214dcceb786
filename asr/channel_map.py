"""Channel maps (`agent,customer`) as roles, and which role each channel of a recording has."""

from typing import cast

from asr.transcript import ROLES, Role
from core.errors import AppError


def parse_channel_map(text: str) -> tuple[Role, ...]:
    """Roles by channel from a comma-separated map such as `agent,customer` or `unknown`.

    Raises:
        AppError: `bad-channel-map` for an unknown name, a role given twice, or not one or two.
    """
    names = [name.strip().lower() for name in text.split(",")]
    if len(names) > 2 or names == [""]:
        raise _bad(text, "应有一个或两个角色")
    for name in names:
        if name not in ROLES:
            raise _bad(text, f"不认识角色“{name}”")
    known = [name for name in names if name != "unknown"]
    if len(known) != len(set(known)):
        raise _bad(text, f"角色“{known[0]}”出现了两次")
    return cast(tuple[Role, ...], tuple(names))


def roles_for(channels: int, channel_map: tuple[Role, ...]) -> tuple[Role, ...]:
    """The role of each of `channels` channels.

    A mono recording carries both speakers, so a map of two roles says nothing about it: its role
    is unknown unless the map names exactly one. Channels beyond the map are unknown.
    """
    if channels == 1 and len(channel_map) != 1:
        return ("unknown",)
    return tuple(channel_map[i] if i < len(channel_map) else "unknown" for i in range(channels))


def _bad(text: str, reason: str) -> AppError:
    return AppError(
        "bad-channel-map",
        f"声道映射“{text}”无效：{reason}。"
        "请写成 agent,customer、customer,agent 或 agent 这样的形式。",
        detail={"channels": text},
    )
