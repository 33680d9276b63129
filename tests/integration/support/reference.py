"""The pages of docs/ that say what is in the programs' tables, made from what the programs say.

A page is made here, kept in git, and compared by a test; HALLMARK_WRITE_DOCS=1 in its
environment writes the pages anew.
"""

import re
import subprocess

from .paths import HALLMARK, HALLMARKD

MADE = "<!-- Made from the programs' own tables by `make docs`; edit those. -->"


def run(program, *arguments):
    return subprocess.run(
        [program, *arguments], capture_output=True, text=True, check=True, timeout=60, env={"COLUMNS": "80"}
    ).stdout


def page(title, *parts):
    return "\n\n".join([f"# {title}", MADE, *[part.strip("\n") for part in parts]]) + "\n"


def table(*rows):
    """Rows of cells, the first of them the head; bars in a cell would end it."""
    lines = [[cell.replace("|", r"\|") for cell in row] for row in rows]
    lines.insert(1, ["---"] * len(rows[0]))
    return "\n".join("| " + " | ".join(line) + " |" for line in lines)


def fenced(text):
    return f"```text\n{text.rstrip()}\n```"


# ---- settings -------------------------------------------------------------------------

SETTING = re.compile(
    r"^  --(?P<flag>[a-z-]+)(?:=(?P<meta>.+))?\n"
    r"      (?P<help>.*?)(?: \((?P<preset>[^()]*)\))?(?: \[(?P<variable>[A-Z_]+)\])?$",
    re.M,
)


def settings_in(text):
    """The settings that a help text lists, each as a dict."""
    return [found.groupdict() for found in SETTING.finditer(text)]


def settings_page():
    rows = [("setting", "variable", "preset", "what it is")]
    for one in settings_in(run(HALLMARKD, "help")):
        rows.append(
            (
                f"`{one['flag'].replace('-', '_')}`",
                f"`{one['variable']}`" if one["variable"] else "",
                f"`{one['preset']}`" if one["preset"] else "",
                one["help"],
            )
        )
    return page(
        "Settings of hallmarkd",
        "Each may stand in the file that `HALLMARK_CONFIG` or `--config` names (`name = value`), in a "
        "variable, or on the command line (`--name value`, with hyphens); a flag beats a variable, a "
        "variable beats the file. `hallmarkd config` prints what is in force and where each value comes "
        "from, passwords masked. A name that is not known is an error that says which was probably "
        "meant.",
        "Sizes are bytes, or `64KiB`, `1.5GiB`; times are seconds, or `250ms`, `10m`, `12h`, `90d`.",
        table(*rows),
    )


# ---- problems -------------------------------------------------------------------------


def problems_page(client):
    rows = [("type", "status", "title", "what helps")]
    for one in client.get("/problems").json["items"]:
        name = one["type"].rpartition("/")[2]
        rows.append((f"`{name}`", str(one["status"]), one["title"], one["advice"]))
    return page(
        "Problems",
        "Whatever is not done is answered with a problem document (RFC 9457) as "
        "`application/problem+json`. Its `type` is `/problems/` and one of the words below; GET it from "
        "the service to read the same. `detail` says what was wrong this time, `errors` names each "
        "fault with its place, `instance` the request.",
        table(*rows),
    )


# ---- metrics --------------------------------------------------------------------------


def metrics_in(text):
    """Every metric of an exposition: name, type, help, the labels its samples have."""
    found = []
    for name, about in re.findall(r"^# HELP (\S+) (.*)$", text, re.M):
        kind = re.search(rf"^# TYPE {name} (\w+)$", text, re.M)[1]
        samples = re.findall(rf"^{name}(?:_bucket)?\{{(.*?)\}} ", text, re.M)
        labels = re.findall(r'(\w+)="', samples[0]) if samples else []
        found.append((name, kind, about, labels))
    return found


def metrics_page(client):
    text = client.get("/metrics").text
    rows = [("metric", "type", "labels", "what it is")]
    for name, kind, about, labels in metrics_in(text):
        rows.append((f"`{name}`", kind, ", ".join(f"`{label}`" for label in labels), about))
    return page(
        "Metrics",
        "`GET /metrics` with any valid token gives them in Prometheus' text format. A `route` is the "
        "pattern from [the API's description](../api/openapi.yaml), never a path with names in it; "
        "requests that matched none are counted under `none`. HEAD counts as GET.",
        table(*rows),
    )


# ---- commands -------------------------------------------------------------------------


def commands_in(text):
    """The commands that a help text lists under "Commands"."""
    listed = re.search(r"^Commands:?\n(.*?)\n\n", text, re.M | re.S)[1]
    return re.findall(r"^  ([a-z]+(?: [a-z]+)*)  +\S", listed, re.M)


def commands_page(name, program, intro, common):
    parts = []
    for command in commands_in(run(program, "help")):
        text = run(program, "help", *command.split())
        parts += [f"## {name} {command}", fenced(text.partition(common)[0])]
    return page(f"Commands of {name}", intro, *parts)


def pages(client):
    """Every page by its name in docs/."""
    return {
        "settings.md": settings_page(),
        "problems.md": problems_page(client),
        "metrics.md": metrics_page(client),
        "hallmarkd.md": commands_page(
            "hallmarkd",
            HALLMARKD,
            "The service. Every [setting](settings.md) is a flag of every command.",
            "\nAll settings are flags too",
        ),
        "hallmark.md": commands_page(
            "hallmark",
            HALLMARK,
            "The command line. `hallmark help --man` is the same as a manual page, `hallmark completion "
            "bash` completes it.",
            "\nOptions of every command",
        ),
    }
