"""The optimisation loop: it learns, repeats itself bit for bit, resumes, and survives bad luck."""

import dataclasses

import jax
import numpy as np
import pytest
from ase.build import bulk
from ase.calculators.singlepoint import SinglePointCalculator

from ingot.potentials import AniArchitecture
from ingot.training import (
    LossWeights,
    OptimiserOptions,
    TrainingError,
    TrainingOptions,
    combine,
    divide_buckets,
    fit_uncertainty_scale,
    make_buckets,
    single_member,
    train_member,
    train_together,
)
from ingot.training import optimise as loop
from ingot.training import together as many
from ingot.training.checkpoint import load_checkpoint
from ingot.training.schedule import Progress, finished, learning_rate_at, note_validation
from ingot.training.shelf import Shelf

ARCHITECTURE = AniArchitecture.evenly_spaced(("Al",), 5.0, 6, 4.0, 2, 3, hidden=(8, 6))
OPTIONS = TrainingOptions(
    OptimiserOptions(
        epochs=60,
        batch_size=5,
        learning_rate=1e-2,
        schedule="cosine",
        patience=1000,
        final_learning_rate=1e-4,
        average_decay=0.9,
        clip_norm=10.0,
        weight_decay=0.0,
        validation_interval=10,
    ),
    LossWeights(10.0, 1.0, 10.0),
)


def with_optimiser(**changes):
    return dataclasses.replace(OPTIONS, optimiser=dataclasses.replace(OPTIONS.optimiser, **changes))


def teacher():
    return single_member(ARCHITECTURE, ARCHITECTURE.initial_parameters(99), {"Al": -3.0}, {})


def frames(count, seed=0):
    """Structures labelled by a random network of the same architecture: what is there can be learned."""
    calculator = teacher().calculator()
    made = []
    for k in range(count):
        atoms = bulk("Al", "fcc", a=4.0 + 0.02 * (k % 5), cubic=True)
        atoms.rattle(0.12, seed=1000 * seed + k)
        atoms.calc = calculator
        label = {name: atoms.calc.get_property(name, atoms) for name in ("energy", "forces", "stress")}
        atoms.calc = SinglePointCalculator(atoms, free_energy=label["energy"], **label)
        made.append(atoms)
    return made


@pytest.fixture(scope="module")
def data():
    offsets = {"": {"Al": -3.0}}
    return make_buckets(frames(15), ARCHITECTURE, offsets), make_buckets(frames(5, 1), ARCHITECTURE, offsets)


def flat(member):
    return np.concatenate([np.ravel(leaf) for leaf in jax.tree.leaves(member.parameters)])


def test_training_learns_a_teacher_and_reports_the_errors_it_has(data):
    member = train_member(ARCHITECTURE, *data, with_optimiser(epochs=300), seed=0)
    first, last = member.log[0], member.log[-1]
    assert last["validation_force_rmse_ev_per_angstrom"] < 0.2 * first["validation_force_rmse_ev_per_angstrom"]
    assert last["validation_energy_rmse_mev_per_atom"] < 0.5 * first["validation_energy_rmse_mev_per_atom"]
    best = next(row for row in member.log if row["epoch"] == member.best_epoch)
    calculator = single_member(ARCHITECTURE, member.parameters, {"Al": -3.0}, {}).calculator()
    errors = [calculator.get_forces(a) - a.get_forces() for a in frames(5, 1)]
    assert np.isclose(np.sqrt(np.mean(np.square(errors))), best["validation_force_rmse_ev_per_angstrom"], rtol=1e-3)


def test_the_same_seed_gives_the_same_bits_and_another_seed_does_not(data):
    one, again, other = (train_member(ARCHITECTURE, *data, OPTIONS, seed=s) for s in (1, 1, 2))
    assert np.array_equal(flat(one), flat(again))
    assert one.log == again.log
    assert not np.array_equal(flat(one), flat(other))


def test_a_killed_training_continues_bit_for_bit(data, tmp_path, monkeypatch):
    whole = train_member(ARCHITECTURE, *data, OPTIONS, seed=3)
    checkpoint = tmp_path / "checkpoint.safetensors"
    calls = iter(range(10**6))

    def killed(*arguments):
        if next(calls) == 33:
            raise KeyboardInterrupt
        return real(*arguments)

    real = loop.batches_of_epoch
    monkeypatch.setattr(loop, "batches_of_epoch", killed)
    with pytest.raises(KeyboardInterrupt):
        train_member(ARCHITECTURE, *data, OPTIONS, seed=3, checkpoint=checkpoint)
    monkeypatch.setattr(loop, "batches_of_epoch", real)
    resumed = train_member(ARCHITECTURE, *data, OPTIONS, seed=3, checkpoint=checkpoint)
    assert np.array_equal(flat(resumed), flat(whole))
    assert resumed.log == whole.log
    assert resumed.cost[0]["epoch"] == 40
    # A checkpoint of another seed is not continued from; a damaged one is an error that says so.
    other = train_member(ARCHITECTURE, *data, OPTIONS, seed=4, checkpoint=checkpoint)
    assert np.array_equal(flat(other), flat(train_member(ARCHITECTURE, *data, OPTIONS, seed=4)))
    checkpoint.write_bytes(checkpoint.read_bytes()[:-50])
    with pytest.raises(TrainingError, match="delete it"):
        load_checkpoint(checkpoint, None, "")


