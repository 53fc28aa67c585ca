from __future__ import annotations

import pytest

from napari_medseg.models.addresses import public_address


@pytest.mark.parametrize(
    ("url", "kept"),
    [
        ("https://models.example.org/a/m.zip", "https://models.example.org/a/m.zip"),
        ("https://models.example.org:8443/m.zip?X-Signature=SECRET&e=9#part", "https://models.example.org:8443/m.zip"),
        ("https://me:SECRET@models.example.org/m.zip", "https://models.example.org/m.zip"),
    ],
)
def test_no_secret_of_an_address_is_kept(url: str, kept: str) -> None:
    assert public_address(url) == kept
