"""Training: losses, the derivative contraction, the optimisation loop, ensembles and their calibration."""

from ingot.training.contraction import contraction_modes, gradient_function, parameter_gradient
from ingot.training.ensemble import combine, single_member
from ingot.training.errors import TrainingError
from ingot.training.examples import Bucket, Example, divide_buckets, make_buckets, make_example, species_of
from ingot.training.loss import LossWeights, Prediction, SquaredErrors
from ingot.training.offsets import fit_method_offsets, fit_offsets, principal_method
from ingot.training.optimise import TrainedMember, train_member
from ingot.training.run import TrainingData, combine_members, divide, load_data, train_and_save, train_together_and_save
from ingot.training.schedule import OptimiserOptions, TrainingOptions
from ingot.training.screening import Screening, screen
from ingot.training.together import train_together
from ingot.training.uncertainty import fit_uncertainty_scale

__all__ = [
    "Bucket",
    "Example",
    "LossWeights",
    "OptimiserOptions",
    "Prediction",
    "Screening",
    "SquaredErrors",
    "TrainedMember",
    "TrainingData",
    "TrainingError",
    "TrainingOptions",
    "combine",
    "combine_members",
    "contraction_modes",
    "divide",
    "divide_buckets",
    "fit_method_offsets",
    "fit_offsets",
    "fit_uncertainty_scale",
    "gradient_function",
    "load_data",
    "make_buckets",
    "make_example",
    "parameter_gradient",
    "principal_method",
    "screen",
    "single_member",
    "species_of",
    "train_and_save",
    "train_member",
    "train_together",
    "train_together_and_save",
]
