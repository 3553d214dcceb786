"""Human review: reviews of calls, verdicts on findings, appeals, samples, frozen accuracy."""

import datetime as dt
import uuid
from typing import Any

from sqlalchemy import CheckConstraint, ForeignKey, ForeignKeyConstraint, Index, text
from sqlalchemy.orm import Mapped, mapped_column

from models.tables.base import Base, CreatedAt


class Review(Base):
    """The review of one call. A call without a row is `pending`: nobody has touched it yet.

    `version` grows with every change, so that two who look at the same state cannot both act on
    it. `holder_id` is who works on it; `lock_expires_at` None means that a manager assigned it
    without a time limit. `score`, `passed` and `vetoed` are the human ones beside the machine's
    on the call, explained in `score_document`; None until somebody has judged a finding. `stale`
    says that a later analysis changed what was judged.
    """

    __tablename__ = "reviews"

    call_id: Mapped[uuid.UUID] = mapped_column(ForeignKey("calls.id"), primary_key=True)
    state: Mapped[str] = mapped_column(default="pending")
    version: Mapped[int] = mapped_column(default=1)
    created_at: Mapped[CreatedAt]
    updated_at: Mapped[CreatedAt]
    holder_id: Mapped[uuid.UUID | None] = mapped_column(ForeignKey("users.id"))
    lock_expires_at: Mapped[dt.datetime | None]
    reviewer_id: Mapped[uuid.UUID | None] = mapped_column(ForeignKey("users.id"))
    reviewed_at: Mapped[dt.datetime | None]
    comment: Mapped[str] = mapped_column(default="")
    appeal_until: Mapped[dt.datetime | None]
    final_by: Mapped[uuid.UUID | None] = mapped_column(ForeignKey("users.id"))
    final_at: Mapped[dt.datetime | None]
    score: Mapped[float | None]
    passed: Mapped[bool | None]
    vetoed: Mapped[bool | None]
    score_document: Mapped[dict[str, Any] | None]
    stale: Mapped[bool] = mapped_column(default=False)

    __table_args__ = (
        CheckConstraint(
            "state IN ('pending','assigned','reviewed','appealed','final')", name="state"
        ),
        Index("ix_reviews_state_call_id", "state", "call_id"),
        Index("ix_reviews_holder_id", "holder_id"),
        Index(
            "ix_reviews_appeal_until", "appeal_until", postgresql_where=text("state = 'reviewed'")
        ),
    )


class FindingVerdict(Base):
    """What a person said of one rule on one call. Rows are added, and only their standing changes.

    `ruleset` and `machine_outcome` are the machine's finding at that time. `outcome` is the human
    one. `evidence` is what the verdict rests on: the machine's for confirm and overturn, the
    reviewer's own for add. `places` are the utterances that it lies in, as
    `models.reviews.verdicts.Place`. `standing`: `current`; `superseded` by a later verdict on the
    same rule; `withdrawn` before the review was submitted; `detached` since an analysis no longer
    finds what was judged.
    """

    __tablename__ = "finding_verdicts"

    id: Mapped[uuid.UUID] = mapped_column(primary_key=True)
    call_id: Mapped[uuid.UUID] = mapped_column(ForeignKey("calls.id"))
    rule: Mapped[str]
    rule_name: Mapped[str]
    ruleset: Mapped[str]
    machine_outcome: Mapped[str]
    decision: Mapped[str]
    outcome: Mapped[str]
    reason_code: Mapped[str] = mapped_column(default="")
    comment: Mapped[str] = mapped_column(default="")
    evidence: Mapped[list[Any]] = mapped_column(default=list)
    places: Mapped[list[Any]] = mapped_column(default=list)
    stage: Mapped[str]
    standing: Mapped[str] = mapped_column(default="current")
    user_id: Mapped[uuid.UUID] = mapped_column(ForeignKey("users.id"))
    username: Mapped[str]
    created_at: Mapped[CreatedAt]

    __table_args__ = (
        CheckConstraint("decision IN ('confirm','overturn','add')", name="decision"),
        CheckConstraint("outcome IN ('hit','clear')", name="outcome"),
        CheckConstraint("stage IN ('review','final')", name="stage"),
        CheckConstraint(
            "standing IN ('current','superseded','withdrawn','detached')", name="standing"
        ),
        Index("ix_finding_verdicts_call_id", "call_id"),
        Index("ix_finding_verdicts_rule_ruleset", "rule", "ruleset"),
        Index(
            "uq_finding_verdicts_current",
            "call_id",
            "rule",
            unique=True,
            postgresql_where=text("standing = 'current'"),
        ),
    )


