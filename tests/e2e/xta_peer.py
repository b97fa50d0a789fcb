"""A Fachverfahren that speaks XTA 2 through zeep, version 3 and version 5 behind one face.

Only what the WSDL says and zeep makes of it goes over the line, so a server that answers this one
answers code that nobody here has written. The WSDL is the official one where it is given, else the
one that the server itself hands out.
"""
import datetime
import hashlib
import os
import ssl
import uuid

import requests
import zeep
from requests.adapters import HTTPAdapter
from zeep.plugins import Plugin
from zeep.settings import Settings
from zeep.transports import Transport

SERVICE = "urn:xoev-de:test:dienst/probe_1.wsdl"
PAYLOAD_SCHEMA = "http://www.osci.de/xmeld33"
SCENARIO = {
    "list": "urn:de:xta:codeliste:business.scenario",
    "version": "3.6",
    "code": "XMELD_DATA",
}
TIMEOUT_S = 600


def now():
    return datetime.datetime.now(datetime.timezone.utc).replace(microsecond=0)


class Tls(HTTPAdapter):
    """Client certificate and authorities; one version of TLS where a test asks for it."""

    def __init__(self, ca, pair, tls=None):
        self.context = ssl.create_default_context(cafile=ca)
        self.context.check_hostname = False  # urllib3 compares it by itself, addresses too
        if pair is not None:
            self.context.load_cert_chain(*pair)
        if tls is not None:
            self.context.minimum_version = self.context.maximum_version = tls
        super().__init__(pool_connections=4, pool_maxsize=4)

    def init_poolmanager(self, *args, **kwargs):
        return super().init_poolmanager(*args, ssl_context=self.context, **kwargs)


class Look(Plugin):
    """Remembers what of the last answer zeep's objects do not show: choices in header blocks, say."""

    def ingress(self, envelope, http_headers, operation):
        self.envelope = envelope
        self.content_type = http_headers.get("Content-Type", "")
        return envelope, http_headers

    def one(self, name):
        """The first element of that name in the header, or None."""
        return next((e for e in self.envelope[0].iter("{*}" + name)), None)


def code(listed):
    return {"listURI": listed["list"], "listVersionID": listed["version"], "code": listed["code"]}


def sha(content):
    return hashlib.sha256(content).hexdigest()


def ncname():
    return "id-" + str(uuid.uuid4())


class Client:
    """urls: port name (base, sender, box, reader) to URL."""

    def __init__(self, urls, ca, pair, party, wsdl, tls=None):
        session = requests.Session()
        session.trust_env = False
        session.mount("https://", Tls(ca, pair, tls))
        session.verify = ca
        self.party, self.look = party, Look()
        transport = Transport(session=session, timeout=TIMEOUT_S, operation_timeout=TIMEOUT_S)
        self.client = zeep.Client(
            wsdl,
            transport=transport,
            plugins=[self.look],
            settings=Settings(xml_huge_tree=True, strict=True),
        )
        self.ports = {}
        for name, binding in self.bindings.items():
            if name in urls:
                self.ports[name] = self.client.create_service(f"{{{self.ns}}}{binding}", urls[name])

    def size(self, contents):
        return sum(len(c["bytes"]) for c in contents)


def content(data, name, media, **more):
    return {"bytes": data, "name": name, "media": media, **more}


def samples():
    """A message whose names, subject and bytes would show every mistake in encoding.

    Nothing begins or ends with CR or LF: zeep takes those off what it gets as a part.
    """
    return [
        content(
            "<probe>Müßig &amp; Größe</probe>".encode(),
            "prüfung.xml",
            "text/xml",
            encoding="UTF-8",
        ),
        content(bytes(range(256)), "Anlage Größe ß.bin", "application/octet-stream"),
    ]


