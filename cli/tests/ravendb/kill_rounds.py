#!/usr/bin/env python3
"""Kills a real RavenDB server in the middle of a random load, again and again, and holds what salvage makes of a copy of its files
against what the server itself shows after its restart.

    kill_rounds.py --start CMD --kill CMD --url URL --files FOLDER --firedrill BINARY [--rounds 20] [--seed 1] [--seconds 2]

CMD is run by a shell: `--start` returns when the server answers at URL, `--kill` ends it with SIGKILL. FOLDER is where the server keeps the
files of the database `rounds`, which this script makes. Exit status 0: every round equal. What differs is named.
"""
import argparse, gzip, json, pathlib, random, re, shutil, subprocess, sys, tempfile, threading, time, urllib.error, urllib.parse, urllib.request

DATABASE = "rounds"


def main():
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    for name in ("start", "kill", "url", "files", "firedrill"): parser.add_argument("--" + name, required=True)
    parser.add_argument("--rounds", type=int, default=20)
    parser.add_argument("--seed", type=int, default=1)
    parser.add_argument("--seconds", type=float, default=2)
    asked = parser.parse_args()
    work = pathlib.Path(tempfile.mkdtemp(prefix="kill-rounds-"))
    shell(asked.start)
    call(asked.url, "PUT", f"/admin/databases?name={DATABASE}&replicationFactor=1", {"DatabaseName": DATABASE, "Settings": {}, "Disabled": False})
    differing = 0
    for round_ in range(asked.rounds):
        written = load(asked.url, random.Random(f"{asked.seed}/{round_}"), asked.seconds, lambda: shell(asked.kill))
        copy, out = work / f"copy-{round_}", work / f"out-{round_}"
        shutil.copytree(asked.files, copy, ignore=shutil.ignore_patterns("Indexes", "Configuration", "Temp", "*.buffers"))
        told = subprocess.run([asked.firedrill, "salvage", str(copy), "--out", str(out), "--json"], capture_output=True, text=True)
        shell(asked.start)
        wait_for(asked.url)
        theirs = records(export(asked.url))
        ours = records((out / "salvage.ravendbdump").read_bytes()) if told.returncode in (0, 1) else {}
        differences = compare(theirs, ours)
        differing += bool(differences)
        print(f"round {round_}: {written} writes answered, {len(theirs)} records, salvage exit {told.returncode}: "
              + ("equal" if not differences else f"{len(differences)} differ: {differences[:5]}"), flush=True)
        if not differences: shutil.rmtree(copy); shutil.rmtree(out)
    print(f"{asked.rounds - differing} of {asked.rounds} rounds equal" + (f"; the others are in {work}" if differing else ""))
    shell(asked.kill)
    return 1 if differing else 0


def shell(command): subprocess.run(command, shell=True, check=True, stdout=subprocess.DEVNULL)


def call(url, method, path, body=None, raw=None, kind="application/json"):
    data = raw if raw is not None else (json.dumps(body).encode() if body is not None else None)
    request = urllib.request.Request(url + path, data=data, method=method, headers={"Content-Type": kind})
    with urllib.request.urlopen(request, timeout=30) as answer: return answer.read()


def wait_for(url):
    for _ in range(120):
        try: return call(url, "GET", f"/databases/{DATABASE}/stats")
        except (urllib.error.URLError, OSError): time.sleep(0.5)
    sys.exit("the server does not come back")


