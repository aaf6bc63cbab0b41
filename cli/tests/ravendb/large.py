#!/usr/bin/env python3
"""Times a salvage of a large database against the export of the server that made it, in one run.

    large.py --start CMD --stop CMD --url URL --files FOLDER --firedrill BINARY [--documents 250000] [--rounds 3]

CMD is run by a shell: `--start` returns when the server answers at URL, `--stop` ends it. FOLDER is where the server keeps the files of the
database `large`, which this script makes if it is not there: orders of about 4 KB of JSON, imported as a dump. Each round is one export by
the server and, when it has ended, one salvage. What is printed: seconds of each, the median of their ratios, and the most memory that a salvage took.
"""
import argparse, gzip, json, os, pathlib, random, shutil, statistics, subprocess, sys, tempfile, time, urllib.request

from dump import call, create, form

DATABASE = "large"


def main():
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    for name in ("start", "stop", "url", "files", "firedrill"): parser.add_argument("--" + name, required=True)
    parser.add_argument("--documents", type=int, default=250_000)
    parser.add_argument("--rounds", type=int, default=3)
    asked = parser.parse_args()
    work = pathlib.Path(tempfile.mkdtemp(prefix="large-"))
    ratios = []
    for round_ in range(asked.rounds):
        subprocess.run(asked.start, shell=True, check=True, stdout=subprocess.DEVNULL)
        if not pathlib.Path(asked.files, "Raven.voron").exists(): make(asked, work)
        theirs = timed_export(asked.url, work / "theirs.ravendbdump")
        subprocess.run(asked.stop, shell=True, check=True, stdout=subprocess.DEVNULL)
        out = work / f"out-{round_}"
        ours, memory = salvage([asked.firedrill, "salvage", asked.files, "--out", str(out), "--json"])
        ratios.append(ours / theirs)
        found, expected = documents(out / "salvage.ravendbdump"), documents(work / "theirs.ravendbdump")
        print(f"round {round_}: export {theirs:.1f} s, salvage {ours:.1f} s, {memory >> 10} MiB; {found} of {expected} documents", flush=True)
        if found != expected: sys.exit("documents are missing")
        shutil.rmtree(out)
    print(f"salvage takes {statistics.median(ratios):.2f} of the export's time")
    shutil.rmtree(work)


def make(asked, work):
    """Orders as a shop has them: names and addresses that come again, numbers, times, and some words of a note."""
    create(asked.url, DATABASE)
    rng = random.Random(1)
    words = ["".join(rng.choices("abcdefghijklmnopqrstuvwxyz", k=rng.randrange(3, 10))) for _ in range(5000)]
    name = lambda count: " ".join(rng.choices(words, k=count)).title()
    products = [(f"products/{number}-A", name(3)) for number in range(2000)]
    addresses = [{"Line1": f"{rng.randrange(200)} {name(2)} Street", "Line2": None, "City": name(1), "Region": name(1), "PostalCode": f"{rng.randrange(99999):05}", "Country": name(1), "Location": {"Latitude": round(rng.uniform(-60, 70), 6), "Longitude": round(rng.uniform(-180, 180), 6)}} for _ in range(20_000)]
    dump = work / "make.ravendbdump"
    with gzip.open(dump, "wt", compresslevel=1) as file:
        file.write('{"BuildVersion":54000,"Docs":[')
        for number in range(asked.documents):
            if number: file.write(",")
            day = f"2026-{rng.randrange(1, 13):02}-{rng.randrange(1, 28):02}T{rng.randrange(24):02}:{rng.randrange(60):02}:{rng.randrange(60):02}.{rng.randrange(9999999):07}Z"
            lines = []
            for _ in range(26):
                product, called = rng.choice(products)
                lines.append({"Product": product, "ProductName": called, "PricePerUnit": rng.randrange(99999) / 100, "Quantity": rng.randrange(1, 60), "Discount": rng.randrange(30) / 100})
            order = {"Company": f"companies/{rng.randrange(99999)}-A", "Employee": f"employees/{rng.randrange(400)}-A", "Freight": rng.randrange(99999) / 100, "Lines": lines, "OrderedAt": day, "RequireAt": day, "ShipTo": rng.choice(addresses), "ShipVia": f"shippers/{rng.randrange(9)}-A", "Note": " ".join(rng.choices(words, k=60))}
            file.write(json.dumps({**order, "@metadata": {"@collection": "Orders", "@id": f"orders/{number}-A"}}))
        file.write("]}")
    body, kind = form(dump.read_bytes())
    call(asked.url, "POST", f"/databases/{DATABASE}/smuggler/import", raw=body, kind=kind, timeout=1800)
    dump.unlink()


def timed_export(url, path):
    """Seconds of an export of everything, written to a file."""
    begin = time.monotonic()
    request = urllib.request.Request(f"{url}/databases/{DATABASE}/smuggler/export", method="POST", data=b"{}", headers={"Content-Type": "application/json"})
    with urllib.request.urlopen(request, timeout=1800) as answer, open(path, "wb") as file: shutil.copyfileobj(answer, file, 1 << 20)
    return time.monotonic() - begin


def salvage(command):
    """Seconds, and the most memory in KiB."""
    begin = time.monotonic()
    child = subprocess.Popen(command, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)
    _, status, usage = os.wait4(child.pid, 0)
    if os.waitstatus_to_exitcode(status) not in (0, 1): sys.exit(f"salvage ended with {os.waitstatus_to_exitcode(status)}")
    return time.monotonic() - begin, usage.ru_maxrss


def documents(path):
    """How many documents a dump holds."""
    count = 0
    with gzip.open(path, "rb") as file:
        last = b""
        while piece := file.read(1 << 22):
            piece = last + piece
            count += piece.count(b'"@id":"')
            last = piece[-6:]
    return count


if __name__ == "__main__":
    sys.exit(main())
