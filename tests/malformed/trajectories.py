"""Trajectories."""

from typing import Any

import h5py
import numpy as np

from tests.malformed.case import Change, Kind
from tests.malformed.changes import ANY_FILE, cut, data, dataset, flipped, hdf5, text
from tests.malformed.commands import with_bursts, with_rollout

PLACE = "particles/trajectory/position/value"


def other_shape(values: np.ndarray) -> np.ndarray:
    return values[:, :2]


def attribute(place: str, name: str, value: Any) -> Change:
    return hdf5(lambda file: file[place].attrs.__setitem__(name, value))


def linked(link: Any) -> Change:
    def change(file: h5py.File) -> None:
        del file["particles"]
        file["particles"] = link

    return hdf5(change)


def without(place: str) -> Change:
    return hdf5(lambda file: file.__delitem__(place))


def not_finite(values: np.ndarray) -> np.ndarray:
    values[3] = np.nan
    return values


def stored_elsewhere(file: h5py.File) -> None:
    shape, told = file[PLACE].shape, dict(file[PLACE].attrs)
    del file[PLACE]
    file.create_dataset(PLACE, shape, "f4", external=[("/etc/passwd", 0, h5py.h5f.UNLIMITED)]).attrs.update(told)


def virtual(file: h5py.File) -> None:
    shape, told = file[PLACE].shape, dict(file[PLACE].attrs)
    del file[PLACE]
    layout = h5py.VirtualLayout(shape, "f4")
    layout[:] = h5py.VirtualSource("other.h5", "x", shape)
    file.create_virtual_dataset(PLACE, layout).attrs.update(told)


def claimed(file: h5py.File) -> None:
    """10⁹ frames, none of them there."""
    frames = 10**9
    file["parameters/mdsnake"].attrs["n_frames"] = frames
    for name in ("position", "velocity", "force"):
        place = f"particles/trajectory/{name}/value"
        told = dict(file[place].attrs)
        del file[place]
        file.create_dataset(place, (frames, 3, 3), "f4", chunks=(1000, 3, 3)).attrs.update(told)


