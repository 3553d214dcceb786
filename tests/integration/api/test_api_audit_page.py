"""The page of the audit trail: for whom, and in whose words."""

from fastapi import FastAPI
from reviewable_calls import call_with
from signed_in import browser

from models.access import find_user
from models.actors import SYSTEM
from models.audit import record
from models.database import Database


async def test_administrators_read_the_audit_trail_and_nobody_else(
    app: FastAPI, seeded: Database
) -> None:
    call = await call_with(seeded)
    admin = await browser(app, seeded, "root", "admin")
    li = await browser(app, seeded, "li", "reviewer")
    await li.post(f"/calls/{call}/review/take")
    assert 'href="/audit"' in (await admin.get("/settings")).text
    page = (await admin.get("/audit", params={"action": "review."})).text
    assert "领取" in page
    assert f'href="/calls/{call}"' in page
    assert "Took" in (await admin.get("/audit?lang=en")).text
    assert "没有符合条件的记录" in (await admin.get("/audit?username=nobody&lang=zh")).text
    assert "领取" in (await admin.get("/audit?from=2026-01-01&to=9999-12-31")).text
    assert (await admin.get("/audit?from=x")).status_code == 422
    assert (await admin.get("/audit?cursor=x")).status_code == 400
    assert (await li.get("/audit")).status_code == 403
    for client in (admin, li):
        await client.aclose()


async def test_the_audit_trail_calls_people_by_their_names(app: FastAPI, seeded: Database) -> None:
    call = await call_with(seeded)
    admin = await browser(app, seeded, "root", "admin")
    li = await browser(app, seeded, "limin", "reviewer", display_name="李敏")
    async with seeded.session() as session:
        found = await find_user(session, "limin")
        assert found is not None
        record(session, SYSTEM, "review.finalised", "call", call)
        await session.commit()
    await li.post(f"/calls/{call}/review/take")
    await admin.post(f"/calls/{call}/review/assign", data={"username": "limin"})
    await admin.post(
        f"/settings/users/{found.id}", data={"role": "reviewer", "display_name": "李敏敏"}
    )

    page = (await admin.get("/audit")).text
    assert '<a href="/audit?username=limin">李敏敏</a>' in page
    assert '<div class="quiet small audit-login">limin</div>' in page, (
        "the user name stays to be read"
    )
    assert f'<span title="limin {found.id}">李敏敏</span>' in page, "who was changed"
    assert '<span title="limin">李敏敏</span>' in page, "who was given the review"
    assert '<a href="/audit?username=system">系统</a>' in page
    assert '<span class="quiet">状态</span> 复核中' in page
    assert '<span class="quiet">名字</span> 李敏敏' in page
    assert '<option value="limin" >李敏敏 (limin)</option>' in page
    english = (await admin.get("/audit?lang=en&username=system")).text
    assert '<a href="/audit?username=system">system</a>' in english
    took = (await admin.get("/audit?lang=en&username=limin")).text
    assert '<span class="quiet">state</span> in review' in took.lower()
    assert "李敏敏</a>" not in english
    assert "<option selected>gone</option>" in (await admin.get("/audit?username=gone")).text
    for client in (admin, li):
        await client.aclose()
