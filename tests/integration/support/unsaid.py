"""What the API's description cannot say, for schemathesis (tests/schemathesis.toml loads this).

A request that the description allows may be refused with a 400 for these reasons alone; and a
path has slashes of its own, which schemathesis would encode.
"""

import json
import re

import schemathesis

REASONS = [  # each fault as "where: what"
    r"^: page_token is not one that this list gave",
    r": goes with view=points$",  # hangs on another parameter's value
    r"^/lineage/\d+/version: ",  # names what has to be there
    r"^(Repr|Content)-Digest: ",
    r"^: the bytes received have the SHA-256 [0-9a-f]+; announced was ",
    r": this has to be an integer, not a number$",  # JSON Schema calls 5.0 an integer
    r": a number is too large; integers are 64 bits, others IEEE doubles",
    r": (text|a member's name) cannot hold U\+0000\b",
    r"^: the request target holds %00, which no name here has$",
    r": this URI holds a password",
    r"\bat most \d+ bytes\b",  # JSON Schema counts characters
    r" has to be in Unicode normal form C",
    r'^metric: "[0-9.+-]+[eE]\+?0*[0-9]{3,}" is not a finite number',
    r" cannot begin or end with a space",
    r" cannot hold U\+(FD[DE].|[0-9A-F]*FFF[EF]);",  # noncharacters
]


def faults(problem):
    for error in problem.get("errors", [{"pointer": "", "detail": problem["detail"]}]):
        where = error.get("pointer", error.get("parameter", error.get("header")))
        yield f"{where}: {error['detail']}"


def is_unsaid(problem):
    return all(any(re.search(reason, fault) for reason in REASONS) for fault in faults(problem))


@schemathesis.hook
def before_load_schema(_context, raw_schema):
    """A path in a URL is one segment here: %2F is refused, since other software decodes it."""
    raw_schema["components"]["schemas"]["Path"].update(
        pattern=r"^[A-Za-z0-9_+@ -][A-Za-z0-9._+@ -]*$", maxLength=255
    )
    raw_schema["components"]["parameters"]["path"]["example"] = "model.onnx"


@schemathesis.hook
def filter_case(_context, case):
    """What the dictionaries name keeps its name."""
    return not (isinstance(case.body, dict) and case.method == "PATCH" and "name" in case.body)


@schemathesis.hook
def filter_failure(_context, failure, _case, response):
    if type(failure).__name__ != "RejectedPositiveData" or response.status_code != 400:
        return True
    return not is_unsaid(json.loads(response.content))
