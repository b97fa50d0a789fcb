#!/usr/bin/env python3
"""e2e_xta.py BIN - programs of one town send and fetch by XTA, over real TLS, while the server dies

Version 3 sends, version 5 fetches; a large attachment in bounded memory; four readers of one box;
kill -9 at any moment, after which nothing is lost and nothing is there twice.
XTA 2 digest 12: XTA-031, 032, 041, 044, 048, 049, 069 to 072, 087, 088.
"""
import base64
import http.client
import os
import random
import re
import signal
import sqlite3
import ssl
import sys
import threading
import time

sys.dont_write_bytecode = True  # the sources stay as they are
import xta_world
from xta_world import PATIENCE

BIN = os.path.abspath(sys.argv[1])
VECTORS = os.path.join(os.path.dirname(os.path.abspath(__file__)), '..', 'vectors', 'xta')
SANITIZED = 'asan' in os.path.basename(BIN)
MESSAGES = int(os.environ.get('XTA_MESSAGES', '60' if SANITIZED else '200'))
SENDS = int(os.environ.get('XTA_SENDS', '40' if SANITIZED else '100'))  # while it dies
KILLS = int(os.environ.get('XTA_KILLS', '5'))  # at least
LARGE_MB = 20 if SANITIZED else 100
MEMORY_MB = 1024 if SANITIZED else 96

V3 = {'management': '/xta/v3/management', 'send': '/xta/v3/send', 'box': '/xta/v3/msgbox'}
V5 = {'base': '/xta/v5/base', 'sender': '/xta/v5/sender', 'box': '/xta/v5/recipient'}
ID = re.compile(r'urn:de:xta:messageid:[^<\s]+')

class Client:
    """One program: a connection that is kept, and made anew when it is gone."""

    def __init__(self, server, name):
        self.server = server
        self.context = ssl.create_default_context(cafile='ca.pem')
        self.context.load_cert_chain(name + '.pem', name + '.key')
        self.connection = None

    def post(self, path, xml, parts=()):
        action = re.search(r'<\w[\w-]*:Action[^>]*>([^<]+)<', xml).group(1)
        root = '--b\r\nContent-Type: application/xop+xml; type="application/soap+xml"\r\n' \
               'Content-ID: <root>\r\n\r\n'
        body = root.encode() + xml.encode()
        for name, data in parts:
            body += ('\r\n--b\r\nContent-Type: application/octet-stream\r\n'
                     'Content-ID: <%s>\r\n\r\n' % name).encode() + data
        body += b'\r\n--b--\r\n'
        content_type = ('multipart/related; type="application/xop+xml"; start="<root>"; boundary="b"; '
                        'start-info="application/soap+xml"; action="%s"' % action)
        if self.connection is None:
            self.connection = http.client.HTTPSConnection(
                '127.0.0.1', self.server.port, context=self.context, timeout=PATIENCE)
        try:
            self.connection.request('POST', path, body, {'Content-Type': content_type})
            answer = self.connection.getresponse()
            return answer.status, answer.read()
        except (OSError, http.client.HTTPException):
            self.connection.close()
            self.connection = None
            raise

    def ask(self, path, xml, parts=(), want=200):
        status, body = self.post(path, xml, parts)
        assert status == want, (status, body[:2000])
        return body


def vector(name, message_id=None):
    with open(os.path.join(VECTORS, name), encoding='utf-8') as f:
        xml = f.read()
    return xml if message_id is None else ID.sub(message_id, xml)


def content_xml(text, large=False):
    content = '<x:Message contentType="text/xml" filename="prüfung.xml">%s</x:Message>' % (
        base64.b64encode(text.encode()).decode())
    if large:
        content += ('<x:Attachment contentType="application/octet-stream" filename="groß.bin"><xop:Include '
                    'xmlns:xop="http://www.w3.org/2004/08/xop/include" href="cid:large"/></x:Attachment>')
    return (
        '<soap-env:Body><x:GenericContentContainer xmlns:x="http://xoev.de/transport/xta/211">'
        '<x:ContentContainer>%s</x:ContentContainer></x:GenericContentContainer></soap-env:Body>'
        '</soap-env:Envelope>' % content)


def send_xml(message_id, text, large=False):
    xml = vector('v3/06-sendMessage.request.xml', message_id)
    return xml[:xml.index('<soap-env:Body>')] + content_xml(text, large)


def new_id(client):
    body = client.ask(V3['management'], vector('v3/05-createMessageId.request.xml'))
    return ID.search(body.decode('utf-8', 'replace')).group(0)


def fetch(client, message_id):
    return client.ask(V5['box'], vector('v5/09-getMessage.request.xml', message_id))


def close(client, message_id):
    """True for the one who closed it; who comes later is told that it is gone."""
    status, body = client.post(V3['box'], vector('v3/11-close.request.xml', message_id))
    assert status == 200 or b'<code>9070</code>' in body, (status, body[:2000])
    return status == 200


def report_status(client, message_id):
    body = client.ask(V3['management'],
                      vector('v3/07-getTransportReport-open.request.xml', message_id))
    return int(re.search(rb'Status>(\d)<', body).group(1))


def waiting(client):
    """Ids that version 3 calls new; a page at a time is enough for what we ask."""
    body = client.ask(V3['box'], vector('v3/08-getStatusList.request.xml'))
    return sorted(set(ID.findall(body.decode('utf-8', 'replace'))))


