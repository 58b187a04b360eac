"""Tests of object stores never use the credentials of the machine that they run on."""

import pytest


@pytest.fixture(autouse=True)
def _no_credentials(no_credentials_of_this_machine: None) -> None:
    pass
