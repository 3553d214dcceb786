"""Corpus, noise, features and the shipped act model."""

import random
from pathlib import Path

import numpy as np
import pytest

import events.acts.corpus as corpus_module
from core.errors import AppError
from events.acts.corpus import load_corpus, parse_dialogues
from events.acts.features import PLACE_SIZE, piece_turns, place_of, read_turns
from events.acts.industries import industry_group
from events.acts.labels import ACTS, LABELS, VIOLATIONS, act_role, labels_of
from events.acts.model import ActModel, pack, unpack
from events.acts.noise import Homophones
from events.acts.reading import ActReader, ReadTurn
from events.acts.surroundings import SURROUNDINGS_SIZE, surroundings
from events.acts.training import choose_thresholds
from events.document import load_pack, parse_tree
from events.dumping import dump_tree
from events.lint import lint_text
from nlp.normalise import forms

HEADER = "## x-01 | 保险 | 平和 | won\n"
FOLDER = Path(corpus_module.__file__).parent / "corpus"


def test_a_dialogue_is_read_with_full_paths() -> None:
    text = HEADER + "坐: 您好，我是小李。 #问候语 #自我介绍 !过度承诺\n客: 嗯。\n"
    (dialogue,) = parse_dialogues(text, "x.txt")
    assert (dialogue.author, dialogue.industry, dialogue.outcome) == ("x", "保险", "won")
    assert dialogue.turns[0].labels == {"开场白/问候语", "开场白/自我介绍", "过度承诺"}
    assert dialogue.turns[1].labels == frozenset()


@pytest.mark.parametrize(
    ("text", "line", "part"),
    [
        ("坐: 您好\n", 1, "标题行"),
        ("## x-01 | 保险 | won\n", 1, "标题行"),
        ("## x-01 | 保险 | 平和 | gone\n", 1, "结果 gone"),
        (HEADER + "您好\n", 2, "开头"),
        (HEADER + "坐: 您好#问候语\n", 2, "空格"),
        (HEADER + "客: 太贵 #价格说明\n", 2, "#价格说明"),
        (HEADER + "客: 太贵\n坐: 包过 #过度承诺\n", 3, "#过度承诺"),
    ],
)
def test_mistakes_are_named_by_line(text: str, line: int, part: str) -> None:
    with pytest.raises(AppError) as caught:
        parse_dialogues(text, "x.txt")
    assert caught.value.code == "bad-corpus"
    assert caught.value.detail["line"] == line
    assert part in caught.value.message


def test_the_corpus_is_large_and_covers_every_label() -> None:
    dialogues = load_corpus(FOLDER)
    turns = [turn for dialogue in dialogues for turn in dialogue.turns]
    assert len(dialogues) >= 400
    assert len(turns) >= 8000
    assert len({industry_group(dialogue.industry) for dialogue in dialogues}) >= 10
    assert len({dialogue.author for dialogue in dialogues}) >= 5
    counts = {label: sum(label in turn.labels for turn in turns) for label in LABELS}
    assert min(counts.values()) >= 30, counts
    bare = sum(not turn.labels for turn in turns) / len(turns)
    assert 0.25 < bare < 0.5


def test_labels_partition_by_role() -> None:
    assert (*labels_of("agent"), *labels_of("customer")) == LABELS
    assert set(LABELS) == set(ACTS) | set(VIOLATIONS)
    assert all(act in labels_of(act_role(act)) for act in ACTS)


def test_noise_swaps_sounds_and_repeats_itself() -> None:
    texts = ["工号是公司给的", "攻读功课", "宫里有弓"]
    homophones = Homophones(texts)
    heard = homophones.confuse("工号是公司给的" * 5, 0.3, random.Random(1))
    assert heard != "工号是公司给的" * 5
    assert heard == homophones.confuse("工号是公司给的" * 5, 0.3, random.Random(1))
    assert homophones.confuse("。。", 1.0, random.Random(1))


def test_pieces_point_into_their_utterance() -> None:
    texts = [forms("您好，我是小李。"), forms("给您介绍一下课程，三千块")]
    (turn,) = read_turns([("agent", texts)])
    assert {at for at, _, _ in turn.pieces} == {0, 1}
    for (at, start, end), text in zip(turn.pieces, turn.segment_texts, strict=True):
        assert len(texts[at].normalised[start:end]) > 0
        assert text
    assert place_of(turn, 0, 1).shape == (PLACE_SIZE,)


