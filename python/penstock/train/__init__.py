"""A small trainer for image classifiers, fed by penstock's loader.

Recipe, images, network and loop; evaluation, checkpoints and the position that is in them; several processes; report.
"""

from penstock.train.loop import Result, train
from penstock.train.recipe import Recipe, SettingError, TrainingError, recipe_for

__all__ = ["Recipe", "Result", "SettingError", "TrainingError", "recipe_for", "train"]
