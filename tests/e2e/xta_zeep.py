#!/usr/bin/python3
"""xta_zeep.py CONFIG.json SCENARIO... - a server seen by zeep, over mutual TLS

CONFIG.json is written by e2e_xta_zeep.sh: where the server is, and who may be who there. Each
scenario (operations, faults, large, readers) is played in both versions, prints a line for each
thing seen, and ends the program with 1 at the first that is not as it should be.
"""
import collections
import concurrent.futures
import datetime
import json
import random
import sys
import time
import uuid

import zeep
from zeep.exceptions import Fault

import xta_peer as peer

conf = {}


def say(version, *words):
    print(version, *words, flush=True)


def must(truth, what):
    if not truth:
        raise SystemExit(f"xta_zeep: not as it should be: {what}")


def connect(version, who, party=None, wsdl=True):
    official = peer.wsdl_of(conf["shared"], version) if wsdl else None
    return peer.connect(
        version,
        conf["base"],
        conf["ca"],
        conf["pairs"][who],
        party or conf["parties"].get(who, conf["parties"]["author"]),
        official,
    )


def is_mtom(client):
    return (
        client.look.content_type.startswith("multipart/related")
        and "application/xop+xml" in client.look.content_type
    )


def same(sent, got):
    must(len(sent) == len(got), "the number of contents")
    for a, b in zip(sent, got):
        must(
            a["bytes"] == b["bytes"] and a["name"] == b["name"] and a["media"] == b["media"],
            f"content {a['name']}: {len(a['bytes'])} bytes sent, {len(b['bytes'])} as {b['name']} got",
        )


def wait(seconds, look):
    until = time.monotonic() + seconds
    while True:
        seen = look()
        if seen:
            return seen
        must(time.monotonic() < until, "what was waited for did not come")
        time.sleep(0.2)


def listed(reader, message_id):
    """The entry of the message in its reader's box, once it is there."""
    return wait(
        120,
        lambda: next(
            (m for m in reader.list(ids=[message_id])[0] if m["id"].lower() == message_id.lower()),
            None,
        ),
    )


def waiting(reader, limit):
    """What is to be fetched: new, or (version 5) handed out to somebody and never closed."""
    entries, _ = reader.list(limit)
    if not entries and isinstance(reader, peer.V5):
        entries = [e for e in reader.list(new=False)[0] if not e["reception"]][:limit]
    return entries


def take(reader, message_id):
    """False: another reader was quicker."""
    try:
        got = reader.get(message_id)
        reader.close(message_id)
    except Fault as error:
        must(
            peer.fault_of(error)[0] == "InvalidMessageIDException",
            f"{error} {peer.fault_of(error)}",
        )
        return False
    must(got["id"] == message_id, "the message that was asked for")
    return True


def drain(reader):
    while entries := waiting(reader, 50):
        for entry in entries:
            take(reader, entry["id"])


def sent(author, reader_party, contents, **more):
    message_id = author.create_id()
    author.send(message_id, reader_party, contents, **more)
    must(is_mtom(author), "the answer to sendMessage is MTOM")
    return message_id


# -- operations -----------------------------------------------------------------------------------


def op_life(version, author, reader):
    """createMessageId, sendMessage, reports, list, get twice, close, close again."""
    contents = peer.samples()
    message_id = sent(author, reader.party, contents)
    say(version, "sendMessage", message_id)
    report = author.report(message_id)
    must(
        report["status"] == 0
        and report["server"]
        and report["id"] == message_id
        and report["more"],
        f"the report straight after sending: {report}",
    )
    entry = listed(reader, message_id)
    must(
        entry["author"] == author.party and entry["reader"] == reader.party and entry["delivery"],
        f"the entry {entry}",
    )
    for _ in range(2):
        got = reader.get(message_id)
        same(contents, got["contents"])
    must(author.report(message_id)["status"] == 0, "the report stays open until close")
    reader.close(message_id)
    wait(60, lambda: author.report(message_id)["status"] in (1, 2))
    must(reader.report(message_id)["status"] in (1, 2), "the reader sees the report, too")
    must(not any(m["id"] == message_id for m in reader.list()[0]), "closed and still new")
    try:
        reader.close(message_id)
    except Fault as error:
        must(peer.fault_of(error)[0] == "InvalidMessageIDException", f"closing twice: {error}")
    say(version, "getStatusList getMessage close getTransportReport")


