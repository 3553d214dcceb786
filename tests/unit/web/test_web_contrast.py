"""WCAG 2.2 contrast of the design system's colours, light and dark."""

import re
from pathlib import Path

import pytest

TOKENS = Path(__file__).resolve().parents[3] / "api/web/static/css/tokens.css"
TEXT_ON = [
    ("ink", "page"), ("ink-2", "surface"), ("ink-3", "surface"), ("ink-3", "page"),
    ("ink-3", "surface-2"), ("ink-3", "surface-3"), ("ink-3", "accent-soft"), ("accent", "page"),
    ("accent", "surface"), ("accent", "accent-soft"), ("accent-ink", "accent"),
    ("good", "good-soft"), ("bad", "bad-soft"), ("warn", "warn-soft"), ("calm", "calm-soft"),
    ("agent", "page"), ("customer", "page"), ("warn", "page"), ("ink", "agent-soft"),
    ("ink", "customer-soft"),
]  # fmt: skip
TEXT, GRAPHICS = 4.5, 3.0


def palettes() -> dict[str, dict[str, str]]:
    light, dark = TOKENS.read_text("utf-8").split("@media (prefers-color-scheme: dark)")
    named = [dict(re.findall(r"--([\w-]+): (#[0-9a-f]{6})", part)) for part in (light, dark)]
    return {"light": named[0], "dark": named[0] | named[1]}


def luminance(colour: str) -> float:
    channels = [int(colour[i : i + 2], 16) / 255 for i in (1, 3, 5)]
    linear = [c / 12.92 if c <= 0.04045 else ((c + 0.055) / 1.055) ** 2.4 for c in channels]
    return 0.2126 * linear[0] + 0.7152 * linear[1] + 0.0722 * linear[2]


def contrast(one: str, other: str) -> float:
    low, high = sorted((luminance(one), luminance(other)))
    return (high + 0.05) / (low + 0.05)


@pytest.mark.parametrize("scheme", ["light", "dark"])
@pytest.mark.parametrize(("text", "ground"), TEXT_ON)
def test_text_is_readable(scheme: str, text: str, ground: str) -> None:
    colours = palettes()[scheme]
    assert contrast(colours[text], colours[ground]) >= TEXT


@pytest.mark.parametrize("scheme", ["light", "dark"])
def test_numbers_in_the_matrix_are_readable(scheme: str) -> None:
    colours = palettes()[scheme]
    for step in range(8):
        extreme = step in (0, 7)
        ink = "heat-light-ink" if extreme == (scheme == "light") else "heat-dark-ink"
        assert contrast(colours[f"heat-{step}"], colours[ink]) >= TEXT, step


@pytest.mark.parametrize("scheme", ["light", "dark"])
def test_stages_stand_out(scheme: str) -> None:
    colours = palettes()[scheme]
    for stage in [*map(str, range(8)), "customer"]:
        assert contrast(colours[f"stage-{stage}"], colours["surface"]) >= GRAPHICS, stage


def test_both_formulas_agree_with_the_known_extremes() -> None:
    assert contrast("#000000", "#ffffff") == pytest.approx(21)
    assert contrast("#777777", "#777777") == pytest.approx(1)
