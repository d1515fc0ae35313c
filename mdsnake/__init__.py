"""Prepare, simulate, train on, roll out and judge molecular systems.

Units inside are nm, ps, Da, kJ/mol and K, a closed set: 1 Da nm²/ps² = 1 kJ/mol.
"""

__version__ = "0.1.0"