def test_the_shipped_model_is_small_and_gives_chances() -> None:
    assert (FOLDER.parent / "model.npz").stat().st_size <= 4_000_000
    model = ActModel.load()
    turns = [*piece_turns("agent", ["您好我是小李"]), *piece_turns("customer", ["太贵了"])]
    vectors = [np.full((1, 512), 512**-0.5, np.float32)] * 2
    chances = model.predict(turns, vectors)
    assert chances.shape == (2, len(LABELS))
    assert ((chances >= 0) & (chances <= 1)).all()
    customer = [LABELS.index(label) for label in labels_of("customer")]
    assert not chances[0, customer].any()
    assert all(0 < model.threshold(label) < 1 for label in LABELS)


def test_surroundings_hold_what_the_turns_around_carry() -> None:
    chances = np.zeros((4, len(LABELS)), np.float32)
    chances[[0, 3], [0, 1]] = 0.9
    found = surroundings(chances)
    assert found.shape == (4, SURROUNDINGS_SIZE)
    own, before, after = (found[:, at * len(LABELS) :][:, : len(LABELS)] for at in (1, 2, 5))
    np.testing.assert_array_equal(own, chances)
    np.testing.assert_array_equal(before[1:], chances[:-1])
    np.testing.assert_array_equal(after[:-1], chances[1:])
    assert not before[0].any()
    assert not after[-1].any()
    earlier, later = (found[:, at * len(LABELS) :][:, : len(LABELS)] for at in (7, 8))
    assert not earlier[0].any()
    assert (earlier[1:, 0] > 0).all()
    assert (later[:3, 1] > 0).all()
    assert surroundings(chances[:1]).shape == (1, SURROUNDINGS_SIZE)


def test_a_packed_model_comes_back() -> None:
    model = ActModel.load()
    again = unpack(pack(model))
    turns = piece_turns("agent", ["您好我是小李"])
    vectors = [np.full((1, 512), 512**-0.5, np.float32)]
    np.testing.assert_allclose(
        again.predict(turns, vectors), model.predict(turns, vectors), atol=2e-3
    )


def test_thresholds_separate_what_can_be_separated() -> None:
    chances = np.repeat(np.array([[0.1], [0.2], [0.5], [0.6]], np.float32), 50, axis=0)
    (limit,) = choose_thresholds(chances, (chances > 0.4).astype(np.float32))
    assert 0.2 < limit <= 0.5


def test_every_act_has_a_node_in_the_general_pack() -> None:
    tree = load_pack("电销通用")
    linked = {node.match.act: node for node in tree.walk() if node.match.act}
    assert set(linked) == set(ACTS)
    assert all(node.role == act_role(act) for act, node in linked.items() if act)
    assert parse_tree(dump_tree(tree)) == tree
    sector = load_pack("保险")
    assert {node.match.act for node in sector.walk() if node.match.act} == set(ACTS)


def test_unknown_acts_and_wrong_roles_are_linted() -> None:
    text = """
tree: 试
nodes:
  - {key: a, name: 甲, role: agent, match: {act: 开场白/没有}}
  - {key: b, name: 乙, role: agent, match: {act: 客户/价格异议}}
"""
    found = [(issue.code, issue.line) for issue in lint_text(text)]
    assert ("unknown-act", 4) in found
    assert ("act-role", 5) in found


def test_a_claim_that_is_taken_back_is_read_nowhere() -> None:
    model = ActModel.load()
    reader = ActReader(model)
    chances = np.array([model.threshold(label) + 0.01 for label in LABELS], np.float32)
    for said, denied in (("我们没有什么内部渠道", True), ("我们有内部渠道", False)):
        (turn,) = read_turns([("agent", [forms(said)])])
        vectors = np.full((len(turn.pieces), 512), 512**-0.5, np.float32)
        (found,) = reader.places([ReadTurn((0,), turn, vectors, chances)], 1)
        assert ("虚假宣传" in found) is not denied
        assert "泄露隐私" in found