def test_a_diverging_training_restores_its_last_good_state(data, monkeypatch):
    real = loop.update
    calls = iter(range(10**6))

    def spoil(result):
        return jax.tree.map(lambda leaf: leaf * np.float32(np.nan) if leaf.dtype == np.float32 else leaf, result)

    def poisoned(*arguments):
        result = real(*arguments)
        return spoil(result) if next(calls) in (40, 41) else result

    monkeypatch.setattr(loop, "update", poisoned)
    member = train_member(ARCHITECTURE, *data, OPTIONS, seed=5)
    assert np.isfinite(flat(member)).all()
    assert [row["epoch"] for row in member.log] == [10, 20, 30, 40, 50, 60]
    rates = [row["learning_rate"] for row in member.log]
    assert rates[1] < 0.6 * rates[0]
    monkeypatch.setattr(loop, "update", lambda *arguments: spoil(real(*arguments)))
    given_up = train_member(ARCHITECTURE, *data, OPTIONS, seed=5)
    assert "not a number 6 times" in given_up.diverged
    assert not member.diverged
    assert np.isfinite(flat(given_up)).all()


def test_without_validation_the_last_average_is_kept(data):
    member = train_member(ARCHITECTURE, data[0], [], with_optimiser(epochs=20), seed=0)
    assert member.best_epoch == 20
    assert np.isnan(member.log[-1]["validation_force_rmse_ev_per_angstrom"])
    with pytest.raises(TrainingError, match="no structure"):
        train_member(ARCHITECTURE, [], [], OPTIONS, seed=0)


@pytest.mark.parametrize("contraction", [None, pytest.param("forward", marks=pytest.mark.slow)])
def test_arrays_in_files_give_the_same_network(tmp_path, contraction):
    """No memory at all: every batch is read from files, of which nothing is left."""
    options = dataclasses.replace(with_optimiser(epochs=6, validation_interval=3), jacobian_memory=0)
    options = dataclasses.replace(options, contraction=contraction)
    together = frames(11)
    offsets = {"": {"Al": -3.0}}
    results = []
    for memory in (float("inf"), 0):
        shelf = Shelf(memory, tmp_path)
        buckets = make_buckets(together, ARCHITECTURE, offsets, shelf)
        assert all(bucket.filed == (memory == 0) for bucket in buckets)
        divided = divide_buckets(buckets, 8)
        for part in (*divided[0], *divided[1]):
            assert isinstance(part.examples.positions, np.memmap) == (memory == 0)  # views, not copies
        results.append(train_member(ARCHITECTURE, *divided, options, 1, tmp_path / f"{memory}.st", shelf))
        assert not list(tmp_path.glob("training-*"))
    plain, filed = results
    assert np.array_equal(flat(plain), flat(filed))
    for row, other in zip(plain.log, filed.log, strict=True):
        assert row == pytest.approx(other, rel=1e-5)


def test_members_in_one_program_are_the_members_trained_alone(data, tmp_path, monkeypatch):
    """Also when that training is killed and goes on, with all arrays in files."""
    options = dataclasses.replace(with_optimiser(epochs=8, validation_interval=2), precision="float64")
    seeds = [1, 2, 5]
    alone = [train_member(ARCHITECTURE, *data, options, seed) for seed in seeds]
    together = train_together(ARCHITECTURE, *data, options, seeds)
    for one, other in zip(alone, together, strict=True):
        np.testing.assert_allclose(flat(one), flat(other), rtol=1e-7, atol=1e-9)
        assert one.best_epoch == other.best_epoch
        for row, same in zip(one.log, other.log, strict=True):
            assert row == pytest.approx(same, rel=1e-7)

    checkpoints = [tmp_path / f"{seed}.safetensors" for seed in seeds]
    real, calls = many.update_members, iter(range(100))

    def killed(*arguments):
        if next(calls) == 4 * 3:
            raise KeyboardInterrupt
        return real(*arguments)

    monkeypatch.setattr(many, "update_members", killed)
    with pytest.raises(KeyboardInterrupt):
        train_together(ARCHITECTURE, *data, options, seeds, checkpoints)
    monkeypatch.setattr(many, "update_members", real)
    assert all(path.is_file() for path in checkpoints)
    resumed = train_together(ARCHITECTURE, *data, options, seeds, checkpoints, Shelf(0, tmp_path / "shelf"))
    for one, other in zip(together, resumed, strict=True):
        assert np.array_equal(flat(one), flat(other))
        assert one.log == other.log


