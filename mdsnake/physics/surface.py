"""Surfaces in two dimensions, without units, for any number of walkers at once."""

import numpy as np


class MuellerBrown2D:
    """The surface of Müller and Brown (Theor. Chim. Acta 53, 75 (1979)).

    V(x, y) = Σₖ Hₖ exp(aₖ (x − xₖ)² + bₖ (x − xₖ)(y − yₖ) + cₖ (y − yₖ)²), with energies and lengths of its own.
    Its two deep minima, A the deepest and then B, are the states: discs of `RADIUS` round them.
    """

    HEIGHTS = np.array([-200.0, -100.0, -170.0, 15.0])
    #: a, b and c.
    XX, XY, YY = np.array([[-1, -1, -6.5, 0.7], [0, 0, 11, 0.6], [-10, -10, -6.5, 0.7]])
    X0, Y0 = np.array([[1, 0, -0.5, -1], [0, 0.5, 1.5, 1]])
    A, B, SHALLOW = MINIMA = np.array([[-0.558, 1.442], [0.623, 0.028], [-0.050, 0.467]])
    SADDLES = np.array([[-0.822, 0.624], [0.212, 0.293]])
    RADIUS = 0.2

    #: The exponents multiplied out, by x², xy, y², x, y and 1: a few products of matrices take half the time.
    _X, _Y = -2 * XX * X0 - XY * Y0, -XY * X0 - 2 * YY * Y0
    _EXPONENTS = np.stack([XX, XY, YY, _X, _Y, -0.5 * (_X * X0 + _Y * Y0)], axis=1)
    #: Their derivatives along x, (2a, b) · (x, y) + `_X`, and along y, (b, 2c) · (x, y) + `_Y`, times the heights.
    _SLOPES = HEIGHTS * np.stack([2 * XX, XY, 2 * YY, _X, _Y])

    def energy(self, x: np.ndarray) -> np.ndarray:
        """V at the points x (..., 2), (...)."""
        return self.energy_force(x)[0]

    def force(self, x: np.ndarray) -> np.ndarray:
        """−∇V at the points x (..., 2), (..., 2)."""
        return self.energy_force(x)[1]

    def energy_force(self, x: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
        """Both, at little more than the cost of one."""
        shape = np.shape(x)
        along, up = np.asarray(x, dtype=float).reshape(-1, 2).T
        monomials = np.array([along * along, along * up, up * up, along, up, np.ones_like(up)])
        terms = np.exp(self._EXPONENTS @ monomials)
        xx, xy, yy, x0, y0 = self._SLOPES @ terms
        slopes = np.array([xx * along + xy * up + x0, xy * along + yy * up + y0]).T
        return (self.HEIGHTS @ terms).reshape(shape[:-1]), -slopes.reshape(shape)

    def state(self, x: np.ndarray) -> np.ndarray:
        """0 at points x (..., 2) in disc A, 1 in disc B, −1 elsewhere, (...)."""
        away = np.linalg.norm(x[..., None, :] - self.MINIMA[:2], axis=-1)
        return np.where(away.min(-1) < self.RADIUS, away.argmin(-1), -1)


SURFACES = {"mueller-brown": MuellerBrown2D()}