class V3(Client):
    ns = "http://xoev.de/transport/xta/211"
    bindings = {
        "base": "managementHttpsBinding",
        "sender": "sendXTAHttpsBinding",
        "box": "msgBoxHttpsBinding",
    }
    paths = {"base": "/xta/v3/management", "sender": "/xta/v3/send", "box": "/xta/v3/msgbox"}

    def identifier(self, party):
        return {
            "Identifier": {
                "_value_1": party,
                "type": "xoev",
                "name": "Gemeinde Großweiher",
                "category": "Meldebehörde",
            }
        }

    def header(self, party=None):
        return {"AuthorIdentifier": self.identifier(party or self.party)}

    def check(self, party=None, bare=False):
        headers = {} if bare else {"_soapheaders": self.header(party)}
        return self.ports["base"].checkAccountActive(**headers)

    def create_id(self, party=None):
        return self.ports["base"].createMessageId(_soapheaders=self.header(party))["_value_1"]

    def lookup(self, questions):
        lists = [
            {"LookupService": {"Reader": self.identifier(r), "ServiceType": s}}
            for r, s in questions
        ]
        answer = self.ports["base"].lookupService(lists, _soapheaders=self.header())
        return [x["IsServiceAvailableValue"] for x in answer]

    def metadata(
        self,
        message_id,
        reader,
        contents,
        author=None,
        service=SERVICE,
        subject="Rückmeldung – Größe & Maß <1>",
        not_before=None,
        **_,
    ):
        times = {"Origin": now()}
        if not_before is not None:
            times["NotBefore"] = not_before
        return {
            "DeliveryAttributes": times,
            "Originators": {"Author": self.identifier(author or self.party)},
            "Destinations": {"Reader": self.identifier(reader)},
            "MsgIdentification": {"MessageID": message_id},
            "Qualifier": {
                "Subject": subject,
                "Service": service,
                "BusinessScenario": {"Defined": code(SCENARIO)},
                "MessageType": {
                    "listURI": "urn:de:codeliste:nachrichtentyp",
                    "listVersionID": "1",
                    "code": "probe.nachricht.0001",
                    "payloadSchema": PAYLOAD_SCHEMA,
                },
            },
            "MsgSize": max(1, self.size(contents)),
        }

    def container(self, contents):
        made = [
            {
                "_value_1": c["bytes"],
                "contentType": c["media"],
                "filename": c["name"],
                "size": len(c["bytes"]),
                "id": ncname(),
                **({"encoding": c["encoding"]} if "encoding" in c else {}),
            }
            for c in contents
        ]
        return {"ContentContainer": {"Message": made[0], "Attachment": made[1:]}}

    def send(self, message_id, reader, contents, sync=False, **more):
        call = self.ports["sender"].sendMessageSync if sync else self.ports["sender"].sendMessage
        return call(
            **self.container(contents),
            _soapheaders={"MessageMetaData": self.metadata(message_id, reader, contents, **more)},
        )

    def report(self, message_id, party=None):
        r = self.ports["base"].getTransportReport(message_id, _soapheaders=self.header(party))
        return {
            "status": r["MessageStatus"]["Status"],
            "server": r["XTAServerIdentity"],
            "at": r["ReportTime"],
            "id": r["MessageMetaData"]["MsgIdentification"]["MessageID"]["_value_1"],
            "more": r["AdditionalReports"],
            "times": r["MessageMetaData"]["DeliveryAttributes"],
            "errors": r["MessageStatus"]["ErrorList"],
        }

    def cancel(self, message_id):
        return self.ports["base"].cancelMessage(message_id, _soapheaders=self.header())

    def metadata_of(self, m):
        return {
            "id": m["MsgIdentification"]["MessageID"]["_value_1"],
            "subject": m["Qualifier"]["Subject"],
            "author": m["Originators"]["Author"]["Identifier"]["_value_1"],
            "reader": m["Destinations"]["Reader"]["Identifier"]["_value_1"],
            "delivery": m["DeliveryAttributes"]["Delivery"],
            "reception": m["DeliveryAttributes"]["Reception"],
        }

    def listed(self, answer):
        body = getattr(answer, "body", answer)
        found = body["MessageMetaData"] if "MessageMetaData" in body else body
        found = found if isinstance(found, list) else ([] if found is None else [found])
        return ([self.metadata_of(m) for m in found if m is not None], self.state())

    def state(self):
        box, pending = self.look.one("MsgBoxResponse"), self.look.one("ItemsPending")
        none = self.look.one("NoMessageAvailable")
        return {
            "request": box.get("MsgBoxRequestID"),
            "pending": None if pending is None else int(pending.text),
            "none": None if none is None else none.get("reason"),
        }

    def list(self, limit=None, new=True, ids=None):
        selector = {"newEntry": new}
        if ids:
            selector["MessageID"] = [{"_value_1": i} for i in ids]
        return self.listed(
            self.ports["box"].getStatusList(
                selector, maxListItems=limit, ListForm="MessageMetaData", _soapheaders=self.header()
            )
        )

    def list_next(self, request):
        return self.listed(
            self.ports["box"].getNextStatusList(
                zeep.xsd.SkipValue, request, _soapheaders=self.header()
            )
        )

    def fetched(self, answer):
        box = answer.body["ContentContainer"]
        contents = [box["Message"]] + list(box["Attachment"] or [])
        return {
            "contents": [content(c["_value_1"], c["filename"], c["contentType"]) for c in contents],
            "box": self.state(),
            **self.metadata_of(answer.header["MessageMetaData"]),
        }

    def get(self, message_id=None):
        selector = (
            {"newEntry": True} if message_id is None else {"MessageID": [{"_value_1": message_id}]}
        )
        return self.fetched(self.ports["box"].getMessage(selector, _soapheaders=self.header()))

    def get_next(self, request, received):
        return self.fetched(
            self.ports["box"].getNextMessage(
                [{"_value_1": r} for r in received], request, _soapheaders=self.header()
            )
        )

    def close(self, message_id, request=None):
        return self.ports["box"].close(
            [{"_value_1": message_id}],
            request or "urn:de:xta:requestid:none:" + str(uuid.uuid4()),
            _soapheaders=self.header(),
        )


