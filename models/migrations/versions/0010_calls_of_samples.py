"""Samples keep the calls that they drew from, as they were then."""

import sqlalchemy as sa
from alembic import op
from sqlalchemy.dialects import postgresql

revision = "0010"
down_revision = "0009"

# What the ledger has gone by so far: the calls that are today as the sample was asked for and were
# there by then, under every rule set version that is known of them, and those that were drawn.
_KEEP = """
WITH known AS (
    SELECT call_id, ruleset FROM findings WHERE outcome IN ('hit', 'clear', 'undecidable')
    UNION
    SELECT call_id, ruleset FROM review_sample_items
), said_to_hit AS (
    SELECT call_id, ruleset, rule FROM findings WHERE outcome = 'hit'
    UNION
    SELECT call_id, ruleset, rule FROM review_sample_items WHERE stratum = 'hit'
), members AS (
    SELECT sample.id AS sample_id, known.call_id, known.ruleset
    FROM review_samples AS sample
    JOIN calls
        ON calls.called_at >= sample.called_from AND calls.called_at < sample.called_to
        AND (sample.team IS NULL OR sample.team = calls.team)
        AND (sample.campaign IS NULL OR sample.campaign = calls.campaign)
        AND calls.received_at <= sample.drawn_at
    JOIN known ON known.call_id = calls.id
    UNION
    SELECT sample_id, call_id, ruleset FROM review_sample_items
)
INSERT INTO review_sample_calls (sample_id, call_id, ruleset, hits)
SELECT
    members.sample_id,
    members.call_id,
    members.ruleset,
    coalesce(
        jsonb_agg(said_to_hit.rule ORDER BY said_to_hit.rule) FILTER (
            WHERE said_to_hit.rule IS NOT NULL AND drawn.stratum IS DISTINCT FROM 'non_hit'
        ),
        '[]'
    )
FROM members
LEFT JOIN said_to_hit USING (call_id, ruleset)
LEFT JOIN review_sample_items AS drawn
    ON drawn.sample_id = members.sample_id
    AND drawn.rule = said_to_hit.rule
    AND drawn.call_id = members.call_id
    AND drawn.ruleset = members.ruleset
GROUP BY members.sample_id, members.call_id, members.ruleset
"""


def upgrade() -> None:
    op.create_table(
        "review_sample_calls",
        sa.Column("sample_id", sa.Uuid(), nullable=False),
        sa.Column("call_id", sa.Uuid(), nullable=False),
        sa.Column("ruleset", sa.Text(), nullable=False),
        sa.Column("hits", postgresql.JSONB(astext_type=sa.Text()), nullable=False),
        sa.ForeignKeyConstraint(
            ["call_id"], ["calls.id"], name=op.f("fk_review_sample_calls_call_id")
        ),
        sa.ForeignKeyConstraint(
            ["sample_id"],
            ["review_samples.id"],
            name=op.f("fk_review_sample_calls_sample_id"),
            ondelete="CASCADE",
        ),
        sa.PrimaryKeyConstraint(
            "sample_id", "call_id", "ruleset", name=op.f("pk_review_sample_calls")
        ),
    )
    op.create_index("ix_review_sample_calls_call_id", "review_sample_calls", ["call_id"])
    op.execute(_KEEP)


def downgrade() -> None:
    op.drop_table("review_sample_calls")