TRAJECTORIES: dict[str, tuple[Change, str]] = {
    "its first byte": (data(b"\x89"), "truncated"),
    "1 %": (cut(0.01), "truncated"),
    "half": (cut(0.5), "truncated"),
    "99 %": (cut(0.99), "truncated"),
    "a flipped bit of its header": (flipped(0.03), "truncated"),
    "a flipped bit of its numbers": (flipped(0.9), "truncated"),
    "more after its end": (lambda good, bad: bad.write_bytes(good.read_bytes() + b"more"), "truncated"),
    "edited by hand": (hdf5(lambda file: file.create_group("notes"), signed=False), "truncated"),
    "no HDF5": (text("position velocity\n1 2\n"), "not an mdsnake trajectory"),
    "an empty HDF5": (hdf5(lambda file: file.clear()), "not there"),
    "another program's": (attribute("h5md/creator", "name", "VMD"), "written by 'VMD'"),
    "no creator": (without("h5md"), "h5md/creator: not there"),
    "no parameters": (without("parameters"), "parameters/mdsnake: not there"),
    "no positions": (without(PLACE), f"{PLACE}: not there"),
    "no velocities": (without("particles/trajectory/velocity"), "velocity/value: not there"),
    "no masses": (without("particles/trajectory/mass"), "mass: not there"),
    "no segments": (without("observables/segment"), "segment/value: not there"),
    "a group for a dataset": (
        hdf5(lambda file: (file.__delitem__(PLACE), file.create_group(PLACE))),
        "not an mdsnake trajectory",
    ),
    "positions in Å": (attribute(PLACE, "unit", "Angstrom"), "the unit is 'Angstrom', expected 'nm'"),
    "energies in kcal/mol": (attribute("observables/potential_energy/value", "unit", "kcal mol-1"), "the unit is"),
    "masses in kg": (attribute("particles/trajectory/mass", "unit", "kg"), "the unit is 'kg'"),
    "no unit": (hdf5(lambda file: file[PLACE].attrs.__delitem__("unit")), "not an mdsnake trajectory"),
    "a unit that is a number": (attribute(PLACE, "unit", 1), "the unit is"),
    "an atom too few": (dataset(PLACE, other_shape), "of shape (39, 2, 3), expected (39, 3, 3)"),
    "a frame too few": (dataset(PLACE, lambda x: x[1:]), "of shape (38, 3, 3), expected (39, 3, 3)"),
    "positions in a row": (dataset(PLACE, np.ravel), "of shape (351,)"),
    "a scalar": (dataset(PLACE, 1.0), "of shape ()"),
    "no frames": (
        hdf5(
            lambda file: (
                [file["parameters/mdsnake"].attrs.__setitem__("n_frames", 0)]
                + [
                    (
                        file.__delitem__(place),
                        file.create_dataset(place, (0, *shape), kind).attrs.update({"unit": unit}),
                    )
                    for place, shape, kind, unit in [
                        (PLACE, (3, 3), "f4", "nm"),
                        ("particles/trajectory/velocity/value", (3, 3), "f4", "nm ps-1"),
                        ("particles/trajectory/force/value", (3, 3), "f4", "kJ mol-1 nm-1"),
                        ("observables/potential_energy/value", (), "f8", "kJ mol-1"),
                        ("observables/segment/value", (), "i4", "1"),
                    ]
                ]
            )
        ),
        "of shape (0, 3, 3)",
    ),
    "a negative number of frames": (attribute("parameters/mdsnake", "n_frames", -1), "of shape"),
    "10⁹ frames that are not there": (hdf5(claimed), "truncated"),
    "text for positions": (dataset(PLACE, np.full((39, 3, 3), b"1.0")), "expected floating numbers"),
    "text of any length for energies": (
        dataset("observables/potential_energy/value", ["1.0"] * 39),
        "expected floating numbers",
    ),
    "whole numbers for positions": (dataset(PLACE, lambda x: x.astype(int)), "expected floating numbers"),
    "complex energies": (dataset("observables/potential_energy/value", lambda x: x + 1j), "expected floating"),
    "broken numbers for segments": (dataset("observables/segment/value", lambda x: x + 0.5), "expected integer"),
    "positions that are not numbers": (dataset(PLACE, not_finite), "not all numbers are finite"),
    "infinite energies": (
        dataset("observables/potential_energy/value", lambda x: x + np.inf),
        "not all numbers are finite",
    ),
    "a mass of zero": (dataset("particles/trajectory/mass", lambda m: 0 * m), "not positive"),
    "segments that go back": (dataset("observables/segment/value", lambda s: s[::-1]), "segment"),
    "no time between frames": (attribute("parameters/mdsnake", "frame_ps", 0.0), "not positive"),
    "time that is not a number": (attribute("parameters/mdsnake", "frame_ps", np.nan), "not positive"),
    "no degrees of freedom": (attribute("parameters/mdsnake", "degrees_of_freedom", 0), "not positive"),
    "counters that are no JSON": (attribute("parameters/mdsnake", "counters", "{"), "counters: not valid JSON"),
    "counters in words": (attribute("parameters/mdsnake", "counters", '{"total_ms": "long"}'), "counters: total_ms"),
    "provenance that is a list": (attribute("parameters/mdsnake", "provenance", "[]"), "provenance"),
    "a link to another file": (linked(h5py.ExternalLink("/etc/passwd", "/x")), "or a link"),
    "a link within the file": (linked(h5py.SoftLink("/observables")), "or a link"),
    "a link to itself": (linked(h5py.SoftLink("/particles")), "or a link"),
    "numbers kept in another file": (hdf5(stored_elsewhere), "kept in another file"),
    "numbers pieced together from other files": (hdf5(virtual), "kept in another file"),
    "another molecule": (dataset("particles/trajectory/species", np.array([8, 1, 9])), "atoms are not those of"),
}
BURSTS = Kind(
    "bursts",
    with_bursts,
    ANY_FILE
    | TRAJECTORIES
    | {"frames of another time step": (attribute("parameters/mdsnake", "frame_ps", 0.002), "fs apart")},
)
ROLLOUTS = Kind(
    "rollout",
    with_rollout,
    {"half": TRAJECTORIES["half"]}
    | {"another molecule": TRAJECTORIES["another molecule"], "a folder": ANY_FILE["a folder"]},
)
