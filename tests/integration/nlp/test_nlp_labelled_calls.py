"""The packs on calls in other trades and voices, with the real default encoder."""

from collections import Counter
from pathlib import Path

import pytest

from asr.audio_checks import SWAPPED_LOG_ODDS, with_swapped_roles
from asr.transcript import AudioFacts, EngineInfo, Role, Transcript, Utterance
from core.settings import NlpSettings
from events.acts.sides import side_margin
from events.document import load_pack
from events.matching import TreeMatcher
from events.sop import sop_report
from nlp.encoders.loading import load_encoder

ROLES: dict[str, Role] = {"A": "agent", "C": "customer"}
Labels = list[set[str]]


@pytest.fixture(scope="module")
def matcher() -> TreeMatcher:
    return TreeMatcher(load_pack("general"), load_encoder(NlpSettings()))


@pytest.fixture(scope="module")
def calls() -> list[tuple[Transcript, Labels]]:
    path_of = {node.name: node.path for node in load_pack("general").leaves()}
    text = (Path(__file__).parent / "labelled_calls.txt").read_text("utf-8")
    found = []
    for block in text.split("\n\n"):
        utterances: list[Utterance] = []
        labels: Labels = []
        at = 0
        for line in block.strip().splitlines():
            if line.startswith("#"):
                continue
            side, said, names = line.split("|")
            end = at + len(said) * 200
            index, channel = len(utterances), int(side == "C")
            utterances.append(Utterance(index, channel, ROLES[side], at, end, said, said))
            labels.append({path_of[name] for name in names.split(",") if name})
            at = end + 400
        facts = AudioFacts(at, 8000, 2, "reference", "none")
        found.append((Transcript(facts, EngineInfo("reference"), tuple(utterances)), labels))
    return found


def f1(matcher: TreeMatcher, calls: list[tuple[Transcript, Labels]]) -> tuple[float, float]:
    """Micro F1, and macro F1 over the labels that occur."""
    right: Counter[str] = Counter()
    wrong: Counter[str] = Counter()
    missed: Counter[str] = Counter()
    for transcript, labels in calls:
        hits: Labels = [set() for _ in labels]
        for hit in matcher.match(transcript):
            assert hit.utterance is not None
            hits[hit.utterance].add(hit.node)
        for got, wanted in zip(hits, labels, strict=True):
            right.update(got & wanted)
            wrong.update(got - wanted)
            missed.update(wanted - got)
    total = 2 * right.total() / (2 * right.total() + wrong.total() + missed.total())
    nodes = list(right.keys() | missed.keys())
    each = [2 * right[n] / (2 * right[n] + wrong[n] + missed[n]) for n in nodes]
    return total, sum(each) / len(each)


def test_events_are_found_in_other_words(
    matcher: TreeMatcher, calls: list[tuple[Transcript, Labels]]
) -> None:
    micro, macro = f1(matcher, calls)
    assert micro >= 0.75
    assert macro >= 0.70


def test_meaning_adds_to_exact_words(
    matcher: TreeMatcher, calls: list[tuple[Transcript, Labels]]
) -> None:
    exact, _ = f1(TreeMatcher(matcher.tree, None), calls)
    assert f1(matcher, calls)[0] >= exact + 0.1


def test_a_call_that_ends_in_do_not_call_executes_no_sale(
    matcher: TreeMatcher, calls: list[tuple[Transcript, Labels]]
) -> None:
    transcript, _ = next(
        (t, labels) for t, labels in calls if any("客户/投诉意向" in found for found in labels)
    )
    report = sop_report(matcher.tree, transcript, matcher.match(transcript))
    state = {step.node: step.state for step in report.steps}
    assert state["开场白/自我介绍"] == "executed"
    assert state["下一步/预约回访"] == "missed"
    assert state["异议处理/价格异议回应"] == "not_applicable"


def test_acts_tell_right_roles_from_exchanged_ones(
    calls: list[tuple[Transcript, Labels]],
) -> None:
    encoder = load_encoder(NlpSettings())
    margins = []
    for transcript, _ in calls:
        right, wrong = (
            side_margin(call, encoder) for call in (transcript, with_swapped_roles(transcript))
        )
        if right is not None and wrong is not None:
            margins.append((right, wrong))
    assert len(margins) >= 3
    assert sum(right > -SWAPPED_LOG_ODDS for right, _ in margins) == len(margins)
    assert sum(wrong < -SWAPPED_LOG_ODDS for _, wrong in margins) >= 0.9 * len(margins)
