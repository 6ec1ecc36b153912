"""Everything that can be wrong between the pictures of a dataset, and what a person should know of it."""

from __future__ import annotations

from collections import Counter, defaultdict
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path

from edge_inspector.core.errors import UsageError
from export.data.found import Found
from export.data.index import Cutting
from export.data.look import Look
from export.data.picture import Split

MIN_GROUPS = 3
"""Groups that each label needs: one to learn from, one to stop by, one to be judged by."""
FEW_BAD_GROUPS = 20
"""Below it the Clopper-Pearson bound says little: with no escape in 20 the rate may still be 14 % (95 %, one side)."""
TOLD = 20
"""Problems that are told one by one."""


@dataclass(frozen=True, slots=True)
class Entry:
    """A picture that could be used: what the source says, and what was seen."""

    found: Found
    look: Look
    group: str
    split: Split


def refuse(problems: Sequence[str]) -> None:
    """Raise UsageError with all problems, the first 20 in words; nothing when there is none."""
    if not problems:
        return
    lines = [f"  {problem}" for problem in problems[:TOLD]]
    if len(problems) > TOLD:
        lines.append(f"  … and {len(problems) - TOLD} more")
    count = "1 problem" if len(problems) == 1 else f"{len(problems)} problems"
    raise UsageError("\n".join([f"{count}, nothing was written:", *lines]))


def named_twice(found: Sequence[Found]) -> list[str]:
    """Return the problems of pictures and masks that stand in the source more than once."""
    problems, files, masks = [], dict[Path, Found](), dict[Path, Found]()
    for one in found:
        if (other := files.setdefault(_place(one.file), one)) is not one:
            problems.append(f"{one.where}: {one.file} was named before ({other.where}); remove one")
        elif one.mask is not None and (other := masks.setdefault(_place(one.mask), one)) is not one:
            problems.append(f"{one.where}: the mask {one.mask} belongs to {other.file} already; name its own")
    return problems


def _place(file: Path) -> Path:
    try:
        return file.resolve()
    except (OSError, RuntimeError):  # a link that leads to itself: told when it is opened
        return file.absolute()


def one_file_two_labels(found: Sequence[Found], looks: Sequence[Look]) -> list[str]:
    """Return the problems of equal files with different labels."""
    problems, seen = [], dict[str, int]()
    for row, look in enumerate(looks):
        first = seen.setdefault(look.sha256, row)
        if looks[first].label != look.label:
            problems.append(
                f"{found[row].where}: is {look.label}, but {found[first].file} is the same picture and "
                f"{looks[first].label}; decide, and remove one"
            )
    return problems


def torn_groups(found: Sequence[Found]) -> list[str]:
    """Return the problems of groups that the source puts into two splits."""
    splits: dict[str, dict[Split, Found]] = defaultdict(dict)
    for one in found:
        splits[one.group].setdefault(one.split or "train", one)
    return [
        f"group {group} stands in two splits ({', '.join(one.where for one in sides.values())}); "
        "give it one, or let --test-share choose"
        for group, sides in splits.items()
        if len(sides) > 1
    ]


def few_groups(entries: Sequence[Entry], cutting: Cutting) -> list[str]:
    """Return the problems of labels that too few groups of the split `train` have."""
    problems = []
    what = "tiles" if cutting.mode == "grid" else "pictures"
    train = [entry for entry in entries if entry.split == "train"]
    with_tiles = {"OK": {e.group for e in train if e.look.n_ok}, "DEFECT": {e.group for e in train if e.look.n_defect}}
    for label, names in with_tiles.items():
        groups = sorted(names)
        if len(groups) >= MIN_GROUPS:
            continue
        blind = label == "DEFECT" and any(e.look.label == label and e.look.mask_px is None for e in entries)
        hint = ", and masks (or use --mode whole)" if blind and cutting.mode == "grid" else ""
        said = f" ({', '.join(groups)})" if groups else ""
        if sum(entry.look.label == label for entry in train) > len(groups) > 0:
            hint += ", or say with --group-by what a part is"
        problems.append(
            f"{label} {what} come from {len(groups)} groups{said}, {MIN_GROUPS} are needed; add {label} pictures of "
            f"{MIN_GROUPS - len(groups)} more parts{hint}"
        )
    return problems


def warnings_of(entries: Sequence[Entry], cutting: Cutting) -> Iterator[str]:
    """Yield what is not wrong, but a person should know before training."""
    train = [entry for entry in entries if entry.split == "train"]
    bad = {entry.group for entry in train if entry.look.n_defect}
    if len(bad) < FEW_BAD_GROUPS:
        yield (
            f"You have {len(bad)} bad groups: below about {FEW_BAD_GROUPS} nothing certain can be said of escapes. "
            "Collect defects of more parts."
        )
    if len({entry.group for entry in entries}) == len(entries) > 1:
        yield (
            "Every picture is a group of its own. If a part was photographed more than once, say so with --group-by, "
            "or the numbers will look better than they are."
        )
    sizes = Counter(entry.look.hw for entry in entries)
    if len(sizes) > 1:
        yield f"The pictures have {len(sizes)} sizes; a camera of the line has one."
    if cutting.mode == "whole":
        yield "Mode whole resizes pictures to one tile, which the line does not: such a model cannot be bundled."
    blind = sum(e.look.label == "DEFECT" and e.look.mask_px is None for e in entries)
    if blind and cutting.mode == "grid":
        yield f"{blind} DEFECT pictures have no mask, so nobody knows which of their tiles are bad: they give none."
    small = sum(e.look.label == "DEFECT" and bool(e.look.mask_px) and not e.look.n_defect for e in entries)
    if small and cutting.mode == "grid":
        yield (
            f"{small} DEFECT pictures have no tile with {cutting.defect_from_px} masked pixels: their defects are not "
            "learned. See --defect-from-px."
        )
    empty = sum(e.look.label == "DEFECT" and e.look.mask_px == 0 for e in entries)
    if empty:
        yield f"{empty} DEFECT pictures have an empty mask; the label is believed, since mode whole goes by labels."
    covered = sum((e.look.mask_px or 0) > e.look.hw[0] * e.look.hw[1] / 2 for e in entries)
    if covered:
        yield f"{covered} masks cover more than half of their picture: is 0 the sound surface there?"
    copies = len(entries) - len({entry.look.sha256 for entry in entries})
    if copies:
        yield f"{copies} pictures are copies of others, byte for byte."
    if not any(entry.split == "test" for entry in entries):
        yield "No group is kept as test: the folds are judged, the model that ships is not. See --test-share."
