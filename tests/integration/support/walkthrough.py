"""The console blocks of a page, run as they stand, and what they print compared with the page.

    $ a command that goes on \\
        on the next line
    what it prints

What differs from run to run is passed over: times, ids of keys and commits, addresses. A line
that is "…" stands for any lines, and "…" in a line for any text.
"""

import re
import subprocess

VARYING = [
    (r"\b\d{4}-\d\d-\d\d[T ]\d\d:\d\d(?::\d\d(?:\.\d+)?Z)?", "TIME"),
    (r"\b[0-9A-F]{16}\b", "KEY"),
    (r"\b[0-9a-f]{40}\b", "COMMIT"),
    (r"127\.0\.0\.1:\d+", "ADDRESS"),
]


def steps(page):
    """Every command of the page with the lines that should come."""
    found = []
    for block in re.findall(r"^```console\n(.*?)^```", page, re.M | re.S):
        going_on = False
        for line in block.splitlines():
            if line.startswith("$ "):
                found.append((line[2:], []))
            elif going_on:
                found[-1] = (found[-1][0] + "\n" + line, [])
            else:
                found[-1][1].append(line)
            going_on = line.endswith("\\") and (line.startswith("$ ") or going_on)
    return found


def steady(text):
    for pattern, word in VARYING:
        text = re.sub(pattern, word, text)
    return [line.rstrip() for line in text.splitlines()]


def fits(wanted, got):
    """Whether the lines that came are those wanted."""
    lines = [
        "(?:.*\n)*" if line == "…" else ".*".join(map(re.escape, line.split("…"))) + "\n"
        for line in steady("\n".join(wanted))
    ]
    return re.fullmatch("".join(lines), "".join(line + "\n" for line in steady(got))) is not None


class Shell:
    """One bash that keeps its variables from command to command."""

    def __init__(self, folder, environment):
        self.process = subprocess.Popen(
            ["bash"],
            cwd=folder,
            env=environment,
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            stderr=subprocess.STDOUT,
            text=True,
        )

    def run(self, command):
        """What it printed, and its status."""
        self.process.stdin.write(f'{command}\necho "=end=$?"\n')
        self.process.stdin.flush()
        lines = []
        for line in self.process.stdout:
            before, mark, status = line.rpartition("=end=")
            if mark:
                return "".join([*lines, before]), int(status)
            lines.append(line)
        raise AssertionError(f"the shell ended in {command}:\n{''.join(lines)}")

    def close(self):
        self.process.stdin.close()
        self.process.wait(10)
