import tempfile
from pathlib import Path

import jieba
import pytest

from nlp.tokenizer import Tokenizer, default_tokenizer, domain_words


def test_domain_terms_are_whole_words() -> None:
    words = default_tokenizer().words("您通过一下好友申请，犹豫期内可以退保")
    assert "好友申请" in words
    assert "犹豫期" in words
    assert "".join(words) == "您通过一下好友申请，犹豫期内可以退保"


def test_boundaries_are_offsets_between_words() -> None:
    assert default_tokenizer().boundaries("") == frozenset({0})
    edges = default_tokenizer().boundaries("犹豫期退保")
    assert {0, 3, 5} <= edges
    assert 1 not in edges


def test_user_words_stay_in_their_own_tokenizer() -> None:
    before = dict(jieba.dt.FREQ)
    mine = Tokenizer(user_words=["盛和金服贷"])
    assert "盛和金服贷" in mine.words("我是盛和金服贷的顾问")
    assert "盛和金服贷" not in default_tokenizer().words("我是盛和金服贷的顾问")
    assert before == jieba.dt.FREQ


def test_loading_writes_no_cache_file(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(tempfile, "tempdir", str(tmp_path))
    Tokenizer().words("您好")
    assert list(tmp_path.iterdir()) == []


def test_the_dictionary_has_no_duplicates() -> None:
    assert len(set(domain_words())) == len(domain_words())
