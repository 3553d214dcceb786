"""Corrections of recognised events, heads that are learned from them, figures of tree nodes."""

import sqlalchemy as sa
from alembic import op
from sqlalchemy.dialects import postgresql

revision = "0006"
down_revision = "0005"

_NOW = sa.text("now()")


def _json() -> postgresql.JSONB:
    return postgresql.JSONB(astext_type=sa.Text())


def _moment(name: str) -> sa.Column[object]:
    return sa.Column(name, sa.DateTime(timezone=True), server_default=_NOW, nullable=False)


def _texts(*names: str) -> list[sa.Column[object]]:
    return [sa.Column(name, sa.Text(), nullable=False) for name in names]


def upgrade() -> None:
    _corrections()
    op.create_table(
        "tree_heads",
        sa.Column("id", sa.Uuid(), nullable=False),
        *_texts("tree"),
        sa.Column("number", sa.Integer(), nullable=False),
        *_texts("state", "encoder", "base"),
        sa.Column("tree_version", sa.Integer()),
        sa.Column("corrections", sa.Integer(), nullable=False),
        sa.Column("payload", sa.LargeBinary()),
        sa.Column("figures", _json(), nullable=False),
        *_texts("reason"),
        _moment("created_at"),
        *_texts("created_by"),
        sa.Column("decided_at", sa.DateTime(timezone=True)),
        sa.Column("decided_by", sa.Text()),
        sa.CheckConstraint(
            "state IN ('fitting','offered','rejected','failed','in_force','retired')",
            name=op.f("ck_tree_heads_state"),
        ),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_tree_heads")),
        sa.UniqueConstraint("tree", "number", name=op.f("uq_tree_heads_tree_number")),
    )
    for state in ("in_force", "fitting"):
        op.create_index(
            f"uq_tree_heads_{state}",
            "tree_heads",
            ["tree"],
            unique=True,
            postgresql_where=sa.text(f"state = '{state}'"),
        )
    op.create_table(
        "tree_figures",
        *_texts("document_sha256", "state", "encoder"),
        sa.Column("nodes", _json(), nullable=False),
        *_texts("reason"),
        _moment("created_at"),
        sa.CheckConstraint(
            "state IN ('measuring','ready','failed')", name=op.f("ck_tree_figures_state")
        ),
        sa.PrimaryKeyConstraint("document_sha256", name=op.f("pk_tree_figures")),
    )


def downgrade() -> None:
    for table in ("tree_figures", "tree_heads", "corrections"):
        op.drop_table(table)


def _corrections() -> None:
    op.create_table(
        "corrections",
        sa.Column("call_id", sa.Uuid(), nullable=False),
        sa.Column("id", sa.Uuid(), nullable=False),
        *_texts("tree", "tree_version", "node_key", "node", "verdict", "standing"),
        sa.Column("utterance", sa.Integer(), nullable=False),
        *_texts("role"),
        sa.Column("start_ms", sa.Integer(), nullable=False),
        sa.Column("end_ms", sa.Integer(), nullable=False),
        *_texts("text"),
        sa.Column("context", _json(), nullable=False),
        sa.Column("layer", sa.Text()),
        sa.Column("score", sa.Float()),
        sa.Column("user_id", sa.Uuid()),
        *_texts("username"),
        _moment("created_at"),
        sa.CheckConstraint(
            "verdict IN ('confirmed','overturned','added')", name=op.f("ck_corrections_verdict")
        ),
        sa.CheckConstraint(
            "standing IN ('current','superseded','withdrawn')",
            name=op.f("ck_corrections_standing"),
        ),
        sa.ForeignKeyConstraint(
            ["call_id"], ["calls.id"], name=op.f("fk_corrections_call_id_calls")
        ),
        sa.PrimaryKeyConstraint("call_id", "id", name=op.f("pk_corrections")),
        postgresql_partition_by="RANGE (call_id)",
    )
    op.create_index(
        "uq_corrections_current",
        "corrections",
        ["call_id", "utterance", "tree", "node_key"],
        unique=True,
        postgresql_where=sa.text("standing = 'current'"),
    )
    op.create_index("ix_corrections_tree_created_at", "corrections", ["tree", "created_at"])
