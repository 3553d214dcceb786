"""The upload form of the page, for browsers without scripts."""

import json
import re

from fastapi import Request

from api.multipart import FormLimits, UploadForm, read_form
from api.principal import Principal
from api.services import Services
from api.v1.calls.planning import plan_upload
from api.v1.calls.schemas import UploadResults
from api.v1.calls.uploads import take_in

_MANIFEST = re.compile(r"\.(csv|jsonl)$", re.IGNORECASE)
_METADATA = ("agent", "team", "campaign", "domain", "channels")


async def take_in_form(request: Request, services: Services, principal: Principal) -> UploadResults:
    """What became of each recording of the posted form; the same as `POST /api/v1/calls` does.

    Raises:
        AppError: when nothing of the form can be used (no file, a broken manifest).
    """
    file_bytes = services.settings.api.max_upload_mb << 20
    form = await read_form(request, FormLimits(file_bytes=file_bytes))
    try:
        _as_api_form(form)
        dry_run = form.fields.get("dry_run") == "true"
        items = plan_upload(form, file_bytes=file_bytes, dry_run=dry_run)
        return await take_in(services, principal, items, dry_run=dry_run)
    finally:
        form.close()


def _as_api_form(form: UploadForm) -> None:
    """One file field and plain text fields, turned into what the API's planner reads."""
    # A file field that is left empty still sends a part, without a name.
    for file in [file for file in form.files if not file.name]:
        file.spool.close()
        form.files.remove(file)
    for file in form.files:
        if _MANIFEST.search(file.name):
            file.field = "manifest"
    typed = {name: form.fields.get(name, "").strip() for name in _METADATA}
    given = {name: value for name, value in typed.items() if value}
    if given:
        form.fields["metadata"] = json.dumps(given, ensure_ascii=False)
