"""The whole system, with everything on, beside what people would write instead: same graph, same frames, in turns."""

from __future__ import annotations

from contextlib import ExitStack, suppress
from functools import partial
from pathlib import Path

from benchmarks.bench import ROOT, Bench, Measure, interleaved
from benchmarks.contender import Task
from benchmarks.figures import Bar, Row, Window, at_least, sandwich_ratios, spread
from benchmarks.line import Knobs, Line
from benchmarks.peers.core_graph import write_core
from benchmarks.peers.installed import NotInstalled, add_metadata, ultralytics_python
from benchmarks.rival import Rival, RivalFailed
from benchmarks.scraper import scraping
from benchmarks.subject import Subject

SECTION = "peers"
AHEAD = at_least(1.0)
BARS: dict[str, Bar] = {
    "naive loop": AHEAD,
    "OpenCV DNN": AHEAD,
    "OpenVINO fp32": at_least(0.85),
    "ultralytics classify": AHEAD,
}
REJECTS = ("REJECT", "UNKNOWN")


def measure(bench: Bench) -> list[Row]:
    """Return the system over each peer, in both profiles; a peer that cannot run has a row that says why."""
    subject = bench.lite0()
    missing: dict[str, str] = {}
    with ExitStack() as stack:
        outer: dict[str, Measure] = {}
        for name in BARS:
            try:
                outer[name] = partial(stack.enter_context(_start(bench, subject, name)).run, bench.scale.window_s / 2)
            except (RivalFailed, NotInstalled, ValueError) as why:
                missing[name] = str(why)
                bench.say(f"{name} left out: {why}")
        inner = {profile: partial(_everything_on, bench, subject, profile) for profile in ("latency", "throughput")}
        found = interleaved(outer, inner, bench.scale.sandwiches, bench.say)
    rows = [_row(found, name, profile) for profile in inner for name in outer]
    return rows + [
        Row(SECTION, f"system over {name}", None, note=f"left out: {Path(why).name}") for name, why in missing.items()
    ]


def _start(bench: Bench, subject: Subject, name: str) -> Rival:
    match name:
        case "naive loop":
            return Rival("benchmarks.peers.naive", subject.task())
        case "OpenCV DNN":
            return Rival("benchmarks.peers.opencv_dnn", _task_with_core(bench, subject, "Cast", ("scores", "heat")))
        case "OpenVINO fp32":
            return Rival("benchmarks.peers.openvino_latency", subject.task())
        case _:
            python = ultralytics_python(
                ROOT / "build" / "bench-ultralytics", (ROOT / "setup.cfg").read_text("utf-8"), bench.say
            )
            task = _task_with_core(bench, subject, "Div", ("scores",))
            add_metadata(Path(str(task.options["core"])), subject.tile_hw[0])
            return Rival("benchmarks.peers.ultralytics_classify", task, python)


def _task_with_core(bench: Bench, subject: Subject, after: str, outputs: tuple[str, ...]) -> Task:
    core = bench.folder / f"core-after-{after.lower()}.onnx"
    with suppress(FileNotFoundError):
        core.unlink()
    write_core(subject.bundle / "model.onnx", core, after=after, outputs=outputs)
    return subject.task(core=str(core))


def _everything_on(bench: Bench, subject: Subject, profile: str) -> Window:
    """Return what a line did with evidence of rejects, a subscriber and a scrape a second."""
    with Line(subject, Knobs(profile=profile, keep=REJECTS)) as line, scraping(line.metrics_port):
        return line.window(bench.scale.warm_up_s, bench.scale.window_s)


def _row(found: dict[str, list[Window]], peer: str, profile: str) -> Row:
    rates = {name: [window.per_s for window in found[name]] for name in (peer, profile)}
    ratios = sandwich_ratios(rates[peer], rates[profile])
    value, low, high = spread(ratios)
    cpu_ms, peer_cpu_ms = (spread([w.cpu_ms for w in found[name]])[0] for name in (profile, peer))
    note = f"{spread(rates[profile])[0]:.0f} against {spread(rates[peer])[0]:.0f} tiles/s; CPU per tile"
    name = f"system over {peer}, {profile}"
    return Row(SECTION, name, value, "", BARS[peer], True, len(ratios), low, high, cpu_ms, peer_cpu_ms, note)
