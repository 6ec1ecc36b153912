from __future__ import annotations

import zlib
from dataclasses import replace
from pathlib import Path
from struct import pack

import cv2
import numpy as np
import pytest
from rigs import SHAPE, write_pictures

from edge_inspector.acquire import replay
from edge_inspector.acquire.plan import ReplayPlan
from edge_inspector.acquire.replay import ReplayCamera, list_pictures
from edge_inspector.core.errors import CameraNotFoundError
from edge_inspector.core.frame import Arrival, ArrivalKind, FrameShape
from edge_inspector.core.ports import SourceEnded


def play(plan: ReplayPlan) -> list[Arrival]:
    """Everything that a folder brings until it ends, with pixels copied."""
    arrivals = []
    with ReplayCamera(plan) as camera:
        try:
            while (arrival := camera.fetch(0.5)) is not None:
                pixels = None if arrival.pixels is None else arrival.pixels.copy()
                arrivals.append(replace(arrival, pixels=pixels))
        except SourceEnded:
            return arrivals
    raise AssertionError("a picture was not due in time")


def kinds_of(folder: Path, shape: FrameShape = SHAPE) -> list[ArrivalKind]:
    return [arrival.kind for arrival in play(ReplayPlan("cam0", shape, folder))]


def test_pictures_come_in_the_order_of_their_names_and_then_the_source_ends(tmp_path: Path) -> None:
    for name in ("b.png", "a.png", "c.PNG"):
        cv2.imwrite(str(tmp_path / name), np.full(SHAPE.hwc, ord(name[0]), np.uint8))
    (tmp_path / "notes.txt").write_text("no picture")
    (tmp_path / ".hidden.png").write_bytes(b"")
    (tmp_path / "folder.png").mkdir()

    arrivals = play(ReplayPlan("cam0", SHAPE, tmp_path))

    assert [int(arrival.pixels[0, 0, 0]) for arrival in arrivals if arrival.pixels is not None] == [97, 98, 99]
    assert [arrival.frame_id for arrival in arrivals] == [1, 2, 3]


@pytest.mark.parametrize("suffix", [".png", ".bmp", ".tif"])
def test_a_lossless_picture_is_exactly_itself_in_rgb(tmp_path: Path, suffix: str) -> None:
    rgb = np.random.default_rng(2).integers(0, 256, SHAPE.hwc, np.uint8)
    cv2.imwrite(str(tmp_path / f"a{suffix}"), rgb[:, :, ::-1])

    (arrival,) = play(ReplayPlan("cam0", SHAPE, tmp_path))

    assert arrival.pixels is not None
    assert np.array_equal(arrival.pixels, rgb)


def test_a_grey_picture_has_one_channel(tmp_path: Path) -> None:
    grey = np.random.default_rng(2).integers(0, 256, (SHAPE.height, SHAPE.width), np.uint8)
    cv2.imwrite(str(tmp_path / "a.png"), grey)

    (arrival,) = play(ReplayPlan("cam0", FrameShape(SHAPE.height, SHAPE.width, 1), tmp_path))

    assert arrival.pixels is not None
    assert np.array_equal(arrival.pixels[:, :, 0], grey)


def test_an_alpha_channel_is_dropped(tmp_path: Path) -> None:
    rgba = np.random.default_rng(2).integers(0, 256, (SHAPE.height, SHAPE.width, 4), np.uint8)
    cv2.imwrite(str(tmp_path / "a.png"), rgba[:, :, [2, 1, 0, 3]])

    (arrival,) = play(ReplayPlan("cam0", SHAPE, tmp_path))

    assert arrival.pixels is not None
    assert np.array_equal(arrival.pixels, rgba[:, :, :3])


