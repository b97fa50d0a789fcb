#!/usr/bin/python3
"""e2e_xta_zeep.py BIN SHARED - python3-zeep speaks XTA to depesched, over mutual TLS

By the official WSDLs where they lie in SHARED/spec/xta, else by ours from URL?wsdl: every operation
of both versions, and the faults that a program can bring about. zeep validates what it writes and
what it reads by these schemas.
"""
import os
import re
import sys

import requests
import zeep
from lxml import etree
from zeep.exceptions import Fault
from zeep.transports import Transport

sys.dont_write_bytecode = True  # the sources stay as they are
import xta_world

BIN = os.path.abspath(sys.argv[1])
OFFICIAL = os.path.join(os.path.abspath(sys.argv[2]), 'spec', 'xta')
VECTORS = os.path.join(os.path.dirname(os.path.abspath(__file__)), '..', 'vectors', 'xta')
WSDL = {'v3': OFFICIAL + '/v3/XTA.wsdl', 'v5': OFFICIAL + '/v5/wsdl/xta-core.wsdl'}
PORTS = {'v3': {'ManagementPort': 'management', 'SendXtaPort': 'send', 'MsgBoxPort': 'msgbox'},
         'v5': {'TransportBase': 'base', 'Sender': 'sender', 'Recipient': 'recipient'}}
ID = re.compile(r'urn:de:xta:messageid:[^<\s]+')
LARGE_MB = 20 if 'asan' in os.path.basename(BIN) else 100
MEMORY_MB = 1024 if 'asan' in os.path.basename(BIN) else 96
EICAR = 'X5O!P%@AP[4\\PZX54(P^)7CC)7}$' + 'EICAR-STANDARD-ANTIVIRUS-TEST-FILE!$H+H*'


class Program:
    """All ports of one version, by one certificate; an operation is found by its name."""

    def __init__(self, version, name, port):
        session = requests.Session()
        session.trust_env = False
        session.cert = (name + '.pem', name + '.key')
        session.verify = 'ca.pem'
        url = 'https://127.0.0.1:%d/xta/%s/' % (port, version)
        wsdl = WSDL[version]
        if not os.path.exists(wsdl):
            wsdl = url + ('send' if version == 'v3' else 'sender') + '?wsdl'
        self.version = version
        self.client = zeep.Client(wsdl, settings=zeep.Settings(xml_huge_tree=True),
                                  transport=Transport(session=session, operation_timeout=600))
        self.operations = {}
        for service in self.client.wsdl.services.values():
            for p in service.ports.values():
                path = self.path_of(p.binding._operations)
                if path is None:
                    continue
                proxy = self.client.create_service(p.binding.name.text, url + path)
                for operation in p.binding._operations:
                    self.operations[operation] = getattr(proxy, operation)

    def path_of(self, operations):
        """Ports are called as their WSDL likes; what they offer says which one it is."""
        by_operation = {'v3': {'checkAccountActive': 'management', 'sendMessage': 'send',
                               'close': 'msgbox'},
                        'v5': {'checkAccountActive': 'base', 'sendMessage': 'sender',
                               'close': 'recipient', 'deliverMessage': 'reader'}}
        for operation, path in by_operation[self.version].items():
            if operation in operations:
                return path
        return None

    def __getattr__(self, operation):
        return self.operations[operation]


def header(file, element, message_id=None, **changes):
    """A header block of an example, as an element."""
    with open(os.path.join(VECTORS, file), 'rb') as f:
        tree = etree.parse(f)
    found = next(e for e in tree.iter() if etree.QName(e).localname == element)
    text = etree.tostring(found, with_tail=False, encoding='unicode')
    if message_id is not None:
        text = ID.sub(message_id, text)
    for old, new in changes.get('replace', {}).items():
        assert old in text
        text = text.replace(old, new)
    return etree.fromstring(text)


def refused(what, call, *args, **kwargs):
    """The call brings that exception."""
    try:
        call(*args, **kwargs)
    except Fault as fault:
        detail = fault.detail if fault.detail is not None else etree.Element('none')
        text = etree.tostring(detail, encoding='unicode')
        assert what in text, (what, fault.message, text)
        return
    raise AssertionError('no fault where %s should be' % what)