def op_lookup(version, author, reader):
    answers = author.lookup(
        [(reader.party, conf["services"]["async"]), ("ags:00000000", "urn:unbekannt")]
    )
    must(len(answers) == 2, "two questions, two answers")
    must(
        answers[0]["ServiceIsAvailable"] or answers[0]["ServiceIsAvailableUnknown"],
        f"known: {answers[0]}",
    )
    must(not answers[1]["ServiceIsAvailable"], f"unknown: {answers[1]}")
    say(version, "lookupService")


def op_iterate(version, author, reader):
    """V3: lists page by page and messages one by one, each once and in order."""
    drain(reader)
    ids = [sent(author, reader.party, peer.samples()) for _ in range(5)]
    for i in ids:
        listed(reader, i)
    page, state = reader.list(2)
    seen = [m["id"] for m in page]
    must(len(page) == 2 and state["pending"] == 3 and state["request"], f"the first page: {state}")
    while state["pending"]:
        page, following = reader.list_next(state["request"])
        must(following["request"] == state["request"], "the request id stays the same")
        state = following
        seen += [m["id"] for m in page]
    must(seen == ids, f"all in order: {seen} for {ids}")
    got = reader.get()
    order, request = [got["id"]], got["box"]["request"]
    while got["box"]["pending"]:
        got = reader.get_next(request, [got["id"]])
        must(got["box"]["request"] == request, "the request id stays the same")
        order.append(got["id"])
    reader.close(got["id"], request)
    must(order == ids, f"each once and in order: {order} for {ids}")
    must(not reader.list()[0], "all are acknowledged")
    say(version, "getNextStatusList getNextMessage")


def op_cancel(version, author, reader):
    late = peer.now() + datetime.timedelta(hours=2)
    message_id = sent(author, reader.party, peer.samples(), not_before=late)
    must(not any(m["id"] == message_id for m in reader.list()[0]), "visible before NotBefore")
    author.cancel(message_id)
    must(author.report(message_id)["status"] != 0, "the report of a cancelled message is closed")
    must(not any(m["id"] == message_id for m in reader.list()[0]), "cancelled and in the box")
    say(version, "cancelMessage")


def op_sync(version, author, reader):
    contents = peer.samples()
    answer = author.send(
        author.create_id(), reader.party, contents, sync=True, service=conf["services"]["sync"]
    )
    must(answer.body is not None, "the synchronous answer has contents")
    say(version, "sendMessageSync")


def op_deliver(version, author, reader):
    """Somebody else's XTA server brings a message to the reader's port, on the reader's behalf."""
    message_id = f"urn:de:xta:messageid:anderswo:{uuid.uuid4()}"
    for _ in range(2):
        reader.send(message_id, reader.party, peer.samples(), port="reader", author=author.party)
    must(reader.list(ids=[message_id])[0], "what was delivered is in the box")
    message_id = f"urn:de:xta:messageid:anderswo:{uuid.uuid4()}"
    author.send(message_id, reader.party, peer.samples(), port="reader")
    must(reader.list(ids=[message_id])[0], "what the author brought is in the box")
    say(version, "deliverMessage")


def operations(version):
    author, reader = connect(version, "author"), connect(version, "reader")
    author.check()
    must(is_mtom(author), "an empty answer is MTOM")
    if version == "v3":
        author.check(bare=True)
    say(version, "checkAccountActive")
    must(author.create_id() != author.create_id(), "two ids are two")
    say(version, "createMessageId")
    op_lookup(version, author, reader)
    op_life(version, author, reader)
    if version == "v3":
        op_iterate(version, author, reader)
        op_cancel(version, author, reader)
    else:
        op_deliver(version, author, reader)
    op_sync(version, author, reader)
    own = connect(version, "author", wsdl=False)
    own.check()
    say(version, "its own WSDL serves zeep, too")


