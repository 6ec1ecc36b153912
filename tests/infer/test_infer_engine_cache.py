"""A compiled engine is used again when everything fits to the letter, and made anew when anything does not."""

from __future__ import annotations

import dataclasses
import json
import logging
import os
import shutil
from collections import namedtuple
from pathlib import Path

import pytest
from fakes.gpu import FACTS, EngineWriter, give_gpu
from fakes.tiny_bundle import write_tiny_bundle
from hypothesis import given
from hypothesis import strategies as st

from edge_inspector.bundle.load import Bundle, load_bundle
from edge_inspector.bundle.signature import ANYONE
from edge_inspector.core.errors import EngineError
from edge_inspector.core.frame import FrameShape
from edge_inspector.infer import engine as engine_module
from edge_inspector.infer import engine_cache
from edge_inspector.infer.engine import OnnxEngine
from edge_inspector.infer.engine_cache import KEPT_ENGINES, KEY_FILE, EngineFolder
from edge_inspector.infer.engine_key import EngineKey, engine_key
from edge_inspector.infer.gpu_facts import GpuFacts
from edge_inspector.infer.load import load_runtime
from edge_inspector.infer.providers import Profile
from edge_inspector.infer.runtime import Build, Hardware, TensorRtOptions

FRAME = FrameShape(64, 64 * 9, 3)
PROFILE = Profile("tiles", (64, 64, 3), 4, 5)
KEY = engine_key("ab" * 32, "1.31.1", FACTS, PROFILE, TensorRtOptions(), 0)
PARTS = [field.name for field in dataclasses.fields(EngineKey)]
text = st.text(max_size=12)
keys = st.builds(EngineKey, *[text] * len(PARTS))


class Desk:
    """A PC with TensorRT, on which a line is started again and again."""

    def __init__(self, root: Path, bundle: Bundle, monkeypatch: pytest.MonkeyPatch) -> None:
        self.root, self.bundle, self.facts = root, bundle, FACTS
        self.told: list[Build] = []
        self.session = type("Session", (EngineWriter,), {"builds": []})
        self.context = give_gpu(monkeypatch, self.session)
        self.hardware = Hardware("tensorrt", cache_dir=root)
        monkeypatch.setattr(
            engine_module,
            "load_runtime",
            lambda *given: load_runtime(*given, facts=lambda _: self.facts),
        )

    def start(self, **options: object) -> OnnxEngine:
        engine = OnnxEngine(
            self.bundle, FRAME, hardware=self.hardware, tell_build=self.told.append, **{"chunk": 5} | options
        )
        engine.verify()
        return engine

    @property
    def builds(self) -> int:
        return len(self.session.builds)

    @property
    def folder(self) -> Path:
        [folder] = [each for each in self.root.iterdir() if each.is_dir()]
        return folder

    @property
    def engine_file(self) -> Path:
        [file] = self.folder.glob("*.engine")
        return file

    def key(self) -> dict[str, object]:
        body: dict[str, object] = json.loads((self.folder / KEY_FILE).read_text())
        return body

    def write_key(self, **changes: object) -> None:
        (self.folder / KEY_FILE).write_text(json.dumps(self.key() | changes))


@pytest.fixture(scope="module")
def bundle(tmp_path_factory: pytest.TempPathFactory) -> Bundle:
    return load_bundle(write_tiny_bundle(tmp_path_factory.mktemp("bundle")), trust=ANYONE)


@pytest.fixture
def desk(tmp_path: Path, bundle: Bundle, monkeypatch: pytest.MonkeyPatch) -> Desk:
    return Desk(tmp_path / "engines", bundle, monkeypatch)


@given(keys)
def test_a_key_differs_in_nothing_from_what_was_stored_of_it(key: EngineKey) -> None:
    assert key.difference(json.loads(json.dumps(key.stored()))) is None


@given(keys, st.sampled_from(PARTS), text)
def test_a_change_of_any_part_is_seen_and_named(key: EngineKey, part: str, other: str) -> None:
    changed = dataclasses.replace(key, **{part: other})

    difference = changed.difference(key.stored())

    assert (difference is None) == (changed == key)
    if difference is not None:
        assert difference.startswith(f"{part} was ")


@given(keys, st.sampled_from(PARTS))
def test_a_stored_key_that_lacks_a_part_or_has_one_more_never_fits(key: EngineKey, part: str) -> None:
    stored = key.stored()
    without = {name: value for name, value in stored.items() if name != part}

    assert key.difference(without) is not None
    assert key.difference(stored | {"colour": "red"}) is not None


