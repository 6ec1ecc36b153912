"""The same picture is known again though it was saved, lit, cut or scaled anew; another of the same layout is not."""

from __future__ import annotations

import cv2
import numpy as np
import pytest
from drawn_pictures import surface
from hypothesis import given
from hypothesis import strategies as st

from export.data.alike import MIN_MATCH, Pair, detail_of, find_alike, hash_of, join_groups, match_of
from export.data.share import share_test

HW = (400, 600)


def _jpeg(grey: np.ndarray) -> np.ndarray:
    return cv2.imdecode(cv2.imencode(".jpg", grey, [cv2.IMWRITE_JPEG_QUALITY, 80])[1], cv2.IMREAD_GRAYSCALE)


COPIES = {
    "saved again": _jpeg,
    "darker": lambda grey: (grey * 0.6).astype(np.uint8),
    "half the size": lambda grey: cv2.resize(grey, None, fx=0.5, fy=0.5, interpolation=cv2.INTER_AREA),
}


def _pairs(pictures: list[np.ndarray], groups: list[str]) -> list[tuple[int, int]]:
    shas = [str(row) for row in range(len(pictures))]
    found = find_alike([hash_of(p) for p in pictures], shas, groups, lambda row: pictures[row])
    return [(pair.first, pair.second) for pair in found.pairs]


@pytest.mark.parametrize("name", COPIES)
def test_a_copy_is_found_among_others_of_the_same_layout(name: str) -> None:
    pictures = [surface(seed, HW) for seed in range(6)]

    assert _pairs([*pictures, COPIES[name](pictures[2])], list("abcdefg")) == [(2, 6)]


def test_a_picture_of_the_same_place_a_little_aside_is_found() -> None:
    wide = surface(7, (420, 640))

    assert _pairs([wide[:400, :600], surface(8, HW), wide[6:406, 8:608]], list("abc")) == [(0, 2)]


def test_who_was_not_compared_because_there_were_too_many_is_counted(monkeypatch: pytest.MonkeyPatch) -> None:
    pictures = [surface(seed) for seed in range(5)]
    monkeypatch.setattr("export.data.alike.MAX_COMPARED", 4)

    found = find_alike([0] * 5, list("12345"), list("abcde"), lambda row: pictures[row])

    assert found.n_left_out == 6


def test_surfaces_of_one_layout_hash_alike_but_their_detail_is_not() -> None:
    first, second = surface(1, HW), surface(2, HW)

    assert (hash_of(first) ^ hash_of(second)).bit_count() <= 10
    assert match_of(detail_of(first), detail_of(second)) < MIN_MATCH / 2


def test_plain_pictures_without_any_detail_are_not_called_alike() -> None:
    assert _pairs([np.full(HW, 90, np.uint8), np.full(HW, 91, np.uint8)], ["a", "b"]) == []


def test_noise_of_the_camera_alone_is_not_alike() -> None:
    plain = [np.random.default_rng(i).normal(90, 2, HW).astype(np.uint8) for i in range(4)]

    assert _pairs(plain, list("abcd")) == []


def test_alike_pictures_of_one_group_are_nobodys_business() -> None:
    assert _pairs([surface(1), surface(1)], ["a", "a"]) == []


def test_groups_are_joined_over_several_pairs() -> None:
    pairs = [Pair(0, 1, 1.0), Pair(1, 2, 1.0)]

    assert join_groups(["c", "b", "a", "d", "c"], pairs) == ["a", "a", "a", "d", "a"]


@given(
    groups=st.lists(st.tuples(st.integers(0, 12), st.booleans()), min_size=1, max_size=40),
    share=st.floats(0, 0.5),
    seed=st.integers(0, 99),
)
def test_a_share_for_the_test_keeps_groups_whole_and_takes_of_both_labels(
    groups: list[tuple[int, bool]], share: float, seed: int
) -> None:
    names, labels = [f"g{n}" for n, _ in groups], ["DEFECT" if bad else "OK" for _, bad in groups]

    splits = share_test(names, labels, share, seed)

    assert splits == share_test(names, labels, share, seed)
    sides = {name: {s for n, s in zip(names, splits, strict=True) if n == name} for name in names}
    assert all(len(side) == 1 for side in sides.values())
    bad = {n for n, label in zip(names, labels, strict=True) if label == "DEFECT"}
    for kind in (bad, set(names) - bad):
        taken = sum(sides[name] == {"test"} for name in kind)
        assert taken == (max(1, round(share * len(kind))) if share > 0 and len(kind) > 1 else 0)
