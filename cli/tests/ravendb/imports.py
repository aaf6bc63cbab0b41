#!/usr/bin/env python3
"""Lets a real RavenDB server import what salvage makes of databases, and holds its own export against one that was made before.

    imports.py --url URL --firedrill BINARY DATABASE=EXPORT...

DATABASE is a folder of a database's files, EXPORT a dump that a server wrote of it. The server answers at URL. Exit status 0: each dump was
imported without an error, and nothing differs but what is listed here.

What a server changes when it imports, so that it is left out of the comparison: `@last-modified` is when it was written here, change vectors
name the new database, `@index-score` and alike are none of the database's data; flags say `FromReplication` or not; etags are counted anew.
"""
import argparse, collections, json, pathlib, subprocess, sys, tempfile

from dump import SECTIONS, call, create, export, form, records


def main():
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    for name in ("url", "firedrill"): parser.add_argument("--" + name, required=True)
    parser.add_argument("pairs", nargs="+", metavar="DATABASE=EXPORT")
    asked = parser.parse_args()
    work = pathlib.Path(tempfile.mkdtemp(prefix="imports-"))
    failed = 0
    for number, pair in enumerate(asked.pairs):
        files, expected = pair.split("=")
        out, database = work / str(number), f"imported-{number}"
        told = subprocess.run([asked.firedrill, "salvage", files, "--out", str(out)], capture_output=True, text=True)
        if told.returncode not in (0, 1): sys.exit(told.stderr)
        create(asked.url, database)
        body, kind = form((out / "salvage.ravendbdump").read_bytes())
        answer = json.loads(call(asked.url, "POST", f"/databases/{database}/smuggler/import", raw=body, kind=kind, timeout=600))
        errors = {name: part["ErroredCount"] for name, part in answer.items() if isinstance(part, dict) and part.get("ErroredCount")}
        theirs, ours = known(pathlib.Path(expected).read_bytes()), known(export(asked.url, database))
        kinds = collections.Counter(name[0] for name in theirs)
        only, missing = sorted(set(ours) - set(theirs)), sorted(set(theirs) - set(ours))
        fields = collections.Counter(field for name in set(ours) & set(theirs) for field in differing(theirs[name], ours[name]))
        print(f"{pathlib.Path(files).name}: {dict(kinds)}; errors {errors or 'none'}; missing {len(missing)} {missing[:3]}; more {len(only)} {only[:3]}; fields that differ {dict(fields) or 'none'}", flush=True)
        failed += bool(errors or only or missing or fields)
    return 1 if failed else 0


def known(dump):
    """Records by what still names them in another database."""
    found = {}
    for name, (record, raw) in records(dump).items():
        if name[0] not in SECTIONS: continue
        record = json.loads(record)
        if name[0] == "RevisionDocuments": name = (name[0], record["@metadata"]["@id"], json.dumps(without(record), sort_keys=True))
        found[name] = (record, raw)
    return found


CHANGED = {"@last-modified", "@change-vector", "ChangeVector", "@flags", "Flags", "LastModified", "@index-score"}


def without(value):
    if isinstance(value, dict): return {key: without(inner) for key, inner in value.items() if key not in CHANGED}
    return [without(inner) for inner in value] if isinstance(value, list) else value


def differing(theirs, ours, path=""):
    if isinstance(theirs, tuple): return differing(without(theirs[0]), without(ours[0])) + (["content"] if theirs[1] != ours[1] else [])
    if isinstance(theirs, dict) and isinstance(ours, dict): return [found for key in {*theirs, *ours} for found in differing(theirs.get(key), ours.get(key), f"{path}/{key}")]
    return [] if theirs == ours else [path]


if __name__ == "__main__": sys.exit(main())
