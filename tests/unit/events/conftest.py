"""Fixtures of the event tests."""

from collections.abc import Callable

import pytest
from tests_call import GramEncoder, make_call

from asr.transcript import Transcript


@pytest.fixture
def call() -> Callable[..., Transcript]:
    return make_call


@pytest.fixture(scope="session")
def grams() -> GramEncoder:
    return GramEncoder()
