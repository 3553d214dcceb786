"""How near a sentence comes to a node agrees with whether the node is hit."""

from collections.abc import Sequence

import numpy as np
import pytest
from numpy.typing import NDArray

from asr.transcript import AudioFacts, EngineInfo, Transcript, Utterance
from events.document import parse_tree
from events.matching import TreeMatcher

TREE = """\
tree: 例子
nodes:
  - {key: a, name: 录音, role: agent, match: {threshold: 0.4, examples: [通话会录音, 会录下来]}}
  - {key: b, name: 学历, role: agent, match: {examples: [您什么学历, 您学历是, 读到哪]}}
  - {key: c, name: 嫌贵, role: customer, match: {examples: [太贵了, 价格高, 不便宜]}}
  - {key: d, name: 词, role: agent, match: {keywords: [您好]}}
"""


class Characters:
    """Vectors from the characters of a text: alike when they share some."""

    encoder_id = "characters@1"
    dim = 256

    def encode(self, texts: Sequence[str]) -> NDArray[np.float32]:
        rows = np.zeros((len(texts), self.dim), dtype=np.float32)
        for row, text in zip(rows, texts, strict=True):
            for character in text:
                row[ord(character) % self.dim] += 1
            row /= max(float(np.linalg.norm(row)), 1e-6)
        return rows


def call(*said: tuple[str, str]) -> Transcript:
    utterances = tuple(
        Utterance(at, int(role == "customer"), role, at * 4000, at * 4000 + 3000, text, text)
        for at, (role, text) in enumerate(said)
    )
    return Transcript(AudioFacts(60_000, 8000, 2, "none", "none"), EngineInfo("x"), utterances)


@pytest.fixture(scope="module")
def matcher() -> TreeMatcher:
    return TreeMatcher(parse_tree(TREE), Characters())


def test_each_node_with_examples_has_one_entry_nearest_first(matcher: TreeMatcher) -> None:
    near = matcher.nearness(call(("agent", "这个通话会录音的"), ("customer", "你这太贵了")))
    first = [entry for entry in near if entry.utterance == 0]
    assert {entry.node for entry in first} == {"录音", "学历"}
    assert first[0].node == "录音"
    assert [entry.distance for entry in first] == sorted(entry.distance for entry in first)
    automatic = matcher.expectation("学历")
    assert automatic is not None
    assert {entry.node: entry.threshold for entry in first} == {
        "录音": 0.4, "学历": automatic.threshold,
    }  # fmt: skip
    assert [entry.node for entry in near if entry.utterance == 1] == ["嫌贵"]


def test_what_reaches_its_threshold_is_a_hit(matcher: TreeMatcher) -> None:
    said = call(("agent", "通话会录音"), ("agent", "今天下雨"), ("customer", "价格高"))
    hits = {(hit.utterance, hit.node) for hit in matcher.match(said)}
    near = {
        (entry.utterance, entry.node) for entry in matcher.nearness(said) if entry.distance <= 0
    }
    assert hits == near != set()


def test_without_an_encoder_nothing_is_near() -> None:
    assert TreeMatcher(parse_tree(TREE), None).nearness(call(("agent", "通话会录音"))) == ()