@given(st.one_of(st.none(), st.integers(), text, st.lists(text), st.dictionaries(text, st.integers())))
def test_what_is_no_key_never_fits(stored: object) -> None:
    assert KEY.difference(stored) is not None


@given(keys, keys)
def test_a_folder_is_found_again_by_what_was_asked_whatever_the_pc_brings(one: EngineKey, other: EngineKey) -> None:
    def asked(key: EngineKey) -> tuple[str, ...]:
        return key.graph, key.shapes, key.options, key.device_id

    if asked(one) == asked(other):
        assert one.folder_name == other.folder_name
    else:
        assert one.folder_name != other.folder_name


def test_precision_effort_memory_and_shapes_each_have_an_engine_of_their_own() -> None:
    def name(options: TensorRtOptions, profile: Profile = PROFILE) -> str:
        return engine_key("ab" * 32, "1.31.1", FACTS, profile, options, 0).folder_name

    ways = [
        TensorRtOptions(),
        TensorRtOptions(half=True),
        TensorRtOptions(builder_level=5),
        TensorRtOptions(False, 3, 64),
    ]
    profiles = [dataclasses.replace(PROFILE, is_int8=True), dataclasses.replace(PROFILE, largest=8)]
    names = {name(way) for way in ways} | {name(TensorRtOptions(), profile) for profile in profiles}

    assert len(names) == len(ways) + len(profiles)


def test_the_first_start_builds_and_says_so_before_and_after(desk: Desk) -> None:
    desk.start()

    assert desk.builds == 1
    began, ended = desk.told
    assert (began.what, began.why, began.former_s, began.took_s) == (
        "tiny-spots@1.0.0",
        "there is none yet",
        None,
        None,
    )
    assert ended.took_s is not None


def test_the_second_start_builds_nothing_and_says_nothing(desk: Desk) -> None:
    desk.start()
    before = {file: file.read_bytes() for file in desk.folder.iterdir()}
    desk.told.clear()

    engine = desk.start()

    assert desk.builds == 1
    assert desk.told == []
    assert {file: file.read_bytes() for file in desk.folder.iterdir()} == before
    assert engine.run is not None


def test_the_key_holds_everything_in_clear(desk: Desk, bundle: Bundle) -> None:
    desk.start()

    key = desk.key()["key"]

    assert key == {
        "graph": bundle.model_sha256,
        "shapes": "tiles:4x64x64x3 to tiles:5x64x64x3",
        "options": "fp32, level 3, all memory",
        "device_id": "0",
        "onnxruntime": __import__("onnxruntime").__version__,
        "tensorrt": "10.16.1",
        "driver": "580.65.06",
        "gpu": "NVIDIA RTX A2000",
        "compute": "8.6",
        "uuid": FACTS.uuid,
    }


@pytest.mark.parametrize(
    ("change", "told"),
    [
        ({"driver": "580.82.09"}, "driver was 580.65.06, is 580.82.09"),
        ({"tensorrt": "10.17.0"}, "tensorrt was 10.16.1, is 10.17.0"),
        ({"gpu": "NVIDIA RTX 4000", "uuid": "another"}, "gpu was NVIDIA RTX A2000, is NVIDIA RTX 4000"),
        ({"uuid": "the same kind of card in another PC"}, "uuid was"),
    ],
)
def test_an_engine_for_another_driver_tensorrt_or_card_is_built_anew_and_what_differed_is_logged(
    desk: Desk, change: dict[str, str], told: str, caplog: pytest.LogCaptureFixture
) -> None:
    desk.start()
    desk.facts = dataclasses.replace(FACTS, **change)
    desk.told.clear()
    caplog.clear()

    with caplog.at_level(logging.WARNING):
        desk.start()

    assert desk.builds == 2
    assert told in desk.told[0].why
    assert desk.told[0].former_s == 0.0  # how long it took before is known
    [line] = [record for record in caplog.records if record.getMessage().startswith("engine_is_built")]
    assert told in str(line.__dict__)
    desk.start()
    assert desk.builds == 2


def _truncate(desk: Desk) -> None:
    desk.engine_file.write_bytes(desk.engine_file.read_bytes()[:-3])


def _flip(desk: Desk) -> None:
    content = bytearray(desk.engine_file.read_bytes())
    content[3] ^= 1
    desk.engine_file.write_bytes(content)


