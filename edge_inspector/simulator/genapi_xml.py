"""The GenApi descriptions that the producer offers: of the camera, in new and old names, and of each GenTL module."""

from __future__ import annotations

from collections.abc import Callable, Mapping

from edge_inspector.simulator.features import CHUNKS, EVENTS, FEATURES, OLD_NAMES, Feature, addresses

_HEAD = (
    '<?xml version="1.0" encoding="UTF-8"?>\n'
    '<RegisterDescription ModelName="{model}" VendorName="edge_inspector" ToolTip="simulated" StandardNameSpace="None" '
    'SchemaMajorVersion="1" SchemaMinorVersion="1" SchemaSubMinorVersion="0" MajorVersion="1" MinorVersion="0" '
    'SubMinorVersion="0" ProductGuid="5E1EC7ED-0000-4000-8000-00000000000{number}" '
    'VersionGuid="5E1EC7ED-0000-4000-8000-0000000001{number}0" xmlns="http://www.genicam.org/GenApi/Version_1_1" '
    'xmlns:xsi="http://www.w3.org/2001/XMLSchema-instance" '
    'xsi:schemaLocation="http://www.genicam.org/GenApi/Version_1_1 '
    'http://www.genicam.org/GenApi/GenApiSchema_Version_1_1.xsd">\n'
)
_TAIL = "</RegisterDescription>\n"
MODULES = {"system": "TLPort", "interface": "InterfacePort", "device": "DevicePort", "stream": "StreamPort"}
"""GenTL modules with a description of their own -> name of their port."""


def camera_xml(old_names: bool) -> str:
    """Return the description of a camera.

    Args:
        old_names: Call features what cameras from before SFNC 2 call them.
    """
    features = [each for each in FEATURES if each.name != ("Gain" if old_names else "GainRaw")]
    names = OLD_NAMES if old_names else {}
    text = _HEAD.format(model="SimulatedCamera", number=1) + _categories(features, names)
    text += "".join(_feature(each, names) for each in features)
    text += "".join(_attached(name, *chunk[1:]) + _port(name, "ChunkID", chunk[0]) for name, chunk in CHUNKS.items())
    for name, number in EVENTS.items():
        text += _attached(name, "unsigned", 8) + _attached(f"{name}Timestamp", "unsigned", 8, 8, f"{name}Port")
        text += _port(name, "EventID", number)
    return text + '<Port Name="Device" NameSpace="Standard"></Port>\n' + _TAIL


def module_xml(module: str) -> str:
    """Return the description of a GenTL module: its name, nothing else."""
    port, number = MODULES[module], 2 + list(MODULES).index(module)
    return (
        _HEAD.format(model=f"Simulated{module.title()}", number=number)
        + '<Category Name="Root" NameSpace="Standard"><pFeature>ModuleID</pFeature></Category>\n'
        + '<StringReg Name="ModuleID" NameSpace="Standard"><Address>0x0</Address><Length>64</Length>'
        + f"<AccessMode>RO</AccessMode><pPort>{port}</pPort></StringReg>\n"
        + f'<Port Name="{port}" NameSpace="Standard"></Port>\n'
        + _TAIL
    )


def unresolved_xml() -> str:
    """Return a description that names a register which there is not."""
    return (
        _HEAD.format(model="Unresolved", number=9)
        + '<Category Name="Root" NameSpace="Standard"><pFeature>Width</pFeature></Category>\n'
        + '<Integer Name="Width" NameSpace="Standard"><pValue>Nowhere</pValue></Integer>\n'
        + _TAIL
    )


def _categories(features: list[Feature], names: Mapping[str, str]) -> str:
    members: dict[str, list[str]] = {}
    for each in features:
        members.setdefault(each.category, []).append(names.get(each.name, each.name))
    members["ChunkDataControl"] += CHUNKS
    members["EventControl"] += [one for name in EVENTS for one in (name, f"{name}Timestamp")]
    lines = [_category("Root", list(members))] + [_category(name, content) for name, content in members.items()]
    return "".join(lines)


def _category(name: str, members: list[str]) -> str:
    content = "".join(f"<pFeature>{member}</pFeature>" for member in members)
    return f'<Category Name="{name}" NameSpace="Standard">{content}</Category>\n'


