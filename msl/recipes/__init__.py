"""Recipes: named sets of defaults for all stages of an experiment.

A recipe is a function that takes a recipe and changes named settings. So each recipe says only how it differs from the
one that it builds on.
"""

from msl.recipes.catalog import RECIPES, find_recipe
from msl.recipes.recipe import Recipe
from msl.recipes.request import Request

__all__ = ["RECIPES", "Recipe", "Request", "find_recipe"]