def _remove(desk: Desk) -> None:
    desk.engine_file.unlink()


def _add(desk: Desk) -> None:
    (desk.folder / "other.engine").write_bytes(b"somebody else's")


def _link(desk: Desk) -> None:
    moved = desk.root.parent / "moved.engine"
    desk.engine_file.rename(moved)
    os.symlink(moved, desk.folder / "TensorrtExecutionProvider_TRTKernel_graph_0_0_sm86.engine")


def _cut_key(desk: Desk) -> None:
    file = desk.folder / KEY_FILE
    file.write_bytes(file.read_bytes()[:40])


def _no_key(desk: Desk) -> None:
    (desk.folder / KEY_FILE).unlink()


def _half_built(desk: Desk) -> None:
    desk.write_key(files={}, took_s=None)


def _odd_key(desk: Desk) -> None:
    desk.write_key(files={"x.engine": {"sha256": "0" * 64, "size": 1}}, took_s="soon")


def _folder_is_file(desk: Desk) -> None:
    folder = desk.folder
    shutil.rmtree(folder)
    folder.write_bytes(b"")


def _folder_is_link(desk: Desk) -> None:
    folder, moved = desk.folder, desk.root.parent / "elsewhere"
    folder.rename(moved)
    folder.symlink_to(moved)


@pytest.mark.parametrize(
    ("damage", "told"),
    [
        (_truncate, "sm86.engine was changed"),
        (_flip, "sm86.engine was changed"),
        (_remove, "sm86.engine is missing"),
        (_add, "other.engine is new"),
        (_link, "sm86.engine was changed"),
        (_cut_key, "its key cannot be read"),
        (_no_key, "its key cannot be read"),
        (_odd_key, "its key cannot be read"),
        (_half_built, "its build did not come to an end"),
        (_folder_is_file, "its key cannot be read"),
        (_folder_is_link, "it is a link"),
    ],
)
def test_a_damaged_folder_is_emptied_and_built_anew_never_trusted(desk: Desk, damage: object, told: str) -> None:
    desk.start()
    assert callable(damage)
    damage(desk)
    desk.told.clear()

    desk.start()

    assert desk.builds == 2
    assert told in desk.told[0].why
    assert not desk.engine_file.is_symlink()
    desk.start()
    assert desk.builds == 2


def test_a_build_that_was_killed_is_begun_anew(desk: Desk, monkeypatch: pytest.MonkeyPatch) -> None:
    build = EngineWriter.build

    def killed(self: EngineWriter) -> None:
        build(self)
        raise KeyboardInterrupt

    monkeypatch.setattr(EngineWriter, "build", killed)
    with pytest.raises(KeyboardInterrupt):
        desk.start()
    monkeypatch.setattr(EngineWriter, "build", build)
    desk.told.clear()

    desk.start()

    assert "did not come to an end" in desk.told[0].why


def test_an_engine_that_fits_and_cannot_be_read_is_built_once_more(desk: Desk) -> None:
    desk.start()
    desk.engine_file.write_bytes(b"unreadable")
    described = engine_cache._described(desk.engine_file)
    files = desk.key()["files"]
    assert isinstance(files, dict)
    desk.write_key(files=files | {desk.engine_file.name: described})
    desk.told.clear()

    desk.start()

    assert desk.told[0].why == "TensorRT could not read it"
    assert desk.builds == 2


def test_the_timing_file_may_change_at_any_time(desk: Desk) -> None:
    desk.start()
    [timing] = desk.folder.glob("*.timing")
    timing.write_bytes(b"more times")

    desk.start().verify()

    assert desk.builds == 1


def test_an_engine_that_is_built_after_the_model_was_loaded_stops_the_line(desk: Desk) -> None:
    engine = desk.start()
    (desk.folder / "a_shape_nobody_foresaw.engine").write_bytes(b"built in mid-run")

    with pytest.raises(EngineError, match=r"built or changed after the model was loaded .*nobody_foresaw"):
        engine.verify()
    with pytest.raises(EngineError, match="has not replayed"):
        engine.run(engine_frame(), lambda: None)


def engine_frame() -> object:
    import numpy as np

    return np.zeros(FRAME.hwc, np.uint8)


def test_the_profile_spans_exactly_the_chunks_that_are_bound(desk: Desk) -> None:
    desk.start(chunk=8, may_skip=True)

    assert desk.key()["key"]["shapes"] == "tiles:1x64x64x3 to tiles:8x64x64x3"  # type: ignore[index]


