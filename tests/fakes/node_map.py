"""Cameras without a camera: real GenApi node maps from descriptions written here, their values in memory."""

from __future__ import annotations

import re
from typing import Any

from genicam import genapi

_HEAD = (
    '<?xml version="1.0" encoding="utf-8"?><RegisterDescription ModelName="M" VendorName="V" ToolTip="t" '
    'StandardNameSpace="None" SchemaMajorVersion="1" SchemaMinorVersion="1" SchemaSubMinorVersion="0" '
    'MajorVersion="1" MinorVersion="0" SubMinorVersion="0" ProductGuid="1F3C6A72-7842-4edd-9130-E2E90A2058BA" '
    'VersionGuid="D4B5CA4E-E5E2-4dd2-B2B3-8A1F0BA9E4B8" xmlns="http://www.genicam.org/GenApi/Version_1_1">'
)


def node_map(*nodes: str) -> Any:
    """Return a node map of these nodes; its features are the first node of each text and all that are streamable."""
    names = [found for text in nodes for found in re.findall(r'^<\w+ Name="(\w+)"|Name="(\w+)"><Streamable>', text)]
    root = "".join(f"<pFeature>{first or other}</pFeature>" for first, other in names)
    made = genapi.NodeMap()
    made.load_xml_from_string(f'{_HEAD}<Category Name="Root">{root}</Category>{"".join(nodes)}</RegisterDescription>')
    return made


def integer(name: str, value: int, low: int = 0, high: int = 65535, step: int = 1, extra: str = "") -> str:
    """A whole number."""
    limits = f"<Value>{value}</Value><Min>{low}</Min><Max>{high}</Max><Inc>{step}</Inc>"
    return f'<Integer Name="{name}">{extra}<Streamable>Yes</Streamable>{limits}</Integer>'


def number(name: str, value: float, low: float, high: float, extra: str = "", unit: str = "us") -> str:
    """A float."""
    limits = f"<Value>{value}</Value><Min>{low}</Min><Max>{high}</Max><Unit>{unit}</Unit>"
    return f'<Float Name="{name}">{extra}<Streamable>Yes</Streamable>{limits}</Float>'


def switch(name: str, value: bool = False) -> str:
    """A boolean."""
    return f'<Boolean Name="{name}"><Streamable>Yes</Streamable><Value>{int(value)}</Value></Boolean>'


def _entries(words: tuple[str, ...]) -> str:
    return "".join(f'<EnumEntry Name="{word}"><Value>{n}</Value></EnumEntry>' for n, word in enumerate(words))


def choice(name: str, *words: str, extra: str = "") -> str:
    """An enumeration; it has the first of its words."""
    return (
        f'<Enumeration Name="{name}">{extra}<Streamable>Yes</Streamable>{_entries(words)}<Value>0</Value></Enumeration>'
    )


def selector(name: str, entries: tuple[str, ...], **features: tuple[str, ...]) -> str:
    """A selector and the enumerations that it selects, each with a value of its own for every entry."""
    selects = "".join(f"<pSelected>{feature}</pSelected>" for feature in features)
    text = f'<Enumeration Name="{name}">{_entries(entries)}<Value>0</Value>{selects}</Enumeration>'
    for feature, words in features.items():
        cells = "".join(f'<pValueIndexed Index="{n}">{feature}At{n}</pValueIndexed>' for n in range(len(entries)))
        text += (
            f'<Enumeration Name="{feature}"><Streamable>Yes</Streamable>{_entries(words)}'
            f"<pValue>{feature}Now</pValue></Enumeration>"
            f'<Integer Name="{feature}Now"><pIndex>{name}</pIndex>{cells}'
            f"<pValueDefault>{feature}At0</pValueDefault></Integer>"
        )
        text += "".join(f'<Integer Name="{feature}At{n}"><Value>0</Value></Integer>' for n in range(len(entries)))
    return text


def command(name: str, done: bool = True) -> str:
    """A command; `{name}Done` is 1 once it was executed."""
    # GenApi takes a command that cannot be read back for done at once; one that keeps its value is never done.
    mode = "WO" if done else "RW"
    return (
        f'<Command Name="{name}"><pValue>{name}Once</pValue><CommandValue>1</CommandValue></Command>'
        f'<Integer Name="{name}Once"><ImposedAccessMode>{mode}</ImposedAccessMode><pValue>{name}Done</pValue></Integer>'
        f'<Integer Name="{name}Done"><Value>0</Value></Integer>'
    )


def rounding(name: str, step: int) -> str:
    """A float that keeps whole multiples of a step only, as cameras with a coarse clock do."""
    return (
        f'<Converter Name="{name}"><Streamable>Yes</Streamable><FormulaTo>TRUNC(FROM/{step})</FormulaTo>'
        f"<FormulaFrom>TO*{step}</FormulaFrom><pValue>{name}Raw</pValue></Converter>"
        f'<Float Name="{name}Raw"><Value>1</Value></Float>'
    )


def area_camera() -> Any:
    """Return a camera with what most area cameras have."""
    return node_map(
        choice("AcquisitionMode", "SingleFrame", "Continuous"),
        choice("PixelFormat", "Mono8", "Mono12"),
        integer("Width", 1600, 16, 1600, 16),
        integer("Height", 1200, 16, 1200, 2),
        selector(
            "TriggerSelector",
            ("FrameStart", "FrameBurstStart"),
            TriggerMode=("Off", "On"),
            TriggerSource=("Software", "Line0", "Line1"),
            TriggerActivation=("RisingEdge", "FallingEdge"),
        ),
        number("ExposureTime", 5000, 10, 1_000_000),
        choice("ExposureAuto", "Off", "Once", "Continuous"),
        switch("AcquisitionFrameRateEnable"),
        number("AcquisitionFrameRate", 30, 1, 120, unit="Hz"),
        command("TriggerSoftware"),
        selector("UserSetSelector", ("Default", "UserSet1")),
        command("UserSetLoad"),
    )
