"""Taking an upload in, item by item; one that is refused stops no other."""

import logging
import uuid
from collections.abc import Mapping

from api.multipart import UploadedFile
from api.principal import Principal
from api.services import Services
from api.v1.calls.media import media_type_of
from api.v1.calls.metadata import UploadMetadata
from api.v1.calls.planning import PlannedItem
from api.v1.calls.schemas import UploadError, UploadResult, UploadResults, UploadStatus
from core.errors import AppError
from models.calls import CallFilter, get_call, list_calls
from pipeline.intake import CallMetadata, RecordingFile, accept_recording

log = logging.getLogger(__name__)

DEFAULT_SOURCE = "upload"


async def take_in(
    services: Services, principal: Principal, items: list[PlannedItem], *, dry_run: bool
) -> UploadResults:
    """What became of each item.

    Every recording is a transaction of its own: what was accepted stays accepted when a later
    item fails or the connection breaks, and two senders of the same recording wait for each
    other only briefly.
    """
    results = [await _one(services, principal, item, dry_run) for item in items]

    def count(status: UploadStatus) -> int:
        return sum(result.status == status for result in results)

    return UploadResults(
        results=results,
        accepted=count("accepted"),
        duplicates=count("duplicate"),
        rejected=count("rejected"),
        valid=count("valid"),
        dry_run=dry_run,
    )


async def _one(
    services: Services, principal: Principal, item: PlannedItem, dry_run: bool
) -> UploadResult:
    try:
        if item.error is not None:
            raise item.error
        metadata = owned_metadata(item.metadata, principal)
        if dry_run:
            status, call_id = await _tried(services, principal, metadata)
        else:
            status, call_id = await _stored(services, principal, item, metadata)
    except AppError as error:
        return _refused(item, error)
    except Exception:
        # A defect, or the database went away: the sender still learns what became of the rest.
        log.exception("recording not taken in", extra={"row": item.row})
        return _refused(
            item, AppError("internal-error", "服务内部错误，这一条没有保存，请稍后重新上传。")
        )
    return UploadResult(file=item.name, row=item.row, status=status, call_id=call_id, error=None)


def owned_metadata(metadata: UploadMetadata, principal: Principal) -> UploadMetadata:
    """The metadata, with the only team of a manager filled in when none is told.

    Raises:
        AppError: `out-of-scope` when the call would not be the uploader's to see.
    """
    scope = principal.call_scope
    if metadata.team is None and scope.teams is not None and len(scope.teams) == 1:
        metadata = UploadMetadata(team=next(iter(scope.teams))).over(metadata)
    if not scope.allows(metadata):
        teams = "、".join(sorted(scope.teams or ())) or "（无）"
        raise AppError(
            "out-of-scope",
            f"只能处理自己团队的通话，请把 team 写成：{teams}。",
            detail={"column": "team", "value": metadata.team, "teams": sorted(scope.teams or ())},
        )
    return metadata


async def _tried(
    services: Services, principal: Principal, metadata: UploadMetadata
) -> tuple[UploadStatus, uuid.UUID | None]:
    """What a stored identity tells; the content is compared only when it is really taken in."""
    if metadata.external_id is None:
        return "valid", None
    async with services.database.session() as session:
        page = await list_calls(session, CallFilter(external_id=metadata.external_id), limit=10)
    source = metadata.source or DEFAULT_SOURCE
    for call in page.items:
        if call.source == source:
            return "duplicate", call.id if principal.call_scope.allows(call) else None
    return "valid", None


async def _stored(
    services: Services, principal: Principal, item: PlannedItem, metadata: UploadMetadata
) -> tuple[UploadStatus, uuid.UUID | None]:
    async with services.database.session() as session:
        accepted = await accept_recording(
            session,
            services.store,
            [_recording(file) for file in item.files],
            _call_metadata(metadata),
            max_bytes=services.settings.api.max_upload_mb << 20,
        )
        visible = accepted.created or principal.call_scope.allows(
            await get_call(session, accepted.call_id)
        )
        await session.commit()
    return (
        "accepted" if accepted.created else "duplicate",
        accepted.call_id if visible else None,
    )


def _recording(file: UploadedFile) -> RecordingFile:
    return RecordingFile(
        file_name=file.name,
        content=file.chunks(),
        media_type=media_type_of(file.name, file.content_type),
    )


def _call_metadata(metadata: UploadMetadata) -> CallMetadata:
    return CallMetadata(
        source=metadata.source or DEFAULT_SOURCE,
        external_id=metadata.external_id,
        domain=metadata.domain,
        agent=metadata.agent,
        team=metadata.team,
        campaign=metadata.campaign,
        customer_id=metadata.customer_id,
        lead_source=metadata.lead_source,
        direction=metadata.direction,
        disposition=metadata.disposition,
        started_at=metadata.started_at,
        ring_s=metadata.ring_s,
        talk_s=metadata.talk_s,
        fields=dict(metadata.fields),
        channels=",".join(metadata.channels) or None,
    )


def _refused(item: PlannedItem, error: AppError) -> UploadResult:
    detail: Mapping[str, object] = error.detail
    return UploadResult(
        file=item.name,
        row=item.row,
        status="rejected",
        call_id=None,
        error=UploadError(code=error.code, message=error.message, detail={**detail}),
    )
