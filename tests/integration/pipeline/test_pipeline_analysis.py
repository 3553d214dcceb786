"""The whole analysis of one written call, as a value and as the document that people get."""

import json

import pytest
from written_calls import FIXTURE, written_transcript

from asr.decode import decode
from asr.transcript import Transcript
from core.settings import NlpSettings
from events.document import load_pack
from nlp.encoders.loading import load_encoder
from pipeline.analysis import CallAnalyzer, analysis_document, software_version
from qa_rules.documents import rule_sets as rules


@pytest.fixture(scope="module")
def analyzer() -> CallAnalyzer:
    encoder = load_encoder(NlpSettings(), offline=True)
    return CallAnalyzer(load_pack("edu"), rules.load_pack("edu"), encoder)


@pytest.fixture(scope="module")
def transcript() -> Transcript:
    turns = json.loads(FIXTURE.with_suffix(".json").read_text())["turns"]
    return written_transcript(turns, decode(FIXTURE, 3600), ("agent", "customer"))


def test_a_document_has_exactly_its_keys_and_is_plain_json(
    analyzer: CallAnalyzer, transcript: Transcript
) -> None:
    found = analyzer.analyze(transcript, {"agent": "小王"})
    document = analysis_document({"file": FIXTURE.name}, transcript, found)
    assert list(document) == [
        "call", "transcript", "events", "sop", "findings", "score", "metrics", "versions",
    ]  # fmt: skip
    assert json.loads(json.dumps(document, ensure_ascii=False, allow_nan=False)) == document
    assert document["call"] == {"file": FIXTURE.name}
    assert len(document["events"]) == len(found.events) > 0
    assert len(document["findings"]) == len(analyzer.ruleset.rules)


def test_versions_name_what_made_the_result(analyzer: CallAnalyzer, transcript: Transcript) -> None:
    found = analyzer.analyze(transcript)
    assert found.versions.software == software_version()
    assert found.versions.engine == "reference"
    assert found.versions.tree == analyzer.tree.ref
    assert found.versions.ruleset == analyzer.ruleset.reference
    assert found.versions.encoder
    assert {hit.tree for hit in found.events} == {analyzer.tree.ref}
    assert {finding.ruleset for finding in found.findings} == {analyzer.ruleset.reference}


def test_analysing_again_gives_the_same(analyzer: CallAnalyzer, transcript: Transcript) -> None:
    assert analyzer.analyze(transcript) == analyzer.analyze(transcript)


def test_an_empty_transcript_is_analysed(analyzer: CallAnalyzer, transcript: Transcript) -> None:
    silent = Transcript(transcript.audio, transcript.engine, ())
    found = analyzer.analyze(silent)
    assert found.events == ()
    assert found.sop.coverage is None
    assert not [finding for finding in found.findings if finding.veto]
