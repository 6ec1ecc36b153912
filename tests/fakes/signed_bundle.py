"""Keys of their own for tests, and tiny bundles that they sign."""

from __future__ import annotations

from pathlib import Path

from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey
from cryptography.hazmat.primitives.serialization import Encoding, PublicFormat

from edge_inspector.bundle.signature import signature_json, signed_bytes


class Signer:
    """One key; its public half lies in a folder as `NAME.pub`."""

    def __init__(self, name: str, folder: Path) -> None:
        self.key = Ed25519PrivateKey.generate()
        self.public = self.key.public_key().public_bytes_raw()
        folder.mkdir(parents=True, exist_ok=True)
        self.file = folder / f"{name}.pub"
        self.file.write_bytes(self.key.public_key().public_bytes(Encoding.PEM, PublicFormat.SubjectPublicKeyInfo))

    def sign(self, bundle: Path) -> Path:
        """Sign a bundle as it now is; returns it."""
        signature = self.key.sign(signed_bytes((bundle / "manifest.json").read_bytes()))
        (bundle / "signature.ed25519").write_text(signature_json(self.public, signature))
        return bundle
