"""Fetch the front-end parts that we serve ourselves, at pinned versions, into ``static/vendor``.

Run it after changing a pin below or adding a name to ``static/vendor/tabler-icons/icons.txt``;
what it writes is committed, so that nothing is fetched or built when Misfire is installed.
It needs ``npm`` (and uses a folder of its own for it), nothing else.
"""

from __future__ import annotations

import hashlib
import json
import re
import shutil
import subprocess
import sys
import tempfile
import xml.etree.ElementTree as ET
from pathlib import Path

STATIC = Path(__file__).resolve().parent.parent / "static"
VENDOR = STATIC / "vendor"

PINS = {
    "@tabler/core": "1.6.1",
    "@tabler/icons": "3.49.0",
    "@fontsource-variable/inter": "5.3.0",
    "@fontsource-variable/jetbrains-mono": "5.3.0",
    "echarts": "6.1.0",
    "@codemirror/autocomplete": "6.20.4",
    "@codemirror/commands": "6.11.1",
    "@codemirror/lang-json": "6.0.2",
    "@codemirror/language": "6.13.1",
    "@codemirror/lint": "6.9.8",
    "@codemirror/search": "6.7.2",
    "@codemirror/state": "6.7.6",
    "@codemirror/view": "6.43.15",
    "@lezer/highlight": "1.2.5",
    "esbuild": "0.28.2",
}
# package -> folder under static/vendor, licence, the files taken (source within the package)
TAKEN: dict[str, tuple[str, str, list[str]]] = {
    "@tabler/core": (
        "tabler",
        "MIT",
        ["dist/css/tabler.min.css"],
    ),
    "@fontsource-variable/inter": (
        "inter",
        "OFL-1.1",
        ["files/inter-latin-wght-normal.woff2", "files/inter-latin-ext-wght-normal.woff2"],
    ),
    "@fontsource-variable/jetbrains-mono": (
        "jetbrains-mono",
        "OFL-1.1",
        [
            "files/jetbrains-mono-latin-wght-normal.woff2",
            "files/jetbrains-mono-latin-ext-wght-normal.woff2",
        ],
    ),
    "echarts": (
        "echarts",
        "Apache-2.0",
        ["dist/echarts.common.min.js"],
    ),
}
# Tabler's package carries no licence text: its own repository's, word for word.
TABLER_LICENCE = """The MIT License (MIT)

Copyright (c) 2018-2026 The Tabler Authors

Permission is hereby granted, free of charge, to any person obtaining a copy
of this software and associated documentation files (the "Software"), to deal
in the Software without restriction, including without limitation the rights
to use, copy, modify, merge, publish, distribute, sublicense, and/or sell
copies of the Software, and to permit persons to whom the Software is
furnished to do so, subject to the following conditions:

The above copyright notice and this permission notice shall be included in
all copies or substantial portions of the Software.

THE SOFTWARE IS PROVIDED "AS IS", WITHOUT WARRANTY OF ANY KIND, EXPRESS OR
IMPLIED, INCLUDING BUT NOT LIMITED TO THE WARRANTIES OF MERCHANTABILITY,
FITNESS FOR A PARTICULAR PURPOSE AND NONINFRINGEMENT. IN NO EVENT SHALL THE
AUTHORS OR COPYRIGHT HOLDERS BE LIABLE FOR ANY CLAIM, DAMAGES OR OTHER
LIABILITY, WHETHER IN AN ACTION OF CONTRACT, TORT OR OTHERWISE, ARISING FROM,
OUT OF OR IN CONNECTION WITH THE SOFTWARE OR THE USE OR OTHER DEALINGS IN
THE SOFTWARE.
"""
SVG = "{http://www.w3.org/2000/svg}"


def fetch(work: Path) -> Path:
    """Install the pins with npm and return the folder of packages."""
    (work / "package.json").write_text(json.dumps({"private": True, "dependencies": PINS}))
    subprocess.run(
        ["npm", "install", "--no-audit", "--no-fund", "--ignore-scripts"], cwd=work, check=True
    )
    return work / "node_modules"


def copy_taken(modules: Path) -> None:
    for package, (folder, _, files) in TAKEN.items():
        target = VENDOR / folder
        target.mkdir(parents=True, exist_ok=True)
        for name in files:
            copy_file(modules / package / name, target / Path(name).name)
        licence = modules / package / "LICENSE"
        text = licence.read_text() if licence.exists() else TABLER_LICENCE
        (target / "LICENSE").write_text(text)
        notice = modules / package / "NOTICE"
        if notice.exists():
            shutil.copyfile(notice, target / "NOTICE")


