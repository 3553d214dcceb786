"""CallView: what the rules may look at in one call."""

from collections.abc import Mapping
from dataclasses import dataclass, field

from asr.timing import CallTiming
from asr.transcript import Transcript
from events.hits import EventHit
from events.judgement import Judgements
from events.reading import CallReading
from nlp.normalise import TextForms


@dataclass(frozen=True, slots=True)
class CallView:
    """One call as the rules see it.

    `hits` are the event hits of the tree in force, in any order; None when no tree was run, which
    is not the same as a tree that found nothing: events are then undecidable. `metadata` holds
    what is known of the call from elsewhere: `agent`, `team`, `campaign`, `direction`,
    `disposition`, `duration_s`, `talk_s` and free fields. A key that is absent, or None, is
    missing data and never makes a rule hit; `duration_s` falls back to the recording's own
    length. `forms` are the matching forms of utterances by their index, where somebody has
    worked them out already. `judgements` are a language model's answers, as far as there are any.
    `reading` is the call as the tree has read it with the encoder of the rules, and `timing` that
    of the transcript, to be shared.
    """

    transcript: Transcript
    hits: tuple[EventHit, ...] | None = ()
    metadata: Mapping[str, object] = field(default_factory=dict)
    forms: Mapping[int, TextForms] = field(default_factory=dict)
    judgements: Judgements = field(default_factory=dict)
    reading: CallReading | None = None
    timing: CallTiming | None = None
