"""Keys that sign bundles: made here, the public half goes to the lines."""

from __future__ import annotations

import os
import re
import stat
from pathlib import Path

from cryptography.exceptions import UnsupportedAlgorithm
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey
from cryptography.hazmat.primitives.serialization import (
    Encoding,
    NoEncryption,
    PrivateFormat,
    PublicFormat,
    load_pem_private_key,
)

from edge_inspector.bundle.signature import signature_json, signed_bytes
from edge_inspector.core.errors import KeysError, UsageError
from export.whole_file import write_whole

NAME = re.compile(r"[a-z0-9][a-z0-9-]{0,31}")


def make_keys(name: str, folder: Path) -> tuple[Path, Path]:
    """Make a pair: `NAME.key`, the secret, for its owner alone, and `NAME.pub` for the lines.

    Raises:
        UsageError: No such name is allowed, a key of that name is there, or the folder refuses.
    """
    if not NAME.fullmatch(name):
        raise UsageError(f"{name[:40]!r} is no name for a key: 1 to 32 of a-z, 0-9 and -")
    secret_file, public_file = folder / f"{name}.key", folder / f"{name}.pub"
    for file in (secret_file, public_file):
        if os.path.lexists(file):
            raise UsageError(f"{file} is there already; bundles are signed with it, so choose another name")
    try:
        folder.mkdir(mode=0o700, parents=True, exist_ok=True)
    except OSError as error:
        raise UsageError(f"{folder} cannot be made ({error.strerror}); name another folder") from error
    key = Ed25519PrivateKey.generate()
    secret = key.private_bytes(Encoding.PEM, PrivateFormat.PKCS8, NoEncryption())
    write_whole(secret_file, secret, mode=0o600)
    try:
        write_whole(public_file, key.public_key().public_bytes(Encoding.PEM, PublicFormat.SubjectPublicKeyInfo))
    finally:
        if not public_file.exists():  # half a pair would stand in the way of the next try
            secret_file.unlink(missing_ok=True)
    return secret_file, public_file


def read_secret(file: Path) -> Ed25519PrivateKey:
    """Return the secret key in a file.

    Raises:
        KeysError: It is not there, open to others, damaged, public, or of another kind.
    """
    try:
        with file.open("rb") as opened:
            mode = stat.S_IMODE(os.fstat(opened.fileno()).st_mode)
            content = opened.read(4096)
    except OSError as error:
        raise KeysError(f"{file} cannot be read ({error.strerror}); make a key: python -m export keys new") from error
    if b"PUBLIC" in content:
        raise KeysError(f"{file} is a public key; sign with the .key file that was made with it")
    if mode & 0o077:
        raise KeysError(f"{file} is a secret that others may use (mode {mode:04o}); mend it: chmod 600 {file}")
    try:
        key = load_pem_private_key(content, password=None)
    except (ValueError, TypeError, UnsupportedAlgorithm) as error:
        raise KeysError(f"{file} is no secret key, damaged, or has a password; make one: export keys new") from error
    if not isinstance(key, Ed25519PrivateKey):
        raise KeysError(f"{file} is a key of another kind; bundles are signed by ed25519: python -m export keys new")
    return key


def sign(manifest: bytes, key: Ed25519PrivateKey) -> bytes:
    """Return the content of signature.ed25519 for a manifest; the same each time."""
    public = key.public_key().public_bytes_raw()
    return signature_json(public, key.sign(signed_bytes(manifest))).encode()