class Appeal(Base):
    """An agent's objection to the verdicts of one reviewed call; at most one is open at a time.

    `rules` are the ids of the rules whose hits are disputed. State open -> upheld | rejected |
    withdrawn.
    """

    __tablename__ = "appeals"

    id: Mapped[uuid.UUID] = mapped_column(primary_key=True)
    call_id: Mapped[uuid.UUID] = mapped_column(ForeignKey("calls.id"), index=True)
    state: Mapped[str] = mapped_column(default="open")
    rules: Mapped[list[Any]]
    reason: Mapped[str]
    opened_by: Mapped[uuid.UUID] = mapped_column(ForeignKey("users.id"))
    opened_by_name: Mapped[str]
    opened_at: Mapped[CreatedAt]
    decided_by: Mapped[uuid.UUID | None] = mapped_column(ForeignKey("users.id"))
    decided_by_name: Mapped[str] = mapped_column(default="")
    decided_at: Mapped[dt.datetime | None]
    decision_comment: Mapped[str] = mapped_column(default="")

    __table_args__ = (
        CheckConstraint("state IN ('open','upheld','rejected','withdrawn')", name="state"),
        Index("uq_appeals_open", "call_id", unique=True, postgresql_where=text("state = 'open'")),
    )


class ReviewSample(Base):
    """A random sample of hits and non-hits, drawn from the calls of a period.

    The same `seed` on the same calls draws the same sample. `hits` and `non_hits` are how many of
    each are wanted for each rule; `rules` limits the rules, empty means all.
    """

    __tablename__ = "review_samples"

    id: Mapped[uuid.UUID] = mapped_column(primary_key=True)
    name: Mapped[str] = mapped_column(unique=True)
    seed: Mapped[str]
    called_from: Mapped[dt.datetime]
    called_to: Mapped[dt.datetime]
    team: Mapped[str | None]
    campaign: Mapped[str | None]
    rules: Mapped[list[Any]] = mapped_column(default=list)
    hits: Mapped[int]
    non_hits: Mapped[int]
    created_by: Mapped[str]
    created_at: Mapped[CreatedAt]
    drawn_at: Mapped[dt.datetime]


class ReviewSampleItem(Base):
    """One sampled finding.

    `population` is how many findings of this rule, rule set version and stratum there were when
    the sample was drawn, `drawn` how many of them were drawn: each had the same chance
    drawn / population, which is `probability`.
    """

    __tablename__ = "review_sample_items"

    sample_id: Mapped[uuid.UUID] = mapped_column(
        ForeignKey("review_samples.id", ondelete="CASCADE"), primary_key=True
    )
    rule: Mapped[str] = mapped_column(primary_key=True)
    call_id: Mapped[uuid.UUID] = mapped_column(ForeignKey("calls.id"), primary_key=True)
    ruleset: Mapped[str]
    stratum: Mapped[str]
    population: Mapped[int]
    drawn: Mapped[int]
    probability: Mapped[float]

    __table_args__ = (
        CheckConstraint("stratum IN ('hit','non_hit')", name="stratum"),
        Index("ix_review_sample_items_call_id", "call_id"),
        Index("ix_review_sample_items_rule_ruleset", "rule", "ruleset"),
    )


