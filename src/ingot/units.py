"""Units and conversions.

Inside Ingot lengths are in angstrom, energies in eV, masses in amu, temperatures in K,
and therefore times in ``A sqrt(amu / eV)`` and pressures in eV/A^3 (ASE's system).
Femtoseconds and gigapascals appear only at the edges, in names that say so.
Values are those of CODATA 2018 as tabulated by ``scipy.constants``.
"""

from scipy import constants as _c

BOLTZMANN = _c.k / _c.e
"""Boltzmann constant in eV/K."""

HARTREE = _c.physical_constants["Hartree energy in eV"][0]
"""One Hartree in eV."""

BOHR = _c.physical_constants["Bohr radius"][0] * 1e10
"""One Bohr radius in angstrom."""

AMU = _c.physical_constants["atomic mass constant"][0]
"""One atomic mass unit in kg."""

FEMTOSECOND = 1e-15 / (1e-10 * (AMU / _c.e) ** 0.5)
"""One femtosecond in the internal time unit, A sqrt(amu/eV)."""

GIGAPASCAL = 1e9 * 1e-30 / _c.e
"""One gigapascal in eV/A^3."""

GRAM_PER_CUBIC_CENTIMETRE = 1e-3 * 1e-24 / AMU
"""One g/cm^3 in amu/A^3."""

KJ_PER_MOL = 1e3 / (_c.N_A * _c.e)
"""One kJ/mol in eV per particle."""

MILLIJOULE_PER_SQUARE_METRE = 1e-3 * 1e-20 / _c.e
"""One mJ/m^2 in eV/A^2."""

JOULE_PER_MOL = 1.0 / (_c.N_A * _c.e)
"""1 J/mol in eV per particle; J/mol/K in eV/K."""
