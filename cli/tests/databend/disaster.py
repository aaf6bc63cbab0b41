#!/usr/bin/env python3
"""Disasters for a table in a versioned bucket, by boto3. The endpoint comes from $ENDPOINT.

    disaster.py delete PREFIX           a delete marker on every current object
    disaster.py purge-blocks PREFIX N   every version of N blocks of the latest snapshot, gone for good
    disaster.py report FILE NAMES       fails unless FILE's lost objects are exactly those in NAMES
"""
import json, os, sys

import boto3


def client():
    return boto3.client("s3", endpoint_url=os.environ["ENDPOINT"], region_name="us-east-1",
                        aws_access_key_id="k", aws_secret_access_key="s")


def delete(prefix):
    s3, deleted = client(), 0
    for page in s3.get_paginator("list_objects_v2").paginate(Bucket="bucket1", Prefix=prefix):
        keys = [{"Key": o["Key"]} for o in page.get("Contents", [])]
        if keys:
            s3.delete_objects(Bucket="bucket1", Delete={"Objects": keys})
            deleted += len(keys)
    print(f"{deleted} objects deleted")
    assert deleted > 0, "there was nothing to delete"


def purge_blocks(prefix, count, plan, names):
    """The plan is a dry run's report: it says which blocks the latest snapshot references."""
    s3 = client()
    blocks = [o["key"] for o in json.load(open(plan))["objects"] if o["class"] == "block"][:count]
    assert len(blocks) == count, f"only {len(blocks)} blocks are referenced"
    for page in s3.get_paginator("list_object_versions").paginate(Bucket="bucket1", Prefix=prefix):
        for version in page.get("Versions", []):
            if version["Key"] in blocks:
                s3.delete_object(Bucket="bucket1", Key=version["Key"], VersionId=version["VersionId"])
    json.dump(sorted(blocks), open(names, "w"))
    print(f"{count} blocks purged")


def report(path, names):
    lost = sorted(o["key"] for o in json.load(open(path))["objects"] if o["decision"] == "lost")
    expected = json.load(open(names))
    assert lost == expected, f"lost {lost}, expected {expected}"
    print(f"exactly the {len(lost)} purged blocks are named")


verb, *rest = sys.argv[1:]
if verb == "delete":
    delete(rest[0])
elif verb == "purge-blocks":
    purge_blocks(rest[0], int(rest[1]), rest[2], rest[3])
elif verb == "report":
    report(rest[0], rest[1])
else:
    sys.exit(__doc__)
