"""PLACEHOLDER"""

from pydantic_ai.models.test import TestModel


class PracticeModel(TestModel): ...
