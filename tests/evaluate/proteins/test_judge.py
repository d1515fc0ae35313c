"""Real domains pass; what is none does not, and is told why."""

from collections.abc import Callable

import numpy as np
import pytest

from mdsnake.evaluate.proteins.bands import BANDS, expected_radius
from mdsnake.evaluate.proteins.internal import internal, ramachandran
from mdsnake.evaluate.proteins.judge import judge, measure
from mdsnake.evaluate.proteins.shape import clashes, secondary_structure
from mdsnake.evaluate.proteins.walks import chain, mirrored, random_walk

Chains = dict[str, np.ndarray]
HELIX, STRAND = (-60.0, -45.0, 180.0), (-120.0, 130.0, 180.0)


def folded(length: int, *torsions: tuple[float, float, float]) -> np.ndarray:
    """A chain of one secondary structure."""
    return chain(np.tile(np.array(torsions), (length // len(torsions), 1)))


def test_natives_are_valid(natives: Chains) -> None:
    for name, coords in natives.items():
        numbers, failed = measure(coords)
        assert failed == [], name
        assert min(numbers["bonds_in_band"], numbers["angles_in_band"]) > 0.9
        assert 0.02 < numbers["phi_positive"] < 0.15
        assert 0.9 < numbers["rg_ratio"] < 1.2


@pytest.mark.parametrize(
    ("spoilt", "check"),
    [
        (mirrored, {"phi_positive"}),
        (lambda x: 1.05 * x, {"N–CA", "CA–C", "C–N", "CA–CA"}),
        (lambda x: x + 0.1 * np.random.default_rng(0).standard_normal(x.shape), {*BANDS}),
        (lambda x: np.where(np.arange(4)[:, None] == 2, x + 0.3, x), {"CA–C", "C–N", "N–CA–C", "CA–C–N", "C–N–CA"}),
        (lambda x: x[np.random.default_rng(0).permutation(len(x))], {"C–N", "CA–CA", "CA–C–N", "C–N–CA"}),
        (lambda x: 0.4 * x, {"clashes_per_100", "rg_ratio"}),
        (lambda x: np.full_like(x, np.nan), {*BANDS}),
    ],
    ids=["mirror image", "stretched", "noise", "C moved", "residues shuffled", "crushed", "not finite"],
)
def test_what_is_spoilt_fails(natives: Chains, spoilt: Callable[[np.ndarray], np.ndarray], check: set[str]) -> None:
    for name, coords in natives.items():
        _, failed = measure(spoilt(coords))
        assert check <= set(failed), name


def test_random_walks_fail_by_what_they_fold_into_alone(walks: Chains) -> None:
    for coords in walks.values():
        numbers, failed = measure(coords)
        assert numbers["bonds_in_band"] == numbers["angles_in_band"] == 1, "their bonds are ideal"
        assert "phi_positive" in failed
        assert 0.3 < numbers["phi_positive"] < 0.7


def test_a_straight_helix_is_no_globule() -> None:
    assert measure(folded(64, HELIX))[1] == ["rg_ratio"]


def test_a_cis_bond_is_told() -> None:
    torsions = np.tile(np.array(HELIX), (40, 1))
    torsions[::10, 2] = 0
    numbers, failed = measure(chain(torsions))
    assert numbers["trans_share"] == pytest.approx(1 - 4 / 39)
    assert "trans_share" in failed


def test_torsions_are_those_that_were_asked_for() -> None:
    rng = np.random.default_rng(1)
    torsions = rng.uniform(-180, 180, (30, 3))
    found = internal(chain(torsions))
    for kind, asked in (("φ", torsions[1:, 0]), ("ψ", torsions[:-1, 1]), ("ω", torsions[:-1, 2])):
        np.testing.assert_allclose((found[kind] - asked + 180) % 360, 180, atol=1e-6)
    np.testing.assert_allclose(ramachandran(found)[:, 0], found["φ"][:-1])
    np.testing.assert_allclose((ramachandran(found)[:, 1] - torsions[1:-1, 1] + 180) % 360, 180, atol=1e-6)
    assert [len(found[kind]) for kind in ("N–CA", "C–N", "N–CA–C", "φ")] == [30, 29, 30, 29]


def test_helices_and_strands_are_found(natives: Chains) -> None:
    helix, strand = secondary_structure(folded(40, HELIX))
    assert helix > 0.9
    assert strand == 0
    assert secondary_structure(folded(40, STRAND)) == (0, 0), "one strand has no partner"
    assert secondary_structure(natives["3a4rA"])[1] > 0.2
    assert secondary_structure(natives["3a4rA"][:5]) == (0, 0)


def test_clashes_are_counted_beyond_neighbours() -> None:
    ca = np.array([[3.8 * i, 0, 0] for i in range(10)])
    assert clashes(ca) == 0
    ca[9] = ca[0] + [0, 3.5, 0]
    assert clashes(ca) == 1
    ca[9] = ca[0] + [0, 3.7, 0]
    assert clashes(ca) == 0
    assert expected_radius(100) == pytest.approx(12.66, abs=0.01)


def test_a_training_protein_is_its_own_nearest(natives: Chains, walks: Chains) -> None:
    training = {name: natives[name] for name in ("3a4rA", "1i8nA")}
    turn = np.linalg.qr(np.random.default_rng(2).standard_normal((3, 3)))[0]
    turn *= np.linalg.det(turn)
    same, part, other, walk = judge(
        {
            "same": natives["1i8nA"] @ turn + 5,
            "part": natives["3a4rA"][10:60],
            "other": natives["2cviA"],
            "walk": walks["walk1"],
        },
        training,
    )
    assert (same.nearest_training, part.nearest_training) == ("1i8nA", "3a4rA")
    assert same.nearest_training_tm == pytest.approx(1, abs=1e-4)
    assert part.nearest_training_tm == pytest.approx(1, abs=1e-3), "by the length of the chain"
    assert max(same.nearest_training_rmsd_angstrom, part.nearest_training_rmsd_angstrom) < 1e-3
    assert other.nearest_training_tm < 0.5
    assert walk.nearest_training_tm < 0.4, "random walks look new"
    assert min(other.nearest_training_rmsd_angstrom, walk.nearest_training_rmsd_angstrom) > 5
    assert judge({"long": random_walk(150, np.random.default_rng(0))}, training)[0].nearest_training_rmsd_angstrom != 0


def test_a_long_chain_is_not_its_own_part(natives: Chains) -> None:
    whole = natives["3a4rA"]
    (found,) = judge({"whole": whole}, {"part": whole[: len(whole) // 2]})
    assert 0.4 < found.nearest_training_tm < 0.7, "by the length of the chain, not by that of the part"
    assert np.isnan(found.nearest_training_rmsd_angstrom)


def test_ideal_residues_at_random_have_half_of_their_bonds_in_band(natives: Chains) -> None:
    rng = np.random.default_rng(0)
    residues = natives["3a4rA"] - natives["3a4rA"][:, 1:2]
    numbers, _ = measure(residues + 4 * rng.standard_normal((len(residues), 1, 3)))
    assert numbers["bonds_in_band"] > 0.4
    assert numbers["worst_in_band"] < 0.1


def test_a_mirror_image_is_not_the_protein(natives: Chains) -> None:
    training = {"3a4rA": natives["3a4rA"]}
    image = judge({"image": mirrored(natives["3a4rA"])}, training)[0]
    assert not image.valid
    assert image.nearest_training_tm < 0.6
    assert image.nearest_training_rmsd_angstrom > 3