# -- faults ---------------------------------------------------------------------------------------


def refused(version, want, number, call):
    try:
        call()
    except Fault as error:
        name, code = peer.fault_of(error)
        must(
            name is not None and name in want and (number is None or code == str(number)),
            f"{want} {number}: {name} {code} {error.message}",
        )
        say(version, name, code)
        return
    raise SystemExit(f"xta_zeep: no fault, but {want} {number} was due")


def locked_out(version, who, number):
    """Refused by TLS, or by name."""
    try:
        connect(version, who).check()
    except Fault as error:
        must(peer.fault_of(error) == ("PermissionDeniedException", str(number)), f"{who}: {error}")
        say(version, "PermissionDeniedException", number, f"({who})")
    except OSError as error:
        say(version, f"refused in TLS ({who})", type(error).__name__)
    else:
        raise SystemExit(f"xta_zeep: {who} got in")


def faults(version):
    author, reader = connect(version, "author"), connect(version, "reader")
    services, denied, wrong = (
        conf["services"],
        "PermissionDeniedException",
        "ParameterIsNotValidException",
    )
    unknown = f"urn:de:xta:messageid:nirgends:{uuid.uuid4()}"
    contents = peer.samples()

    locked_out(version, "expired", 9010)
    locked_out(version, "locked", 9011)
    locked_out(version, "stranger", 9012)
    refused(version, denied, 9014, lambda: author.check(party="ags:99999999"))
    refused(
        version,
        denied,
        9014,
        lambda: author.send(author.create_id(), reader.party, contents, author="ags:99999999"),
    )
    refused(
        version,
        denied,
        9013,
        lambda: author.send(
            author.create_id(), reader.party, contents, service=services["not_booked"]
        ),
    )
    for call in (author.report, reader.get, reader.close):
        refused(version, "InvalidMessageIDException", 9070, lambda call=call: call(unknown))
    message_id = sent(author, reader.party, contents)
    refused(version, wrong, 9024, lambda: author.send(message_id, reader.party, contents))
    refused(
        version,
        wrong,
        9024,
        lambda: author.send(
            message_id.upper().replace("URN:DE:XTA:MESSAGEID", "urn:de:xta:messageid"),
            reader.party,
            contents,
        ),
    )
    refused(version, wrong, 9021, lambda: author.send("das ist keine URI", reader.party, contents))
    refused(
        version,
        wrong,
        9023,
        lambda: author.send(
            author.create_id(),
            reader.party,
            [
                peer.content(
                    bytes((conf["megabytes"] + 8) << 20), "zu gross.bin", "application/octet-stream"
                )
            ],
        ),
    )
    refused(version, wrong, None, lambda: author.send(author.create_id(), "ags:00000000", contents))
    refused(
        version,
        "SyncAsyncException",
        9080,
        lambda: author.send(
            author.create_id(), reader.party, contents, sync=True, service=services["async"]
        ),
    )
    refused(
        version,
        "SyncAsyncException",
        9081,
        lambda: author.send(author.create_id(), reader.party, contents, service=services["sync"]),
    )
    eicar = b"X5O!P%@AP[4\\PZX54(P^)7CC)7}$EICAR" + b"-STANDARD-ANTIVIRUS-TEST-FILE!$H+H*"
    refused(
        version,
        "MessageVirusDetectionException",
        9060,
        lambda: author.send(
            author.create_id(),
            reader.party,
            [peer.content(eicar, "e.com", "application/octet-stream")],
        ),
    )
    refused(
        version,
        "MessageSchemaViolationException",
        9051,
        lambda: author.send(
            author.create_id(),
            reader.party,
            [peer.content("Größe".encode("latin-1"), "a.xml", "text/xml", encoding="UTF-8")],
        ),
    )
    refused(
        version,
        ("XTAWSTechnicalProblemException", "TechnicalProblemException"),
        None,
        lambda: author.send(
            author.create_id(),
            conf["parties"]["silent"],
            contents,
            sync=True,
            service=services["sync"],
        ),
    )
    if version == "v3":
        refused(version, "CancelDeniedException", 9101, lambda: author.cancel(message_id))
        soon = sent(
            author, reader.party, contents, not_before=peer.now() + datetime.timedelta(seconds=1)
        )
        time.sleep(3)
        refused(version, "CancelDeniedException", 9100, lambda: author.cancel(soon))
        refused(version, wrong, None, lambda: author.cancel(unknown))


