"""Versioned documents over REST: one mechanism for key-event trees and rule sets.

A document is YAML that people write. Sending one makes a draft with the next version number of
its name; a draft may be edited until it is published; publishing a version makes it the one that
calls are analysed with. A published or archived version is immutable.
"""

from fastapi import APIRouter

from api.documents.noun import DocumentExample, DocumentNoun, Outline
from api.documents.reading import add_reading
from api.documents.running import add_running
from api.documents.writing import add_writing

__all__ = ["DocumentExample", "DocumentNoun", "Outline", "document_router"]


def document_router(noun: DocumentNoun) -> APIRouter:
    """The operations on one kind of document."""
    router = APIRouter(prefix=f"/{noun.path}", tags=[noun.path])
    add_reading(router, noun)
    add_writing(router, noun)
    add_running(router, noun)
    return router
