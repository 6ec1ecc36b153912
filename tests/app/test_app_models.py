"""Where bundles are proven before a line takes them."""

from __future__ import annotations

import pytest
from app_samples import settings_of, values

from edge_inspector.app.models import place_of_line


@pytest.mark.parametrize(
    ("provider", "proven_on"), [("cpu", "cpu"), ("cuda", "cuda"), ("tensorrt", "cuda"), ("null", "cpu")]
)
def test_a_bundle_is_proven_where_the_line_runs_but_no_engine_is_compiled_beside_it(
    provider: str, proven_on: str
) -> None:
    settings = settings_of(values() | {"model": {"bundle": "/bundle", "unsigned": "allow", "provider": provider}})

    assert place_of_line(settings).provider == proven_on
