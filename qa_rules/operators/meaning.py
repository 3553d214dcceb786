"""Operators that read meaning: semantic examples and the built-in act model."""

from collections.abc import Sequence

from asr.transcript import Utterance
from qa_rules.conditions.searches import ActCondition, SemanticCondition
from qa_rules.facts.call_facts import CallFacts, quote
from qa_rules.facts.meaning import Unit
from qa_rules.facts.polarity import denial, quotes
from qa_rules.facts.selection import Selection
from qa_rules.operators.searching import SearchOperator, Setting, Triggers
from qa_rules.operators.text import claims
from qa_rules.verdicts.logic import Truth
from qa_rules.verdicts.place import Found
from qa_rules.verdicts.verdict import Gap, Verdict, unsettled


class SemanticOperator(SearchOperator):
    """Runs a `SemanticCondition`: the units of each utterance against the fitted meanings."""

    def __init__(self, condition: SemanticCondition, setting: Setting) -> None:
        self.condition = condition
        self._claims = claims(condition.polarity, condition.unless)
        super().__init__(condition.scope, setting, Triggers(), layer="semantic")

    def judge(self, facts: CallFacts, selection: Selection) -> Verdict:
        """The verdict on the selected part of a call."""
        meanings = facts.meanings
        if meanings is None:
            return unsettled(Gap(Truth.UNDECIDABLE, "没有加载句向量模型，语义条件无法判断"))
        units = meanings.of(self.condition)
        occurrences = tuple(
            evidence
            for utterance in selection.among(facts.mask_of(units))
            for evidence in self._best(facts, units[utterance.index], utterance, selection)
        )
        return self.verdict(occurrences, selection)

    def _best(
        self, facts: CallFacts, units: Sequence[Unit], utterance: Utterance, selection: Selection
    ) -> Sequence[Found]:
        """The best unit of an utterance that stands up to negation, quotation and `unless`."""
        text = facts.forms(utterance)
        for score, start, end, nearest in units:
            raw_start, raw_end = text.to_raw(start, end)
            said = utterance.text[raw_start:raw_end]
            # Vectors hardly see a negation, so a clause may not deny what the example does not.
            if not self._affirmed(utterance, raw_start, said, nearest):
                continue
            quoted = quote(utterance, raw_start, raw_end, "semantic", "normalised", score)
            if selection.covers(quoted) and not self._claims.excuse(facts, utterance):
                return (quoted,)
        return ()

    def _affirmed(self, utterance: Utterance, start: int, said: str, nearest: str) -> bool:
        if self.condition.polarity == "any":
            return True
        return not (denial(said) and not denial(nearest)) and not quotes(
            utterance.text, start, said
        )


class ActOperator(SearchOperator):
    """Runs an `ActCondition` on what the act model reads of the call."""

    def __init__(self, condition: ActCondition, setting: Setting) -> None:
        self.condition = condition
        super().__init__(condition.scope, setting, Triggers(), layer="learned")

    def occurs(self, facts: CallFacts, selection: Selection) -> bool | None:
        """Whether the act is read with the chance that is asked for."""
        if facts.acts is None:
            return None
        least, covered = self.condition.at_least or 0.0, selection.indexes
        places = facts.acts_by_name.get(self.condition.act, {})
        return any(place.chance >= least and at in covered for at, place in places.items())

    def judge(self, facts: CallFacts, selection: Selection) -> Verdict:
        """The verdict on the selected part of a call."""
        if facts.acts is None:
            return unsettled(
                Gap(Truth.UNDECIDABLE, "没有加载内置事件模型所用的句向量模型，无法判断")
            )
        least = self.condition.at_least or 0.0
        occurrences = []
        places = facts.acts_by_name.get(self.condition.act, {})
        for utterance in selection.among(facts.mask_of(places)):
            place = places[utterance.index]
            if place.chance >= least:
                start, end = facts.forms(utterance).to_raw(place.start, place.end)
                score = round(place.chance, 4)
                occurrences.append(quote(utterance, start, end, "learned", "normalised", score))
        return self.verdict(tuple(filter(selection.covers, occurrences)), selection)