def test_a_member_that_diverges_does_not_hold_up_the_others(data, monkeypatch):
    options = dataclasses.replace(with_optimiser(epochs=6, validation_interval=1), precision="float64")
    seeds, real, calls = [1, 2], many.update_members, iter(range(1000))

    def poisoned(*arguments):
        moved = real(*arguments)
        if next(calls) == 7:  # the second member, in its third epoch
            return jax.tree.map(lambda leaf: leaf.at[1].set(np.nan) if leaf.dtype.kind == "f" else leaf, moved)
        return moved

    monkeypatch.setattr(many, "update_members", poisoned)
    first, second = train_together(ARCHITECTURE, *data, options, seeds)
    monkeypatch.setattr(many, "update_members", real)
    np.testing.assert_allclose(flat(first), flat(train_together(ARCHITECTURE, *data, options, seeds)[0]), rtol=1e-9)
    assert [row["epoch"] for row in second.log] == [1, 2, 3, 4, 5, 6]
    assert all(np.isfinite(row["validation_force_rmse_ev_per_angstrom"]) for row in second.log)
    rates = [[row["learning_rate"] for row in member.log] for member in (first, second)]
    assert rates[1][:2] == rates[0][:2]
    assert rates[1][2] == pytest.approx(0.5 * (rates[0][2] + options.optimiser.final_learning_rate), rel=0.3)


def test_the_shelf_fills_memory_first(tmp_path):
    shelf = Shelf(100, tmp_path / "new")
    assert [shelf.has_room(size) for size in (60, 60, 40, 1)] == [True, False, True, False]
    array = shelf.empty((3, 2), np.dtype(np.float32), filed=True)
    array[1] = 5
    assert isinstance(array, np.memmap)
    assert array.sum() == 10
    assert shelf.empty((3, 0), np.dtype(np.float32), filed=True).size == 0


def test_errors_of_forces_are_averaged_over_the_structures_that_have_them(data):
    """Three of five structures without forces: the reported error is that of the other two."""
    learning, watching = data
    (bucket,) = watching
    known = np.array([True, False, False, True, False])
    part = dataclasses.replace(
        bucket,
        examples=dataclasses.replace(
            bucket.examples, has_forces=known, forces=np.where(known[:, None, None], bucket.examples.forces, 0.0)
        ),
    )
    few = with_optimiser(epochs=2, validation_interval=2)
    log = train_member(ARCHITECTURE, learning, [part], few, 1).log[-1]
    alone = train_member(ARCHITECTURE, learning, [bucket.select({bucket.places[0], bucket.places[3]})], few, 1).log[-1]
    key = "validation_force_rmse_ev_per_angstrom"
    assert log[key] == pytest.approx(alone[key], rel=1e-5)


def test_schedules():
    cosine = OPTIONS.optimiser
    rates = [learning_rate_at(cosine, Progress(epoch=k, learning_rate=1e-2)) for k in range(60)]
    assert max(rates) == pytest.approx(1e-2, rel=0.01)
    assert rates[-1] < 2e-4
    assert (np.diff(rates[2:]) <= 0).all()
    plateau = dataclasses.replace(cosine, schedule="plateau", patience=20, epochs=10**6)
    progress = Progress(epoch=10, learning_rate=1e-2)
    assert note_validation(plateau, progress, 1.0)
    for epoch in (20, 30, 40):
        progress.epoch = epoch
        assert not note_validation(plateau, progress, 1.0)
    assert progress.learning_rate == 5e-3
    assert not finished(plateau, progress)
    progress.epoch = 80
    assert finished(plateau, progress)
    assert finished(plateau, Progress(epoch=1, learning_rate=1e-5))


def test_uncertainty_scale_matches_spread_to_errors(data):
    members = [train_member(ARCHITECTURE, *data, OPTIONS, seed=s) for s in range(3)]
    ensemble = combine(
        [single_member(ARCHITECTURE, m.parameters, {"Al": -3.0}, {"member": k}) for k, m in enumerate(members)]
    )
    assert ensemble.members == 3
    validation = frames(6, 2)
    scale, report = fit_uncertainty_scale(ensemble, validation)
    assert report["structures"] == 6
    calibrated = dataclasses.replace(ensemble, uncertainty_scale=scale)
    calculator = calibrated.calculator()
    errors, spreads = [], []
    for atoms in validation:
        errors.append(calculator.get_forces(atoms) - atoms.get_forces())
        spreads.append(calculator.results["forces_std"])
    assert np.isclose(np.mean(np.square(errors)), np.mean(np.square(spreads)), rtol=1e-6)
    with pytest.raises(TrainingError, match="no validation"):
        fit_uncertainty_scale(ensemble, [])


def test_members_that_do_not_belong_together_are_not_combined():
    one = teacher()
    other = dataclasses.replace(one, offsets={"Al": -4.0})
    with pytest.raises(TrainingError, match="different data"):
        combine([one, other])
    architecture = dataclasses.replace(ARCHITECTURE, hidden=(8, 7))
    third = single_member(architecture, architecture.initial_parameters(0), {"Al": -3.0}, {})
    with pytest.raises(TrainingError, match="another architecture"):
        combine([one, third])
