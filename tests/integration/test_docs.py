"""The reference pages of docs/ list what the programs have: all of it, and nothing else."""

import os
import re

import pytest
from support import reference
from support.paths import HALLMARK, HALLMARKD, ROOT

DOCS = ROOT / "docs"
NAMES = ("settings.md", "problems.md", "metrics.md", "hallmarkd.md", "hallmark.md")


@pytest.fixture(scope="module")
def pages(hallmark):
    made = reference.pages(hallmark)
    if os.environ.get("HALLMARK_WRITE_DOCS"):
        for name, text in made.items():
            (DOCS / name).write_text(text)
    return made


@pytest.mark.parametrize("name", NAMES)
def test_a_reference_page_says_what_the_programs_say(pages, name):
    assert (DOCS / name).read_text() == pages[name], "`make docs` makes it anew"


def test_no_page_is_left_out(pages):
    assert sorted(pages) == sorted(NAMES)


def rows(text):
    return re.findall(r"^\| `(.*?)` \|", text, re.M)


def test_every_setting_is_on_its_page(hallmark, pages):
    """`hallmarkd config` has a line for each row of the table of settings."""
    printed = hallmark.command("config").stdout
    names = re.findall(r"^(?:# )?([a-z_]+) +(?:=|is not set)", printed, re.M)
    assert len(names) > 15
    assert rows(pages["settings.md"]) == names


def test_every_metric_is_on_its_page(pages):
    """The table that /metrics takes its HELP lines from."""
    table = re.findall(r'ABOUT\("(\w+)"', (ROOT / "api/exposition.c").read_text())
    assert len(table) > 10
    assert sorted(rows(pages["metrics.md"])) == sorted(f"hallmark_{name}" for name in table)


def test_every_problem_is_on_its_page(pages):
    table = re.findall(r'X\([A-Z_]+, \d+, "([a-z-]+)"', (ROOT / "base/problem.h").read_text())
    assert rows(pages["problems.md"]) == [name for name in table if name != "none"]


@pytest.mark.parametrize(
    ("program", "source", "row"),
    [
        (HALLMARKD, "hallmarkd/command.c", r'^\t\{"([a-z ]+)", .*?, "'),
        (HALLMARK, "cli/commands.c", r"&command_(\w+),"),
    ],
)
def test_every_command_is_in_the_help(program, source, row):
    table = re.findall(row, (ROOT / source).read_text(), re.M)
    assert len(table) > 10
    listed = reference.commands_in(reference.run(program, "help"))
    assert listed == [name.replace("_", " ") for name in table]


def linked(text):
    return [link for link in re.findall(r"\]\(([^)#\s]+)", text) if "://" not in link]


@pytest.mark.parametrize("page", [ROOT / "README.md", *sorted(DOCS.glob("*.md"))], ids=lambda path: path.name)
def test_links_lead_somewhere(page):
    broken = [link for link in linked(page.read_text()) if not (page.parent / link).exists()]
    assert broken == []
