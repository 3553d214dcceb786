import re
from pathlib import Path
from typing import get_args

import pytest

from api.web.catalogue import LANGUAGES, Phrases, language_of, messages
from core.evidence import Layer
from events.hits import SopState
from insights.sop_rates import DIMENSIONS, Period
from models.tables.calls import CALL_STATES
from qa_rules.findings import Outcome, RuleSeverity

WEB = Path(__file__).resolve().parents[3] / "api" / "web"
PLACES = re.compile(r"\{(\w+)\}")
# t("a.b") in templates and scripts, phrases.t("a.b") in Python; not keys put together at run time.
LITERAL_KEY = re.compile(r"""\bt\(\s*["']([a-z_]+(?:\.[a-z_]+)+)["']\s*[,)]""")


def sources() -> list[Path]:
    return [
        *WEB.glob("*.py"),
        *WEB.glob("templates/*.html"),
        *WEB.glob("static/js/*.js"),
    ]


def test_every_language_has_the_same_keys_and_places() -> None:
    chinese = messages("zh")
    for language in LANGUAGES:
        other = messages(language)
        assert other.keys() == chinese.keys()
        for key, text in chinese.items():
            assert set(PLACES.findall(other[key])) == set(PLACES.findall(text)), key


@pytest.mark.parametrize("path", sources(), ids=lambda path: path.name)
def test_every_key_that_is_used_exists(path: Path) -> None:
    known = messages("zh")
    used = LITERAL_KEY.findall(path.read_text("utf-8"))
    assert [key for key in used if key not in known] == []


def test_scripts_only_use_words_that_the_page_sends_them() -> None:
    for path in WEB.glob("static/js/*.js"):
        used = LITERAL_KEY.findall(path.read_text("utf-8"))
        assert [key for key in used if not key.startswith("js.")] == [], path.name


@pytest.mark.parametrize(
    ("group", "values"),
    [
        ("state", CALL_STATES),
        ("stage", ("transcribe", "analyze", "unknown")),
        ("layer", get_args(Layer)),
        ("sop_state", get_args(SopState)),
        ("outcome", get_args(Outcome)),
        ("severity", get_args(RuleSeverity)),
        ("group", DIMENSIONS),
        ("period", get_args(Period)),
        ("role", ("agent", "customer", "unknown")),
        ("js.upload.status", ("accepted", "duplicate", "rejected", "valid")),
        ("js.drill", get_args(SopState)),
        ("dropped", ("repeat-loop", "stock-phrase", "no-speech", "outside-speech")),
    ],
)
def test_every_value_that_the_domain_knows_has_a_name(group: str, values: tuple[str, ...]) -> None:
    for language in LANGUAGES:
        known = messages(language)
        assert [value for value in values if f"{group}.{value}" not in known] == []


def test_words_are_filled_in_and_unknown_values_stay_visible() -> None:
    phrases = Phrases("zh")
    assert phrases.t("matrix.calls", n=3) == "3 通"
    assert phrases.name_of("flag", "clipping") == "削波失真"
    assert phrases.name_of("flag", "something-new") == "something-new"
    with pytest.raises(KeyError):
        phrases.t("no.such.key")


@pytest.mark.parametrize(
    ("value", "expected"), [("en", "en"), ("zh", "zh"), ("fr", "zh"), ("", "zh"), (None, "zh")]
)
def test_chinese_comes_first(value: str | None, expected: str) -> None:
    assert language_of(value) == expected
