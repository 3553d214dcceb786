"""Human review: reviews, verdicts, appeals, samples, calibrations, frozen accuracy, audit trail."""

import sqlalchemy as sa
from alembic import op
from sqlalchemy.dialects import postgresql

revision = "0004"
down_revision = "0003"

_JSON = postgresql.JSONB(astext_type=sa.Text())
_TIME = sa.DateTime(timezone=True)
_TABLES = (
    "audit_log", "reviews", "finding_verdicts", "appeals", "review_samples",
    "review_sample_items", "accuracy_snapshots", "calibrations", "calibration_members",
    "calibration_items", "calibration_verdicts",
)  # fmt: skip


def upgrade() -> None:
    _create_audit()
    _create_reviews()
    _create_samples()
    _create_calibrations()


def downgrade() -> None:
    for table in reversed(_TABLES):
        op.drop_table(table)


def _create_audit() -> None:
    op.create_table(
        "audit_log",
        sa.Column("id", sa.BigInteger(), autoincrement=True, nullable=False),
        sa.Column("at", _TIME, server_default=sa.text("now()"), nullable=False),
        sa.Column("user_id", sa.Uuid(), nullable=True),
        sa.Column("username", sa.Text(), nullable=False),
        sa.Column("role", sa.Text(), nullable=False),
        sa.Column("key_id", sa.Uuid(), nullable=True),
        sa.Column("request_id", sa.Text(), nullable=False),
        sa.Column("action", sa.Text(), nullable=False),
        sa.Column("object_type", sa.Text(), nullable=False),
        sa.Column("object_id", sa.Text(), nullable=False),
        sa.Column("before", postgresql.JSONB(astext_type=sa.Text()), nullable=True),
        sa.Column("after", postgresql.JSONB(astext_type=sa.Text()), nullable=True),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_audit_log")),
    )
    op.create_index("ix_audit_log_at", "audit_log", ["at"], unique=False)
    op.create_index(
        "ix_audit_log_object_type_object_id_id",
        "audit_log",
        ["object_type", "object_id", "id"],
        unique=False,
    )
    op.create_index("ix_audit_log_username_id", "audit_log", ["username", "id"], unique=False)


