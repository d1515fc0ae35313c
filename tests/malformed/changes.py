"""Ways to spoil a file; each takes the good one and writes the bad one."""

import io
import json
import os
import pickle
import shutil
from collections.abc import Callable
from pathlib import Path
from typing import Any

import h5py
import safetensors.torch
import torch

from mdsnake.store.checkpoint import read_model
from mdsnake.store.h5md import sign
from tests.malformed.case import Change

#: What a pickle that is loaded leaves in the folder that it lies in.
MARKER = "unpickled"


def text(content: str, encoding: str = "utf-8") -> Change:
    return lambda good, bad: bad.write_bytes(content.encode(encoding))


def data(content: bytes) -> Change:
    return lambda good, bad: bad.write_bytes(content)


def replaced(old: str, new: str) -> Change:
    """The first `old` of the text is `new`."""

    def change(good: Path, bad: Path) -> None:
        before = good.read_text()
        assert old in before, old
        bad.write_text(before.replace(old, new, 1))

    return change


def cut(share: float) -> Change:
    """The first `share` of the bytes."""
    return lambda good, bad: bad.write_bytes(good.read_bytes()[: int(share * good.stat().st_size)])


def flipped(share: float) -> Change:
    """One bit of the byte at `share` of the file."""

    def change(good: Path, bad: Path) -> None:
        content = bytearray(good.read_bytes())
        content[int(share * len(content))] ^= 4
        bad.write_bytes(content)

    return change


def edited(change: Callable[[Any], object]) -> Change:
    """The JSON after `change`, which alters it in place or returns another."""

    def apply(good: Path, bad: Path) -> None:
        told = json.loads(good.read_text())
        other = change(told)
        bad.write_text(json.dumps(told if other is None else other))

    return apply


def with_keys(**keys: Any) -> Change:
    """The JSON with some keys of the top level changed."""
    return edited(lambda told: told | keys)


def hdf5(change: Callable[[h5py.File], object], signed: bool = True) -> Change:
    """The HDF5 file after `change`, as if it had been written so."""

    def apply(good: Path, bad: Path) -> None:
        shutil.copy(good, bad)
        with h5py.File(bad, "a") as file:
            change(file)
        if signed:
            sign(bad)

    return apply


def dataset(place: str, values: Any, **options: Any) -> Change:
    """A dataset with other values; `unit` and its other attributes stay."""

    def change(file: h5py.File) -> None:
        told = dict(file[place].attrs)
        new = values(file[place][:]) if callable(values) else values
        del file[place]
        file.create_dataset(place, data=new, **options).attrs.update(told)

    return hdf5(change)


def model(header: Callable[[dict], object] | None = None, weights: Callable[[dict], object] | None = None) -> Change:
    """A model file with another header or other weights, as if it had been written so."""

    def apply(good: Path, bad: Path) -> None:
        told, state = read_model(good)
        if header:
            told = header(told) or told
        if weights:
            state = weights(state) or state
        safetensors.torch.save_file(
            state, bad, metadata={"mdsnake": told if isinstance(told, str) else json.dumps(told)}
        )

    return apply


def safetensors_header(content: bytes, length: int | None = None) -> Change:
    """A safetensors file that is a header alone, perhaps of another length than it says."""
    size = len(content) if length is None else length
    return data(size.to_bytes(8, "little") + content)


class _Malice:
    def __init__(self, marker: Path) -> None:
        self.marker = marker

    def __reduce__(self) -> tuple:
        return os.mkdir, (str(self.marker),)


def pickled(good: Path, bad: Path) -> None:
    """A pickle that makes a folder when it is loaded."""
    bad.write_bytes(pickle.dumps(_Malice(bad.parent / MARKER)))


def torch_pickled(good: Path, bad: Path) -> None:
    """The same as torch writes it."""
    content = io.BytesIO()
    torch.save({"state_dict": _Malice(bad.parent / MARKER)}, content)
    bad.write_bytes(content.getvalue())


def _huge(good: Path, bad: Path) -> None:
    with open(bad, "wb") as file:
        file.truncate(2**31)


#: What can go wrong with any file; the message must name it.
ANY_FILE: dict[str, tuple[Change, str]] = {
    "absent": (lambda good, bad: None, "no such "),
    "a folder": (lambda good, bad: bad.mkdir(), ""),
    "a link to nothing": (lambda good, bad: bad.symlink_to("nowhere"), "no such "),
    "a link to itself": (lambda good, bad: bad.symlink_to(bad), ""),
    "a pipe": (lambda good, bad: os.mkfifo(bad), "no such "),
    "empty": (data(b""), ""),
    "NUL bytes": (data(bytes(100)), ""),
    "bytes of a program": (data(b"\x7fELF\x02\x01\x01" + bytes(range(256))), ""),
    "2 GiB of nothing": (_huge, ""),
    "UTF-16": (text("name: ö", "utf-16"), ""),
    "Latin-1": (text("name: ö", "latin-1"), ""),
    "a pickle": (pickled, ""),
    "a pickle of torch": (torch_pickled, ""),
}