def load(url, rng, seconds, kill):
    """Writes on four threads, and kills the server at some moment. How many writes were answered."""
    answered, over = [0], threading.Event()

    def work(own):
        while not over.is_set():
            number = own.randrange(400)
            name = f"{own.choice(['orders', 'users', 'Notes'])}/{number}"
            document = f"/databases/{DATABASE}/docs?id={urllib.parse.quote(name)}"
            try:
                what = own.random()
                if what < 0.55: call(url, "PUT", document, {"n": own.random(), "text": own.choice("abc") * own.randrange(own.choice([20, 300, 30000])), "@metadata": {"@collection": name.split("/")[0].title()}})
                elif what < 0.65: call(url, "DELETE", document)
                elif what < 0.78: call(url, "PUT", f"/databases/{DATABASE}/attachments?id={urllib.parse.quote(name)}&name=a{own.randrange(3)}.bin&contentType=x", raw=own.randbytes(own.randrange(own.choice([10, 5000, 200000]))), kind="x")
                elif what < 0.88: call(url, "POST", f"/databases/{DATABASE}/counters", {"Documents": [{"DocumentId": name, "Operations": [{"Type": "Increment", "CounterName": f"c{own.randrange(3)}", "Delta": own.randrange(100)}]}]})
                else: call(url, "POST", f"/databases/{DATABASE}/timeseries?docId={urllib.parse.quote(name)}", {"Name": "pulse", "Appends": [{"Timestamp": f"2026-01-{own.randrange(1, 28):02}T{own.randrange(24):02}:00:00.0000000Z", "Values": [own.random()]}]})
                answered[0] += 1
            except urllib.error.HTTPError: pass
            except (urllib.error.URLError, OSError): return

    threads = [threading.Thread(target=work, args=(random.Random(rng.random()),)) for _ in range(4)]
    for thread in threads: thread.start()
    time.sleep(rng.uniform(0.2, seconds))
    kill()
    over.set()
    for thread in threads: thread.join()
    return answered[0]


def export(url):
    return call(url, "POST", f"/databases/{DATABASE}/smuggler/export", raw=b"{}")


def records(dump):
    """Every record of a dump by what names it. Change vectors and times included."""
    data = gzip.decompress(dump) if dump[:2] == b"\x1f\x8b" else dump
    found, at = {}, 1
    string = re.compile(rb'"(?:[^"\\]|\\.)*"|[^,\]\}]+')
    while data[at:at + 1] != b"}":
        if data[at:at + 1] == b",": at += 1
        end = string.match(data, at).end(); section = json.loads(data[at:end]); at = end + 1
        if data[at:at + 1] != b"[": at = skip(data, at, string); continue
        at += 1
        while data[at:at + 1] != b"]":
            if data[at:at + 1] == b",": at += 1; continue
            end = skip(data, at, string); record = json.loads(data[at:end]); at = end
            size = record.get("@raven-blob-size")
            if (record.get("@metadata") or {}).get("@export-type") == "Attachment": size = record["Size"]
            raw = data[at:at + (size or 0)]; at += size or 0
            found[name_of(section, record)] = (json.dumps({k: v for k, v in record.items() if k not in ("Etag", "Tag")}, sort_keys=True), raw)
        at += 1
    return found


def skip(data, at, string):
    if data[at:at + 1] not in (b"{", b"["): return string.match(data, at).end()
    depth, inside = 0, False
    while True:
        byte = data[at]
        if inside:
            if byte == 92: at += 1
            elif byte == 34: inside = False
        elif byte == 34: inside = True
        elif byte in b"{[": depth += 1
        elif byte in b"}]":
            depth -= 1
            if depth == 0: return at + 1
        at += 1


def name_of(section, record):
    about = record.get("@raven-data") or {}
    if (record.get("@metadata") or {}).get("@export-type") == "Attachment": return ("content", record["Hash"])
    if section == "Docs": return (section, record["@metadata"]["@id"])
    if section == "RevisionDocuments": return (section, record["@metadata"]["@change-vector"])
    if section == "TimeSeries": return (section, about["DocId"], about["Name"], about["Baseline"])
    if section == "CounterGroups": return (section, record["DocId"], tuple(sorted(record["Values"]["@vals"])))
    return (section, json.dumps(record, sort_keys=True))


SECTIONS = ("content", "Docs", "RevisionDocuments", "Conflicts", "CounterGroups", "TimeSeries", "TimeSeriesDeletedRanges")


def compare(theirs, ours):
    """Names of what only one has, or what differs. Of no interest: what is not the database's data."""
    wanted = {name for name in {*theirs, *ours} if name[0] in SECTIONS}
    return sorted(str(name) for name in wanted if theirs.get(name) != ours.get(name))


if __name__ == "__main__": sys.exit(main())
