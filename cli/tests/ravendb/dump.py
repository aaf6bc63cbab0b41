"""A server's dump, read and compared: what the scripts beside this file share."""
import gzip, json, re, urllib.request

SECTIONS = ("content", "Docs", "RevisionDocuments", "Conflicts", "CounterGroups", "TimeSeries", "TimeSeriesDeletedRanges")


def call(url, method, path, body=None, raw=None, kind="application/json", timeout=30):
    data = raw if raw is not None else (json.dumps(body).encode() if body is not None else None)
    request = urllib.request.Request(url + path, data=data, method=method, headers={"Content-Type": kind})
    with urllib.request.urlopen(request, timeout=timeout) as answer: return answer.read()


def create(url, database):
    call(url, "PUT", f"/admin/databases?name={database}&replicationFactor=1", {"DatabaseName": database, "Settings": {}, "Disabled": False}, timeout=60)


def export(url, database): return call(url, "POST", f"/databases/{database}/smuggler/export", raw=b"{}", timeout=600)


def form(dump):
    """The body of an import, and its kind."""
    boundary = "firedrill"
    options = f'--{boundary}\r\nContent-Disposition: form-data; name="importOptions"\r\n\r\n{{}}\r\n--{boundary}\r\nContent-Disposition: form-data; name="file"; filename="d"\r\nContent-Type: application/octet-stream\r\n\r\n'
    return options.encode() + dump + f"\r\n--{boundary}--\r\n".encode(), f"multipart/form-data; boundary={boundary}"


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
    if section == "Conflicts": return (section, record["Id"], record["ChangeVector"])
    if section == "CounterGroups": return (section, record["DocId"], tuple(sorted(record["Values"]["@vals"])))
    return (section, json.dumps(record, sort_keys=True))


def compare(theirs, ours):
    """Names of what only one has, or what differs. Of no interest: what is not the database's data."""
    wanted = {name for name in {*theirs, *ours} if name[0] in SECTIONS}
    return sorted(str(name) for name in wanted if theirs.get(name) != ours.get(name))
