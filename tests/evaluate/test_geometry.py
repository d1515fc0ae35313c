import numpy as np
from scipy.spatial.transform import Rotation

from mdsnake.evaluate.geometry import aligned_rmsd, angles, dihedrals, kabsch, lengths, wrap


def test_internal_coordinates_come_back(place):
    rng = np.random.default_rng(0)
    bonds, bends = rng.uniform(0.1, 0.2, (50, 3)), rng.uniform(0.5, 2.6, (50, 2))
    torsion = rng.uniform(-np.pi, np.pi, 50)
    x = place(bonds, bends, torsion)
    np.testing.assert_allclose(lengths(x, np.array([[0, 1], [1, 2], [2, 3]])), bonds, rtol=1e-12)
    np.testing.assert_allclose(angles(x, np.array([[0, 1, 2], [1, 2, 3]])), bends, rtol=1e-12)
    np.testing.assert_allclose(dihedrals(x, np.array([[0, 1, 2, 3]]))[:, 0], torsion, atol=1e-12)


def test_no_atoms_give_no_columns():
    x = np.zeros((5, 3, 3))
    assert dihedrals(x, np.zeros((0, 4), dtype=int)).shape == (5, 0)


def test_wrap_takes_the_short_way():
    np.testing.assert_allclose(wrap(np.array([1.9 * np.pi, -1.5 * np.pi, 0.3])), [-0.1 * np.pi, 0.5 * np.pi, 0.3])


def test_rotated_and_moved_copies_superpose():
    rng = np.random.default_rng(1)
    x = rng.normal(size=(40, 6, 3))
    rotation = Rotation.random(40, rng).as_matrix()
    y = np.einsum("fij,fnj->fni", rotation, x) + rng.normal(size=(40, 1, 3))
    np.testing.assert_allclose(aligned_rmsd(x, y), 0, atol=1e-12)
    centred = y - y.mean(axis=1, keepdims=True)
    np.testing.assert_allclose(kabsch(x - x.mean(axis=1, keepdims=True), centred), rotation.swapaxes(1, 2), atol=1e-10)


def test_a_mirror_image_does_not_superpose():
    x = np.random.default_rng(2).normal(size=(10, 5, 3))
    mirrored = x * [1, 1, -1]
    assert aligned_rmsd(x, mirrored).min() > 0.1
    np.testing.assert_allclose(np.linalg.det(kabsch(x, mirrored)), 1)


def test_rmsd_agrees_with_scipy():
    rng = np.random.default_rng(3)
    x, y = rng.normal(size=(2, 8, 3))
    x, y = x - x.mean(axis=0), y - y.mean(axis=0)
    _, residual = Rotation.align_vectors(y, x)
    np.testing.assert_allclose(aligned_rmsd(x[None], y[None])[0], residual / np.sqrt(8), rtol=1e-9)
