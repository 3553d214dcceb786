"""Settings: one tree, read once from `TINGJIAN_*`, passed down. Nothing here changes a verdict."""

from pathlib import Path
from typing import Literal

from pydantic import BaseModel, Field, SecretStr
from pydantic_settings import BaseSettings, SettingsConfigDict


def default_data_dir() -> Path:
    """`$XDG_DATA_HOME/tingjian`, or `~/.local/share/tingjian`."""
    import os

    base = os.environ.get("XDG_DATA_HOME")
    return (Path(base) if base else Path.home() / ".local" / "share") / "tingjian"


class AsrSettings(BaseModel):
    """Recognition: weights, device, threads. `TINGJIAN_ASR__*`."""

    engine: str = Field(
        "faster-whisper",
        description="Recognition engine: faster-whisper, or sherpa for a Paraformer or SenseVoice"
        " directory given as weights.",
    )
    weights: str = Field("base", description="Weights name, hub name or CTranslate2 directory.")
    device: Literal["auto", "cpu", "cuda"] = Field("auto", description="Where inference runs.")
    compute_type: str = Field(
        "auto", description="CTranslate2 compute type; auto = int8 on CPU, float16 on CUDA."
    )
    cpu_threads: int = Field(
        0,
        ge=0,
        description="Threads for inference on CPU, each with windows of its own (above 8, several"
        " to a window); 0 = all cores.",
    )
    batch_size: int = Field(
        0,
        ge=0,
        le=128,
        description="Most windows decoded together; 0 = 8 on CPU, by free memory on CUDA.",
    )
    beam_size: int = Field(1, ge=1, le=10, description="Beam width of the decoder.")
    profile: Literal["fast", "best"] = Field(
        "fast",
        description="fast = one pass, and again only what got no text; best = stretches of low"
        " confidence are decoded once more, each alone and with a wide beam.",
    )
    diarization: bool = Field(
        True, description="Tell the speakers of mono calls apart when the extra is installed."
    )
    channels: str = Field(
        "agent,customer", description="Default channel map: role of each audio channel."
    )
    max_duration_s: int = Field(4 * 3600, ge=1, description="Longest recording accepted.")


class NlpSettings(BaseModel):
    """Text side: encoder. `TINGJIAN_NLP__*`."""

    encoder: str = Field(
        "use", description="`use` (built in), or a Hugging Face name or directory."
    )


class ApiSettings(BaseModel):
    """HTTP server. `TINGJIAN_API__*`."""

    host: str = Field("127.0.0.1", description="Address to bind.")
    port: int = Field(8000, ge=0, le=65535, description="Port to bind; 0 = any free port.")
    public_url: str = Field(
        "", description="Address under which others reach the service, for links in webhooks."
    )
    max_upload_mb: int = Field(512, ge=1, description="Largest single recording.")
    session_hours: int = Field(12, ge=1, description="Life of a sign-in.")
    secure_cookies: bool = Field(False, description="Send cookies over HTTPS only.")


class WorkerSettings(BaseModel):
    """Queue worker. `TINGJIAN_WORKER__*`."""

    heartbeat_s: float = Field(10.0, gt=0, description="Seconds between heartbeats.")
    stalled_after_s: float = Field(
        30.0, gt=0, description="A worker silent for this long is dead; its jobs run again."
    )
    max_attempts: int = Field(5, ge=1, description="Attempts before a retryable failure is final.")
    retry_base_s: float = Field(
        5.0, gt=0, description="Delay before a failed stage runs again; grows fourfold."
    )
    shutdown_s: float = Field(
        20.0, ge=0, description="Seconds that running work gets to finish when a worker is stopped."
    )
    transcribe_concurrency: int = Field(
        1,
        ge=1,
        description="Calls recognised at once per worker; 2 keeps a GPU busy while the next call"
        " is decoded, and short calls on CPU.",
    )
    analyze_concurrency: int = Field(1, ge=1, description="Calls analysed at once per worker.")
    recycle_audio_hours: float = Field(
        0.0,
        ge=0,
        description="The worker ends after this many hours of audio, to be started anew;"
        " 0 = never.",
    )
    recycle_memory_mb: int = Field(
        0, ge=0, description="The worker ends between calls above this much memory; 0 = no limit."
    )