def id_of(answer):
    return answer if isinstance(answer, str) else answer['_value_1']


# ---- version 3 ----

def message3(program, message_id, text='<größe/>', attachment=None, **changes):
    content = {'Message': {'_value_1': text.encode(), 'contentType': 'text/xml',
                           'filename': 'prüfung.xml'}}
    if attachment is not None:
        content['Attachment'] = [{'_value_1': attachment, 'contentType': 'application/octet-stream',
                                  'filename': 'groß.bin'}]
    program.sendMessage(ContentContainer=content, _soapheaders=[
        header('v3/06-sendMessage.request.xml', 'MessageMetaData', message_id, **changes)])


def pending(answer):
    """zeep leaves out the branch of a choice whose value is 0."""
    box = answer.header.FetchResponseHeader
    return box.ItemsPending if 'ItemsPending' in box else 0


def author3():
    return header('v3/01-checkAccountActive.request.xml', 'Author')


def operations3(author, reader):
    author.checkAccountActive(_soapheaders=[author3()])
    author.checkAccountActive()
    first, second = id_of(author.createMessageId()), id_of(author.createMessageId())
    assert first != second
    for message_id in (first, second):
        message3(author, message_id)
    known = author.lookupService(LookupServiceRequestList=[{'LookupService': {
        'Reader': {'Identifier': {'_value_1': 'ags:09163000', 'type': 'xoev'}},
        'ServiceType': 'urn:xoev-de:test:dienst/probe_1.wsdl'}}])
    assert known is not None
    page = reader.getStatusList(MsgSelector={'newEntry': True}, maxListItems=1)
    box = page.header.FetchResponseHeader
    assert len(page.body.MessageMetaData) == 1 and pending(page) == 1
    page = reader.getNextStatusList(LastMsgReceived=[{'_value_1': first}], MsgBoxRequestID=box.MsgBoxRequestID)
    assert len(page.body.MessageMetaData) == 1
    got = reader.getMessage(MsgSelector={'newEntry': True})
    message = got.body.ContentContainer.Message
    assert message._value_1 == '<größe/>'.encode() and message.filename == 'prüfung.xml'
    request_id = got.header.FetchResponseHeader.MsgBoxRequestID
    got = reader.getNextMessage(LastMsgReceived=[{'_value_1': first}], MsgBoxRequestID=request_id)
    assert pending(got) == 0
    assert author.getTransportReport(first).MessageStatus.Status == 1
    assert author.getTransportReport(second).MessageStatus.Status == 0
    reader.close(LastMsgReceived=[{'_value_1': second}], MsgBoxRequestID=request_id)
    assert author.getTransportReport(second).MessageStatus.Status == 1
    withdrawn = id_of(author.createMessageId())
    author.sendMessage(ContentContainer={'Message': {'_value_1': b'<a/>', 'contentType': 'text/xml'}},
                       _soapheaders=[not_before(withdrawn)])
    author.cancelMessage(withdrawn)
    return first


def not_before(message_id):
    block = header('v3/20-sendMessage-NotBefore.request.xml', 'MessageMetaData', message_id)
    for e in block.iter():
        if etree.QName(e).localname == 'NotBefore':
            e.text = '2036-01-01T00:00:00Z'
    return block


def faults3(author, reader, used, port):
    refused('9024', message3, author, used)
    refused('9021', message3, author, used, replace={used: 'keine URI'})
    refused('9014', author.checkAccountActive, _soapheaders=[
        header('v3/01-checkAccountActive.request.xml', 'Author',
               replace={'ags:09162000': 'ags:09163000'})])
    refused('9012', Program('v3', 'nobody', port).checkAccountActive)
    refused('9011', Program('v3', 'locked', port).checkAccountActive)
    refused('9070', author.getTransportReport, 'urn:de:xta:messageid:x:none')
    refused('9070', reader.getMessage, MsgSelector={'MessageID': ['urn:de:xta:messageid:x:none']})
    refused('9101', author.cancelMessage, used)
    refused('9060', message3, author, id_of(author.createMessageId()), EICAR)
    refused('SyncAsyncException', message3, author, id_of(author.createMessageId()),
            replace={'dienst/probe_1.wsdl': 'dienst/synchron_1.wsdl'})


