"""Whose bundles are taken, and what becomes of every other one."""

from __future__ import annotations

import json
import shutil
import zipfile
from collections.abc import Callable
from pathlib import Path

import pytest
from cryptography.hazmat.primitives.asymmetric.ec import SECP256R1, generate_private_key
from cryptography.hazmat.primitives.serialization import Encoding, NoEncryption, PrivateFormat, PublicFormat
from fakes.signed_bundle import Signer
from fakes.tiny_bundle import write_manifest, write_tiny_bundle

from edge_inspector.bundle.load import load_bundle
from edge_inspector.bundle.seal import sealed_json
from edge_inspector.bundle.signature import SIGNATURE_FILE, Trust, read_trusted
from edge_inspector.core.errors import BundleError, KeysError


@pytest.fixture(scope="module")
def signer(tmp_path_factory: pytest.TempPathFactory) -> Signer:
    return Signer("plant", tmp_path_factory.mktemp("keys"))


@pytest.fixture(scope="module")
def pristine(tmp_path_factory: pytest.TempPathFactory, signer: Signer) -> Path:
    return signer.sign(write_tiny_bundle(tmp_path_factory.mktemp("pristine") / "tiny"))


@pytest.fixture
def bundle(pristine: Path, tmp_path: Path) -> Path:
    return Path(shutil.copytree(pristine, tmp_path / "tiny"))


@pytest.fixture(scope="module")
def trust(signer: Signer) -> Trust:
    return Trust(read_trusted([signer.file]))


def test_a_bundle_signed_by_a_trusted_key_is_taken_and_says_whose_it_is(bundle: Path, trust: Trust) -> None:
    signing = load_bundle(bundle, trust=trust).signing

    assert (signing.signer, signing.key, signing.is_trusted) == ("plant", trust.keys[0].id, True)


def test_who_forgets_to_say_whose_bundles_are_taken_gets_none(bundle: Path) -> None:
    with pytest.raises(TypeError, match="trust"):
        load_bundle(bundle)  # type: ignore[call-arg]


def test_the_same_is_so_in_a_zip(bundle: Path, trust: Trust) -> None:
    packed = bundle.with_suffix(".zip")
    with zipfile.ZipFile(packed, "w") as file:
        for path in bundle.rglob("*"):
            if path.is_file():
                file.write(path, f"tiny/{path.relative_to(bundle)}")

    assert load_bundle(packed, trust=trust).signing.signer == "plant"


def _change(bundle: Path, **values: object) -> None:
    file = bundle / SIGNATURE_FILE
    file.write_text(json.dumps(json.loads(file.read_text()) | values))


def _flip(bundle: Path) -> None:
    said = json.loads((bundle / SIGNATURE_FILE).read_text())["signature"]
    _change(bundle, signature=f"{int(said[:1], 16) ^ 1:x}{said[1:]}")


def _other_limit(bundle: Path) -> None:
    manifest = json.loads((bundle / "manifest.json").read_text())
    (bundle / "manifest.json").write_bytes(sealed_json(manifest | {"limits": {"DEFECT": 0.9}}))


def _other_model(bundle: Path) -> None:
    other = write_tiny_bundle(bundle.parent / "other", golden_shift=0.001)
    shutil.copyfile(other / "golden/expected.json", bundle / "golden/expected.json")
    signature = (bundle / SIGNATURE_FILE).rename(bundle.parent / "signature")
    write_manifest(bundle, json.loads((bundle / "manifest.json").read_text()))
    signature.rename(bundle / SIGNATURE_FILE)


def _of_another(bundle: Path) -> None:
    other = write_tiny_bundle(bundle.parent / "other", version="2.0.0")
    for path in other.rglob("*"):
        if path.is_file():
            shutil.copyfile(path, bundle / path.relative_to(other))


NOT_OF_THIS = "is not plant's signature of this manifest"
FORGED: dict[str, tuple[Callable[[Path], object], str]] = {
    "a bit of the signature": (_flip, NOT_OF_THIS),
    "another limit": (_other_limit, NOT_OF_THIS),
    "another file with its hash": (_other_model, NOT_OF_THIS),
    "the signature of another bundle": (_of_another, NOT_OF_THIS),
    "half a signature": (lambda b: _change(b, signature="ab" * 32), "signature: must be text of the form"),
    "no hex": (lambda b: _change(b, signature="zz" * 64), "signature: must be text of the form"),
    "another format": (lambda b: _change(b, format="insp-signature/2"), "must be 'insp-signature/1'"),
    "one key more": (lambda b: _change(b, note="trust me"), "is not a key of this format"),
    "no JSON": (lambda b: (b / SIGNATURE_FILE).write_bytes(b"\0" * 64), "is not the JSON of a bundle"),
    "nothing in it": (lambda b: (b / SIGNATURE_FILE).write_bytes(b""), "is not the JSON of a bundle"),
    "a link": (
        lambda b: ((b / SIGNATURE_FILE).unlink(), (b / SIGNATURE_FILE).symlink_to("/dev/null")),
        "cannot be read",
    ),
}


