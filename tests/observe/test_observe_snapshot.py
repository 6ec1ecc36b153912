"""The snapshot is plain JSON, and the page is exactly the snapshot."""

import json
import math

from hypothesis import given, settings
from hypothesis import strategies as st
from metrics_samples import SamplesByName, by_name, feed_everything, make, value
from prometheus_client.parser import text_string_to_metric_families

from edge_inspector.core.verdict import LineState
from edge_inspector.observe.figures import LineFigures
from edge_inspector.observe.snapshot import Family, render, snapshot


def parsed(page: bytes) -> SamplesByName:
    return {
        (sample.name, frozenset(sample.labels.items())): sample.value
        for family in text_string_to_metric_families(page.decode())
        for sample in family.samples
    }


def test_a_snapshot_is_plain_json() -> None:
    registry, metrics = make()
    feed_everything(metrics)

    families = snapshot(registry)

    text = json.dumps(families, allow_nan=False)
    assert by_name(json.loads(text)) == by_name(families)


def test_what_is_not_finite_is_left_out() -> None:
    registry, metrics = make()

    metrics.set_line(LineFigures(LineState.READY, True, 0, True, heartbeat_age_s=math.inf))

    assert value(registry, "heartbeat_age_seconds") is None


def test_the_page_is_exactly_the_snapshot() -> None:
    registry, metrics = make()
    feed_everything(metrics)
    families = snapshot(registry)

    page = render(families)

    assert parsed(page) == by_name(families)
    assert "_created" not in page.decode()


def test_a_collector_elsewhere_shows_the_same_page() -> None:
    registry, metrics = make()
    feed_everything(metrics)
    families = snapshot(registry)

    over_the_wire = json.loads(json.dumps(families))

    assert render(over_the_wire) == render(families)


label_names = st.from_regex(r"[a-z][a-z0-9_]{0,8}", fullmatch=True)
texts = st.text(st.characters(exclude_categories=["Cs"]), max_size=12)
numbers = st.one_of(st.integers(-(2**53), 2**53), st.floats(allow_nan=False, allow_infinity=False))
samples = st.tuples(st.just(""), st.dictionaries(label_names, texts, max_size=3), numbers)


@settings(max_examples=60, deadline=None)
@given(
    kind=st.sampled_from(["counter", "gauge"]),
    given_samples=st.lists(samples, max_size=6, unique_by=lambda s: frozenset(s[1].items())),
)
def test_any_label_text_and_number_survives_the_page(
    kind: str, given_samples: list[tuple[str, dict[str, str], float]]
) -> None:
    family = Family(name="edge_inspector_x_total", type=kind, help="What\nit \\ is", samples=given_samples)

    assert parsed(render([family])) == by_name([family])


def test_types_and_help_of_the_page_are_those_of_the_snapshot() -> None:
    registry, metrics = make()
    feed_everything(metrics)
    families = snapshot(registry)

    page = render(families).decode().splitlines()

    assert [line for line in page if line.startswith("# TYPE")] == [f"# TYPE {f['name']} {f['type']}" for f in families]
    assert [line for line in page if line.startswith("# HELP")] == [f"# HELP {f['name']} {f['help']}" for f in families]
