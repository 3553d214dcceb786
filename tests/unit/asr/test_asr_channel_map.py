"""Channel maps: parsing and what they say about mono and stereo."""

import pytest

from asr.channel_map import parse_channel_map, roles_for
from core.errors import AppError


@pytest.mark.parametrize(
    ("text", "roles"),
    [
        ("agent,customer", ("agent", "customer")),
        (" Customer , AGENT ", ("customer", "agent")),
        ("unknown", ("unknown",)),
        ("agent", ("agent",)),
        ("unknown,unknown", ("unknown", "unknown")),
    ],
)
def test_roles_by_channel(text: str, roles: tuple[str, ...]) -> None:
    assert parse_channel_map(text) == roles


@pytest.mark.parametrize("text", ["", ",", "agent,agent", "seller,buyer", "agent,customer,agent"])
def test_a_bad_map_is_one_clear_error(text: str) -> None:
    with pytest.raises(AppError) as caught:
        parse_channel_map(text)
    assert caught.value.code == "bad-channel-map"
    assert "agent,customer" in caught.value.message


def test_mono_is_unknown_unless_one_role_is_named() -> None:
    assert roles_for(1, ("agent", "customer")) == ("unknown",)
    assert roles_for(1, ("customer",)) == ("customer",)


def test_stereo_follows_the_map_and_is_unknown_beyond() -> None:
    assert roles_for(2, ("customer", "agent")) == ("customer", "agent")
    assert roles_for(2, ("agent",)) == ("agent", "unknown")