class WebhookSettings(BaseModel):
    """Webhook delivery. `TINGJIAN_WEBHOOK__*`."""

    timeout_s: float = Field(15.0, gt=0, description="Seconds to wait for the receiver.")
    max_attempts: int = Field(8, ge=1, description="Deliveries tried before giving up.")
    retry_base_s: float = Field(5.0, gt=0, description="First retry delay; grows fourfold.")
    allow_private: bool = Field(
        False, description="Allow receivers on loopback and private addresses."
    )


class ReviewSettings(BaseModel):
    """Human review. `TINGJIAN_REVIEW__*`."""

    lock_minutes: float = Field(
        30.0, gt=0, description="Minutes without a verdict before others may take a review over."
    )
    appeal_days: float = Field(
        7.0, gt=0, description="Days an agent has to appeal after a review; then it is final."
    )


class JudgeSettings(BaseModel):
    """Language model that answers `judge` questions of trees and rules. `TINGJIAN_JUDGE__*`."""

    base_url: str = Field(
        "",
        description="OpenAI-compatible endpoint, usually ending in /v1; empty = no language model,"
        " `judge` questions stay unanswered.",
    )
    api_key: SecretStr | None = Field(None, description="Key of the endpoint, if it wants one.")
    model: str = Field("", description="Name of the model at the endpoint.")
    response_format: Literal["json_schema", "json_object", "none"] = Field(
        "json_schema", description="How the endpoint is asked for JSON."
    )
    timeout_s: float = Field(60.0, gt=0, description="Seconds to wait for one whole answer.")
    max_attempts: int = Field(
        3, ge=1, description="Tries of a call's questions before they stay unanswered."
    )
    retry_base_s: float = Field(10.0, gt=0, description="First retry delay; grows fourfold.")
    max_requests_per_call: int = Field(
        6, ge=1, description="Requests spent on one call; questions beyond stay unanswered."
    )
    max_questions_per_request: int = Field(20, ge=1, description="Questions asked at once.")
    max_input_chars: int = Field(
        24_000, ge=500, description="Characters of transcript in one request; longer calls are cut."
    )
    max_output_tokens: int = Field(4_000, ge=100, description="Longest answer, in tokens.")


class Settings(BaseSettings):
    """The settings tree. Environment: `TINGJIAN_<NAME>`, nested with a double underscore."""

    model_config = SettingsConfigDict(
        env_prefix="TINGJIAN_", env_nested_delimiter="__", extra="ignore"
    )

    data_dir: Path = Field(
        default_factory=default_data_dir, description="Database, audio, weights."
    )
    database_url: SecretStr | None = Field(
        None, description="PostgreSQL URL; empty = a private PostgreSQL in the data directory."
    )
    storage_url: str | None = Field(
        None, description="Object store for audio (s3://bucket/prefix); empty = data directory."
    )
    admin_password: SecretStr | None = Field(
        None, description="Password of the first administrator; empty = a random one, shown once."
    )
    offline: bool = Field(False, description="Never open a socket to fetch weights.")
    log_level: Literal["debug", "info", "warning", "error"] = Field(
        "info", description="Log level."
    )
    log_format: Literal["text", "json"] = Field("text", description="Log line format.")
    asr: AsrSettings = AsrSettings()
    nlp: NlpSettings = NlpSettings()
    api: ApiSettings = ApiSettings()
    worker: WorkerSettings = WorkerSettings()
    webhook: WebhookSettings = WebhookSettings()
    judge: JudgeSettings = JudgeSettings()
    review: ReviewSettings = ReviewSettings()