@pytest.mark.parametrize("unsigned", ["refuse", "allow"])
@pytest.mark.parametrize("name", FORGED)
def test_a_wrong_signature_is_refused_whatever_is_allowed(bundle: Path, trust: Trust, name: str, unsigned: str) -> None:
    forge, message = FORGED[name]
    forge(bundle)

    with pytest.raises(BundleError, match=message):
        load_bundle(bundle, trust=Trust(trust.keys, unsigned))  # type: ignore[arg-type]


def test_a_manifest_may_not_list_the_signature(bundle: Path, trust: Trust) -> None:
    manifest = json.loads((bundle / "manifest.json").read_text())
    manifest["files"][SIGNATURE_FILE] = {"sha256": "0" * 64, "size": 3}
    (bundle / "manifest.json").write_bytes(sealed_json(manifest))

    with pytest.raises(BundleError, match="is no path of a bundle file"):
        load_bundle(bundle, trust=trust)


@pytest.mark.parametrize("is_signed", [True, False])
def test_unsigned_and_foreign_ones_are_refused_unless_that_is_allowed(
    bundle: Path, trust: Trust, tmp_path: Path, is_signed: bool
) -> None:
    (bundle / SIGNATURE_FILE).unlink()
    if is_signed:
        Signer("stranger", tmp_path / "keys").sign(bundle)
    told = "signed by a key that is not trusted here" if is_signed else "is not signed"

    with pytest.raises(BundleError, match=f"{told}.*trusted here: plant.*model.trusted_keys"):
        load_bundle(bundle, trust=trust)
    signing = load_bundle(bundle, trust=Trust(trust.keys, "allow")).signing

    assert (signing.signer, signing.is_trusted, bool(signing.key)) == ("", False, is_signed)


def test_a_folder_of_keys_is_read_whole(tmp_path: Path) -> None:
    names = [Signer(name, tmp_path).file.stem for name in ("plant", "lab")]
    (tmp_path / "README").write_text("keys")

    assert sorted(key.name for key in read_trusted([tmp_path])) == sorted(names)


def _secret(file: Path) -> None:
    key = Signer("x", file.parent / "x").key
    file.write_bytes(key.private_bytes(Encoding.PEM, PrivateFormat.PKCS8, NoEncryption()))


def _of_another_kind(file: Path) -> None:
    key = generate_private_key(SECP256R1()).public_key()
    file.write_bytes(key.public_bytes(Encoding.PEM, PublicFormat.SubjectPublicKeyInfo))


@pytest.mark.parametrize(
    ("spoil", "message"),
    [
        (Path.unlink, "cannot be read"),
        (lambda file: file.write_bytes(b""), "is no public key, or a damaged one"),
        (lambda file: file.write_bytes(file.read_bytes()[:60]), "is no public key, or a damaged one"),
        (
            lambda file: file.write_bytes(file.read_bytes().replace(b"MCow", b"MCox")),
            "is no public key, or a damaged one",
        ),
        (_secret, "is a secret key"),
        (_of_another_kind, "is a key of another kind"),
    ],
)
def test_a_key_that_is_none_is_told_with_its_file(
    tmp_path: Path, spoil: Callable[[Path], object], message: str
) -> None:
    file = Signer("plant", tmp_path).file
    spoil(file)

    with pytest.raises(KeysError, match=f"plant.pub.*{message}"):
        read_trusted([file])


def test_an_empty_folder_of_keys_is_a_mistake(tmp_path: Path) -> None:
    with pytest.raises(KeysError, match=r"holds no key NAME\.pub"):
        read_trusted([tmp_path])


def test_two_keys_of_one_name_are_a_mistake(tmp_path: Path) -> None:
    files = [Signer("plant", tmp_path / folder).file for folder in ("a", "b")]

    with pytest.raises(KeysError, match="another trusted key is called plant too"):
        read_trusted(files)