def test_what_cannot_be_judged_is_invalid_and_the_next_one_still_plays(tmp_path: Path) -> None:
    write_pictures(tmp_path, 1, SHAPE)
    whole = (tmp_path / "000.png").read_bytes()
    (tmp_path / "001.png").write_bytes(b"")
    (tmp_path / "002.png").write_bytes(b"no picture at all")
    (tmp_path / "003.png").write_bytes(whole[:60])
    (tmp_path / "004.jpg").symlink_to(tmp_path / "000.png")  # another format than its name says is still a picture
    cv2.imwrite(str(tmp_path / "005.png"), np.zeros((SHAPE.height, SHAPE.width + 1, 3), np.uint8))
    cv2.imwrite(str(tmp_path / "006.png"), np.zeros((SHAPE.height, SHAPE.width), np.uint8))
    cv2.imwrite(str(tmp_path / "007.png"), np.zeros(SHAPE.hwc, np.uint16))
    (tmp_path / "008.png").write_bytes(whole)

    kinds = kinds_of(tmp_path)

    frame, invalid = ArrivalKind.FRAME, ArrivalKind.INVALID
    assert kinds == [frame, invalid, invalid, invalid, frame, invalid, invalid, invalid, frame]


def test_a_file_that_would_decode_to_gigabytes_is_refused_by_its_header(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    header = b"IHDR" + pack(">IIBBBBB", 30_000, 30_000, 8, 2, 0, 0, 0)
    chunk = pack(">I", 13) + header + pack(">I", zlib.crc32(header))
    (tmp_path / "bomb.png").write_bytes(b"\x89PNG\r\n\x1a\n" + chunk)
    monkeypatch.setattr(replay.cv2, "imdecode", lambda *_: pytest.fail("it was decoded"))

    assert kinds_of(tmp_path) == [ArrivalKind.INVALID]


def test_a_file_too_large_for_its_frame_is_not_read_whole(tmp_path: Path) -> None:
    with (tmp_path / "huge.png").open("wb") as file:
        file.write(b"\x89PNG\r\n\x1a\n")
        file.truncate(1 << 40)  # sparse: a terabyte that nobody could read

    assert kinds_of(tmp_path) == [ArrivalKind.INVALID]


def test_a_picture_that_vanishes_while_it_plays_is_invalid(tmp_path: Path) -> None:
    write_pictures(tmp_path, 2, SHAPE)
    with ReplayCamera(ReplayPlan("cam0", SHAPE, tmp_path)) as camera:
        camera.fetch(0.5)
        (tmp_path / "001.png").unlink()

        arrival = camera.fetch(0.5)

    assert arrival is not None
    assert arrival.kind is ArrivalKind.INVALID


@pytest.mark.parametrize("is_cached", [True, False])
def test_a_loop_brings_the_same_pictures_and_counts_on(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, is_cached: bool
) -> None:
    write_pictures(tmp_path, 3, SHAPE)
    decoded = []
    real_decode = replay.cv2.imdecode
    monkeypatch.setattr(replay.cv2, "imdecode", lambda *call: decoded.append(1) or real_decode(*call))
    if not is_cached:
        monkeypatch.setattr(replay, "_CACHE_BYTES", 2 * SHAPE.n_bytes)

    with ReplayCamera(ReplayPlan("cam0", SHAPE, tmp_path, loop=True)) as camera:
        arrivals = [camera.fetch(0.5) for _ in range(9)]

    pictures = [arrival.pixels for arrival in arrivals if arrival is not None and arrival.pixels is not None]
    assert [arrival.frame_id for arrival in arrivals if arrival is not None] == list(range(1, 10))
    assert all(np.array_equal(pictures[k], pictures[k + 3]) for k in range(6))
    assert len(decoded) == (3 if is_cached else 9)


def test_the_next_picture_is_decoded_before_it_is_due(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    write_pictures(tmp_path, 2, SHAPE)
    with ReplayCamera(ReplayPlan("cam0", SHAPE, tmp_path, rate_hz=0.01)) as camera:
        camera.fetch(0.5)
        assert camera.fetch(0.0) is None

        monkeypatch.setattr(replay, "read_picture", lambda *_: pytest.fail("decoded after its time had come"))

        assert camera.fetch(0.0) is None


@pytest.mark.parametrize("name", ["missing", "empty"])
def test_a_folder_without_pictures_is_no_camera(tmp_path: Path, name: str) -> None:
    (tmp_path / "empty").mkdir()

    with pytest.raises(CameraNotFoundError, match=rf"{name}.*camera\.folder"):
        list_pictures(tmp_path / name)
