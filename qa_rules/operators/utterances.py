"""Operators that look at utterances: event, entity, sentiment, repetition, volume."""

import re
from collections.abc import Sequence
from functools import partial
from typing import NamedTuple

import numpy as np
from rapidfuzz import fuzz
from rapidfuzz.process import cdist

from asr.transcript import Utterance
from nlp.normalise import TextForms
from nlp.sentiment import NEGATIVE, POSITIVE, sentiment_of
from qa_rules.conditions.measures import Bounds
from qa_rules.conditions.searches import (
    EntityCondition,
    EventCondition,
    RepetitionCondition,
    SentimentCondition,
    VolumeCondition,
)
from qa_rules.facts.call_facts import CallFacts, quote
from qa_rules.facts.keywords import Keywords
from qa_rules.facts.scan import Signs
from qa_rules.facts.selection import Selection
from qa_rules.operators.searching import (
    Group,
    SearchOperator,
    Setting,
    Triggers,
    combine,
    combine_in_one,
    entries_needed,
)
from qa_rules.verdicts.logic import Truth, weakest
from qa_rules.verdicts.place import Found
from qa_rules.verdicts.verdict import Gap, Verdict, absent, found, merge_evidence, unsettled


class EventOperator(SearchOperator):
    """Runs an `EventCondition` on the tree's hits."""

    def __init__(self, condition: EventCondition, setting: Setting) -> None:
        self._condition = condition
        self._combine = combine_in_one if condition.in_one_utterance else combine
        self._needed = entries_needed(condition.mode, len(condition.nodes), condition.at_least)
        super().__init__(
            condition.scope,
            setting,
            Triggers(nodes=condition.nodes),
            asks_absence=condition.mode == "none",
            counts=condition.mode != "any",
            layer="event",
        )

    def occurs(self, facts: CallFacts, selection: Selection) -> bool | None:
        """Whether some node is hit, where one is enough."""
        if facts.call.hits is None or self._condition.mode not in ("any", "none"):
            return None
        covered, events = selection.indexes, facts.events
        return any(
            hit.utterance in covered
            for node in self._condition.nodes
            for hit in events.get(node, ())
        )

    def judge(self, facts: CallFacts, selection: Selection) -> Verdict:
        """The verdict on the selected part of a call."""
        if facts.call.hits is None:
            return unsettled(Gap(Truth.UNDECIDABLE, "没有运行关键事件树，无法判断事件"))
        condition, covered = self._condition, selection.indexes
        groups: list[Group] = [
            tuple(
                hit
                for hit in facts.events.get(node, ())
                if hit.utterance in covered and selection.covers(hit)
            )
            for node in condition.nodes
        ]
        searched = partial(self.searched, selection)
        return self._combine(condition.mode, self._needed, groups, selection.gap, searched)


# What an utterance cannot do without to hold an entity; kinds that are not listed may be anywhere.
_LONG_NUMBER = re.compile(r"[0-9]{10}")
SIGNS = {
    "phone": _LONG_NUMBER,
    "id_card": _LONG_NUMBER,
    "bank_card": _LONG_NUMBER,
    "amount": re.compile(r"[¥￥块元毛角万亿]|人民币|rmb", re.IGNORECASE),
    "percent": re.compile(r"[%％]|百分"),
    "email": re.compile("@"),
    "wechat": re.compile("微信"),
}


class EntityOperator(SearchOperator):
    """Runs an `EntityCondition`."""

    def __init__(self, condition: EntityCondition, setting: Setting) -> None:
        self._condition = condition
        super().__init__(
            condition.scope, setting, None,
            asks_absence=condition.mode == "none", counts=condition.mode != "any", layer="entity",
        )  # fmt: skip
        self._needed = entries_needed(condition.mode, len(condition.kinds), condition.at_least)
        self._signs = tuple(dict.fromkeys(SIGNS.get(kind) for kind in condition.kinds))

    def judge(self, facts: CallFacts, selection: Selection) -> Verdict:
        """The verdict on the selected part of a call."""
        condition = self._condition
        groups: dict[str, list[Found]] = {kind: [] for kind in condition.kinds}
        # Most calls show no sign anywhere, which is soon seen.
        some = self._may_be_in(facts.everything_said)
        for utterance in selection.utterances if some else ():
            text = facts.forms(utterance)
            if not self._may_be_in(text.raw) and not self._may_be_in(text.normalised):
                continue
            for entity in facts.entities(utterance):
                if entity.kind not in groups or not self._inside(entity.value):
                    continue
                quoted = quote(
                    utterance, entity.start, entity.end, "entity", "normalised", entity.score
                )
                if selection.covers(quoted):
                    groups[entity.kind].append(quoted)
        searched = partial(self.searched, selection)
        each = [tuple(groups[kind]) for kind in condition.kinds]
        return combine(condition.mode, self._needed, each, selection.gap, searched)

    def _may_be_in(self, text: str) -> bool:
        """Whether a text shows any sign of the kinds; reading its entities takes much longer."""
        return any(sign is None or sign.search(text) for sign in self._signs)

    def _inside(self, value: float | None) -> bool:
        above, below = self._condition.above, self._condition.below
        if above is None and below is None:
            return True
        if value is None:
            return False
        return (above is None or value > above) and (below is None or value < below)


class _AnyWord:
    """Utterances that hold any of some words."""

    holds_in = None
    sound_signs: Signs = frozenset()

    def __init__(self, words: Sequence[str]) -> None:
        self.signs = frozenset(words)


_FEELING = _AnyWord((*NEGATIVE, *POSITIVE))


