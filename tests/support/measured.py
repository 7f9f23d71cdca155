"""The transcription of measured phonons among the development data, as a table that Ingot reads."""

from pathlib import Path

HEAD = """# condition: 80 K
# lattice_constant_A: 4.034
# citation: Stedman & Nilsson, Phys. Rev. 145, 492 (1966), as tabulated in Landolt-Boernstein III/13a
line,branch,coordinate,frequency_THz,error_THz
"""
LINES = {"00z": "100", "0zz": "110", "zzz": "111"}


def write_measured(transcription: Path, table: Path) -> Path:
    """Write the table; its path."""
    rows = []
    for text in transcription.read_text().splitlines()[1:]:
        name, *numbers = text.split(",")
        branch, _, line = name[:-1].partition("[")
        rows.append(",".join([LINES[line], branch, *numbers]))
    table.write_text(HEAD + "\n".join(rows) + "\n")
    return table
