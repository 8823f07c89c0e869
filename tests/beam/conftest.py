"""The model of the commands' tests."""

from tests.cli.conftest import affine_model as affine_model