# ---- version 5 ----

def party5(name='reader'):
    file = 'v5/07-getStatusList.request.xml' if name == 'reader' else 'v5/05-sendMessage.request.xml'
    return header(file, 'Party')


def message5(program, message_id, text='<größe/>', attachment=None, **changes):
    content = {'Message': {'_value_1': text.encode(), 'contentType': 'text/xml', 'encoding': 'UTF-8',
                           'filename': 'prüfung.xml', 'id': 'm1', 'size': len(text.encode())}}
    if attachment is not None:
        content['Attachment'] = [{'_value_1': attachment, 'filename': 'groß.bin', 'id': 'a1'}]
    program.sendMessage(**content, _soapheaders=[
        header('v5/05-sendMessage.request.xml', 'MessageMetaData', message_id, **changes),
        party5('author')])


def xta_id(message_id):
    return {'_value_1': message_id, 'id': 'x1'}


def operations5(author, reader):
    blocks = [party5('author')]
    author.checkAccountActive(_soapheaders=blocks)
    message_id = id_of(author.createMessageID(_soapheaders=blocks))
    message5(author, message_id)
    assert author.lookupService(LookupService=[{
        'Reader': {'Identifier': {'_value_1': 'ags:09163000', 'identifierScheme': 'xoev'}},
        'Service': 'urn:xoev-de:test:dienst/probe_1.wsdl'}], _soapheaders=blocks) is not None
    page = reader.getStatusList(OtherCriteria={'NewEntry': True}, _soapheaders=[party5()])
    assert message_id in etree.tostring(page.header._raw_elements[0], encoding='unicode') or \
        message_id in str(page)
    got = reader.getMessage(XTAMessageID=xta_id(message_id), _soapheaders=[party5()])
    assert got.body.Message._value_1 == '<größe/>'.encode()
    reader.close(XTAMessageID=xta_id(message_id), _soapheaders=[party5()])
    report = author.getTransportReport(message_id, id='x1', _soapheaders=blocks)
    assert report.TransportReport.MessageStatus.Status == 1
    return message_id


def faults5(author, reader, used, port):
    refused('9024', message5, author, used)
    refused('9014', author.checkAccountActive, _soapheaders=[party5()])
    refused('9012', Program('v5', 'nobody', port).checkAccountActive, _soapheaders=[party5()])
    refused('9011', Program('v5', 'locked', port).checkAccountActive, _soapheaders=[party5()])
    refused('9070', reader.getMessage, XTAMessageID=xta_id('urn:de:xta:messageid:x:none'),
            _soapheaders=[party5()])
    refused('9070', reader.close, XTAMessageID=xta_id('urn:de:xta:messageid:x:none'),
            _soapheaders=[party5()])
    refused('9060', message5, author,
            id_of(author.createMessageID(_soapheaders=[party5('author')])), EICAR)


# ---- both ----

def large(server, author, reader):
    """Version 3 sends inline, as zeep does, version 5 fetches by XOP."""
    message_id, content = id_of(author.createMessageId()), os.urandom(LARGE_MB << 20)
    message3(author, message_id, attachment=content)
    got = reader.getMessage(XTAMessageID=xta_id(message_id), _soapheaders=[party5()])
    assert got.body.Attachment[0]._value_1 == content
    reader.close(XTAMessageID=xta_id(message_id), _soapheaders=[party5()])
    print('%d MB: %.0f MB of memory at most' % (LARGE_MB, server.peak_mb()))
    assert server.peak_mb() < MEMORY_MB


def scenario(server):
    melde3, standes3 = Program('v3', 'melde', server.port), Program('v3', 'standes', server.port)
    melde5, standes5 = Program('v5', 'melde', server.port), Program('v5', 'standes', server.port)
    used = operations3(melde3, standes3)
    faults3(melde3, standes3, used, server.port)
    used = operations5(melde5, standes5)
    faults5(melde5, standes5, used, server.port)
    large(server, melde3, standes5)


xta_world.play(BIN, scenario)