def _create_reviews() -> None:
    op.create_table(
        "reviews",
        sa.Column("call_id", sa.Uuid(), nullable=False),
        sa.Column("state", sa.Text(), nullable=False),
        sa.Column("version", sa.Integer(), nullable=False),
        sa.Column("created_at", _TIME, server_default=sa.text("now()"), nullable=False),
        sa.Column("updated_at", _TIME, server_default=sa.text("now()"), nullable=False),
        sa.Column("holder_id", sa.Uuid(), nullable=True),
        sa.Column("lock_expires_at", _TIME, nullable=True),
        sa.Column("reviewer_id", sa.Uuid(), nullable=True),
        sa.Column("reviewed_at", _TIME, nullable=True),
        sa.Column("comment", sa.Text(), nullable=False),
        sa.Column("appeal_until", _TIME, nullable=True),
        sa.Column("final_by", sa.Uuid(), nullable=True),
        sa.Column("final_at", _TIME, nullable=True),
        sa.Column("score", sa.Double(), nullable=True),
        sa.Column("passed", sa.Boolean(), nullable=True),
        sa.Column("vetoed", sa.Boolean(), nullable=True),
        sa.Column("score_document", postgresql.JSONB(astext_type=sa.Text()), nullable=True),
        sa.Column("stale", sa.Boolean(), nullable=False),
        sa.CheckConstraint(
            "state IN ('pending','assigned','reviewed','appealed','final')",
            name=op.f("ck_reviews_state"),
        ),
        sa.ForeignKeyConstraint(["call_id"], ["calls.id"], name=op.f("fk_reviews_call_id")),
        sa.ForeignKeyConstraint(["final_by"], ["users.id"], name=op.f("fk_reviews_final_by")),
        sa.ForeignKeyConstraint(["holder_id"], ["users.id"], name=op.f("fk_reviews_holder_id")),
        sa.ForeignKeyConstraint(["reviewer_id"], ["users.id"], name=op.f("fk_reviews_reviewer_id")),
        sa.PrimaryKeyConstraint("call_id", name=op.f("pk_reviews")),
    )
    op.create_index(
        "ix_reviews_appeal_until",
        "reviews",
        ["appeal_until"],
        unique=False,
        postgresql_where=sa.text("state = 'reviewed'"),
    )
    op.create_index("ix_reviews_holder_id", "reviews", ["holder_id"], unique=False)
    op.create_index("ix_reviews_state_call_id", "reviews", ["state", "call_id"], unique=False)
    op.create_table(
        "finding_verdicts",
        sa.Column("id", sa.Uuid(), nullable=False),
        sa.Column("call_id", sa.Uuid(), nullable=False),
        sa.Column("rule", sa.Text(), nullable=False),
        sa.Column("rule_name", sa.Text(), nullable=False),
        sa.Column("ruleset", sa.Text(), nullable=False),
        sa.Column("machine_outcome", sa.Text(), nullable=False),
        sa.Column("decision", sa.Text(), nullable=False),
        sa.Column("outcome", sa.Text(), nullable=False),
        sa.Column("reason_code", sa.Text(), nullable=False),
        sa.Column("comment", sa.Text(), nullable=False),
        sa.Column("evidence", postgresql.JSONB(astext_type=sa.Text()), nullable=False),
        sa.Column("places", postgresql.JSONB(astext_type=sa.Text()), nullable=False),
        sa.Column("stage", sa.Text(), nullable=False),
        sa.Column("standing", sa.Text(), nullable=False),
        sa.Column("user_id", sa.Uuid(), nullable=False),
        sa.Column("username", sa.Text(), nullable=False),
        sa.Column("created_at", _TIME, server_default=sa.text("now()"), nullable=False),
        sa.CheckConstraint(
            "decision IN ('confirm','overturn','add')", name=op.f("ck_finding_verdicts_decision")
        ),
        sa.CheckConstraint("outcome IN ('hit','clear')", name=op.f("ck_finding_verdicts_outcome")),
        sa.CheckConstraint("stage IN ('review','final')", name=op.f("ck_finding_verdicts_stage")),
        sa.CheckConstraint(
            "standing IN ('current','superseded','detached')",
            name=op.f("ck_finding_verdicts_standing"),
        ),
        sa.ForeignKeyConstraint(
            ["call_id"], ["calls.id"], name=op.f("fk_finding_verdicts_call_id")
        ),
        sa.ForeignKeyConstraint(
            ["user_id"], ["users.id"], name=op.f("fk_finding_verdicts_user_id")
        ),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_finding_verdicts")),
    )
    op.create_index("ix_finding_verdicts_call_id", "finding_verdicts", ["call_id"], unique=False)
    op.create_index(
        "ix_finding_verdicts_rule_ruleset", "finding_verdicts", ["rule", "ruleset"], unique=False
    )
    op.create_index(
        "uq_finding_verdicts_current",
        "finding_verdicts",
        ["call_id", "rule"],
        unique=True,
        postgresql_where=sa.text("standing = 'current'"),
    )
    op.create_table(
        "appeals",
        sa.Column("id", sa.Uuid(), nullable=False),
        sa.Column("call_id", sa.Uuid(), nullable=False),
        sa.Column("state", sa.Text(), nullable=False),
        sa.Column("rules", postgresql.JSONB(astext_type=sa.Text()), nullable=False),
        sa.Column("reason", sa.Text(), nullable=False),
        sa.Column("opened_by", sa.Uuid(), nullable=False),
        sa.Column("opened_by_name", sa.Text(), nullable=False),
        sa.Column("opened_at", _TIME, server_default=sa.text("now()"), nullable=False),
        sa.Column("decided_by", sa.Uuid(), nullable=True),
        sa.Column("decided_by_name", sa.Text(), nullable=False),
        sa.Column("decided_at", _TIME, nullable=True),
        sa.Column("decision_comment", sa.Text(), nullable=False),
        sa.CheckConstraint(
            "state IN ('open','upheld','rejected','withdrawn')", name=op.f("ck_appeals_state")
        ),
        sa.ForeignKeyConstraint(["call_id"], ["calls.id"], name=op.f("fk_appeals_call_id")),
        sa.ForeignKeyConstraint(["decided_by"], ["users.id"], name=op.f("fk_appeals_decided_by")),
        sa.ForeignKeyConstraint(["opened_by"], ["users.id"], name=op.f("fk_appeals_opened_by")),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_appeals")),
    )
    op.create_index(op.f("ix_appeals_call_id"), "appeals", ["call_id"], unique=False)
    op.create_index(
        "uq_appeals_open",
        "appeals",
        ["call_id"],
        unique=True,
        postgresql_where=sa.text("state = 'open'"),
    )


