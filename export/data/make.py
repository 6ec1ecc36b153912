"""From a source to a dataset folder: everything is looked at first, and told together, or the folder is there whole."""

from __future__ import annotations

import os
import shutil
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, replace
from pathlib import Path

import cv2
import numpy as np

from edge_inspector.core.errors import UsageError
from edge_inspector.core.frame import U8
from export.data.alike import Pair, find_alike, join_groups
from export.data.found import Found, Source
from export.data.groups import group_by
from export.data.index import Cutting, data_sha256, read_index, write_hashes, write_index
from export.data.look import BadPicture, Look, decode, look_at, mask_of
from export.data.picture import Picture
from export.data.report import Findings, refused_page, report_page
from export.data.share import share_test
from export.data.survey import Entry, few_groups, named_twice, one_file_two_labels, refuse, torn_groups, warnings_of
from export.whole_file import put_whole

REPORT_FILE = "report.html"
MASKS = "masks"

Track = Callable[[Sequence[Found]], Iterator[Found]]
"""Yields what it is given, and shows how far it is."""


@dataclass(frozen=True, slots=True)
class DatasetOptions:
    """What a person chose; written into dataset.json."""

    group_rule: str | None = None
    """Of `--group-by`; None: the group of the source, else the sub-folder, else the name."""
    test_share: float | None = None
    """Share of the groups that are kept as test; None: as the source says, else none."""
    seed: int = 1
    merge_duplicates: bool = False
    allow_duplicates: bool = False


def make_dataset(source: Source, out: Path, cutting: Cutting, options: DatasetOptions, track: Track = iter) -> Findings:
    """Write a dataset folder and return what it holds.

    Raises:
        UsageError: Anything is wrong with the source (all of it is told), groups share pictures, or the folder cannot
            be written. Then it is not there; of shared pictures a page beside it shows the pairs.
    """
    if out.exists() and (not out.is_dir() or any(out.iterdir())):
        raise UsageError(f"{out} is there already; name a new folder, or remove it first")
    found, looks = _look(source, cutting, options, track)
    entries = _split(found, looks, [one.group for one in found], options)
    pairs = _find_alike(entries, source)
    if pairs and options.merge_duplicates:
        found, moved = _joined(found, pairs)
        entries = _split(found, looks, [one.group for one in found], options)
        if moved and options.test_share is None:
            source.notes.append(f"{moved} joined groups stood in train and in test, and are train now")
    refuse(few_groups(entries, cutting))
    findings = Findings(
        source.kind, tuple(entries), cutting, pairs, tuple(source.notes), tuple(warnings_of(entries, cutting))
    )
    if pairs and not (options.merge_duplicates or options.allow_duplicates):
        _refuse_pairs(out, findings)
    with _drafted(out) as draft:
        return _write(draft, findings, options)


def _look(source: Source, cutting: Cutting, options: DatasetOptions, track: Track) -> tuple[list[Found], list[Look]]:
    """Return all pictures with their groups and what was seen; raises UsageError with all that is wrong."""
    if not source.found and not source.problems:
        why = "".join(f": {note}" for note in source.notes)
        raise UsageError(f"the source holds no picture that could be used{why}; see python -m export dataset --help")
    found, problems = _grouped(source.found, options.group_rule)
    problems = [*source.problems, *problems, *named_twice(found)]
    if options.test_share is None:
        problems += torn_groups(found)
    looks, seen = [], []
    for one in track(found):
        try:
            looks.append(look_at(one, cutting))
            seen.append(one)
        except BadPicture as bad:
            problems += str(bad).splitlines()
    refuse([*problems, *one_file_two_labels(seen, looks)])
    return found, looks


def _grouped(found: Sequence[Found], rule: str | None) -> tuple[list[Found], list[str]]:
    if rule is not None:
        return group_by(found, rule)
    # A group that the source names stays; the others go by their sub-folder, else by their name.
    grouped, problems = group_by(found, "folder")
    return [new if not old.group else old for old, new in zip(found, grouped, strict=True)], problems


def _split(
    found: Sequence[Found], looks: Sequence[Look], groups: Sequence[str], options: DatasetOptions
) -> list[Entry]:
    splits = [one.split or "train" for one in found]
    if options.test_share is not None:
        splits = share_test(groups, [look.label for look in looks], options.test_share, options.seed)
    rows = zip(found, looks, groups, splits, strict=True)
    return [Entry(one, look, group, split) for one, look, group, split in rows]


