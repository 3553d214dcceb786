"""Which words a call's vocabulary holds, and what they do to its text."""

from dataclasses import replace

import pytest

from asr.transcript import AudioFacts, EngineInfo, Transcript, Utterance
from core.errors import AppError
from events.document import parse_tree
from events.dumping import dump_tree
from events.tree import EventTree
from pipeline.wording import MOST_HOTWORDS, corrected, hotwords_of, tree_of

DOCUMENT = """
tree: 启衡课程
vocabulary:
  terms: [启衡教育, 林晓雯]
  campaigns:
    会计班: [中级会计, 启衡教育]
nodes:
  - {key: a, name: 问候}
"""


@pytest.fixture
def tree() -> EventTree:
    return parse_tree(DOCUMENT)


def call(text: str) -> Transcript:
    utterance = Utterance(0, 0, "agent", 0, 2_000, text, text)
    return Transcript(
        AudioFacts(2_000, 8_000, 2, "pcm", "wav"), EngineInfo("faster-whisper"), (utterance,)
    )


def test_the_campaigns_own_words_come_first(tree: EventTree) -> None:
    assert hotwords_of(tree, "会计班") == ("中级会计", "启衡教育", "林晓雯")
    assert hotwords_of(tree, None) == hotwords_of(tree, "别的") == ("启衡教育", "林晓雯")
    many = replace(tree.vocabulary, terms=tuple(f"词{n}" for n in range(50)))
    assert len(hotwords_of(replace(tree, vocabulary=many), None)) == MOST_HOTWORDS


def test_a_tree_that_says_nothing_tells_the_recogniser_nothing(tree: EventTree) -> None:
    plain = parse_tree("tree: x\nnodes: []")
    assert hotwords_of(plain, None) == ()
    silent = replace(tree, vocabulary=replace(tree.vocabulary, hotwords=False))
    assert hotwords_of(silent, "会计班") == ()


def test_text_is_corrected_towards_the_call_s_own_words(tree: EventTree) -> None:
    heard = call("我是启横教育的，会介绍终极会计")
    assert corrected(heard, tree, None).utterances[0].text == "我是启衡教育的，会介绍终极会计"
    made = corrected(heard, tree, "会计班")
    assert made.utterances[0].text.startswith("我是启衡教育的")
    assert made.corrections[0].before == "启横教育"
    off = replace(tree, vocabulary=replace(tree.vocabulary, correction=False))
    assert corrected(made, off, "会计班") == heard


def test_what_people_wrote_is_left_alone(tree: EventTree) -> None:
    written = replace(call("我是启横教育的"), engine=EngineInfo("reference"))
    assert corrected(written, tree, None) is written


def test_documents_keep_their_vocabulary(tree: EventTree) -> None:
    assert parse_tree(dump_tree(tree)) == tree
    assert tree_of(DOCUMENT, "x") == tree


def test_a_tree_adds_its_words_to_those_of_its_template() -> None:
    over = parse_tree(
        "tree: x\nextends: 职业教育\nvocabulary: {terms: [启衡教育], correction: false}"
    )
    assert over.vocabulary.terms[-1] == "启衡教育"
    assert over.vocabulary.correction is False


@pytest.mark.parametrize(
    "vocabulary",
    ["[启衡]", "{words: [启衡]}", "{terms: 3, hotwords: maybe}", "{campaigns: [a]}",
     "{campaigns: {a: [x], a: [y]}}"],
)  # fmt: skip
def test_a_vocabulary_of_another_shape_is_refused(vocabulary: str) -> None:
    with pytest.raises(AppError) as caught:
        parse_tree(f"tree: x\nnodes: []\nvocabulary: {vocabulary}")
    assert caught.value.code == "bad-tree"
