"""A small trainer for picture classifiers, fed by penstock's loader: recipe, data, model, loop, report."""

from penstock.train.loop import Result, train
from penstock.train.recipe import Recipe, SettingError, TrainingError, recipe_for

__all__ = ["Recipe", "Result", "SettingError", "TrainingError", "recipe_for", "train"]
