import os
import shutil
import subprocess
import sys
from pathlib import Path

import numpy as np
import pytest
import torch

from mdsnake.errors import UserError
from mdsnake.families.kstep.learned import KEPT, LearnedProposal, learned_proposal
from tests.families.kstep.case import save
from tests.families.kstep.toys import JUMP, KINDS, stirred, toy_batch, toy_model
from tests.toys import toy_graph


@pytest.mark.parametrize("kind", KINDS)
def test_a_proposal_is_a_sample_of_the_model_wherever_the_molecule_is(kind: str, tmp_path: Path) -> None:
    model, batch = stirred(toy_model(kind), size=0.1), toy_batch("CH3OH", n=8)
    save(tmp_path / "model.safetensors", model)
    propose = learned_proposal(tmp_path / "model.safetensors", JUMP, toy_graph("CH3OH"), "cpu")
    x, v, f = (batch[name].view(8, 6, 3).double().numpy() for name in ("positions", "velocities", "forces"))
    expected = model.sample(batch, torch.Generator())
    for shift in (0.0, 100.0):
        dx, dv = propose(x + shift, v, f)
        for found, name in ((dx, "displacement"), (dv, "velocity_change")):
            assert found.dtype == np.float64
            wanted = expected[name].view(8, 6, 3).numpy()
            np.testing.assert_allclose(found, wanted, atol=2e-5 * np.abs(wanted).max())
    fewer, _ = propose(x[:3], v[:3], f[:3])
    np.testing.assert_allclose(fewer, dx[:3], atol=1e-6)


def test_a_proposal_of_a_model_for_another_jump_is_refused(tmp_path: Path) -> None:
    save(tmp_path / "model.safetensors", toy_model())
    with pytest.raises(UserError, match="trained for k 4, asked for 6"):
        learned_proposal(tmp_path / "model.safetensors", JUMP.model_copy(update={"k": 6}), toy_graph("H2O"))


def test_forces_at_the_ends_of_a_jump_serve_the_next(monkeypatch: pytest.MonkeyPatch) -> None:
    model, batch = stirred(toy_model(), size=0.1), toy_batch("CH3OH", n=4)
    x, v, f = (batch[name].view(4, 6, 3).double().numpy() for name in ("positions", "velocities", "forces"))
    propose, calls, forces = LearnedProposal(model, toy_graph("CH3OH")), [], model.forces

    def counted(*inputs: object, **known: object) -> torch.Tensor:
        calls.append(inputs)
        return forces(*inputs, **known)  # type: ignore[arg-type]

    monkeypatch.setattr(model, "forces", counted)
    drifts, dx = len(model.drifts), propose(x, v, f)[0]
    assert len(calls) == drifts + 1
    mixed = np.where((np.arange(4) % 2 == 0)[:, None, None], x + dx, x)  # every other walker stays
    found = propose(mixed, v, f)
    assert len(calls) == 2 * drifts + 1
    for here, expected in zip(found, LearnedProposal(model, toy_graph("CH3OH"))(mixed, v, f), strict=True):
        np.testing.assert_array_equal(here, expected)
    calls.clear()
    ahead = mixed[:2] + found[0][:2]  # two of them go on, and then all from where they were or are
    further = propose(ahead, v[:2], f[:2])[0]
    propose(np.concatenate([mixed[:1], ahead[1:] + further[1:], mixed[2:]]), v, f)
    assert len(calls) == 2 * drifts
    calls.clear()
    propose(mixed + 1e-9, v, f)
    assert len(calls) == drifts + 1
    calls.clear()
    propose.reset()
    propose(mixed + 1e-9, v, f)
    assert len(calls) == drifts + 1


def test_what_is_remembered_grows_with_the_walkers_and_no_further() -> None:
    propose, x = LearnedProposal(toy_model(), toy_graph("CH3OH")), toy_batch("CH3OH", n=4)["positions"]
    here = x.view(4, 6, 3).double().numpy()
    for step in range(20):
        propose(here[: 4 if step % 2 else 1] + 0.01 * step, 0 * here[: 4 if step % 2 else 1], 0 * here)
    assert len(propose._known) == 4 * KEPT


COMPILED = """
import numpy as np
import torch
from mdsnake.families.kstep.learned import LearnedProposal
from tests.families.kstep.toys import stirred, toy_batch, toy_model
from tests.toys import toy_graph

compile, unguarded = torch.compile, []
torch.compile = lambda *a, **told: unguarded.append("guard_filter_fn" in told["options"]) or compile(*a, **told)
batch = toy_batch("CH3OH", n=4)
x, v, f = (batch[name].view(4, 6, 3).double().numpy() for name in ("positions", "velocities", "forces"))
models = [stirred(toy_model("transformer-egnn"), seed, size=0.1) for seed in (0, 1)]
plain, compiled = ([LearnedProposal(model, toy_graph("CH3OH")) for model in models] for _ in range(2))
for one in compiled:
    one.compile(4)
assert all(unguarded)
torch.compiler.set_stance("fail_on_recompile")
kicked, calls, jump, sizes = models[0].kicked, [], compiled[0]._jump, []
models[0].kicked = lambda *inputs, **known: calls.append(1) or kicked(*inputs, **known)
compiled[0]._jump = lambda x, v: sizes.append(len(x)) or jump(x, v)
for count in (4, 3, 2, 1):
    calls.clear()
    compiled[0].reset()
    found = compiled[0](x[:count], v[:count], f[:count])
    print(count, "walkers in a batch of", sizes[-1], "with", len(calls), "eager kicks of", len(models[0].drifts) + 1)
    for one, other in zip(compiled, plain):  # the first from where it was: its force there is known
        for a, b in zip(one(x[:count], v[:count], f[:count]), other(x[:count], v[:count], f[:count])):
            np.testing.assert_allclose(a, b, atol=2e-5 * np.abs(b).max())
    for a, b in zip(found, plain[0](x[:count], v[:count], f[:count])):
        np.testing.assert_allclose(a, b, atol=2e-5 * np.abs(b).max())
"""


@pytest.mark.parametrize("compiler", ["g++", "no-such-compiler"])
def test_a_compiled_force_is_the_same_and_without_a_compiler_it_stays(compiler: str, tmp_path: Path) -> None:
    # Checks of types, which tests are run with, cannot be compiled.
    told = os.environ | {"CXX": compiler, "TORCHINDUCTOR_CACHE_DIR": str(tmp_path), "PYTHONPATH": os.getcwd()}
    run = subprocess.run(
        [sys.executable, "-c", COMPILED],
        capture_output=True,
        text=True,
        env=told,
        timeout=300,
        check=False,
    )
    assert run.returncode == 0, run.stderr[-3000:]
    lines = run.stdout.splitlines()
    said, counts = lines[:2], lines[2:]
    works = shutil.which(compiler) is not None
    begins = "compiled for 4 walkers and fewer in " if works else "rollout.compile: goes on without, as "
    assert all(line.startswith(begins) for line in said), said
    eager, filled = (0, {3: 4}) if works else (7, {})
    assert counts == [
        f"{count} walkers in a batch of {filled.get(count, count)} with {eager} eager kicks of 7"
        for count in (4, 3, 2, 1)
    ]
