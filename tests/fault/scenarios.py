"""scenarios.py - one to three messages through one door of the subject, and the programs that use it

A program here does what a good one does: what was not acknowledged it says again, under the same
name, until it is; what it gets it takes away once. begin() is called once, step() again and again,
over restarts of the subject, until acknowledged() and the messages have arrived.
"""
import base64
import http.client
import json
import re
import ssl

import world

PARTS = ('--b\r\nContent-Disposition: form-data; name="meta"\r\nContent-Type: application/json\r\n\r\n%s'
         '\r\n--b\r\nContent-Disposition: form-data; name="file"; filename="%s"\r\n'
         'Content-Type: application/octet-stream\r\n\r\n')
ID = re.compile(r'urn:de:xta:messageid:[^<\s"]+')


class Scenario:
    name = door = None
    seconds = 60  # a restart and all attempts fit in, on a busy machine too

    def __init__(self, place):
        self.place, self.desk = place, place.desk
        self.serial = place.serial
        self.names = []
        self.trouble = []  # answers that a program must not get

    def new(self, kind, size=300):
        name = '%s-%d-%d.bin' % (kind, self.serial, len(self.names) + 1)
        self.names.append(name)
        return name, self.desk.new(name, size)

    def step(self):
        pass

    def acknowledged(self):
        return True


class Drop(Scenario):
    """Files into a drop folder."""
    side, size, kinds = 's', 300, ()

    def begin(self):
        for kind in self.kinds:
            name, data = self.new(kind, self.size)
            world.drop('%s/amt/out' % self.side, name, data)


class DropOut(Drop):
    name, kinds = 'drop', ('drop',)
    door = 'drop folder, out by storeDelivery'


class DropForward(Drop):
    name, kinds = 'forward', ('forward',)
    door = 'drop folder, out by forwardDelivery'


class XtaClient(Drop):
    name, kinds = 'xta-client', ('xta', 'own')
    door = 'XTA client, sendMessage and getMessage'


class LargeOut(Drop):
    name, kinds, size = 'chunks-out', ('drop',), 150000
    door = 'drop folder, out in chunks'


class Fetch(Drop):
    name, kinds, side = 'fetch', ('fetch', 'fetch'), 'p'
    door = 'OSCI fetchDelivery, in to the drop folder'


class Passive(Drop):
    name, kinds, side = 'passive', ('passive',), 'p'
    door = 'OSCI passive recipient, in to the drop folder'


class Mailbox(Drop):
    name, kinds, side = 'mailbox', ('mailbox',), 'p'
    door = 'OSCI intermediary, mailbox'


class Bringing(Drop):
    name, kinds, side = 'bringing', ('bringing',), 'p'
    door = 'OSCI intermediary, forwarding'


class LargeMailbox(Drop):
    name, kinds, side, size = 'chunks', ('chunks',), 'p', 150000
    door = 'OSCI intermediary, mailbox, in chunks'


class ApiSend(Scenario):
    name, door = 'api', 'API, submission'

    def begin(self):
        self.file, self.data = self.new('api')
        self.answered = False

    def step(self):
        if self.answered:
            return
        meta = {'endpoint': 'amt', 'recipient': 'Beheim', 'idempotency_key': self.file}
        body = (PARTS % (json.dumps(meta), self.file)).encode() + self.data + b'\r\n--b--\r\n'
        try:
            status, answer = world.ask('s/api.sock', 'POST', '/v1/messages', body,
                                       {'Content-Type': 'multipart/form-data; boundary=b'})
        except (OSError, http.client.HTTPException, ValueError):
            return
        if status in (200, 202):
            self.answered = True
        elif status < 500 and status not in (408, 413, 429, 507):
            self.trouble.append('API: %s %s' % (status, answer))

    def acknowledged(self):
        return self.answered


