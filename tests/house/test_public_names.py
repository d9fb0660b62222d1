"""The public names of both packages: all listed, sorted, present, and nothing else in sight."""

from __future__ import annotations

import importlib
import inspect

import pytest

PACKAGES = ["ruvllm_grammar", "ruvllm_runtime"]


def order(name: str) -> tuple[int, str]:
    """Constants and acronyms, then classes, then functions: the order ruff's RUF022 keeps."""
    return (0 if name.isupper() else 1 if name[0].isupper() else 2, name)


@pytest.mark.parametrize("package", PACKAGES)
def test_all_is_sorted_and_without_repeats(package):
    names = importlib.import_module(package).__all__
    assert list(names) == sorted(set(names), key=order)


@pytest.mark.parametrize("package", PACKAGES)
def test_every_listed_name_exists(package):
    module = importlib.import_module(package)
    assert [name for name in module.__all__ if not hasattr(module, name)] == []


@pytest.mark.parametrize("package", PACKAGES)
def test_every_public_class_and_function_is_listed(package):
    module = importlib.import_module(package)
    found = {
        name
        for name, value in vars(module).items()
        if not name.startswith("_")
        and (inspect.isclass(value) or inspect.isfunction(value))
        and value.__module__.partition(".")[0] in PACKAGES
    }
    assert found - set(module.__all__) == set()


@pytest.mark.parametrize("package", PACKAGES)
def test_every_public_name_is_documented(package):
    module = importlib.import_module(package)
    bare = [
        name
        for name in module.__all__
        if callable(getattr(module, name)) and not getattr(module, name).__doc__
    ]
    assert bare == []


@pytest.mark.parametrize("package", PACKAGES)
def test_every_error_is_public(package):
    module, errors = importlib.import_module(package), importlib.import_module(f"{package}.errors")
    tree = {name for name, value in vars(errors).items() if inspect.isclass(value)}
    assert tree - set(module.__all__) == set()