def _create_samples() -> None:
    op.create_table(
        "review_samples",
        sa.Column("id", sa.Uuid(), nullable=False),
        sa.Column("name", sa.Text(), nullable=False),
        sa.Column("seed", sa.Text(), nullable=False),
        sa.Column("called_from", _TIME, nullable=False),
        sa.Column("called_to", _TIME, nullable=False),
        sa.Column("team", sa.Text(), nullable=True),
        sa.Column("campaign", sa.Text(), nullable=True),
        sa.Column("rules", postgresql.JSONB(astext_type=sa.Text()), nullable=False),
        sa.Column("hits", sa.Integer(), nullable=False),
        sa.Column("non_hits", sa.Integer(), nullable=False),
        sa.Column("created_by", sa.Text(), nullable=False),
        sa.Column("created_at", _TIME, server_default=sa.text("now()"), nullable=False),
        sa.Column("drawn_at", _TIME, nullable=False),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_review_samples")),
        sa.UniqueConstraint("name", name=op.f("uq_review_samples_name")),
    )
    op.create_table(
        "review_sample_items",
        sa.Column("sample_id", sa.Uuid(), nullable=False),
        sa.Column("rule", sa.Text(), nullable=False),
        sa.Column("call_id", sa.Uuid(), nullable=False),
        sa.Column("ruleset", sa.Text(), nullable=False),
        sa.Column("stratum", sa.Text(), nullable=False),
        sa.Column("population", sa.Integer(), nullable=False),
        sa.Column("drawn", sa.Integer(), nullable=False),
        sa.Column("probability", sa.Double(), nullable=False),
        sa.CheckConstraint(
            "stratum IN ('hit','non_hit')", name=op.f("ck_review_sample_items_stratum")
        ),
        sa.ForeignKeyConstraint(
            ["call_id"], ["calls.id"], name=op.f("fk_review_sample_items_call_id")
        ),
        sa.ForeignKeyConstraint(
            ["sample_id"],
            ["review_samples.id"],
            name=op.f("fk_review_sample_items_sample_id"),
            ondelete="CASCADE",
        ),
        sa.PrimaryKeyConstraint(
            "sample_id", "rule", "call_id", name=op.f("pk_review_sample_items")
        ),
    )
    op.create_index(
        "ix_review_sample_items_call_id", "review_sample_items", ["call_id"], unique=False
    )
    op.create_index(
        "ix_review_sample_items_rule_ruleset",
        "review_sample_items",
        ["rule", "ruleset"],
        unique=False,
    )
    op.create_table(
        "accuracy_snapshots",
        sa.Column("version", sa.Integer(), autoincrement=False, nullable=False),
        sa.Column("document", postgresql.JSONB(astext_type=sa.Text()), nullable=False),
        sa.Column("created_by", sa.Text(), nullable=False),
        sa.Column("created_at", _TIME, server_default=sa.text("now()"), nullable=False),
        sa.PrimaryKeyConstraint("version", name=op.f("pk_accuracy_snapshots")),
    )


