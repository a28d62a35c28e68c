"""What can be said of a recipe while it is written: each fault at its section and line. Pure; nothing of anybody's is run."""

from registry.checking.recipes import Problem, check_recipe

__all__ = ["Problem", "check_recipe"]
