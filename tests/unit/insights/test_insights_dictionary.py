"""The metric dictionary: complete, unambiguous, and the page that documents it."""

from pathlib import Path

import pytest

from cli.reference import metrics_page
from core.errors import AppError
from insights.dictionary import DICTIONARY, metric, metrics_at
from insights.metric import Figure

PAGE = Path(__file__).parents[3] / "docs" / "metrics.md"


def test_ids_are_unique() -> None:
    ids = [entry.id for entry in DICTIONARY]
    assert len(ids) == len(set(ids))


def test_every_entry_says_everything() -> None:
    for entry in DICTIONARY:
        texts = (
            entry.name_zh,
            entry.name_en,
            entry.unit,
            entry.formula,
            entry.formula_en,
            entry.denominator,
            entry.source,
            entry.missing_when,
        )
        assert all(texts), entry.id
        assert entry.version >= 1


def test_every_level_has_entries() -> None:
    for level in ("call", "sop", "qa", "kpi"):
        assert metrics_at(level)


def test_a_metric_is_found_by_its_id() -> None:
    assert metric("execution_rate").name_zh == "SOP 执行率"


def test_an_unknown_metric_is_an_error_that_names_it() -> None:
    with pytest.raises(AppError, match="no_such") as caught:
        metric("no_such")
    assert caught.value.code == "not-found"


def test_a_figure_has_a_value_or_a_reason() -> None:
    with pytest.raises(ValueError, match="either"):
        Figure(None, "ms")
    with pytest.raises(ValueError, match="either"):
        Figure(1, "ms", "没有录音")


def test_the_page_is_the_dictionary() -> None:
    assert PAGE.read_text(encoding="utf-8") == metrics_page()