def _create_calibrations() -> None:
    op.create_table(
        "calibrations",
        sa.Column("id", sa.Uuid(), nullable=False),
        sa.Column("name", sa.Text(), nullable=False),
        sa.Column("state", sa.Text(), nullable=False),
        sa.Column("created_by", sa.Text(), nullable=False),
        sa.Column("created_at", _TIME, server_default=sa.text("now()"), nullable=False),
        sa.Column("closed_by", sa.Text(), nullable=False),
        sa.Column("closed_at", _TIME, nullable=True),
        sa.CheckConstraint("state IN ('open','closed')", name=op.f("ck_calibrations_state")),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_calibrations")),
        sa.UniqueConstraint("name", name=op.f("uq_calibrations_name")),
    )
    op.create_table(
        "calibration_members",
        sa.Column("calibration_id", sa.Uuid(), nullable=False),
        sa.Column("user_id", sa.Uuid(), nullable=False),
        sa.ForeignKeyConstraint(
            ["calibration_id"],
            ["calibrations.id"],
            name=op.f("fk_calibration_members_calibration_id"),
            ondelete="CASCADE",
        ),
        sa.ForeignKeyConstraint(
            ["user_id"], ["users.id"], name=op.f("fk_calibration_members_user_id")
        ),
        sa.PrimaryKeyConstraint("calibration_id", "user_id", name=op.f("pk_calibration_members")),
    )
    op.create_table(
        "calibration_items",
        sa.Column("calibration_id", sa.Uuid(), nullable=False),
        sa.Column("position", sa.Integer(), autoincrement=False, nullable=False),
        sa.Column("call_id", sa.Uuid(), nullable=False),
        sa.Column("rule", sa.Text(), nullable=False),
        sa.Column("rule_name", sa.Text(), nullable=False),
        sa.Column("ruleset", sa.Text(), nullable=False),
        sa.Column("machine_outcome", sa.Text(), nullable=False),
        sa.ForeignKeyConstraint(
            ["calibration_id"],
            ["calibrations.id"],
            name=op.f("fk_calibration_items_calibration_id"),
            ondelete="CASCADE",
        ),
        sa.ForeignKeyConstraint(
            ["call_id"], ["calls.id"], name=op.f("fk_calibration_items_call_id")
        ),
        sa.PrimaryKeyConstraint("calibration_id", "position", name=op.f("pk_calibration_items")),
    )
    op.create_index(
        op.f("ix_calibration_items_call_id"), "calibration_items", ["call_id"], unique=False
    )
    op.create_table(
        "calibration_verdicts",
        sa.Column("calibration_id", sa.Uuid(), nullable=False),
        sa.Column("position", sa.Integer(), autoincrement=False, nullable=False),
        sa.Column("user_id", sa.Uuid(), nullable=False),
        sa.Column("outcome", sa.Text(), nullable=False),
        sa.Column("comment", sa.Text(), nullable=False),
        sa.Column("created_at", _TIME, server_default=sa.text("now()"), nullable=False),
        sa.CheckConstraint(
            "outcome IN ('hit','clear')", name=op.f("ck_calibration_verdicts_outcome")
        ),
        sa.ForeignKeyConstraint(
            ["calibration_id", "position"],
            ["calibration_items.calibration_id", "calibration_items.position"],
            name=op.f("fk_calibration_verdicts_calibration_id_position"),
            ondelete="CASCADE",
        ),
        sa.ForeignKeyConstraint(
            ["user_id"], ["users.id"], name=op.f("fk_calibration_verdicts_user_id")
        ),
        sa.PrimaryKeyConstraint(
            "calibration_id", "position", "user_id", name=op.f("pk_calibration_verdicts")
        ),
    )
