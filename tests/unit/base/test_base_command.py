"""What the command line says when something goes wrong that no stage expects."""

import pytest

from ingot.cli import doctor
from ingot.cli.main import main


@pytest.mark.parametrize(
    "error",
    [MemoryError("Unable to allocate 83.8 GiB"), RuntimeError("RESOURCE_EXHAUSTED: Out of memory allocating 9 bytes.")],
)
def test_want_of_memory_is_an_error_that_helps(error, monkeypatch, capsys):
    def exhausted(args):
        raise error

    monkeypatch.setattr(doctor, "run", exhausted)
    assert main(["doctor"]) == 1
    said = capsys.readouterr().err
    assert "ingot doctor: out of memory: " in said
    assert str(error)[:20] in said
    assert "training.memory_mb" in said


def test_other_errors_are_not_taken_for_want_of_memory(monkeypatch):
    def broken(args):
        raise RuntimeError("something else")

    monkeypatch.setattr(doctor, "run", broken)
    with pytest.raises(RuntimeError, match="something else"):
        main(["doctor"])
