#!/usr/bin/env python3
"""Lets a real RavenDB server import what salvage makes of databases, and holds its own export of it against one that a server made of them
before, and, for a server that does not bring back all of that either, against what it makes of that one.

    imports.py --url URL --firedrill BINARY DATABASE=EXPORT...

DATABASE is a folder of a database's files, EXPORT a dump that a server wrote of it. The server answers at URL. Exit status 0: each dump was
imported without an error, and what differs from the original differs so too when this server imports that.

What a server changes when it imports, so that it is left out of the comparison: `@last-modified` is when it was written here, change vectors
name the new database, flags say where it came from, etags are counted anew, counters are put into groups anew and listed in another order.
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
        out = work / str(number)
        ran = subprocess.run([asked.firedrill, "salvage", files, "--out", str(out)], capture_output=True, text=True)
        if ran.returncode not in (0, 1): sys.exit(ran.stderr)
        dump, original = (out / "salvage.ravendbdump").read_bytes(), pathlib.Path(expected).read_bytes()
        errors, ours = through(asked.url, f"salvaged-{number}", dump)
        _, theirs = through(asked.url, f"original-{number}", original)
        expected = known(original)
        found, of_the_server = differences(expected, ours), differences(expected, theirs)
        kinds = dict(collections.Counter(name[0] for name in expected))
        print(f"{pathlib.Path(files).name}: {kinds}\n  errors: {errors or 'none'}; differ from the original: {told(found)}", flush=True)
        if found: print(f"  and not so when this server imports the original: {told(found - of_the_server)}", flush=True)
        failed += bool(errors or found - of_the_server)
    return 1 if failed else 0


def through(url, database, dump):
    """What a server says when it imports a dump, and its own export of it."""
    create(url, database)
    body, kind = form(dump)
    answer = json.loads(call(url, "POST", f"/databases/{database}/smuggler/import", raw=body, kind=kind, timeout=600))
    errors = {name: part["ErroredCount"] for name, part in answer.items() if isinstance(part, dict) and part.get("ErroredCount")}
    return errors, known(export(url, database))


def differences(theirs, ours):
    """What is missing, what is more, and which fields differ."""
    fields = {("field", name, field) for name in set(ours) & set(theirs) for field in differing(theirs[name], ours[name])}
    return {("missing", name) for name in set(theirs) - set(ours)} | {("more", name) for name in set(ours) - set(theirs)} | fields


def told(differences):
    kinds = dict(collections.Counter(f"{found[0]} {found[1][0]}" for found in differences))
    return f"{kinds}, as {str(min(differences, key=str))[:160]}" if differences else "nothing"


def known(dump):
    """Records by what still names them in another database."""
    found, counters = {}, collections.defaultdict(dict)
    for name, (record, raw) in records(dump).items():
        record = json.loads(record)
        if name[0] not in SECTIONS: continue
        if name[0] == "CounterGroups":
            counters[record["DocId"].lower()].update(values(record["Values"]))
            continue
        if name[0] == "Docs" and "@counters" in record["@metadata"]: record["@metadata"]["@counters"].sort()
        if name[0] == "RevisionDocuments": name = (name[0], record["@metadata"]["@id"], json.dumps(without(record), sort_keys=True))
        if name[0] == "TimeSeriesDeletedRanges": name = (name[0], json.dumps(without(record), sort_keys=True))
        found[name] = (record, raw)
    found.update({("CounterGroups", document): (of, b"") for document, of in counters.items()})
    return found


def values(group):
    """By counter and database: value and etag; of a deleted counter its change vector."""
    databases = group["@dbIds"]
    pairs = lambda value: {databases[at // 2]: value[at:at + 2] for at in range(0, len(value), 2)} if isinstance(value, list) else value
    return {name: pairs(value) for name, value in group["@vals"].items()}


CHANGED = {"@last-modified", "@change-vector", "ChangeVector", "@flags", "Flags", "LastModified", "Etag"}


def without(value):
    if isinstance(value, dict): return {key: without(inner) for key, inner in value.items() if key not in CHANGED}
    return [without(inner) for inner in value] if isinstance(value, list) else value


def differing(theirs, ours, path=""):
    if isinstance(theirs, tuple): return differing(without(theirs[0]), without(ours[0])) + (["content"] if theirs[1] != ours[1] else [])
    if isinstance(theirs, dict) and isinstance(ours, dict): return [found for key in {*theirs, *ours} for found in differing(theirs.get(key), ours.get(key), f"{path}/{key}")]
    return [] if theirs == ours else [path]


if __name__ == "__main__": sys.exit(main())
