"""The audio checks of a call as its page shows them: what, how much, and the fix."""

from dataclasses import dataclass

from api.web.catalogue import Phrases
from api.web.rendering import number
from asr.transcript import AUDIO_FIXES, AudioCheck, AudioFix, Transcript
from models.hearing import HearingOptions

_UNDOABLE: tuple[AudioFix, ...] = ("swap-roles", "treat-as-mono")


@dataclass(frozen=True, slots=True, kw_only=True)
class CheckRow:
    """One check: its name, the value and the bound with their unit; `hint` says what to do."""

    code: str
    name: str
    channel: str
    value: str
    bound: str
    flagged: bool
    hint: str
    fix: AudioFix | None


@dataclass(frozen=True, slots=True, kw_only=True)
class FixChoice:
    """A fix that can be applied, or taken back when it was."""

    fix: AudioFix
    undo: bool


def check_rows(transcript: Transcript | None, phrases: Phrases) -> tuple[CheckRow, ...]:
    """The checks, those out of bounds first."""
    if transcript is None:
        return ()
    roles = transcript.channel_roles
    rows = [
        _row(check, str(roles.get(check.channel, "unknown")) if check.channel is not None else "",
             phrases)
        for check in transcript.audio.checks
    ]  # fmt: skip
    return tuple(sorted(rows, key=lambda row: not row.flagged))


def fix_choices(
    transcript: Transcript | None, options: HearingOptions, *, has_audio: bool
) -> tuple[FixChoice, ...]:
    """What this call's page offers, in a fixed order."""
    applied = {"swap-roles": options.swap_roles, "treat-as-mono": options.mix_channels}
    possible: dict[AudioFix, bool] = {
        "swap-roles": _has_roles(transcript),
        "treat-as-mono": has_audio and transcript is not None and transcript.audio.channels > 1,
        "re-transcribe": has_audio and transcript is not None,
    }
    return tuple(
        FixChoice(fix=fix, undo=applied.get(fix, False))
        for fix in AUDIO_FIXES
        if possible[fix] or (fix in _UNDOABLE and applied[fix])
    )


def _row(check: AudioCheck, role: str, phrases: Phrases) -> CheckRow:
    return CheckRow(
        code=check.code,
        name=phrases.name_of("flag" if check.flagged else "check", check.code),
        channel=phrases.name_of("role", role) if role else "",
        value=_amount(check.value, check.unit, phrases),
        bound=_amount(check.threshold, check.unit, phrases),
        flagged=check.flagged,
        hint=phrases.maybe(f"flag_hint.{check.code}") if check.flagged else "",
        fix=check.fix,
    )


def _amount(value: float, unit: str, phrases: Phrases) -> str:
    if unit == "ratio":
        return f"{value * 100:.1f}%"
    if unit == "ms":
        seconds = f"{value / 1000:.2f}" if value < 1000 else number(value / 1000)
        return f"{seconds} {phrases.name_of('unit', 's')}"
    return f"{number(value)} {phrases.name_of('unit', unit)}"


def _has_roles(transcript: Transcript | None) -> bool:
    return transcript is not None and any(u.role != "unknown" for u in transcript.utterances)
