"""Samples of a database from before they kept the calls that they drew from."""

import asyncio
import datetime as dt
from pathlib import Path

from alembic import command
from alembic.config import Config
from reviewed_calls import NOW, analysis_of, finding, people_of, store_analysed
from sqlalchemy import create_engine, select, update

from models import database as models_database
from models.database import Database, migrate, sqlalchemy_url
from models.results import save_analysis
from models.reviews import samples
from models.tables import Call, ReviewSample, ReviewSampleCall

DAY = dt.timedelta(days=1)
LATER = dt.datetime.now(dt.UTC) + DAY
HIT, CLEAR = finding("promise", "hit", (2,)), finding("promise")


def _downgrade(url: str, revision: str) -> None:
    config = Config()
    folder = Path(models_database.__file__).parent / "migrations"
    config.set_main_option("script_location", str(folder))
    engine = create_engine(sqlalchemy_url(url))
    with engine.connect() as connection:
        config.attributes["connection"] = connection
        command.downgrade(config, revision)
        connection.commit()
    engine.dispose()


async def _kept(database: Database, sample: ReviewSample) -> dict[str, list[str]]:
    """File name of each call that the sample drew from -> the rules that hit on it."""
    async with database.session() as session:
        rows = await session.execute(
            select(Call.file_name, ReviewSampleCall.hits)
            .join(Call, Call.id == ReviewSampleCall.call_id)
            .where(ReviewSampleCall.sample_id == sample.id)
        )
        return {str(row.file_name): sorted(map(str, row.hits)) for row in rows}


async def _drawn(database: Database, name: str, count: int, team: str | None) -> ReviewSample:
    async with database.session() as session:
        design = samples.SampleDesign(
            name=name, seed=name, called_from=NOW - DAY, called_to=NOW + DAY, hits=count,
            non_hits=count, team=team,
        )  # fmt: skip
        row = await samples.create_sample(session, design, created_by="admin", now=LATER)
        await session.commit()
        return row


async def test_samples_that_were_drawn_before_get_the_calls_that_they_drew_from(
    fresh_database_url: str,
) -> None:
    database = Database(fresh_database_url)
    await people_of(database)
    for outcome, team in ((HIT, "甲组"), (HIT, "乙组"), (CLEAR, "甲组"), (CLEAR, "乙组")):
        await store_analysed(database, (outcome, finding("rude", "hit", (4,))), team=team)
    await store_analysed(database, (finding("promise", "not_applicable"),))
    drawn = [await _drawn(database, *what) for what in (("全", 1, None), ("甲", 9, "甲组"))]
    before = [await _kept(database, sample) for sample in drawn]
    assert [len(kept) for kept in before] == [4, 2]
    late = await store_analysed(database, (HIT,))
    async with database.session() as session:
        at = LATER + dt.timedelta(hours=1)
        await session.execute(update(Call).where(Call.id == late.id).values(received_at=at))
        await session.commit()

    await asyncio.to_thread(_downgrade, fresh_database_url, "0009")
    await asyncio.to_thread(migrate, fresh_database_url)
    assert [await _kept(database, sample) for sample in drawn] == before

    # What was drawn is known for sure, whatever has become of the call since.
    await asyncio.to_thread(_downgrade, fresh_database_url, "0009")
    async with database.session() as session:
        for call in await session.scalars(select(Call).where(Call.team == "甲组")):
            call.team = "丙组"
            if (hits := before[1].get(call.file_name)) is not None:
                outcome = CLEAR if "promise" in hits else HIT
                rude = finding("rude", "hit", (4,))
                await save_analysis(session, call.id, analysis_of((outcome, rude)))
        await session.commit()
    await asyncio.to_thread(migrate, fresh_database_url)
    assert await _kept(database, drawn[1]) == before[1]
    await database.close()
