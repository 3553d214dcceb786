"""Drafts that can be edited; back-tests and re-analysis; vectors of stored calls."""

import sqlalchemy as sa
from alembic import op
from sqlalchemy.dialects import postgresql

revision = "0003"
down_revision = "0002"

_JSON = postgresql.JSONB(astext_type=sa.Text())
_TIME = sa.DateTime(timezone=True)


def upgrade() -> None:
    for table in ("tree_versions", "ruleset_versions"):
        _extend_versions(table)
    _create_runs()
    _create_backtests()
    op.create_table(
        "call_vectors",
        sa.Column("call_id", sa.Uuid(), nullable=False),
        sa.Column("encoder", sa.Text(), nullable=False),
        sa.Column("dim", sa.Integer(), nullable=False),
        sa.Column("keys", sa.LargeBinary(), nullable=False),
        sa.Column("vectors", sa.LargeBinary(), nullable=False),
        sa.ForeignKeyConstraint(
            ["call_id"], ["calls.id"], name=op.f("fk_call_vectors_call_id_calls")
        ),
        sa.PrimaryKeyConstraint("call_id", "encoder", name=op.f("pk_call_vectors")),
        postgresql_partition_by="RANGE (call_id)",
    )


def _extend_versions(table: str) -> None:
    # The default is for the versions that are there; new ones bring their own.
    op.add_column(table, sa.Column("revision", sa.Integer(), nullable=False, server_default="1"))
    op.alter_column(table, "revision", server_default=None)
    op.add_column(table, sa.Column("based_on", sa.Integer(), nullable=True))
    op.add_column(table, sa.Column("updated_at", _TIME, nullable=True))
    op.add_column(table, sa.Column("updated_by", sa.Text(), nullable=True))
    op.add_column(table, sa.Column("published_by", sa.Text(), nullable=True))


def _create_runs() -> None:
    op.create_table(
        "bulk_runs",
        sa.Column("id", sa.Uuid(), nullable=False),
        sa.Column("kind", sa.Text(), nullable=False),
        sa.Column("document_kind", sa.Text(), nullable=False),
        sa.Column("name", sa.Text(), nullable=False),
        sa.Column("version", sa.Integer(), nullable=False),
        sa.Column("revision", sa.Integer(), nullable=False),
        sa.Column("document", sa.Text(), nullable=False),
        sa.Column("request", _JSON, nullable=False),
        sa.Column("state", sa.Text(), nullable=False),
        sa.Column("calls", sa.Integer(), nullable=True),
        sa.Column("calls_done", sa.Integer(), nullable=False),
        sa.Column("calls_failed", sa.Integer(), nullable=False),
        sa.Column("result", _JSON, nullable=True),
        sa.Column("error_code", sa.Text(), nullable=True),
        sa.Column("error_message", sa.Text(), nullable=True),
        sa.Column("user_id", sa.Uuid(), nullable=False),
        sa.Column("created_by", sa.Text(), nullable=False),
        sa.Column("created_at", _TIME, server_default=sa.text("now()"), nullable=False),
        sa.Column("started_at", _TIME, nullable=True),
        sa.Column("finished_at", _TIME, nullable=True),
        sa.CheckConstraint(
            "kind IN ('trial','backtest','reanalysis')", name=op.f("ck_bulk_runs_kind")
        ),
        sa.CheckConstraint(
            "document_kind IN ('tree','ruleset')", name=op.f("ck_bulk_runs_document_kind")
        ),
        sa.CheckConstraint(
            "state IN ('queued','running','done','failed','cancelled')",
            name=op.f("ck_bulk_runs_state"),
        ),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_bulk_runs")),
    )
    op.create_index(
        "ix_bulk_runs_document_kind_name_created_at",
        "bulk_runs",
        ["document_kind", "name", "created_at"],
    )
    op.create_index(
        "ix_bulk_runs_unfinished",
        "bulk_runs",
        ["id"],
        postgresql_where=sa.text("state IN ('queued','running')"),
    )
    op.create_table(
        "bulk_chunks",
        sa.Column("run_id", sa.Uuid(), nullable=False),
        sa.Column("position", sa.Integer(), autoincrement=False, nullable=False),
        sa.Column("call_ids", _JSON, nullable=False),
        sa.Column("attempts", sa.Integer(), nullable=False),
        sa.Column("failures", _JSON, nullable=False),
        sa.Column("done_at", _TIME, nullable=True),
        _of_run("bulk_chunks"),
        sa.PrimaryKeyConstraint("run_id", "position", name=op.f("pk_bulk_chunks")),
    )


def _create_backtests() -> None:
    op.create_table(
        "backtest_calls",
        sa.Column("run_id", sa.Uuid(), nullable=False),
        sa.Column("call_id", sa.Uuid(), nullable=False),
        sa.Column("agent", sa.Text(), nullable=True),
        sa.Column("called_at", _TIME, nullable=False),
        sa.Column("score_before", sa.Double(), nullable=False),
        sa.Column("score_after", sa.Double(), nullable=False),
        sa.Column("passed_before", sa.Boolean(), nullable=True),
        sa.Column("passed_after", sa.Boolean(), nullable=True),
        sa.Column("vetoed_before", sa.Boolean(), nullable=False),
        sa.Column("vetoed_after", sa.Boolean(), nullable=False),
        sa.Column("gained", sa.Integer(), nullable=False),
        sa.Column("lost", sa.Integer(), nullable=False),
        _of_run("backtest_calls"),
        sa.PrimaryKeyConstraint("run_id", "call_id", name=op.f("pk_backtest_calls")),
    )
    op.create_index("ix_backtest_calls_call_id", "backtest_calls", ["call_id"])
    op.create_table(
        "backtest_changes",
        sa.Column("id", sa.BigInteger(), autoincrement=True, nullable=False),
        sa.Column("run_id", sa.Uuid(), nullable=False),
        sa.Column("call_id", sa.Uuid(), nullable=False),
        sa.Column("subject", sa.Text(), nullable=False),
        sa.Column("key", sa.Text(), nullable=False),
        sa.Column("name", sa.Text(), nullable=False),
        sa.Column("change", sa.Text(), nullable=False),
        sa.Column("utterance", sa.Integer(), nullable=True),
        sa.Column("start_ms", sa.Integer(), nullable=False),
        sa.Column("quote", sa.Text(), nullable=False),
        sa.Column("sentence", sa.Text(), nullable=False),
        sa.Column("layer", sa.Text(), nullable=False),
        sa.Column("score", sa.Double(), nullable=False),
        sa.Column("reason", sa.Text(), nullable=False),
        sa.CheckConstraint("subject IN ('node','rule')", name=op.f("ck_backtest_changes_subject")),
        sa.CheckConstraint("change IN ('gained','lost')", name=op.f("ck_backtest_changes_change")),
        _of_run("backtest_changes"),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_backtest_changes")),
    )
    op.create_index(
        "ix_backtest_changes_run_id_subject_key",
        "backtest_changes",
        ["run_id", "subject", "key"],
    )
    op.create_index("ix_backtest_changes_run_id_call_id", "backtest_changes", ["run_id", "call_id"])
    op.create_index("ix_backtest_changes_call_id", "backtest_changes", ["call_id"])


def _of_run(table: str) -> sa.ForeignKeyConstraint:
    return sa.ForeignKeyConstraint(
        ["run_id"],
        ["bulk_runs.id"],
        name=op.f(f"fk_{table}_run_id_bulk_runs"),
        ondelete="CASCADE",
    )
