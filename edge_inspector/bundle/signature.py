"""Who made a bundle: an ed25519 signature over its manifest, and the keys that a line trusts.

`signature.ed25519` is JSON: `format`, `key` (sha256 of the 32 bytes of the public key) and `signature`, both in hex.
What is signed is `_PURPOSE` and then the bytes of manifest.json, whose hashes cover every other file. Key files are
PEM (PKCS 8 and SubjectPublicKeyInfo), as `openssl genpkey -algorithm ed25519` makes them too.
"""

from __future__ import annotations

import hashlib
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Literal

from edge_inspector.bundle.document import parse_document, shown
from edge_inspector.core.errors import BundleError, KeysError

SIGNATURE_FILE = "signature.ed25519"
MAX_SIGNATURE_BYTES = 4096
"""It has about 250."""

_FORMAT = "insp-signature/1"
_PURPOSE = b"insp-model/1 manifest\n"
"""Before the manifest, so that a signature made for something else is never one of a bundle."""
_MAX_KEY_BYTES = 4096
"""A public key in PEM has 113."""


@dataclass(frozen=True, slots=True)
class TrustedKey:
    """A public key whose bundles a line takes."""

    name: str
    """Name of its file, without `.pub`."""
    public: bytes
    """32 bytes."""

    @property
    def id(self) -> str:
        """64 hex digits, as a signature names it."""
        return key_id(self.public)


@dataclass(frozen=True, slots=True)
class Trust:
    """Whose bundles are taken."""

    keys: tuple[TrustedKey, ...] = ()
    unsigned: Literal["refuse", "allow"] = "refuse"
    """`allow` takes also bundles that nobody signed, or somebody else; never one whose signature is wrong."""


ANYONE = Trust(unsigned="allow")
"""For a workstation that looks at its own bundle."""


@dataclass(frozen=True, slots=True)
class Signing:
    """What is known of who made a bundle."""

    signer: str = ""
    """Name of the trusted key that signed it; empty when none did."""
    key: str = ""
    """Id of the key that a signature names, trusted or not; empty for a bundle without one."""

    @property
    def is_trusted(self) -> bool:
        """Whether a trusted key signed it."""
        return bool(self.signer)

    def __str__(self) -> str:
        """Say it to a person."""
        if self.signer:
            return f"signed by {self.signer} (key {self.key[:16]})"
        return f"signed by a key that is not trusted here ({self.key[:16]})" if self.key else "not signed"


UNSIGNED = Signing()


def key_id(public: bytes) -> str:
    """Return the id of a public key of 32 bytes: 64 hex digits."""
    return hashlib.sha256(public).hexdigest()


def signed_bytes(manifest: bytes) -> bytes:
    """Return what is signed of a bundle, from the bytes of its manifest.json."""
    return _PURPOSE + manifest


def check_signature(bundle: str, file: str, manifest: bytes, content: bytes | None, trust: Trust) -> Signing:
    """Return who signed a manifest.

    Args:
        bundle: How messages call the bundle.
        file: How they call its signature.
        manifest: Bytes of manifest.json.
        content: Bytes of signature.ed25519; None where there is none.
        trust: Whose bundles are taken.

    Raises:
        BundleError: The signature is damaged or of another manifest, whatever is allowed; or no trusted key signed and
            that is not allowed.
    """
    signing = Signing() if content is None else _signing(file, manifest, content, trust.keys)
    if not signing.is_trusted and trust.unsigned == "refuse":
        raise BundleError(f"{bundle}: is {signing}; {_next(trust)}")
    return signing


def read_trusted(paths: Sequence[Path]) -> tuple[TrustedKey, ...]:
    """Return the public keys in files, and in all files `*.pub` of folders.

    Raises:
        KeysError: One is missing or no ed25519 public key, a folder holds none, or two keys have one name.
    """
    keys: dict[str, TrustedKey] = {}
    for file in _key_files(paths):
        key = TrustedKey(file.name.removesuffix(".pub"), public_bytes(file, _read(file)))
        if keys.setdefault(key.name, key) != key:
            raise KeysError(f"{file}: another trusted key is called {key.name} too; rename the file of one of them")
    return tuple(keys.values())


def public_bytes(file: Path, content: bytes) -> bytes:
    """Return the 32 bytes of a public key file.

    Raises:
        KeysError: It is no ed25519 public key.
    """
    from cryptography.exceptions import UnsupportedAlgorithm
    from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PublicKey
    from cryptography.hazmat.primitives.serialization import load_pem_public_key

    if b"PRIVATE" in content:
        raise KeysError(f"{file} is a secret key; it stays on the workstation: trust the .pub file that lies beside it")
    try:
        key = load_pem_public_key(content)
    except (ValueError, UnsupportedAlgorithm) as error:
        raise KeysError(
            f"{file} is no public key, or a damaged one; copy NAME.pub from the workstation again"
        ) from error
    if not isinstance(key, Ed25519PublicKey):
        raise KeysError(f"{file} is a key of another kind; bundles are signed by ed25519: python -m export keys new")
    return key.public_bytes_raw()


def _signing(file: str, manifest: bytes, content: bytes, keys: Sequence[TrustedKey]) -> Signing:
    from cryptography.exceptions import InvalidSignature
    from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PublicKey

    document = parse_document(file, content)
    document.expect(("format", "key", "signature"))
    if document.values["format"] != _FORMAT:
        document.fail("format", f"must be '{_FORMAT}', but is {shown(document.values['format'])}")
    named, value = document.text("key", "[0-9a-f]{64}"), bytes.fromhex(document.text("signature", "[0-9a-f]{128}"))
    for key in keys:
        if key.id == named:
            try:
                Ed25519PublicKey.from_public_bytes(key.public).verify(value, signed_bytes(manifest))
            except InvalidSignature as error:
                raise BundleError(
                    f"{file}: is not {key.name}'s signature of this manifest: one of the two was changed; copy the "
                    "bundle again from where it was made"
                ) from error
            return Signing(key.name, named)
    return Signing(key=named)


def _next(trust: Trust) -> str:
    known = ", ".join(key.name for key in trust.keys)
    trusted = f"trusted here: {known}" if known else "no key is trusted here"
    return (
        f"{trusted}. Put the signer's public key into model.trusted_keys of the configuration, sign the bundle "
        "(python -m export bundle --sign), or set model.unsigned: allow"
    )


def _key_files(paths: Sequence[Path]) -> Iterator[Path]:
    for path in paths:
        try:
            found = sorted(path.glob("*.pub")) if path.is_dir() else [path]
        except OSError as error:
            raise KeysError(f"{path} cannot be read: {error.strerror}; see to that path") from error
        if not found:
            raise KeysError(f"{path} holds no key NAME.pub; copy the workstation's public key there")
        yield from found


def _read(file: Path) -> bytes:
    try:
        with file.open("rb") as opened:
            return opened.read(_MAX_KEY_BYTES)
    except OSError as error:
        raise KeysError(
            f"{file} cannot be read: {error.strerror}; copy the public key there, or see to that path"
        ) from error


def signature_json(public: bytes, signature: bytes) -> str:
    """Return the content of signature.ed25519."""
    return f'{{\n "format": "{_FORMAT}",\n "key": "{key_id(public)}",\n "signature": "{signature.hex()}"\n}}\n'
