"""Windows and models."""

from typing import Any

import torch

from tests.malformed.case import Change, Kind
from tests.malformed.changes import ANY_FILE, cut, edited, flipped, model, safetensors_header, text, with_keys
from tests.malformed.commands import with_init, with_model, with_windows, with_windows_of_another_jump


def group(**changes: Any) -> Change:
    """The first group of windows with some keys changed."""
    return edited(lambda told: told["groups"][0].update(changes))


WINDOWS = Kind(
    "windows",
    with_windows,
    ANY_FILE
    | {
        "half a file": (cut(0.5), "not valid JSON"),
        "a list": (text("[]"), ""),
        "no jump": (edited(lambda told: told.pop("about") and None), "about"),
        "a jump without k": (edited(lambda told: told["about"].pop("k") and None), "k: Field required"),
        "a jump of no steps": (edited(lambda told: told["about"].update(k=0)), "k: "),
        "a jump in words": (with_keys(about="far"), "about"),
        "no groups": (with_keys(groups=[]), "no window to train on"),
        "an unknown split": (group(split="learn"), "groups.0.split"),
        "negative starts": (group(starts=[-1]), "groups.0.starts.0"),
        "broken starts": (group(starts=[0.5]), "groups.0.starts.0"),
        "starts that are not numbers": (group(starts=[float("nan")]), "groups.0.starts.0"),
        "no windows": (
            edited(lambda told: [g.update(starts=[]) for g in told["groups"]] and None),
            "no window to train on",
        ),
        "a molecule in numbers": (group(system=3), "groups.0.system"),
    },
)
OTHER_WINDOWS = Kind(
    "windows",
    with_windows,
    {
        "starts past the end": (group(starts=[10_000]), "fewer frames"),
        "a start too late for its jump": (group(starts=[38]), "fewer frames"),
        "a window across two bursts": (group(starts=[11]), "spans two bursts"),
        "a longer jump": (edited(lambda told: told["about"].update(k=12)), "bursts"),
        "another time step": (edited(lambda told: told["about"].update(timestep_fs=2.0)), "fs apart"),
    },
    named="bursts.h5",
)
WINDOWS_OF_ANOTHER_JUMP = Kind(
    "windows",
    with_windows_of_another_jump,
    {
        "another k": (edited(lambda told: told["about"].update(k=8)), "jump"),
        "half a file": (cut(0.5), "not valid JSON"),
    },
)


def weight(value: Any) -> Change:
    """A model whose first weight is `value` of what it was."""
    return model(weights=lambda state: state | {min(state): value(state[min(state)])})


def header(**keys: Any) -> Change:
    return model(header=lambda told: told | keys)


def jump(**keys: Any) -> Change:
    return model(header=lambda told: told | {"jump": told["jump"] | keys})


MODELS = Kind(
    "model",
    with_model,
    {name: case for name, case in ANY_FILE.items() if name != "2 GiB of nothing"}
    | {
        "its first byte": (cut(0.00001), "damaged"),
        "half": (cut(0.5), "damaged"),
        "all but its last byte": (cut(0.9999), "damaged"),
        "a flipped bit of its weights": (flipped(0.9), "damaged"),
        "a header that is no JSON": (safetensors_header(b"not JSON"), "damaged"),
        "a header longer than the file": (safetensors_header(b"{}", 10**6), "damaged"),
        "a header of 10¹⁸ bytes": (safetensors_header(b"{}", 10**18), "damaged"),
        "a header nested 100,000 deep": (safetensors_header(b'{"a":' * 100_000), "damaged"),
        "weights past the end": (
            safetensors_header(b'{"w":{"dtype":"F32","shape":[1000000000,1000],"data_offsets":[0,4000000000000]}}'),
            "damaged",
        ),
        "no header of ours": (safetensors_header(b"{}"), "damaged"),
        "our header not JSON": (model(header=lambda told: "{"), "damaged"),
        "our header a list": (model(header=lambda told: "[]"), "damaged"),
        "our header nested 100,000 deep": (model(header=lambda told: "[" * 100_000), "damaged"),
        "another format": (header(format=99), "model format 99"),
        "a format in words": (header(format="new"), "model format 'new'"),
        "no format": (model(header=lambda told: {"family": "kstep"}), "damaged"),
        "another family": (header(family="trajdiff"), "a model of family 'trajdiff'"),
        "another k": (jump(k=8), "trained for k 8, asked for 4"),
        "another time step": (jump(timestep_fs=2.0), "trained for timestep_fs 2.0"),
        "another temperature": (jump(temperature_K=400.0), "trained for temperature_K 400.0"),
        "another engine": (jump(engine="qm"), "trained for engine 'qm'"),
        "other constraints": (jump(constraints="hbonds"), "trained for constraints 'hbonds'"),
        "no jump": (header(jump=None), "jump"),
        "a jump in words": (header(jump="far"), "jump"),
        "units of Å": (header(units={"length": "angstrom", "time": "ps"}), "its units are"),
        "no units": (header(units={}), "its units are"),
        "units in words": (header(units="SI"), "units"),
        "other elements": (header(elements=[1, 6]), "another set of elements"),
        "another network": (model(header=lambda t: t | {"network": t["network"] | {"width": 8}}), "do not fit"),
        "an unknown kind of network": (header(network={"kind": "mlp"}), "network.kind"),
        "a network of 10⁹ layers": (
            model(header=lambda t: t | {"network": t["network"] | {"layers": 10**9}}),
            "network.layers",
        ),
        "a network in words": (header(network="egnn"), "network"),
        "weights that are not numbers": (weight(lambda w: w * torch.nan), "not all finite"),
        "infinite weights": (weight(lambda w: w + torch.inf), "not all finite"),
        "weights of another shape": (weight(lambda w: w[:1].clone()), "do not fit"),
        "a weight too few": (model(weights=lambda state: state.pop(min(state)) is None or state), "do not fit"),
        "a weight too many": (model(weights=lambda state: state | {"more": torch.ones(3)}), "do not fit"),
    },
)

#: A training may start from a model of another jump, but not of another network.
INITS = Kind(
    "model",
    with_init,
    {name: case for name, case in ANY_FILE.items() if name != "2 GiB of nothing"}
    | {
        "half": (cut(0.5), "damaged"),
        "another family": (header(family="trajdiff"), "a model of family 'trajdiff'"),
        "units of Å": (header(units={"length": "angstrom", "time": "ps"}), "its units are"),
        "other elements": (header(elements=[1, 6]), "another set of elements"),
        "no elements": (header(elements=None), "elements"),
        "another width": (
            model(header=lambda t: t | {"network": t["network"] | {"width": 8}}),
            "its network has width 8",
        ),
        "an unknown kind of network": (header(network={"kind": "mlp"}), "network.kind"),
        "weights of another shape": (weight(lambda w: w[:1].clone()), "do not fit"),
        "weights that are not numbers": (weight(lambda w: w * torch.nan), "not all finite"),
    },
)
