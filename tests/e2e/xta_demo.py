#!/usr/bin/python3
"""xta_demo.py FOLDER - the registries of two towns, each a client of its own town's XTA server

FOLDER was made by depesche init --demo, and its three daemons run. Town A's registry sends by
version 3, town B's fetches by version 5, and A's asks for the transport report until it is closed.
"""
import re
import sys
import time

import xta_peer as peer

SERVICE = "urn:depesche:demo:rueckmeldung"
WAIT_S = 300


def registry(folder, town, version, party):
    with open(f"{folder}/{town}.yaml", encoding="utf-8") as f:
        port = re.search(r"xta_server:.*?port: (\d+)", f.read(), re.DOTALL).group(1)
    pair = (f"{folder}/pki/{town}-meldeamt.pem", f"{folder}/pki/{town}-meldeamt.key")
    return peer.connect(version, f"https://127.0.0.1:{port}", f"{folder}/pki/ca.pem", pair, party)


def wait(look, what):
    until = time.monotonic() + WAIT_S
    while time.monotonic() < until:
        seen = look()
        if seen:
            return seen
        time.sleep(0.5)
    raise SystemExit(f"xta_demo: {what}")


def main():
    folder = sys.argv[1]
    a = registry(folder, "town-a", "v3", "ags:09999011")
    b = registry(folder, "town-b", "v5", "ags:09999012")
    contents = peer.samples()
    message_id = a.create_id()
    a.send(message_id, b.party, contents, service=SERVICE, subject="Rückmeldung: Umzug nach Beheim")
    print(f"  A  sendMessage         {message_id}")
    print(f"  A  getTransportReport  status {a.report(message_id)['status']}: on its way")
    entry = wait(
        lambda: next((m for m in b.list()[0] if m["id"] == message_id), None),
        "the message does not get into B's box",
    )
    print(f"  B  getStatusList       from {entry['author']}, delivered {entry['delivery']}")
    got = b.get(message_id)
    for sent, arrived in zip(contents, got["contents"]):
        if (sent["bytes"], sent["name"]) != (arrived["bytes"], arrived["name"]):
            raise SystemExit(f"xta_demo: {sent['name']} has changed on its way")
        print(
            f"  B  getMessage          {arrived['name']}, {len(arrived['bytes'])} bytes, the same as sent"
        )
    b.close(message_id)
    print("  B  close")
    report = wait(lambda: (r := a.report(message_id))["status"] and r, "A's report stays open")
    if report["status"] != 1 and report["status"] != 2:
        raise SystemExit(f"xta_demo: A's report says {report['status']}: {report['errors']}")
    print(
        f"  A  getTransportReport  status {report['status']}: delivered, with {report['server']}'s evidence"
    )


if __name__ == "__main__":
    main()
