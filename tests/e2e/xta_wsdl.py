#!/usr/bin/python3
"""xta_wsdl.py BUILD SHARED - python3-zeep reads our WSDLs as a peer would, from URL?wsdl

Every operation must be there and a request for it be built. Where the official WSDLs lie in
SHARED/spec/xta, operations, actions, headers, bodies and faults must be the same as theirs.
"""
import http.server
import os
import pathlib
import re
import subprocess
import sys
import tempfile
import threading
import urllib.parse

import zeep
from lxml import etree

WSDL = "{http://schemas.xmlsoap.org/wsdl/}"
SOAP12 = "{http://schemas.xmlsoap.org/wsdl/soap12/}"
NAMESPACES = (
    "http://xoev.de/transport/xta/211",
    "http://www.osci.eu/ws/2008/05/transport",
    "http://www.osci.eu/ws/2014/10/transport",
    "https://xoev.de/transport/xta/core/3.1.1",
)
OFFICIAL = {"v3": "v3/XTA.wsdl", "v5": "v5/wsdl/xta-core.wsdl"}
OPERATIONS = {"v3": 12, "v5": 10}


def serve(folder):
    """FOLDER/VERSION/xta.wsdl at /VERSION/PORT?wsdl, the schemas at /VERSION/PORT?xsd=NAME"""

    class Handler(http.server.BaseHTTPRequestHandler):
        def do_GET(self):
            url = urllib.parse.urlsplit(self.path)
            name = urllib.parse.parse_qs(url.query).get("xsd", ["xta.wsdl"])[0]
            path = folder / url.path.split("/")[1] / name
            self.send_response(200 if path.is_file() else 404)
            self.end_headers()
            if path.is_file():
                self.wfile.write(path.read_bytes())

        def log_message(self, *_):
            pass

    server = http.server.ThreadingHTTPServer(("127.0.0.1", 0), Handler)
    threading.Thread(target=server.serve_forever, daemon=True).start()
    return server


def describe(wsdl):
    """What a client sees: operations, and the types of its factory; addresses are no part of it"""
    found = {}

    def named(signature):
        prefixes = wsdl.types._prefix_map_auto
        return re.sub(r"\b(ns\d+):", lambda m: f"{{{prefixes[m[1]]}}}", signature or "")

    for service in wsdl.services.values():
        for port in service.ports.values():
            for name, op in port.binding._operations.items():
                found["operation", service.name, port.name, name] = (
                    op.soapaction,
                    op.abstract.wsa_action,
                    named(op.input.signature()),
                    named(op.output.signature()),
                )
    for t in wsdl.types.types:
        if t.name and t.qname.namespace in NAMESPACES:
            found["type", t.qname.text] = named(t.signature(wsdl.types))
    return found


def written(root):
    """What stands below portType and binding, whatever prefixes and order it is written in"""
    found = {}
    for above in root.iterchildren(WSDL + "message", WSDL + "portType", WSDL + "binding"):
        for node in above.iterdescendants(etree.Element):
            if etree.QName(node).localname == "documentation":
                continue
            path = [above.get("name")]
            for n in list(node.iterancestors())[-3::-1] + [node]:
                path.append(f"{etree.QName(n).localname} {n.get('name', '')} {n.get('part', '')}")
            values = {
                k: v.split(":", 1)[1] if k in ("message", "type", "element") else v
                for k, v in node.attrib.items()
            }
            # document is what style is when nothing is said
            if etree.QName(node) == SOAP12 + "operation":
                values.setdefault("style", "document")
            key = "written", etree.QName(above).localname, *path
            found.setdefault(key, []).append(sorted(values.items()))
    return {key: sorted(values) for key, values in found.items()}


def differences(ours, theirs):
    count = 0
    for key in sorted(set(ours) | set(theirs), key=str):
        if ours.get(key) != theirs.get(key):
            count += 1
            print(f"{key}:\n  ours   {ours.get(key)}\n  theirs {theirs.get(key)}")
    return count


def check(version, folder, host, tool, official):
    (folder / version).mkdir()
    url = f"{host}/{version}/port"
    subprocess.run([tool, "write", version, folder / version, url], check=True)
    client = zeep.Client(f"{url}2?wsdl")
    ports = [p for s in client.wsdl.services.values() for p in s.ports.values()]
    operations = sum(len(p.binding._operations) for p in ports)
    addresses = [p.binding_options["address"] for p in ports]
    bad = operations != OPERATIONS[version] or not all(a.startswith(url) for a in addresses)
    print(f"{version}: {operations} operations at {' '.join(sorted(addresses))}")
    if not official.is_file():
        print(f"{version}: no official WSDL to compare with")
        return bad
    ours = describe(client.wsdl) | written(etree.parse(folder / version / "xta.wsdl").getroot())
    theirs = describe(zeep.Client(str(official)).wsdl) | written(etree.parse(official).getroot())
    print(f"{version}: {len(theirs)} things compared with the official WSDL and its types")
    return differences(ours, theirs) > 0 or bad


def main(build, shared):
    shared = pathlib.Path(os.environ.get("DEPESCHE_SHARED", shared))
    tool = f"{build}/tests/e2e/xta_schemas"
    with tempfile.TemporaryDirectory(prefix="depesche-test-") as temp:
        folder = pathlib.Path(temp)
        server = serve(folder)
        host = f"http://127.0.0.1:{server.server_port}"
        bad = [
            check(version, folder, host, tool, shared / "spec/xta" / official)
            for version, official in OFFICIAL.items()
        ]
        server.shutdown()
    return 1 if any(bad) else 0


if __name__ == "__main__":
    sys.exit(main(*sys.argv[1:]))
