"""Periodic Kohn-Sham labels on top of PySCF: k-points, smearing, the self-consistent field, forces and stress."""