def one_message(author, reader):
    message_id = new_id(author)
    author.ask(V3['send'], send_xml(message_id, '<größe/>'))
    assert report_status(author, message_id) == 0
    assert waiting(reader) == [message_id]
    body = fetch(reader, message_id)
    assert '<größe/>'.encode() in body and 'prüfung.xml'.encode() in body
    assert report_status(author, message_id) == 0
    assert close(reader, message_id)
    assert not close(reader, message_id)
    assert report_status(author, message_id) == 1
    assert waiting(reader) == []
    body = author.ask(V3['send'], send_xml(message_id, '<größe/>'), want=500)
    assert b'<code>9024</code>' in body


def large_message(server, author, reader):
    message_id, large = new_id(author), os.urandom(LARGE_MB << 20)
    author.ask(V3['send'], send_xml(message_id, '<a/>', True), [('large', large)])
    assert large in fetch(reader, message_id)
    close(reader, message_id)
    peak = server.peak_mb()
    print('a message of %d MB: %.0f MB of memory at most' % (LARGE_MB, peak))
    assert peak < MEMORY_MB


def reader_run(server, closed, lock):
    client = Client(server, 'standes')
    while True:
        ids = waiting(client)
        if not ids:
            return
        for message_id in random.sample(ids, min(len(ids), 5)):
            assert b'<nr>' in fetch(client, message_id)
            if close(client, message_id):
                with lock:
                    closed.append(message_id)


def readers(server, author, reader):
    sent = []
    for i in range(MESSAGES):
        sent.append(new_id(author))
        author.ask(V3['send'], send_xml(sent[-1], '<nr>%d</nr>' % i))
    closed, lock = [], threading.Lock()
    threads = [threading.Thread(target=reader_run, args=(server, closed, lock)) for _ in range(4)]
    for t in threads:
        t.start()
    for t in threads:
        t.join()
    assert sorted(closed) == sorted(sent), (len(closed), len(set(closed)), len(sent))
    assert waiting(reader) == []
    for message_id in random.sample(sent, min(len(sent), 10)):
        assert report_status(author, message_id) == 1


class Sender(threading.Thread):
    """Sends until told to stop; what was answered is answered, the rest is sent again under its id."""

    def __init__(self, server):
        super().__init__()
        self.server, self.stop, self.answered, self.failure = server, False, [], None

    def send_one(self, client, message_id):
        while not self.stop:
            try:
                if message_id is None:
                    message_id = new_id(client)
                status, body = client.post(V3['send'], send_xml(message_id, '<nr>0</nr>'))
                assert status == 200 or b'<code>9024</code>' in body, body[:2000]
                self.answered.append(message_id)
                return None
            except (OSError, http.client.HTTPException):
                time.sleep(0.05)
        return message_id

    def run(self):
        client = Client(self.server, 'melde')
        try:
            while not self.stop:
                self.send_one(client, None)
        except AssertionError as e:
            self.failure = e


class Fetcher(threading.Thread):
    """Fetches and closes until told to stop."""

    def __init__(self, server):
        super().__init__()
        self.server, self.stop, self.closed, self.failure = server, False, set(), None

    def run(self):
        client = Client(self.server, 'standes')
        while not self.stop:
            try:
                for message_id in waiting(client)[:5]:
                    fetch(client, message_id)
                    close(client, message_id)
                    self.closed.add(message_id)
            except (OSError, http.client.HTTPException):
                time.sleep(0.05)
            except AssertionError as e:
                self.failure = e
                return


def crashes(server, author, reader):
    workers = [Sender(server), Sender(server), Fetcher(server)]
    for w in workers:
        w.start()
    kills = 0
    while kills < KILLS or len(workers[0].answered) + len(workers[1].answered) < SENDS:
        time.sleep(random.uniform(0.5, 3))
        server.end(signal.SIGKILL)
        server.up()
        kills += 1
        for w in workers:
            assert w.failure is None, w.failure
    time.sleep(1)
    for w in workers:
        w.stop = True
    for w in workers:
        w.join()
    for w in workers:
        assert w.failure is None, w.failure
    answered = workers[0].answered + workers[1].answered
    assert len(answered) == len(set(answered))
    while True:
        left = waiting(reader)
        if not left:
            break
        for message_id in left:
            fetch(reader, message_id)
            close(reader, message_id)
    for message_id in answered:
        assert report_status(author, message_id) == 1, message_id
    return len(answered), kills


def twins(answered, kills):
    """What the index says when all is over: each message of the outbox has one in the inbox."""
    with sqlite3.connect('state/index.db') as db:
        out, = db.execute("SELECT count(*) FROM message WHERE box = 'outbox'").fetchone()
        lost, = db.execute("SELECT count(*) FROM message o WHERE box = 'outbox' AND NOT EXISTS "
                           "(SELECT 1 FROM message i WHERE i.correlation = o.id AND "
                           "i.box = 'inbox')").fetchone()
        doubled, = db.execute("SELECT count(*) FROM (SELECT correlation FROM message WHERE "
                              "box = 'inbox' GROUP BY correlation HAVING count(*) > 1)").fetchone()
    print('%d answered sends and their fetches over %d kills: %d lost, %d doubled (%d in the outbox)' %
          (answered, kills, lost, doubled, out))
    assert lost == 0 and doubled == 0 and out >= answered


def play(server):
    author, reader = Client(server, 'melde'), Client(server, 'standes')
    one_message(author, reader)
    large_message(server, author, reader)
    readers(server, author, reader)
    counts = crashes(server, Client(server, 'melde'), Client(server, 'standes'))
    server.end(signal.SIGTERM)
    twins(*counts)


if __name__ == '__main__':
    xta_world.play(BIN, play)
