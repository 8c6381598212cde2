#!/usr/bin/env python3
"""Every link in a tracked Markdown file that leads to a place in this repository leads to one that is there.

Checked are [text](path), ![text](path) and [name]: path, and #fragments against the headings of the target.
"""
import pathlib
import re
import subprocess
import sys
from urllib.parse import unquote

ROOT = pathlib.Path(__file__).resolve().parents[2]
FENCE = re.compile(r"^(```|~~~).*?^\1", re.DOTALL | re.MULTILINE)
CODE = re.compile(r"`[^`\n]*`")
LINK = re.compile(r"\[[^\]]*\]\(\s*<?([^)\s>]+)>?(?:\s+\"[^\"]*\")?\s*\)|^\[[^\]]+\]:\s*(\S+)", re.MULTILINE)
OUTSIDE = re.compile(r"^[a-z][a-z0-9+.-]*:", re.IGNORECASE)


def without_code(text):
    """`text` with code blanked and its line breaks kept."""
    for pattern in (FENCE, CODE):
        text = pattern.sub(lambda m: re.sub(r"[^\n]", " ", m.group(0)), text)
    return text


def anchors(file):
    """The fragments that GitHub gives to the headings of `file`."""
    found = set()
    text = FENCE.sub("", file.read_text(encoding="utf-8"))
    for heading in re.findall(r"^#{1,6}\s+(.*?)\s*#*$", text, re.MULTILINE):
        heading = re.sub(r"\[([^\]]*)\]\([^)]*\)", r"\1", heading)
        base = re.sub(r"[^\w\- ]", "", heading.lower()).replace(" ", "-")
        name, n = base, 0
        while name in found:
            n += 1
            name = f"{base}-{n}"
        found.add(name)
    return found | set(re.findall(r'<a (?:name|id)="([^"]+)"', text))


def broken_links(file):
    text = without_code(file.read_text(encoding="utf-8"))
    for match in LINK.finditer(text):
        link = match.group(1) or match.group(2)
        if OUTSIDE.match(link):
            continue
        path, _, fragment = link.partition("#")
        base = ROOT if path.startswith("/") else file.parent
        target = (base / unquote(path).lstrip("/")).resolve() if path else file
        line = text.count("\n", 0, match.start()) + 1
        where = f"{file.relative_to(ROOT)}:{line}"
        if target != ROOT and ROOT not in target.parents:
            yield f"{where}: leads out of the repository: {link}"
        elif not target.exists():
            yield f"{where}: no such file: {link}"
        elif fragment and target.suffix == ".md" and unquote(fragment) not in anchors(target):
            yield f"{where}: no such heading: {link}"


def main():
    listed = subprocess.run(["git", "ls-files", "-z", "*.md"], cwd=ROOT, check=True, capture_output=True, text=True)
    files = [ROOT / name for name in listed.stdout.split("\0") if name and (ROOT / name).exists()]
    broken = [problem for file in files for problem in broken_links(file)]
    print("\n".join(broken + [f"links: {len(files)} pages, {len(broken)} broken links"]))
    return 1 if broken else 0


if __name__ == "__main__":
    sys.exit(main())