class V5(Client):
    ns = "https://xoev.de/transport/xta/core/3.1.1"
    bindings = {
        "base": "transport.baseHttpsBinding",
        "sender": "senderHttpsBinding",
        "box": "recipientHttpsBinding",
        "reader": "readerHttpsBinding",
    }
    paths = {
        "base": "/xta/v5/base",
        "sender": "/xta/v5/sender",
        "box": "/xta/v5/recipient",
        "reader": "/xta/v5/reader",
    }

    def identifier(self, party, with_id=True):
        made = {
            "Identifier": {
                "_value_1": party,
                "identifierScheme": "xoev",
                "name": "Gemeinde Großweiher",
                "organizationCategory": "Meldebehörde",
            }
        }
        return {**made, "id": ncname()} if with_id else made

    def header(self, party=None):
        return {"Party": self.identifier(party or self.party, with_id=False)}

    def id_of(self, message_id):
        return {"_value_1": message_id, "id": ncname()}

    def check(self, party=None, bare=False):
        return self.ports["base"].checkAccountActive(_soapheaders=self.header(party))

    def create_id(self, party=None):
        return self.ports["sender"].createMessageID(_soapheaders=self.header(party))["_value_1"]

    def lookup(self, questions):
        asked = [{"Reader": self.identifier(r, with_id=False), "Service": s} for r, s in questions]
        return [
            x["IsServiceAvailableValue"]
            for x in self.ports["sender"].lookupService(asked, _soapheaders=self.header())
        ]

    def metadata(self, message_id, reader, contents, author=None, service=SERVICE, **_):
        return {
            "XTAMessageID": self.id_of(message_id),
            "Reader": self.identifier(reader),
            "Originators": {"Author": self.identifier(author or self.party)},
            "Qualifier": {
                "id": ncname(),
                "Service": service,
                "BusinessScenario": {"Defined": code(SCENARIO)},
                "MessageType": {
                    "_value_1": "probe.nachricht.0001",
                    "messageSchema": PAYLOAD_SCHEMA,
                },
            },
            "MessageSize": max(1, self.size(contents)),
            "DeliveryAttributes": {"Origin": {"_value_1": now(), "id": ncname()}},
            "ServiceQuality": {"id": ncname(), "Undefined": "ohne"},
        }

    def container(self, contents):
        made = [
            {
                "_value_1": c["bytes"],
                "contentType": c["media"],
                "filename": c["name"],
                "size": len(c["bytes"]),
                "id": ncname(),
                **({"encoding": c["encoding"]} if "encoding" in c else {}),
            }
            for c in contents
        ]
        return {"Message": made[0], "Attachment": made[1:]}

    def send(self, message_id, reader, contents, sync=False, port="sender", **more):
        call = (
            self.ports["reader"].deliverMessage
            if port == "reader"
            else self.ports["sender"].sendMessageSync
            if sync
            else self.ports["sender"].sendMessage
        )
        return call(
            **self.container(contents),
            _soapheaders={
                "MessageMetaData": self.metadata(message_id, reader, contents, **more),
                **self.header(None if port == "reader" else more.get("author")),
            },
        )

    def report(self, message_id, party=None):
        r = self.ports["base"].getTransportReport(
            message_id, id=ncname(), _soapheaders=self.header(party)
        )["TransportReport"]
        return {
            "status": r["MessageStatus"]["Status"],
            "server": r["XTAServerIdentity"],
            "at": r["ReportTime"],
            "id": r["MessageMetaData"]["XTAMessageID"]["_value_1"],
            "more": r["AdditionalReports"],
            "times": r["MessageMetaData"]["DeliveryAttributes"],
            "errors": r["MessageStatus"]["ErrorList"],
        }

    def metadata_of(self, m):
        delivery = m["DeliveryAttributes"]["Delivery"]
        return {
            "id": m["XTAMessageID"]["_value_1"],
            "subject": None,
            "author": m["Originators"]["Author"]["Identifier"]["_value_1"],
            "reader": m["Reader"]["Identifier"]["_value_1"],
            "delivery": delivery and delivery["_value_1"],
            "reception": m["DeliveryAttributes"]["Reception"],
        }

    def state(self):
        pending, none = self.look.one("MessagesPending"), self.look.one("NoMessageAvailable")
        return {
            "request": None,
            "pending": None if pending is None else int(pending.text),
            "none": None if none is None else none.text,
        }

    def list(self, limit=None, new=True, ids=None):
        if ids:
            asked = {"XTAMessageIDs": {"XTAMessageID": [self.id_of(i) for i in ids]}}
        else:
            asked = {
                "OtherCriteria": {"NewEntry": new, **({"MaxMessages": limit} if limit else {})}
            }
        answer = self.ports["box"].getStatusList(**asked, _soapheaders=self.header())
        found = answer.body["MessageMetaData"] if answer.body is not None else []
        return [self.metadata_of(m) for m in found or []], self.state()

    def get(self, message_id):
        answer = self.ports["box"].getMessage(
            XTAMessageID=self.id_of(message_id), _soapheaders=self.header()
        )
        contents = [answer.body["Message"]] + list(answer.body["Attachment"] or [])
        return {
            "contents": [
                content(c["_value_1"], c["filename"], c["contentType"]) for c in contents if c
            ],
            "box": self.state(),
            **self.metadata_of(answer.header["MessageMetaData"]),
        }

    def close(self, message_id, request=None):
        return self.ports["box"].close(
            XTAMessageID=self.id_of(message_id), _soapheaders=self.header()
        )


VERSIONS = {"v3": V3, "v5": V5}


def connect(version, base, ca, pair, party, wsdl=None, tls=None):
    """wsdl None: the one of the server itself, which needs our certificate for it, too."""
    kind = VERSIONS[version]
    urls = {name: base + path for name, path in kind.paths.items()}
    return kind(urls, ca, pair, party, wsdl or urls["base"] + "?wsdl", tls)


def fault_of(error):
    """Exception name and number of a zeep Fault."""
    if error.detail is None:
        return None, None
    for e in error.detail.iter():
        if isinstance(e.tag, str) and e.tag.split("}")[-1].endswith(("Exception", "IsNotValid")):
            return e.tag.split("}")[-1], next((c.text for c in e.iter() if c.tag == "code"), None)
    return None, None


def wsdl_of(shared, version):
    """The official WSDL where shared/ lies beside the project, else None."""
    path = os.path.join(
        shared, "spec/xta", "v3/XTA.wsdl" if version == "v3" else "v5/wsdl/xta-core.wsdl"
    )
    return path if os.path.exists(path) else None
