"""Memory is pinned for as long as it lives, and a refusal is no error."""

from __future__ import annotations

import ctypes

import numpy as np
import pytest

from edge_inspector.infer.pinned import pin


class Cudart:
    """Remembers what it was asked for."""

    def __init__(self, status: int = 0) -> None:
        self.status = status
        self.calls: list[tuple[str, int]] = []

    def cudaHostRegister(self, at: ctypes.c_void_p, size: ctypes.c_size_t, flags: int) -> int:  # noqa: N802
        self.calls.append(("register", at.value or 0))
        return self.status

    def cudaHostUnregister(self, at: ctypes.c_void_p) -> int:  # noqa: N802
        self.calls.append(("unregister", at.value or 0))
        return 0

    def cudaGetLastError(self) -> int:  # noqa: N802
        self.calls.append(("take back", 0))
        return self.status


def _with(monkeypatch: pytest.MonkeyPatch, cudart: Cudart) -> Cudart:
    monkeypatch.setattr(ctypes, "CDLL", lambda _: cudart)
    return cudart


def test_an_array_is_pinned_until_it_is_gone(monkeypatch: pytest.MonkeyPatch) -> None:
    cudart = _with(monkeypatch, Cudart())
    array = np.zeros((4, 64, 64, 3), np.uint8)
    at = array.ctypes.data

    assert pin(array)
    assert cudart.calls == [("register", at)]
    del array

    assert cudart.calls == [("register", at), ("unregister", at)]


def test_a_refusal_is_no_error_and_is_not_left_for_the_next_call(monkeypatch: pytest.MonkeyPatch) -> None:
    cudart = _with(monkeypatch, Cudart(status=712))

    assert not pin(np.zeros(16, np.uint8))

    assert [name for name, _ in cudart.calls] == ["register", "take back"]


def test_without_cuda_nothing_is_pinned(monkeypatch: pytest.MonkeyPatch) -> None:
    def missing(_: str) -> None:
        raise OSError("libcudart.so.13: cannot open shared object file")

    monkeypatch.setattr(ctypes, "CDLL", missing)

    assert not pin(np.zeros(16, np.uint8))