def test_two_cameras_with_one_model_share_its_engine(desk: Desk) -> None:
    one, other = (
        OnnxEngine(desk.bundle, FRAME, hardware=desk.hardware, tell_build=desk.told.append, chunk=5) for _ in range(2)
    )
    one.verify()
    other.verify()

    assert desk.builds == 1


def test_a_model_that_fails_its_proof_on_tensorrt_judges_nobody(desk: Desk, tmp_path: Path) -> None:
    desk.bundle = load_bundle(write_tiny_bundle(tmp_path / "b", golden_shift=0.02, tolerance=0.01), trust=ANYONE)

    with pytest.raises(EngineError, match="answers otherwise on tensorrt"):
        desk.start()


def test_while_another_process_builds_nobody_else_does(desk: Desk) -> None:
    desk.root.mkdir()
    first, second = (EngineFolder(desk.root, KEY, "tiny@1", lambda _: None) for _ in range(2))
    first.open()

    with pytest.raises(EngineError, match="another process builds the engine of tiny@1"):
        second.open()
    del first

    second.open()
    assert second.is_building


def test_a_folder_that_cannot_be_written_is_an_error_and_no_slow_surprise(desk: Desk) -> None:
    desk.root.parent.mkdir(exist_ok=True)
    desk.root.write_bytes(b"a file where the folder should be")

    with pytest.raises(EngineError, match=r"engines cannot be used .*each start would compile for minutes") as caught:
        desk.start()

    assert caught.value.exit_code == 70
    assert desk.builds == 0


def test_a_read_only_disk_is_told(desk: Desk, monkeypatch: pytest.MonkeyPatch) -> None:
    real = os.open

    def read_only(path: object, flags: int, *rest: object, **named: object) -> int:
        if str(path).endswith(".lock"):
            raise OSError(30, "Read-only file system", str(path))
        return real(path, flags, *rest, **named)  # type: ignore[arg-type]

    monkeypatch.setattr(os, "open", read_only)

    with pytest.raises(EngineError, match=r"cannot be used \(Read-only file system\)"):
        desk.start()


def test_a_full_disk_is_told_before_minutes_are_spent(desk: Desk, monkeypatch: pytest.MonkeyPatch) -> None:
    usage = namedtuple("usage", "total used free")
    monkeypatch.setattr(shutil, "disk_usage", lambda _: usage(1 << 40, 1 << 40, 3 << 20))

    with pytest.raises(EngineError, match="has 3 MB left, and a compiled engine needs up to 512"):
        desk.start()

    assert desk.builds == 0


def test_a_disk_that_took_no_engine_is_told(desk: Desk, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(EngineWriter, "build", lambda self: None)

    with pytest.raises(EngineError, match="TensorRT left no engine in"):
        desk.start()


def test_engines_of_former_models_are_kept_up_to_a_number(desk: Desk) -> None:
    for number in range(KEPT_ENGINES + 4):
        key = dataclasses.replace(KEY, graph=f"{number:064x}", shapes=str(number))
        folder = EngineFolder(desk.root, key, "x", lambda _: None)
        folder.open()
        (folder.path / "x.engine").write_bytes(b"x")
        folder.seal()
        os.utime(folder.path / KEY_FILE, ns=(number, number))

    names = {folder.name for folder in desk.root.iterdir() if folder.is_dir()}
    assert len(names) == KEPT_ENGINES
    assert dataclasses.replace(KEY, graph=f"{0:064x}", shapes="0").folder_name not in names
    newest = KEPT_ENGINES + 3
    assert dataclasses.replace(KEY, graph=f"{newest:064x}", shapes=str(newest)).folder_name in names


def test_tensorrt_without_a_folder_is_a_mistake(bundle: Bundle) -> None:
    with pytest.raises(ValueError, match="needs a folder"):
        load_runtime(bundle, Hardware("tensorrt"), {4}, facts=lambda _: FACTS)


def test_facts_that_cannot_be_had_are_an_error_before_anything_is_written(bundle: Bundle, tmp_path: Path) -> None:
    def no_driver(_: int) -> GpuFacts:
        raise EngineError("no NVIDIA driver is loaded")

    with pytest.raises(EngineError, match="no NVIDIA driver"):
        load_runtime(bundle, Hardware("tensorrt", cache_dir=tmp_path / "engines"), {4}, facts=no_driver)

    assert not (tmp_path / "engines").exists()