class SentimentOperator(SearchOperator):
    """Runs a `SentimentCondition`; utterances whose words point both ways may count or not."""

    def __init__(self, condition: SentimentCondition, setting: Setting) -> None:
        self._condition = condition
        super().__init__(
            condition.scope, setting, Triggers((_FEELING,)), counts=True, layer="sentiment"
        )

    def judge(self, facts: CallFacts, selection: Selection) -> Verdict:
        """The verdict on the selected part of a call."""
        sure: list[Found] = []
        mixed = 0
        for _, mask in facts.found.get(self, ()):
            for utterance in selection.among(mask):
                shown = sentiment_of(facts.forms(utterance))
                if shown not in (self._condition.feeling, "mixed"):
                    continue
                quoted = quote(utterance, 0, len(utterance.text), "sentiment", "raw")
                if not selection.covers(quoted):
                    continue
                if shown == "mixed":
                    mixed += 1
                else:
                    sure.append(quoted)
        unsure = Gap(Truth.UNDECIDABLE, f"有 {mixed} 句话褒贬都有，只看文字判断不了情绪")
        return at_least_so_many(
            self, sure, self._condition.count, selection, unsure if mixed else None, mixed
        )


class VolumeOperator(SearchOperator):
    """Runs a `VolumeCondition` on the levels that the transcript carries."""

    def __init__(self, condition: VolumeCondition, setting: Setting) -> None:
        self._condition = condition
        self._bounds = Bounds(above=condition.above, below=condition.below)
        super().__init__(condition.scope, setting, None, counts=True, layer="volume")

    def judge(self, _facts: CallFacts, selection: Selection) -> Verdict:
        """The verdict on the selected part of a call."""
        condition = self._condition
        sure: list[Found] = []
        unmeasured = 0
        for utterance in selection.utterances:
            level = utterance.level_dbfs
            if level is not None and not self._bounds.contain(level):
                continue
            if level is None and selection.beside is None:
                unmeasured += 1
                continue
            quoted = quote(utterance, 0, len(utterance.text), "volume", "raw")
            if not selection.covers(quoted):
                continue
            if level is None:
                unmeasured += 1
            else:
                sure.append(quoted)
        unsure = Gap(Truth.UNDECIDABLE, f"有 {unmeasured} 句话没有音量数据，无法判断音量")
        return at_least_so_many(
            self, sure, condition.count, selection, unsure if unmeasured else None, unmeasured
        )


class RepetitionOperator(SearchOperator):
    """Runs a `RepetitionCondition`."""

    def __init__(self, condition: RepetitionCondition, setting: Setting) -> None:
        self._condition = condition
        self._unless = Keywords(condition.unless)
        super().__init__(condition.scope, setting, None, counts=True, layer="repetition")

    def judge(self, facts: CallFacts, selection: Selection) -> Verdict:
        """The verdict on the selected part of a call."""
        said: dict[str, list[_Counted]] = {}
        order: dict[str, int] = {}
        for utterance in selection.utterances:
            place = order[utterance.role] = order.get(utterance.role, 0) + 1
            text = facts.forms(utterance)
            if len(text.normalised) >= self._condition.min_chars:
                said.setdefault(utterance.role, []).append(_Counted(place, text, utterance))
        repeated: set[int] = set()
        for lines in said.values():
            repeated |= self._repeated(lines)
        quotes = [
            quote(u, 0, len(u.text), "repetition", "raw")
            for u in selection.utterances
            if u.index in repeated
        ]
        return self.verdict(quotes, selection)

    def _repeated(self, lines: Sequence["_Counted"]) -> set[int]:
        """The indexes of the utterances that are said again and again, the first one included."""
        condition, found = self._condition, set[int]()
        if len(lines) < condition.times:
            return found
        texts = [line.text.normalised for line in lines]
        # Below the cutoff a likeness is 0, which nearly all of them are.
        like = cdist(texts, texts, scorer=fuzz.ratio, score_cutoff=condition.similarity * 100)
        if np.count_nonzero(like) <= len(lines):
            return found  # Nothing is like anything but itself.
        alike: dict[int, list[int]] = {}
        for at, before in np.argwhere(np.tril(like, -1)).tolist():
            if self._repeats(lines[before], lines[at]):
                alike.setdefault(at, []).append(before)
        for at, earlier in alike.items():
            if len(earlier) + 1 >= condition.times:
                found.update(lines[place].utterance.index for place in (*earlier, at))
        return found

    def _repeats(self, before: "_Counted", line: "_Counted") -> bool:
        """Whether two lines that are alike count as a repetition."""
        within = self._condition.within
        if within is not None and line.place - before.place > within:
            return False
        return not (self._unless.hold_in(before.text) or self._unless.hold_in(line.text))


class _Counted(NamedTuple):
    """An utterance long enough to be compared, `place` of its side's utterances."""

    place: int
    text: TextForms
    utterance: Utterance


def at_least_so_many(
    operator: SearchOperator,
    sure: Sequence[Found],
    count: int,
    selection: Selection,
    unsure: Gap | None,
    doubtful: int,
) -> Verdict:
    """TRUE with `count` sure places; FALSE when even the `doubtful` ones could not make it.

    A gap of the selection may hide any number of places more.
    """
    occurrences = merge_evidence(tuple(sure))
    gaps = [gap for gap in (selection.gap, unsure) if gap is not None]
    gap = Gap(weakest([g.truth for g in gaps]), gaps[0].reason) if gaps else None
    if len(occurrences) >= count:
        return found(occurrences, gap)
    if gap is not None and (selection.gap is not None or len(occurrences) + doubtful >= count):
        return unsettled(gap, occurrences)
    return absent(operator.searched(selection), occurrences)
