"""Transcripts as plain text and as SRT subtitles."""

from asr.transcript import ROLE_NAMES, Transcript


def clock(ms: int) -> str:
    """Call time as `MM:SS.t`, with hours in front when there are any."""
    tenths = ms // 100
    minutes, seconds = divmod(tenths // 10, 60)
    hours, minutes = divmod(minutes, 60)
    head = f"{hours}:{minutes:02d}" if hours else f"{minutes:02d}"
    return f"{head}:{seconds:02d}.{tenths % 10}"


def as_text(transcript: Transcript) -> str:
    """One line for each utterance: `[01:02.3] 坐席: text`; empty when nobody spoke."""
    return "".join(
        f"[{clock(u.start_ms)}] {ROLE_NAMES[u.role]}: {u.text}\n" for u in transcript.utterances
    )


def as_srt(transcript: Transcript) -> str:
    """SubRip: numbered cues with `HH:MM:SS,mmm --> HH:MM:SS,mmm`, the speaker before the text."""
    return "\n".join(
        f"{number}\n{_srt_time(u.start_ms)} --> {_srt_time(u.end_ms)}\n"
        f"{ROLE_NAMES[u.role]}: {u.text}\n"
        for number, u in enumerate(transcript.utterances, 1)
    )


def _srt_time(ms: int) -> str:
    seconds, milliseconds = divmod(ms, 1000)
    minutes, seconds = divmod(seconds, 60)
    hours, minutes = divmod(minutes, 60)
    return f"{hours:02d}:{minutes:02d}:{seconds:02d},{milliseconds:03d}"
