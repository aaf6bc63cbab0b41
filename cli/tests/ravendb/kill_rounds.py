#!/usr/bin/env python3
"""Kills a real RavenDB server in the middle of a random load, again and again, and holds what salvage makes of a copy of its files
against what the server itself shows after its restart.

    kill_rounds.py --start CMD --kill CMD --url URL --files FOLDER --firedrill BINARY [--rounds 20] [--seed 1] [--seconds 2]

CMD is run by a shell: `--start` returns when the server answers at URL, `--kill` ends it with SIGKILL. FOLDER is where the server keeps the
files of the database `rounds`, which this script makes. Exit status 0: every round equal. What differs is named.
"""
import argparse, pathlib, random, shutil, subprocess, sys, tempfile, threading, time, urllib.error, urllib.parse

from dump import call, compare, create, export, records

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
    create(asked.url, DATABASE)
    differing = 0
    for round_ in range(asked.rounds):
        written = load(asked.url, random.Random(f"{asked.seed}/{round_}"), asked.seconds, lambda: shell(asked.kill))
        copy, out = work / f"copy-{round_}", work / f"out-{round_}"
        shutil.copytree(asked.files, copy, ignore=shutil.ignore_patterns("Indexes", "Configuration", "Temp", "*.buffers"))
        told = subprocess.run([asked.firedrill, "salvage", str(copy), "--out", str(out), "--json"], capture_output=True, text=True)
        shell(asked.start)
        wait_for(asked.url)
        theirs = records(export(asked.url, DATABASE))
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


if __name__ == "__main__": sys.exit(main())