def _find_alike(entries: Sequence[Entry], source: Source) -> tuple[Pair, ...]:
    looks, groups = [entry.look for entry in entries], [entry.group for entry in entries]
    read = _grey_of([entry.found for entry in entries])
    alike = find_alike([look.looks for look in looks], [look.sha256 for look in looks], groups, read)
    if alike.n_left_out:
        source.notes.append(
            f"{alike.n_left_out} pairs of pictures with a like layout were not compared: too many; groups that say "
            "which part is which are the better guard"
        )
    return alike.pairs


def _joined(found: Sequence[Found], pairs: Sequence[Pair]) -> tuple[list[Found], int]:
    """Return the pictures with alike groups made one, and how many of these had to become `train` altogether."""
    groups = join_groups([one.group for one in found], pairs)
    joined = [replace(one, group=group) for one, group in zip(found, groups, strict=True)]
    splits: dict[str, set[str]] = {}
    for one in joined:
        splits.setdefault(one.group, set()).add(one.split or "train")
    torn = {group for group, names in splits.items() if len(names) > 1}
    return [replace(one, split="train") if one.group in torn else one for one in joined], len(torn)


def _grey_of(found: Sequence[Found]) -> Callable[[int], U8]:
    def read(row: int) -> U8:
        pixels = decode(found[row].file.read_bytes(), found[row].where)
        grey = pixels if pixels.ndim == 2 else cv2.cvtColor(pixels, cv2.COLOR_BGR2GRAY)
        return grey.astype(np.uint8, copy=False)

    return read


def _refuse_pairs(out: Path, findings: Findings) -> None:
    place = Path(os.path.abspath(out))  # `.` and `..` have no name of their own
    page = place.with_name(place.name + "-duplicates.html")
    with _told(page):
        page.parent.mkdir(parents=True, exist_ok=True)
        put_whole(page, refused_page(findings).encode())
    names = [_pair_line(findings, pair) for pair in findings.pairs]
    count = f"{len(names)} pairs of pictures in different groups show the same"
    raise UsageError(
        "\n".join(
            [
                f"{count}; no dataset was written, {page} shows the first:",
                *names[:20],
                *([f"  … and {len(names) - 20} more"] if len(names) > 20 else []),
                "If they are one part, give it one group, or use --merge-duplicates; if not, use --allow-duplicates.",
            ]
        )
    )


def _pair_line(findings: Findings, pair: Pair) -> str:
    first, second = findings.entries[pair.first], findings.entries[pair.second]
    return f"  {first.found.file} ({first.group}) and {second.found.file} ({second.group}), alike by {pair.match:.2f}"


def _write(draft: Path, findings: Findings, options: DatasetOptions) -> Findings:
    pictures = []
    for entry in findings.entries:
        mask = entry.found.mask
        if entry.found.runs:
            mask = draft / MASKS / f"{entry.found.key}.png"
            mask.parent.mkdir(parents=True, exist_ok=True)
            marked = mask_of(entry.found, entry.look.hw)
            assert marked is not None
            mask.write_bytes(cv2.imencode(".png", marked.astype(np.uint8) * 255)[1].tobytes())
        look, found = entry.look, entry.found
        pictures.append(Picture(found.file, mask, look.label, entry.group, entry.split, found.cls))
    write_index(draft, pictures, findings.cutting)
    # Read back as every later step will: what cannot be read is not left behind, and the hash is that of the steps.
    read = read_index(draft)
    sha = data_sha256(read)
    write_hashes(draft, read)
    findings = replace(findings, data_sha256=sha)
    write_index(draft, pictures, findings.cutting, findings.facts(options))
    (draft / REPORT_FILE).write_text(report_page(findings), encoding="utf-8")
    return findings


@contextmanager
def _drafted(out: Path) -> Iterator[Path]:
    """Give a folder beside `out` that becomes it at the end, and is removed if there is no good end."""
    place = Path(os.path.abspath(out))
    draft = place.with_name(f".{place.name}.draft")
    with _told(out):
        try:
            shutil.rmtree(draft, ignore_errors=True)  # of a run that was killed
            draft.mkdir(parents=True)
            yield draft
            if out.exists():
                place.rmdir()  # empty, looked at before
            draft.rename(place)
        finally:
            shutil.rmtree(draft, ignore_errors=True)


@contextmanager
def _told(file: Path) -> Iterator[None]:
    try:
        yield
    except OSError as error:
        why = error.strerror or str(error)
        raise UsageError(f"{file} could not be written ({why}); check space and permissions there") from error