def _feature(of: Feature, names: Mapping[str, str]) -> str:
    name = names.get(of.name, of.name)
    if of.kind == "string":
        return _register(of, name, "StringReg", "")
    head = "<Visibility>Invisible</Visibility>" if of.is_hidden else "<Visibility>Beginner</Visibility>"
    if of.is_locked:
        head += "<pIsLocked>TLParamsLocked</pIsLocked>"
    tag, body = _BODIES[of.kind](of, names)
    body = body.replace("@", f"<pValue>{name}Reg</pValue>")
    # What a selector selects, so that a program can list the camera's settings entry by entry.
    selected = [names.get(other.name, other.name) for other in FEATURES if other.selector == of.name]
    body += "".join(f"<pSelected>{other}</pSelected>" for other in selected)
    node = f'<{tag} Name="{name}" NameSpace="Standard">{head}{body}</{tag}>\n'
    if of.kind == "float":
        return node + _register(of, f"{name}Reg", "FloatReg", "<Endianess>LittleEndian</Endianess>")
    sign = "Signed" if of.is_signed else "Unsigned"
    return node + _register(of, f"{name}Reg", "IntReg", f"<Sign>{sign}</Sign><Endianess>LittleEndian</Endianess>")


_BODIES: Mapping[str, Callable[[Feature, Mapping[str, str]], tuple[str, str]]] = {
    "integer": lambda of, names: ("Integer", f"@{_limits(of, names)}<Inc>{of.step}</Inc>{_unit(of)}"),
    "float": lambda of, names: ("Float", f"@{_limits(of, names)}{_unit(of)}"),
    "enum": lambda of, _: ("Enumeration", f"{_entries(of)}@"),
    "command": lambda *_: ("Command", "@<CommandValue>1</CommandValue>"),
    "boolean": lambda *_: ("Boolean", "@<OnValue>1</OnValue><OffValue>0</OffValue>"),
}
"""Kind of feature -> its node and what stands in it; @ is where the schema wants the register."""


def _register(of: Feature, name: str, tag: str, tail: str) -> str:
    index = f'<pIndex Offset="{of.n_bytes}">{of.selector}</pIndex>' if of.selector else ""
    # Not cached: registers are shared between selectors, and a simulation may change any of them.
    cache = "" if tag == "StringReg" else "<Cachable>NoCache</Cachable>"
    return (
        f'<{tag} Name="{name}"><Address>{addresses()[of.name]:#x}</Address>{index}<Length>{of.n_bytes}</Length>'
        f"<AccessMode>{of.access}</AccessMode><pPort>Device</pPort>{cache}{tail}</{tag}>\n"
    )


def _limits(of: Feature, names: Mapping[str, str]) -> str:
    high = f"<pMax>{names.get(of.high_from, of.high_from)}</pMax>" if of.high_from else f"<Max>{of.high}</Max>"
    return f"<Min>{of.low}</Min>{high}"


def _unit(of: Feature) -> str:
    return f"<Unit>{of.unit}</Unit>" if of.unit else ""


def _entries(of: Feature) -> str:
    return "".join(
        f'<EnumEntry Name="{name}" NameSpace="Standard"><Value>{value}</Value></EnumEntry>'
        for name, value in of.entries.items()
    )


def _port(name: str, tag: str, number: int) -> str:
    """Return the port of chunk or event data."""
    return f'<Port Name="{name}Port"><{tag}>{number:x}</{tag}></Port>\n'


def _attached(name: str, kind: str, n_bytes: int, address: int = 0, port: str = "") -> str:
    """Return a node whose register lies in chunk or event data, not in the camera; in those of its own name."""
    place = f"<Address>{address:#x}</Address><Length>{n_bytes}</Length><AccessMode>RO</AccessMode>"
    place += f"<pPort>{port or f'{name}Port'}</pPort>"
    node = "Float" if kind == "float" else "Integer"
    sign = "" if kind == "float" else f"<Sign>{kind.title()}</Sign>"
    register = "FloatReg" if kind == "float" else "IntReg"
    return (
        f'<{node} Name="{name}" NameSpace="Standard"><Visibility>Expert</Visibility><pValue>{name}Reg</pValue>'
        f"</{node}>\n"
        f'<{register} Name="{name}Reg">{place}<Cachable>NoCache</Cachable>{sign}<Endianess>LittleEndian</Endianess>'
        f"</{register}>\n"
    )