def copy_file(source: Path, target: Path) -> None:
    """Copy, without the reference to a source map, which hashed static files would look for."""
    if source.suffix in {".css", ".js"}:
        text = re.sub(r"(?m)^(//|/\*)# sourceMappingURL=.*$", "", source.read_text())
        target.write_text(text.rstrip() + "\n")
    else:
        shutil.copyfile(source, target)


def build_sprite(modules: Path) -> None:
    """Write ``icons.svg``: one symbol for each name in icons.txt."""
    names = (VENDOR / "tabler-icons" / "icons.txt").read_text().split()
    ET.register_namespace("", SVG.strip("{}"))
    symbols = [symbol_text(modules, name) for name in sorted(set(names))]
    sprite = ['<svg xmlns="http://www.w3.org/2000/svg">', *symbols, "</svg>", ""]
    (STATIC / "icons.svg").write_text("\n".join(sprite))
    shutil.copyfile(modules / "@tabler/icons" / "LICENSE", VENDOR / "tabler-icons" / "LICENSE")


def symbol_text(modules: Path, name: str) -> str:
    path = modules / "@tabler/icons" / "icons" / "outline" / f"{name}.svg"
    if not path.exists():
        sys.exit(f"icons.txt names {name!r}, which @tabler/icons does not have")
    shapes = [
        ET.tostring(shape, encoding="unicode").strip().replace(' xmlns="' + SVG[1:-1] + '"', "")
        for shape in ET.parse(path).getroot()
        if shape.get("stroke") != "none"
    ]
    return f'<symbol id="{name}" viewBox="0 0 24 24">{"".join(shapes)}</symbol>'


def build_codemirror(work: Path, modules: Path) -> None:
    """Bundle ``codemirror/entry.js`` with esbuild, and gather the licences of what is in it."""
    target = VENDOR / "codemirror"
    shutil.copyfile(target / "entry.js", work / "entry.js")
    subprocess.run(
        [
            modules / ".bin" / "esbuild",
            "entry.js",
            "--bundle",
            "--minify",
            "--format=iife",
            "--target=es2021",
            "--legal-comments=none",
            f"--outfile={target / 'codemirror.min.js'}",
            f"--metafile={work / 'meta.json'}",
        ],
        cwd=work,
        check=True,
    )
    (target / "LICENSE").write_text(bundled_licences(work, modules))


def bundled_licences(work: Path, modules: Path) -> str:
    inputs = json.loads((work / "meta.json").read_text())["inputs"]
    packages = sorted(
        {
            match.group(1)
            for name in inputs
            if (match := re.match(r"node_modules/((?:@[^/]+/)?[^/]+)/", name))
        }
    )
    parts = []
    for package in packages:
        version = json.loads((modules / package / "package.json").read_text())["version"]
        text = (modules / package / "LICENSE").read_text().strip()
        parts.append(f"{package} {version}\n\n{text}\n")
    return ("\n" + "-" * 72 + "\n\n").join(parts)


def write_readme() -> None:
    rows = []
    for package, (folder, licence, files) in TAKEN.items():
        for name in files:
            rows.append(row(f"{folder}/{Path(name).name}", package, PINS[package], licence))
    rows.append(row("../icons.svg", "@tabler/icons", PINS["@tabler/icons"], "MIT"))
    rows.append(row("codemirror/codemirror.min.js", "@codemirror/*", "see its LICENSE", "MIT"))
    text = f"""# Vendored front-end parts

Written by `scripts/vendor.py`; do not edit by hand. Each folder has its licence.
htmx is not here: it is served from the django-htmx package.

| file | npm package | version | licence | sha256 |
| --- | --- | --- | --- | --- |
{chr(10).join(rows)}

The icons in the sprite are listed in `tabler-icons/icons.txt`. The CodeMirror bundle is
built by esbuild {PINS["esbuild"]} from `codemirror/entry.js` and {
        ", ".join(f"{name} {PINS[name]}" for name in PINS if name.startswith("@codemirror/"))
    }.
"""
    (VENDOR / "README.md").write_text(text)


def row(file: str, package: str, version: str, licence: str) -> str:
    digest = hashlib.sha256((VENDOR / file).read_bytes()).hexdigest()
    return f"| `{file}` | `{package}` | {version} | {licence} | `{digest}` |"


def main() -> None:
    with tempfile.TemporaryDirectory(prefix="misfire-vendor-") as name:
        work = Path(name)
        modules = fetch(work)
        copy_taken(modules)
        build_sprite(modules)
        build_codemirror(work, modules)
    write_readme()


if __name__ == "__main__":
    main()
