"""What hallmarkd wrote on standard error: one JSON object a line, and nothing secret."""

import json
import re

SANITIZER = re.compile(
    r"(?:ERROR|WARNING): (?:Address|Leak|Thread|Memory)Sanitizer|runtime error:|SUMMARY: \w+Sanitizer"
)


def read(path):
    """Every line as an object; a line that is none is left out, check() reports it."""
    found = []
    for line in path.read_text(errors="replace").splitlines():
        try:
            entry = json.loads(line)
        except ValueError:
            continue
        if isinstance(entry, dict):
            found.append(entry)
    return found


def check(path, secrets=()):
    """Raises AssertionError for a sanitizer's report, a line that is not JSON, a secret."""
    text = path.read_text(errors="replace")
    report = SANITIZER.search(text)
    assert not report, f"a sanitizer reports, see {path}:\n{text[report.start() : report.start() + 6000]}"
    whole = text[: text.rfind("\n") + 1]  # the last line may still be on its way
    for number, line in enumerate(whole.splitlines(), 1):
        try:
            entry = json.loads(line)
        except ValueError:
            raise AssertionError(f"{path}:{number} is not JSON: {line[:500]!r}") from None
        assert isinstance(entry, dict), f"{path}:{number} is not an object: {line[:500]!r}"
        assert "time" in entry, f"{path}:{number} has no time: {line[:500]!r}"
    for secret in secrets:
        assert secret not in text, f"{path} holds a secret: …{text[max(0, text.index(secret) - 200) :][:200]}"