class ReviewSampleCall(Base):
    """One call that a sample drew from, drawn or not, as it was at the draw.

    `ruleset` is the version whose findings lay in the sample's population, `hits` the ids of the
    rules among them that hit; the others that apply to the call were non-hits. What the ledger
    needs to know of a finding that another sample drew: a call that has since gone to another
    team, another time or another outcome still belongs where it was drawn from.
    """

    __tablename__ = "review_sample_calls"

    sample_id: Mapped[uuid.UUID] = mapped_column(
        ForeignKey("review_samples.id", ondelete="CASCADE"), primary_key=True
    )
    call_id: Mapped[uuid.UUID] = mapped_column(ForeignKey("calls.id"), primary_key=True)
    ruleset: Mapped[str] = mapped_column(primary_key=True)
    hits: Mapped[list[Any]]

    __table_args__ = (Index("ix_review_sample_calls_call_id", "call_id"),)


class AccuracySnapshot(Base):
    """The ledger's figures frozen at one moment, so that scores made with them can be repeated.

    `version` counts from 1; `document` is a `qa_rules.scoring.accuracy.RuleAccuracies`. `team` is
    the only one whose calls are scored with it; None for all.
    """

    __tablename__ = "accuracy_snapshots"

    version: Mapped[int] = mapped_column(primary_key=True, autoincrement=False)
    document: Mapped[dict[str, Any]]
    team: Mapped[str | None]
    created_by: Mapped[str]
    created_at: Mapped[CreatedAt]


class Calibration(Base):
    """A blind calibration: its members judge the same findings, and see each other's after it."""

    __tablename__ = "calibrations"

    id: Mapped[uuid.UUID] = mapped_column(primary_key=True)
    name: Mapped[str] = mapped_column(unique=True)
    state: Mapped[str] = mapped_column(default="open")
    created_by: Mapped[str]
    created_at: Mapped[CreatedAt]
    closed_by: Mapped[str] = mapped_column(default="")
    closed_at: Mapped[dt.datetime | None]

    __table_args__ = (CheckConstraint("state IN ('open','closed')", name="state"),)


class CalibrationMember(Base):
    """A user who judges in a calibration."""

    __tablename__ = "calibration_members"

    calibration_id: Mapped[uuid.UUID] = mapped_column(
        ForeignKey("calibrations.id", ondelete="CASCADE"), primary_key=True
    )
    user_id: Mapped[uuid.UUID] = mapped_column(ForeignKey("users.id"), primary_key=True)


class CalibrationItem(Base):
    """One finding to judge: a rule on a call, with the machine's outcome at that time."""

    __tablename__ = "calibration_items"

    calibration_id: Mapped[uuid.UUID] = mapped_column(
        ForeignKey("calibrations.id", ondelete="CASCADE"), primary_key=True
    )
    position: Mapped[int] = mapped_column(primary_key=True, autoincrement=False)
    call_id: Mapped[uuid.UUID] = mapped_column(ForeignKey("calls.id"), index=True)
    rule: Mapped[str]
    rule_name: Mapped[str]
    ruleset: Mapped[str]
    machine_outcome: Mapped[str]


class CalibrationVerdict(Base):
    """What one member said of one item; it may be changed until the calibration is closed."""

    __tablename__ = "calibration_verdicts"

    calibration_id: Mapped[uuid.UUID] = mapped_column(primary_key=True)
    position: Mapped[int] = mapped_column(primary_key=True, autoincrement=False)
    user_id: Mapped[uuid.UUID] = mapped_column(ForeignKey("users.id"), primary_key=True)
    outcome: Mapped[str]
    comment: Mapped[str] = mapped_column(default="")
    created_at: Mapped[CreatedAt]

    __table_args__ = (
        CheckConstraint("outcome IN ('hit','clear')", name="outcome"),
        ForeignKeyConstraint(
            ["calibration_id", "position"],
            ["calibration_items.calibration_id", "calibration_items.position"],
            ondelete="CASCADE",
        ),
    )
