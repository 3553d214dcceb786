"""Sentence vectors of calls: stored with the call, read back for many calls at once."""

import uuid
from collections.abc import Mapping, Sequence

import numpy as np
from numpy.typing import NDArray
from sqlalchemy import select
from sqlalchemy.dialects.postgresql import insert
from sqlalchemy.ext.asyncio import AsyncSession

from models.tables import CallVectors

Vectors = Mapping[bytes, NDArray[np.float32]]
_KEY_BYTES = 16
_STORED = np.dtype("<f2")


async def save_vectors(
    session: AsyncSession, call_id: uuid.UUID, encoder: str, vectors: Vectors
) -> None:
    """Store a call's vectors by text key, in place of those it had from the same encoder."""
    await save_vectors_of_calls(session, encoder, {call_id: vectors})


async def save_vectors_of_calls(
    session: AsyncSession, encoder: str, vectors_of_calls: Mapping[uuid.UUID, Vectors]
) -> None:
    """Store the vectors of several calls; a call without any keeps those it has."""
    values = []
    for call_id, vectors in vectors_of_calls.items():
        if not vectors:
            continue
        keys = sorted(vectors)
        rows = np.array([vectors[key] for key in keys], dtype=_STORED)
        stored = {"dim": rows.shape[1], "keys": b"".join(keys), "vectors": rows.tobytes()}
        values.append({"call_id": call_id, "encoder": encoder, **stored})
    if not values:
        return
    statement = insert(CallVectors)
    replaced = {name: statement.excluded[name] for name in ("dim", "keys", "vectors")}
    await session.execute(
        statement.on_conflict_do_update(index_elements=["call_id", "encoder"], set_=replaced),
        values,
    )


async def load_vectors(
    session: AsyncSession, call_ids: Sequence[uuid.UUID], encoder: str
) -> dict[uuid.UUID, dict[bytes, NDArray[np.float32]]]:
    """The stored vectors of each call by text key; calls that have none are left out."""
    columns = CallVectors.__table__.c
    rows = await session.execute(
        select(columns.call_id, columns.dim, columns["keys"], columns.vectors).where(
            columns.call_id.in_(call_ids), columns.encoder == encoder
        )
    )
    found = {}
    for call_id, dim, keys, vectors in rows:
        matrix = np.frombuffer(vectors, dtype=_STORED).reshape(-1, dim).astype(np.float32)
        found[call_id] = {
            bytes(keys[at * _KEY_BYTES : (at + 1) * _KEY_BYTES]): row
            for at, row in enumerate(matrix)
        }
    return found
