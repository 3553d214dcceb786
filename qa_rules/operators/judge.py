"""The operator that goes by what a language model answered about the call."""

from events.judgement import Judgement, JudgeQuestion
from qa_rules.conditions.searches import JudgeCondition
from qa_rules.facts.call_facts import CallFacts, quote
from qa_rules.facts.selection import Selection
from qa_rules.model import RuleSet
from qa_rules.operators.searching import SearchOperator, Setting
from qa_rules.verdicts.logic import Truth
from qa_rules.verdicts.verdict import Gap, Verdict, absent, found, merge_evidence, unsettled

_NOT_ASKED = "语言模型还没有回答这个问题：没有开启（TINGJIAN_JUDGE__BASE_URL），或还没有问到"
_WHOSE = "语言模型所引的话分不清是谁说的"


class JudgeOperator(SearchOperator):
    """Runs a `JudgeCondition`: true at the quotes of a yes, false after a no.

    Without an answer nothing is known. A no says nothing of speech that got no text.
    """

    def __init__(self, condition: JudgeCondition, setting: Setting) -> None:
        self._question = question_of(condition)
        super().__init__(condition.scope, setting, None, counts=True, layer="judge")

    def judge(self, facts: CallFacts, selection: Selection) -> Verdict:
        """The verdict on the selected part of a call."""
        judgement = facts.call.judgements.get(self._question)
        if judgement is None:
            return unsettled(Gap(Truth.UNDECIDABLE, _NOT_ASKED))
        if judgement.verdict == "unanswered":
            reason = f"语言模型没有给出答案：{judgement.reason}"
            return unsettled(Gap(Truth.UNDECIDABLE, reason))
        if judgement.verdict == "no":
            return unsettled(selection.gap) if selection.gap else self._no(judgement, selection)
        quotes = tuple(
            quote(facts.utterance(said.utterance), said.char_start, said.char_end, "judge", "raw")
            for said in judgement.quotes
            if said.utterance in selection.indexes
        )
        if not quotes:
            return unsettled(Gap(Truth.UNDECIDABLE, _WHOSE))
        return found(merge_evidence(quotes), selection.gap)

    def _no(self, judgement: Judgement, selection: Selection) -> Verdict:
        searched = self.searched(selection)
        reason = f"（{judgement.reason}）" if judgement.reason else ""
        return absent(searched._replace(text=f"{searched.text}{reason}"))


def question_of(condition: JudgeCondition) -> JudgeQuestion:
    """The question as a language model is asked it."""
    return JudgeQuestion(condition.question, condition.role)


def ruleset_questions(ruleset: RuleSet) -> tuple[JudgeQuestion, ...]:
    """The different questions that conditions of the rules ask, in document order."""
    asked = (
        question_of(condition)
        for rule in ruleset.rules
        for condition in rule.conditions.values()
        if isinstance(condition, JudgeCondition)
    )
    return tuple(dict.fromkeys(asked))
