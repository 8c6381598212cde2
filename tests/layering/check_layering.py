#!/usr/bin/env python3
"""Checks that the layers keep to the design: who may include whom, and who alone may use what.

usage: check_layering.py [--root DIR]     (default: the checkout that this file lies in)

The rules are data, in rules.json beside this file:
  libraries             each library under libs/, and the libraries that it may use
  services              the folders under services/; none uses another, and no library uses one
  services_that_may_use_all
                        the ones that exist to put the others together
  confined_includes     outside headers, and regular expressions for the paths that may include them
  confined_calls        the same for names used in code

Read are #include lines (the generated contracts tributary/<service>/vN/ are open to all services but
not to libraries) and the targets named in the CMakeLists.txt of libraries and services.
Exit code: 0 clean, 1 violations (one a line: path:line: what), 2 wrong usage.
"""
import argparse
import json
import pathlib
import re
import sys

FOLDERS = ("libs", "services", "tools", "tests")
SOURCE_SUFFIXES = {".h", ".hpp", ".cc", ".cpp", ".c", ".inc"}

INCLUDE = re.compile(r'^\s*#\s*include\s*[<"]([^>"]+)[>"]')
OWN_HEADER = re.compile(r"(?:^|/)tributary/(\w+)/(?P<contract>v\d+\w*/)?")
CMAKE_TARGET = re.compile(r"\btributary(?:::|_)(?!proto_)(\w+)")
# A string is matched so that what looks like a comment inside it is left alone.
COMMENT_OR_STRING = re.compile(r'//[^\n]*|/\*.*?\*/|"(?:\\.|[^"\\\n])*"', re.DOTALL)


class Rules:
    def __init__(self, data):
        self.libraries = data["libraries"]
        self.services = set(data["services"])
        self.use_all = set(data["services_that_may_use_all"])
        self.confined_includes = [_confined(rule, "include") for rule in data["confined_includes"]]
        self.confined_calls = [_confined(rule, "call") for rule in data["confined_calls"]]
        for library, uses in self.libraries.items():
            unknown = set(uses) - set(self.libraries)
            if unknown:
                raise ValueError(f"rules.json: {library} may use {sorted(unknown)}, which is not listed")

    def objection(self, area, owner, target, contract=False):
        """Why the part `owner` of `area` ("libs", "services", ...) may not use `target`; None if it may."""
        if target == owner and area in ("libs", "services"):
            return None
        if area == "libs":
            if target in self.services:
                return f"library {owner} uses service {target}"
            if contract or target not in self.libraries:
                return None
            if target not in self.libraries[owner]:
                return f"library {owner} may not use library {target}"
        if area == "services" and target in self.services and not contract and owner not in self.use_all:
            return f"service {owner} uses service {target}"
        return None


def _confined(rule, key):
    return rule["what"], re.compile(rule[key]), [re.compile(path) for path in rule["allowed"]]


def _without_comments(text):
    """`text` with comments blanked, line numbers kept."""

    def blank(match):
        found = match.group(0)
        return found if found.startswith('"') else re.sub(r"[^\n]", " ", found)

    return COMMENT_OR_STRING.sub(blank, text)


def _check_source(path, text, area, owner, rules):
    for number, line in enumerate(_without_comments(text).splitlines(), start=1):
        include = INCLUDE.match(line)
        if include:
            header = include.group(1)
            own = OWN_HEADER.search(header) or re.match(r"(?:libs|services)/(\w+)/(?P<contract>)", header)
            if own:
                objection = rules.objection(area, owner, own.group(1), bool(own.group("contract")))
                if objection:
                    yield f"{path}:{number}: {objection}: {header}"
            if area in ("libs", "services") and header.startswith("../"):
                yield f"{path}:{number}: include by the path from an include folder, not by {header}"
            for what, pattern, allowed in rules.confined_includes:
                if pattern.search(header) and not any(a.search(path) for a in allowed):
                    yield f"{path}:{number}: {what} is not for this place: {header}"
            continue
        for what, pattern, allowed in rules.confined_calls:
            if pattern.search(line) and not any(a.search(path) for a in allowed):
                yield f"{path}:{number}: {what} is not for this place: {line.strip()}"


def _check_cmake(path, text, area, owner, rules):
    if area not in ("libs", "services"):
        return
    names = sorted(set(rules.libraries) | rules.services, key=len, reverse=True)
    for number, line in enumerate(text.splitlines(), start=1):
        for found in CMAKE_TARGET.findall(line.split("#")[0]):
            # tributary_profile_core and tributary_eventlog_testing belong to profile and eventlog.
            target = next((n for n in names if found == n or found.startswith(n + "_")), None)
            objection = target and rules.objection(area, owner, target)
            if objection:
                yield f"{path}:{number}: {objection}: tributary::{found}"


def check(root, rules):
    """Every violation below `root`, as "path:line: what", in path order; and the number of files read."""
    violations, files = [], 0
    for folder in FOLDERS:
        for file in sorted((root / folder).rglob("*")):
            is_cmake = file.name == "CMakeLists.txt"
            if not file.is_file() or not (is_cmake or file.suffix in SOURCE_SUFFIXES):
                continue
            files += 1
            path = file.relative_to(root).as_posix()
            parts = path.split("/")
            area, owner = parts[0], parts[1] if len(parts) > 2 else ""
            known = {"libs": rules.libraries, "services": rules.services}.get(area)
            if known is not None and owner not in known:
                violations.append(f"{path}:1: {area}/{owner} is not in rules.json: say where it stands")
                continue
            check_one = _check_cmake if is_cmake else _check_source
            violations += check_one(path, file.read_text(encoding="utf-8"), area, owner, rules)
    return violations, files


def load_rules():
    return Rules(json.loads((pathlib.Path(__file__).parent / "rules.json").read_text(encoding="utf-8")))


def main():
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--root", type=pathlib.Path, default=pathlib.Path(__file__).resolve().parents[2])
    root = parser.parse_args().root
    violations, files = check(root, load_rules())
    for violation in violations:
        print(violation)
    if files == 0:
        print(f"no sources below {root}", file=sys.stderr)
        return 2
    print(f"layering: {files} files, {len(violations)} violations")
    return 1 if violations else 0


if __name__ == "__main__":
    sys.exit(main())
