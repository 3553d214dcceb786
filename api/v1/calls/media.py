"""Media types of recordings, by file name: what a browser says about audio is not reliable."""

from pathlib import PurePath
from urllib.parse import quote

OCTETS = "application/octet-stream"

_BY_SUFFIX = {
    ".wav": "audio/wav",
    ".wave": "audio/wav",
    ".mp3": "audio/mpeg",
    ".m4a": "audio/mp4",
    ".mp4": "audio/mp4",
    ".aac": "audio/aac",
    ".ogg": "audio/ogg",
    ".oga": "audio/ogg",
    ".opus": "audio/ogg",
    ".amr": "audio/amr",
    ".flac": "audio/flac",
    ".webm": "audio/webm",
    ".au": "audio/basic",
    ".snd": "audio/basic",
    ".mka": "audio/x-matroska",
}


def media_type_of(file_name: str, declared: str = "") -> str:
    """The media type of a recording; `application/octet-stream` when nothing tells.

    Only audio types come out, so that stored bytes are never served as a page.
    """
    known = _BY_SUFFIX.get(PurePath(file_name).suffix.lower())
    if known is not None:
        return known
    plain = declared.split(";", 1)[0].strip().lower()
    return plain if plain in _BY_SUFFIX.values() else OCTETS


def attachment(file_name: str) -> str:
    """A `Content-Disposition` that saves under this name (RFC 6266, RFC 8187)."""
    plain = "".join(
        c if c.isascii() and c.isprintable() and c not in '"\\' else "_" for c in file_name
    )
    return f"attachment; filename=\"{plain}\"; filename*=UTF-8''{quote(file_name, safe='')}"