class XtaProgram(Scenario):
    """sendMessage in version 3; the reader is at the peer, or in this house."""
    paths = {'management': '/xta/v3/management', 'send': '/xta/v3/send', 'box': '/xta/v3/msgbox',
             'box5': '/xta/v5/recipient'}
    reader = 'ags:09163000'

    def begin(self):
        self.file, self.data = self.new(self.name)
        self.context = ssl.create_default_context(cafile='ca.pem')
        self.context.load_cert_chain('melde.pem', 'melde.key')
        self.id, self.answered, self.connection = None, False, None

    def ask(self, path, xml):
        """Status and body; None: the line broke."""
        action = re.search(r'<\w[\w-]*:Action[^>]*>([^<]+)<', xml).group(1)
        body = ('--b\r\nContent-Type: application/xop+xml; type="application/soap+xml"\r\n'
                'Content-ID: <root>\r\n\r\n' + xml + '\r\n--b--\r\n').encode()
        headers = {'Content-Type': 'multipart/related; type="application/xop+xml"; start="<root>"; '
                                   'boundary="b"; start-info="application/soap+xml"; action="%s"'
                                   % action}
        try:
            if self.connection is None:
                self.connection = http.client.HTTPSConnection(
                    '127.0.0.1', self.place.ports['subject_xta'], context=self.context,
                    timeout=world.PATIENCE)
            self.connection.request('POST', self.paths[path], body, headers)
            answer = self.connection.getresponse()
            return answer.status, answer.read()
        except (OSError, http.client.HTTPException):
            if self.connection is not None:
                self.connection.close()
            self.connection = None
            return None

    def send(self):
        if self.id is None:
            answer = self.ask('management', world.vector('v3/05-createMessageId.request.xml'))
            found = ID.search(answer[1].decode('utf-8', 'replace')) if answer else None
            if answer is None or answer[0] != 200 or found is None:
                return
            self.id = found.group(0)
        xml = world.vector('v3/06-sendMessage.request.xml', self.id)
        xml = xml.replace('ags:09163000', self.reader)
        xml = xml[:xml.index('<soap-env:Body>')] + (
            '<soap-env:Body><x:GenericContentContainer xmlns:x="http://xoev.de/transport/xta/211">'
            '<x:ContentContainer><x:Message contentType="application/octet-stream" filename="%s">%s'
            '</x:Message></x:ContentContainer></x:GenericContentContainer></soap-env:Body>'
            '</soap-env:Envelope>' % (self.file, base64.b64encode(self.data).decode()))
        answer = self.ask('send', xml)
        if answer is None:
            return
        if answer[0] == 200 or b'<code>9024</code>' in answer[1]:
            self.answered = True

    def step(self):
        if not self.answered:
            self.send()

    def acknowledged(self):
        return self.answered


class XtaSend(XtaProgram):
    name, door = 'xta-server', 'XTA server, sendMessage, on by OSCI'


class XtaBox(XtaProgram):
    """The reader is in this house: getStatusList, getMessage, close; then it must be gone."""
    name, door = 'xta-box', 'XTA server, sendMessage, getMessage, close'
    reader = 'ags:09162001'

    def begin(self):
        super().begin()
        self.closed = self.tried = False

    def step(self):
        if not self.answered:
            self.send()
            return
        listed = self.ask('box', world.vector('v3/08-getStatusList.request.xml').replace(
            'ags:09163000', self.reader))
        there = listed is not None and listed[0] == 200 and self.id.encode() in listed[1]
        if listed is None or listed[0] != 200:
            return
        if self.closed:
            if there:
                self.desk.arrived(self.data, 'box, after close')
                self.closed = False
            return
        if not there:
            if self.tried:  # the answer to close went with the process
                self.close_seen()
            return
        got = self.ask('box5', world.vector('v5/09-getMessage.request.xml', self.id).replace(
            'ags:09163000', self.reader))
        if got is None or got[0] != 200:
            return
        if self.data not in got[1]:
            self.desk.strange.append('getMessage of ' + self.file)
        self.tried = True
        answer = self.ask('box', world.vector('v3/11-close.request.xml', self.id).replace(
            'ags:09163000', self.reader))
        if answer is not None and (answer[0] == 200 or b'<code>9070</code>' in answer[1]):
            self.close_seen()

    def close_seen(self):
        self.closed = True
        self.desk.arrived(self.data, 'box')

    def acknowledged(self):
        return self.answered and self.closed


ALL = [DropOut, ApiSend, Fetch, Passive, Mailbox, Bringing, XtaSend, XtaBox, XtaClient, DropForward,
       LargeMailbox, LargeOut]
BY_NAME = {s.name: s for s in ALL}