# -- a large attachment, many readers -------------------------------------------------------------


def memory_mb():
    with open(conf["pid"], encoding="ascii") as f:
        pid = f.read().strip()
    with open(f"/proc/{pid}/status", encoding="ascii") as f:
        return next(int(line.split()[1]) for line in f if line.startswith("VmHWM")) / 1024


def large(version):
    author, reader = connect(version, "author"), connect(version, "reader")
    step = b"".join(b"%07d\n" % n for n in range(131072))
    data = (step * (conf["megabytes"] + 1))[: (conf["megabytes"] << 20) - 3] + b"end"
    contents = [peer.samples()[0], peer.content(data, "gross.bin", "application/octet-stream")]
    begin = time.monotonic()
    message_id = sent(author, reader.party, contents)
    middle = time.monotonic()
    listed(reader, message_id)
    got = reader.get(message_id)
    same(contents, got["contents"])
    reader.close(message_id)
    say(
        version,
        f"{conf['megabytes']} MB sent in {middle - begin:.1f} s, fetched in {time.monotonic() - middle:.1f} s,"
        f" server peak {memory_mb():.0f} MB",
    )
    must(memory_mb() < conf.get("peak_mb", 96), f"the server's peak is {memory_mb():.0f} MB")


def fetch_all(version):
    """One reader among several: takes what waits until nothing does."""
    reader, mine = connect(version, "reader"), []
    while entries := waiting(reader, 20):
        random.shuffle(entries)  # as readers would that do not go in step
        mine += [e["id"] for e in entries if take(reader, e["id"])]
    return mine


def readers(version):
    author, reader = connect(version, "author"), connect(version, "reader")
    drain(reader)
    count = conf["messages"]
    contents = [peer.content(b"<a/>", "a.xml", "text/xml")]
    ids = set()
    with concurrent.futures.ThreadPoolExecutor(4) as pool:
        clients = [connect(version, "author") for _ in range(4)]
        for made in pool.map(
            lambda n: [sent(clients[n], reader.party, contents) for _ in range(count // 4)],
            range(4),
        ):
            ids.update(made)
        must(len(ids) == count, f"{len(ids)} of {count} were sent")
        say(version, len(ids), "messages sent")
        taken = list(pool.map(lambda _: fetch_all(version), range(4)))
    times = collections.Counter(i for mine in taken for i in mine)
    must(set(times) == ids, f"{len(ids - set(times))} messages were never closed")
    must(max(times.values()) == 1, "a message was closed twice")
    must(not reader.list()[0], "something is left in the box")
    open_reports = [i for i in ids if author.report(i)["status"] == 0]
    must(not open_reports, f"{len(open_reports)} reports are still open")
    say(
        version,
        f"{count} messages, {[len(t) for t in taken]} by four readers, {sum(times.values())} successful closes",
    )
    return times


def main():
    with open(sys.argv[1], encoding="utf-8") as f:
        conf.update(json.load(f))
    for version in conf.get("versions", ["v3", "v5"]):
        for scenario in sys.argv[2:]:
            {"operations": operations, "faults": faults, "large": large, "readers": readers}[
                scenario
            ](version)


if __name__ == "__main__":
    main()
