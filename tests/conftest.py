"""What every test shares. A folder that is a suite of its own gives its tests their marker."""

import pytest

SUITES = ("system", "browser")


@pytest.hookimpl(tryfirst=True)
def pytest_collection_modifyitems(config: pytest.Config, items: list[pytest.Item]) -> None:
    """Runs before pytest deselects by marker, so that `-m` sees what is added here."""
    for suite in SUITES:
        folder = config.rootpath / "tests" / suite
        for item in items:
            if item.path.is_relative_to(folder):
                item.add_marker(suite)
