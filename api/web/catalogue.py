"""The words of the pages: one small catalogue per language, Simplified Chinese first."""

import json
from collections.abc import Mapping
from functools import lru_cache
from pathlib import Path
from typing import Literal, cast, get_args

Language = Literal["zh", "en"]
LANGUAGES: tuple[Language, ...] = get_args(Language)
DEFAULT_LANGUAGE: Language = "zh"
_FOLDER = Path(__file__).parent / "i18n"


@lru_cache(maxsize=len(LANGUAGES))
def messages(language: Language) -> Mapping[str, str]:
    """Every message of one language: dotted key -> text with `{named}` places."""
    document = json.loads((_FOLDER / f"{language}.json").read_text("utf-8"))
    return cast(dict[str, str], document)


def language_of(value: str | None) -> Language:
    """The language that a cookie or a query names; the default for anything else."""
    return value if value in LANGUAGES else DEFAULT_LANGUAGE


class Phrases:
    """Looks words up in one language; what templates call as `t`, `name_of` and `maybe`."""

    def __init__(self, language: Language) -> None:
        self.language = language
        self._messages = messages(language)

    def t(self, key: str, **values: object) -> str:
        """The message under `key` with its places filled.

        Raises:
            KeyError: when the catalogue lacks the key; a test keeps both languages complete.
        """
        text = self._messages[key]
        return text.format(**values) if values else text

    def name_of(self, group: str, value: object) -> str:
        """The name of one value of an enumeration (`state`, `severity`), or the value itself.

        Values that come from data (quality flags, engine reasons) may be newer than the
        catalogue; showing them raw is better than hiding them.
        """
        return self._messages.get(f"{group}.{value}", str(value))

    def maybe(self, key: str) -> str:
        """The message under `key`; empty when there is none."""
        return self._messages.get(key, "")

    def script_messages(self) -> dict[str, str]:
        """The messages that page scripts use: keys that start with `js.`."""
        return {key: text for key, text in self._messages.items() if key.startswith("js.")}
