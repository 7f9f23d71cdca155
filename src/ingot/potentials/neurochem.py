"""Reads ensembles in the NeuroChem format, such as the published ANI-Al (github.com/atomistic-ml/ani-al)."""

import bz2
import re
from pathlib import Path
from typing import Any

import jax
import numpy as np

from ingot.potentials.ani import AniArchitecture
from ingot.potentials.errors import PotentialError
from ingot.potentials.potential import Potential
from ingot.units import HARTREE

_CELU, _LINEAR = 9, 6
"""NeuroChem's codes for CELU(alpha = 0.1) and for no activation."""


def _read_constants(path: Path) -> dict[str, Any]:
    """``key = value`` or ``key = [v, v, ...]`` lines of a ``.params`` file."""
    constants: dict[str, Any] = {}
    for line in path.read_text().splitlines():
        key, separator, value = (part.strip() for part in line.partition("="))
        if separator:
            entries = value.strip("[]").split(",")
            constants[key] = [entry.strip() for entry in entries]
    return constants


def _numbers(constants: dict[str, Any], key: str, path: Path) -> tuple[float, ...]:
    try:
        return tuple(float(entry) for entry in constants[key])
    except (KeyError, ValueError):
        raise PotentialError(f"{path}: no numbers for {key!r}; this is not a NeuroChem parameter file") from None


def _network_text(path: Path) -> str:
    """A ``.nnf`` file is ``<length>=``, a newline and bzip2 data."""
    try:
        _, _, compressed = path.read_bytes().partition(b"=\n")
        return bz2.decompress(compressed).decode("ascii", errors="replace")
    except (OSError, ValueError, EOFError) as error:
        raise PotentialError(f"cannot read the network {path}: {error}") from None


def _layer_files(network: Path) -> list[tuple[str, str, int, int, int]]:
    """(weights, biases, inputs, outputs, activation) of every layer in a ``.nnf`` file."""
    text = _network_text(network)
    layers = []
    for block in re.split(r"layer\s*\[", text)[1:]:
        nodes = re.search(r"nodes\s*=\s*(\d+)", block)
        inputs = re.search(r"blocksize\s*=\s*(\d+)", block)
        activation = re.search(r"activation\s*=\s*(\d+)", block)
        weights = re.search(r"weights\s*=\s*FILE\s*:\s*(\S+?)\[", block)
        biases = re.search(r"biases\s*=\s*FILE\s*:\s*(\S+?)\[", block)
        if not (nodes and inputs and activation and weights and biases):
            raise PotentialError(f"{network}: a layer lacks nodes, activation, weights or biases")
        layers.append((weights[1], biases[1], int(inputs[1]), int(nodes[1]), int(activation[1])))
    return layers


def _tensor(path: Path, shape: tuple[int, ...]) -> np.ndarray:
    """Little-endian float32 values as float64; raises :class:`PotentialError` for a wrong size."""
    try:
        values = np.fromfile(path, dtype="<f4").astype(np.float64)
    except OSError as error:
        raise PotentialError(f"cannot read {path}: {error}") from None
    if values.size != np.prod(shape):
        raise PotentialError(f"{path} holds {values.size} numbers, {int(np.prod(shape))} are expected")
    return values.reshape(shape)


def _read_network(path: Path) -> list[dict[str, np.ndarray]]:
    """Layers of one species' network, in eV."""
    files = _layer_files(path)
    codes = [layer[-1] for layer in files]
    if not codes or codes != [_CELU] * (len(codes) - 1) + [_LINEAR]:
        raise PotentialError(f"{path}: activations {codes}; only CELU layers ({_CELU}) and a linear output are known")
    layers = [
        {"weight": _tensor(path.parent / w, (outputs, inputs)).T, "bias": _tensor(path.parent / b, (outputs,))}
        for w, b, inputs, outputs, _ in files
    ]
    layers[-1] = {name: HARTREE * tensor for name, tensor in layers[-1].items()}
    return layers


def read_neurochem(directory: str | Path) -> Potential:
    """The ensemble in a NeuroChem directory: ``*.params``, a self-energy file and ``train<k>/`` networks.

    The self energies (a linear fit, in Hartree) become the offsets.
    Raises :class:`PotentialError` for missing, truncated or unknown content.
    """
    root = Path(directory)
    constants_path = next(iter(sorted(root.glob("*.params"))), None)
    self_energies_path = next(iter(sorted(root.glob("sae*.dat"))), None)
    members = sorted(root.glob("train*"), key=lambda path: int(re.sub(r"\D", "", path.name) or 0))
    if constants_path is None or self_energies_path is None or not members:
        raise PotentialError(f"{root}: a NeuroChem model needs *.params, sae*.dat and train0/, train1/, ...")
    constants = _read_constants(constants_path)
    species = tuple(constants.get("Atyp", ()))
    self_energies = {
        symbol: HARTREE * float(value)
        for symbol, value in re.findall(r"(\w+)\s*,\s*\d+\s*=\s*(\S+)", self_energies_path.read_text())
    }
    networks = []
    for member in members:
        layers = [
            _read_network(next(iter(sorted(member.rglob(f"ANN-{symbol}.nnf"))), member / f"ANN-{symbol}.nnf"))
            for symbol in species
        ]
        networks.append(
            {
                "layers": tuple(
                    jax.tree.map(lambda *tensors: np.stack(tensors), *same) for same in zip(*layers, strict=True)
                )
            }
        )

    def value(key: str) -> float:
        return _numbers(constants, key, constants_path)[0]

    architecture = AniArchitecture(
        species=species,
        radial_cutoff=value("Rcr"),
        radial_eta=value("EtaR"),
        radial_shifts=_numbers(constants, "ShfR", constants_path),
        angular_cutoff=value("Rca"),
        angular_eta=value("EtaA"),
        angular_zeta=value("Zeta"),
        angular_angles=_numbers(constants, "ShfZ", constants_path),
        angular_shifts=_numbers(constants, "ShfA", constants_path),
        hidden=tuple(layer["bias"].shape[1] for layer in networks[0]["layers"][:-1]),
    )
    if networks[0]["layers"][0]["weight"].shape[1] != architecture.features:
        raise PotentialError(
            f"{root}: the networks take {networks[0]['layers'][0]['weight'].shape[1]} features, "
            f"{constants_path.name} defines {architecture.features}"
        )
    return Potential(
        architecture=architecture,
        parameters=jax.tree.map(lambda *leaves: np.stack(leaves), *networks),
        offsets=self_energies,
        provenance={"source": "NeuroChem", "constants": constants_path.name},
    )
