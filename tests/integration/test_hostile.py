"""The hostile inputs are numbered; every number has tests that bear it, and what must hold afterwards
is asserted by each of them."""

import ast
import re
from functools import cache

import pytest
from support.paths import ROOT

NUMBERS = [*range(1, 36), 69, 70, 71, 72, 76]
FOLDER = ROOT / "tests/integration"
NUMBER = re.compile(r"_n(\d\d)(?=_)")


@cache
def numbered():
    """(file, function) of every test that bears a number."""
    return [
        (path, node)
        for path in sorted(FOLDER.glob("test_*.py"))
        for node in ast.parse(path.read_text()).body
        if isinstance(node, ast.FunctionDef) and NUMBER.search(node.name)
    ]


@pytest.mark.plain_only
@pytest.mark.parametrize("number", NUMBERS)
def test_every_number_has_its_tests(number):
    assert [node.name for _, node in numbered() if f"{number:02}" in NUMBER.findall(node.name)]


# What is tried before a service runs, or where none does.
WITHOUT_SERVICE = {
    "test_n76_a_wrong_setting_is_an_error",
    "test_n76_a_file_of_settings_that_is_none",
    "test_n72_a_migration_that_is_ended_is_done_by_the_next",
}


@pytest.mark.plain_only
def test_every_one_looks_at_the_service_afterwards():
    """By the fixture `victim`, within a Siege or, where memory fails, a Vigil (`starved`): the same
    process, an answer at once, memory back. `settled` is a start or a command without a service."""
    looks = {"victim", "starved", "settled", "desk"}
    left = [
        f"{path.name}: {node.name}"
        for path, node in numbered()
        if path.name.startswith("test_hostile_")
        and node.name not in WITHOUT_SERVICE
        and not looks & {argument.arg for argument in node.args.args}
        and "Siege(" not in ast.unparse(node)
    ]
    assert left == []


@pytest.mark.plain_only
def test_every_one_can_fail():
    """It asserts, or calls what does."""
    judges = {"is_problem", "refused", "good", "refuses_whole", "never_ran", "starve_reads", "starve_change"}

    def judges_in(node):
        return [
            one
            for one in ast.walk(node)
            if isinstance(one, ast.Assert)
            or (isinstance(one, ast.Call) and isinstance(one.func, ast.Name) and one.func.id in judges)
        ]

    assert [node.name for path, node in numbered() if not judges_in(node) and "hostile" in path.name] == [
        "test_n11_only_hosts_that_are_served_are_answered",  # asserts in only_some()
    ]
