#!/usr/bin/python3
"""e2e_targets.py BIN KIND - messages to a program, a mail server, sshd or Apache, whichever is named

One town whose program drops files with a meta.yaml that names the target. Each target is brought
down and back, refuses our login, is full, cuts us off in the middle: what is delivered must be
there once, whole, and the receipts must say so.
"""
import email
import email.policy
import glob
import json
import os
import pwd
import shutil
import signal
import socket
import subprocess
import sys
import tempfile
import threading
import time

from xta_world import PATIENCE, authority_make, certificate, free_port, run

KEYS = os.path.join(os.path.dirname(os.path.abspath(__file__)), '..', 'vectors', 'osci12', 'keys')
SETTINGS = '''
state: state
tenant:
  name: Ahausen
  identity:
    signature: {certificate: keys/originator-signature-2048.cert.pem,
                key: keys/originator-signature-2048.key.pem}
    cipher: {certificate: keys/originator-cipher-2048.cert.pem,
             key: keys/originator-cipher-2048.key.pem}
trust: {osci: [keys/ca.cert.pem], tls: [ca.pem]}
api: {socket: api.sock}
retry: {first_seconds: 1, max_seconds: 2}
endpoints:
  - {name: bauamt, folder: drop, routes: [{files: "*.old", partner: there}]}
routes:
  - {name: table, from: [bauamt], when: {file: ["*.new"]}, to: [there]}
targets:
'''
# a name for each kind of trouble: far above, hidden, an option, umlauts, longer than one line
NAMES = ['plan.pdf', 'Grüße aus Ü.txt', '-oProxyCommand=x', 'a "quote" & more;$(id).txt', 'x' * 240 + '.txt']


def wait_for(what, condition, seconds=PATIENCE):
    until = time.time() + seconds
    while True:
        found = condition()
        if found:
            return found
        if time.time() > until:
            raise AssertionError('in vain: ' + what)
        time.sleep(0.05)


class Town:
    """depesched with one target named "there"."""

    def __init__(self, bin_folder, target):
        self.bin_folder = bin_folder
        self.process = None
        shutil.copytree(KEYS, 'keys')
        for key in glob.glob('keys/*.key.pem'):
            os.chmod(key, 0o600)
        with open('town.yaml', 'w') as f:
            f.write(SETTINGS + target)

    def up(self):
        self.log = open('depesched.log', 'ab')
        self.process = subprocess.Popen([self.bin_folder + '/depesched', '--config', 'town.yaml'],
                                        stdin=subprocess.DEVNULL, stdout=self.log, stderr=self.log)
        wait_for('depesched with its folders', lambda: os.path.isdir('drop/out'))

    def end(self, sig=signal.SIGTERM):
        if self.process is not None:
            self.process.send_signal(sig)
            assert self.process.wait() == (0 if sig == signal.SIGTERM else -sig)
            self.process = None
            self.log.close()

    def check(self):
        done = subprocess.run([self.bin_folder + '/depesche', '--config', 'town.yaml',
                               'check-config'], capture_output=True, text=True)
        assert done.returncode == 0, done.stdout + done.stderr

    def drop(self, files, subject='Bescheid'):
        """A folder with these files, whose message is for the target; returns its name."""
        name = 'm%d' % time.monotonic_ns()
        os.mkdir('drop/.' + name)
        for file, content in files.items():
            with open('drop/.%s/%s' % (name, file), 'wb') as f:
                f.write(content)
        with open('drop/out/%s.meta.yaml' % name, 'w') as f:
            f.write('recipient: there\nsubject: %s\nmessage_type: bau\n' % json.dumps(subject))
        os.rename('drop/.' + name, 'drop/out/' + name)
        return name

    def receipt(self, name):
        for path in glob.glob('drop/receipts/*.json'):
            with open(path) as f:
                r = json.load(f)
            if r['source_name'] == name:
                return r
        return None

    def wait_state(self, name, state):
        def there():
            r = self.receipt(name)
            return r if r is not None and r['state'] == state else None
        try:
            return wait_for('%s becomes %s' % (name, state), there)
        except AssertionError:
            print(self.receipt(name), file=sys.stderr)
            raise

    def wait_code(self, name, code):
        def there():
            r = self.receipt(name)
            return r is not None and (r['last_error'] or {}).get('code') == code
        return wait_for('%s has %s' % (name, code), there)

    def status(self):
        done = subprocess.run([self.bin_folder + '/depesche', '--config', 'town.yaml', 'status', '--json'],
                              capture_output=True, text=True, check=True)
        return json.loads(done.stdout)

    def events(self, name):
        done = subprocess.run([self.bin_folder + '/depesche', '--config', 'town.yaml', '--lang',
                               'en', 'events', self.receipt(name)['id'], '--json'], capture_output=True, text=True)
        return done.stdout


def contents():
    return {name: ('content of %d\n' % i).encode() * (i * 3000 + 1) for i, name in enumerate(NAMES)}


# ---- a program ----

PROGRAM = r'''#!/bin/sh
set -eu
[ ! -e "$1/later" ] || { echo 'not now' >&2; exit 75; }
[ ! -e "$1/never" ] || { printf 'first\nthe form is wrong\n\n' >&2; exit 3; }
[ ! -e "$1/hang" ] || sleep 1000
echo "$DEPESCHE_ID $DEPESCHE_ATTEMPT $DEPESCHE_TARGET" >>"$1/runs"
[ ! -e "$1/kill" ] || { rm "$1/kill"; touch "$1/killed"; sleep 1000; }
cat >"$1/$DEPESCHE_ID.json"
mkdir -p "$1/$DEPESCHE_ID"
cp -r "$DEPESCHE_FOLDER/." "$1/$DEPESCHE_ID/"
'''


def play_command(town_of):
    with open('take.sh', 'w') as f:
        f.write(PROGRAM)
    os.chmod('take.sh', 0o755)
    os.mkdir('taken')
    here = os.getcwd()
    town = town_of('  - {name: there, command: [%s/take.sh, %s/taken], timeout_seconds: 3, at_once: 1}\n'
                   % (here, here))
    town.check()
    town.up()

    first = town.drop(contents())
    done = town.wait_state(first, 'delivered')
    folder = 'taken/' + done['id']
    for name, content in contents().items():
        safe = name if os.path.exists(folder + '/' + name) else None
        if safe is None:  # what no file may be called everywhere
            with open(folder + '/message.json') as f:
                safe = next(x['name'] for x in json.load(f)['files']
                            if x.get('original_name') == name)
        with open(folder + '/' + safe, 'rb') as f:
            assert f.read() == content, name
    with open(folder + '.json') as f:
        assert json.load(f)['id'] == done['id']
    assert done['receipt']['reception'] is not None
    assert not glob.glob('state/tmp/target-*')

    for name in ('brief.old', 'brief.new'):  # whither, a route says
        with open('drop/.' + name, 'w') as f:
            f.write('x')
        os.rename('drop/.' + name, 'drop/out/' + name)
        town.wait_state(name, 'delivered')

    open('taken/later', 'w').close()
    second = town.drop({'a.txt': b'a'})
    town.wait_code(second, 'D-2200')
    assert 'not now' in json.dumps(town.receipt(second))
    trouble = town.status()['intermediaries'][0]['last_error']['en']
    assert trouble.startswith('there ') and '?' not in trouble, trouble
    os.remove('taken/later')
    town.wait_state(second, 'delivered')

    open('taken/never', 'w').close()
    third = town.drop({'a.txt': b'a'})
    failed = town.wait_state(third, 'failed')
    assert 'the form is wrong' in failed['last_error']['en'], failed
    assert 'first' not in failed['last_error']['en']
    os.remove('taken/never')

    open('taken/hang', 'w').close()
    fourth = town.drop({'a.txt': b'a'})
    town.wait_code(fourth, 'D-2204')
    os.remove('taken/hang')
    town.wait_state(fourth, 'delivered')

    # killed while the program runs: it is run again, and can know the message by its id
    open('taken/kill', 'w').close()
    fifth = town.drop({'a.txt': b'a'})
    wait_for('the program runs', lambda: os.path.exists('taken/killed'))
    town.end(signal.SIGKILL)
    town.up()
    done = town.wait_state(fifth, 'delivered')
    with open('taken/runs') as f:
        assert [x.split()[0] for x in f].count(done['id']) == 2
    town.end()
    print('program: delivered 6, failed 1 with its own words')


# ---- a mail server ----

class Mails:
    """What aiosmtpd has taken; the tests say what it answers."""

    def __init__(self):
        self.taken = []
        self.data_answer = None
        self.rcpt_answer = None
        self.cut_after_data = 0

    async def handle_RCPT(self, server, session, envelope, address, rcpt_options):
        if self.rcpt_answer is not None:
            return self.rcpt_answer
        envelope.rcpt_tos.append(address)
        return '250 OK'

    async def handle_DATA(self, server, session, envelope):
        if self.data_answer is not None:
            return self.data_answer
        self.taken.append((envelope.mail_from, envelope.rcpt_tos, envelope.content))
        if self.cut_after_data > 0:
            self.cut_after_data -= 1
            server.transport.abort()
        return '250 2.0.0 Ok: queued as %d' % len(self.taken)


class MailServer:
    def __init__(self, port, password):
        from aiosmtpd.controller import Controller
        from aiosmtpd.smtp import SMTP, AuthResult
        import ssl
        tls = ssl.create_default_context(ssl.Purpose.CLIENT_AUTH)
        tls.load_cert_chain('host.pem', 'host.key')
        self.mails = Mails()
        self.password = password

        def login(server, session, envelope, mechanism, data):
            good = data.login == b'gateway' and data.password == self.password
            return AuthResult(success=good, handled=False)

        def factory():
            return SMTP(self.mails, tls_context=tls, require_starttls=True, auth_required=True,
                        authenticator=login, hostname='mail', data_size_limit=None)

        class Own(Controller):
            def factory(self):
                return factory()
        self.make = lambda: Own(self.mails, hostname='127.0.0.1', port=port)

    def up(self):
        self.controller = self.make()
        self.controller.start()

    def down(self):
        self.controller.stop()


class Rogue:
    """A server that says too much, or nothing."""

    def __init__(self, port, words):
        self.words = words
        self.listener = socket.create_server(('127.0.0.1', port))
        self.open = []
        threading.Thread(target=self.accept, daemon=True).start()

    def accept(self):
        while True:
            try:
                s, _ = self.listener.accept()
            except OSError:
                return
            self.open.append(s)
            threading.Thread(target=self.talk, args=(s,), daemon=True).start()

    def talk(self, s):
        try:
            while self.words:
                s.sendall(self.words)
        except OSError:
            pass

    def close(self):
        self.listener.shutdown(socket.SHUT_RDWR)
        self.listener.close()
        for s in self.open:
            s.close()


def mail_files(content):
    """The text and the attachments by name; and the message."""
    m = email.message_from_bytes(content, policy=email.policy.default)
    return m, {part.get_filename(): part.get_content() for part in m.iter_attachments()}


def play_mail(town_of):
    port = free_port()
    certificate('host', 'subjectAltName=IP:127.0.0.1')
    with open('password', 'w') as f:
        f.write('gehe\xefm & 1\n')
    os.chmod('password', 0o600)
    with open('password', 'rb') as f:
        server = MailServer(port, f.read().strip())
    town = town_of("""  - name: there
    timeout_seconds: 5
    email:
      url: smtp://127.0.0.1:%d
      user: gateway
      password_file: password
      from: gateway@ahausen.example
      to: [amt@beheim.example, archiv@beheim.example]
      subject: "{message_type}: {subject}"
      message_max_mb: 2
""" % port)
    town.check()
    town.up()

    # away, then back
    first = town.drop(contents(), 'Bescheid über die Straße\r\nBcc: all@example.org ' + 'lang ' * 60)
    wait_for('it is refused, for its line break', lambda: glob.glob('drop/refused/*.error.txt'))
    first = town.drop(contents(), 'Bescheid über die Straße ' + 'lang ' * 60)
    town.wait_code(first, 'D-1301')
    for words, code in ((b'220-welcome\r\n' * 1000, 'D-1307'), (b'', 'D-1302')):
        rogue = Rogue(port, words)
        town.wait_code(first, code)
        rogue.close()
    server.up()
    done = town.wait_state(first, 'delivered')
    assert 'queued as 1' in town.events(first), town.events(first)
    sender, to, content = server.mails.taken[0]
    assert sender == 'gateway@ahausen.example'
    assert to == ['amt@beheim.example', 'archiv@beheim.example']
    m, files = mail_files(content)
    assert m['Subject'].startswith('bau: Bescheid über die Straße lang lang'), m['Subject']
    assert m['Message-ID'] == '<%s@ahausen.example>' % done['id']
    assert done['id'] in m.get_body().get_content()
    assert m['Bcc'] is None
    assert sorted(files.values()) == sorted(contents().values())
    assert 'Grüße aus Ü.txt' in files and not any('/' in x or '"' in x for x in files), files
    assert all(len(x) < 998 for x in content.split(b'\r\n'))

    # not now, and never
    server.mails.data_answer = '452 4.3.1 disk full'
    second = town.drop({'a.txt': b'a'})
    town.wait_code(second, 'D-2208')
    server.mails.data_answer = None
    town.wait_state(second, 'delivered')
    server.mails.rcpt_answer = '550 5.1.1 nobody of that name'
    third = town.drop({'a.txt': b'a'})
    assert 'nobody of that name' in town.wait_state(third, 'failed')['last_error']['de']
    server.mails.rcpt_answer = None

    # too large as an e-mail
    fourth = town.drop({'gross.bin': os.urandom(1600000)})
    town.wait_state(fourth, 'failed')
    assert town.receipt(fourth)['last_error']['code'] == 'D-2205'

    # the answer is lost: it comes again, and can be recognised
    before = len(server.mails.taken)
    server.mails.cut_after_data = 1
    fifth = town.drop({'a.txt': b'a'})
    done = town.wait_state(fifth, 'delivered')
    again = [mail_files(x[2])[0]['Message-ID'] for x in server.mails.taken[before:]]
    assert again == ['<%s@ahausen.example>' % done['id']] * 2, again
    assert server.mails.taken[-1][2] == server.mails.taken[-2][2]

    # a wrong password: nothing is lost, and the lanes do not hammer
    server.password = b'another'
    sixth = town.drop({'a.txt': b'a'})
    town.wait_code(sixth, 'D-1337')
    server.password = open('password', 'rb').read().strip()
    town.wait_state(sixth, 'delivered')
    town.end()
    server.down()
    print('mail: delivered 4, once each but for the lost answer; refused and too large: failed')


# ---- a line that breaks ----

class Line:
    """A way to a server that breaks once: after so many bytes of ours, or when stop() is true for
    what comes back."""

    def __init__(self, to_port):
        self.to_port, self.cut_after, self.stop = to_port, None, None
        self.listener = socket.create_server(('127.0.0.1', 0))
        self.port = self.listener.getsockname()[1]
        threading.Thread(target=self.accept, daemon=True).start()

    def accept(self):
        while True:
            near, _ = self.listener.accept()
            try:
                far = socket.create_connection(('127.0.0.1', self.to_port))
            except OSError:
                near.close()
                continue
            for args in ((near, far, True), (far, near, False)):
                threading.Thread(target=self.pump, args=args, daemon=True).start()

    def cuts(self, total, ours):
        if ours and self.cut_after is not None and total > self.cut_after:
            self.cut_after = None
            return True
        if not ours and self.stop is not None and self.stop():
            self.stop = None
            return True
        return False

    def pump(self, a, b, ours):
        total = 0
        try:
            while True:
                data = a.recv(65536)
                total += len(data)
                if not data or self.cuts(total, ours):
                    break
                b.sendall(data)
        except OSError:
            pass
        for s in (a, b):
            try:
                s.shutdown(socket.SHUT_RDWR)
            except OSError:
                pass


def listens(port, process, log):
    try:
        socket.create_connection(('127.0.0.1', port), 5).close()
        return True
    except OSError:
        if process.poll() is not None:
            with open(log) as f:
                raise AssertionError('the server has ended: ' + f.read())
        return False


PROGRAMS = []  # ended, however a test ends


class Program:
    """A server in the foreground."""

    def __init__(self, port, *command):
        self.port, self.command, self.process = port, command, None
        PROGRAMS.append(self)

    def up(self):
        with open('server.log', 'ab') as log:
            self.process = subprocess.Popen(self.command, stdin=subprocess.DEVNULL, stdout=log,
                                            stderr=log)
        wait_for('the server listens', lambda: listens(self.port, self.process, 'server.log'))

    def down(self):
        if self.process is not None:
            self.process.terminate()
            self.process.wait()
            self.process = None


def folder_holds(folder, files):
    """The folder of a message holds these contents, under safe names, and nothing else."""
    with open(folder + '/message.json') as f:
        message = json.load(f)
    named = {x.get('original_name', x['name']): x['name'] for x in message['files']}
    assert sorted(named) == sorted(files), named
    for name, content in files.items():
        with open(folder + '/' + named[name], 'rb') as f:
            assert f.read() == content, name
    assert len(os.listdir(folder)) == len(files) + 1
    return message


def play_folder(town, there, server, line, nobody):
    """What SFTP and WebDAV have in common; there: the folder, behind the server."""
    first = town.drop(contents())
    town.wait_code(first, nobody)  # the line takes us, and there is nobody behind it
    # meanwhile somebody has made a folder of its name, beside what an attempt has left
    second = town.drop({'a.txt': b'a'})
    town.wait_code(second, nobody)
    taken = there + '/' + town.receipt(second)['id']
    part = there + '/.' + town.receipt(second)['id'] + '.part'
    for folder in (taken, part):
        os.mkdir(folder)
        if os.getuid() == 0:
            shutil.copystat(there, folder)
            os.chown(folder, os.stat(there).st_uid, os.stat(there).st_gid)
    with open(taken + '/fremd.txt', 'w') as f:
        f.write('fremd')
    server.up()
    town.wait_code(second, 'D-2210')
    assert os.listdir(taken) == ['fremd.txt']
    shutil.rmtree(taken)
    done = town.wait_state(second, 'delivered')
    folder_holds(taken, {'a.txt': b'a'})
    done = town.wait_state(first, 'delivered')
    assert folder_holds(there + '/' + done['id'], contents())['id'] == done['id']
    assert os.path.getsize(there + '/' + done['id'] + '.ok') == 0

    # documents of the same name, and names that differ in case alone: each keeps its own
    names = {x: town.drop({'gleich.txt': x, 'GLEICH.txt': x + b'!'}) for x in (b'eins', b'zwei')}
    for x, name in names.items():
        done = town.wait_state(name, 'delivered')
        folder_holds(there + '/' + done['id'], {'gleich.txt': x, 'GLEICH.txt': x + b'!'})

    # cut off at different places
    big = {'gross.bin': os.urandom(300000), 'klein.txt': b'klein'}
    for cut in (200, 3000, 100000, 302000, 306000):
        line.cut_after = cut
        done = town.wait_state(town.drop(big), 'delivered')
        line.cut_after = None
        folder_holds(there + '/' + done['id'], big)

    # it got through, and nobody heard of it
    before = set(os.listdir(there))

    def shown():
        return any(not x.startswith('.') for x in set(os.listdir(there)) - before)
    line.stop = shown
    name = town.drop({'a.txt': b'a'})
    done = town.wait_state(name, 'delivered')
    folder_holds(there + '/' + done['id'], {'a.txt': b'a'})
    left = [x for x in os.listdir(there) if x.startswith('.')]
    assert not left, left
    return len(os.listdir(there)) // 2


# ---- sshd ----

def sshd_make(port, sftp):
    """An sshd of our own, whoever we are."""
    if os.getuid() == 0:
        os.makedirs('/run/sshd', exist_ok=True)
    with open('sshd_config', 'w') as f:
        f.write("""ListenAddress 127.0.0.1
Port %d
HostKey %s/host_key
PidFile none
AuthorizedKeysFile %s/authorized_keys
StrictModes no
UsePAM no
PermitRootLogin yes
PasswordAuthentication no
KbdInteractiveAuthentication no
Subsystem sftp %s
""" % (port, os.getcwd(), os.getcwd(), sftp))
    return Program(port, '/usr/sbin/sshd', '-D', '-e', '-f', os.getcwd() + '/sshd_config')


def play_sftp(town_of):
    port = free_port()
    run('ssh-keygen', '-q', '-t', 'ed25519', '-N', '', '-f', 'host_key')
    run('ssh-keygen', '-q', '-t', 'ed25519', '-N', 'kennwort', '-f', 'user_key')
    with open('passphrase', 'w') as f:
        f.write('kennwort\n')
    os.chmod('passphrase', 0o600)
    shutil.copy('user_key.pub', 'authorized_keys')
    server, line = sshd_make(port, 'internal-sftp'), Line(port)
    with open('host_key.pub') as f:
        key = f.read().split()
    known = '[127.0.0.1]:%d %s %s\n' % (line.port, key[0], key[1])
    with open('known_hosts', 'w') as f:
        f.write(known)
    there = os.getcwd() + '/der Eingang'
    os.mkdir(there)
    town = town_of("""  - name: there
    timeout_seconds: 20
    sftp:
      url: sftp://127.0.0.1:%d%s
      user: %s
      key: user_key
      passphrase_file: passphrase
      known_hosts: known_hosts
      marker: .ok
""" % (line.port, there.replace(' ', '%20'), pwd.getpwuid(os.getuid()).pw_name))
    town.check()
    town.up()
    count = play_folder(town, there, server, line, 'D-1306')

    def troubled(code, make, mend):
        make()
        name = town.drop({'a.txt': b'a'})
        town.wait_code(name, code)
        mend()
        town.wait_state(name, 'delivered')

    def restart(sftp):
        server.down()
        sshd_make(port, sftp)
        server.up()

    def known_write(text):
        with open('known_hosts', 'w') as f:
            f.write(text)
    run('ssh-keygen', '-q', '-t', 'ed25519', '-N', '', '-f', 'other_key')
    with open('other_key.pub') as f:
        other = known.replace(key[1], f.read().split()[1])
    try:
        troubled('D-1337', lambda: os.rename('authorized_keys', 'x'),
                 lambda: os.rename('x', 'authorized_keys'))
        troubled('D-1338', lambda: known_write(other), lambda: known_write(known))
        troubled('D-1338', lambda: known_write(''), lambda: known_write(known))
        troubled('D-2207', lambda: os.rename(there, 'x'), lambda: os.rename('x', there))
        troubled('D-2206', lambda: restart('internal-sftp -R'), lambda: restart('internal-sftp'))
        troubled('D-2209', lambda: os.rename('user_key', 'x'), lambda: os.rename('x', 'user_key'))
        town.end()
    finally:
        server.down()
    print('sftp: delivered %d, once each' % (count + 6))


# ---- Apache ----

APACHE = """ServerRoot %(dir)s
ServerName 127.0.0.1
Listen 127.0.0.1:%(port)d
PidFile %(dir)s/apache.pid
ErrorLog %(dir)s/apache.log
DocumentRoot %(dir)s/dav
DavLockDB %(dir)s/locks/lock
User www-data
Group www-data
SSLEngine on
SSLCertificateFile %(dir)s/host.pem
SSLCertificateKeyFile %(dir)s/host.key
<Directory %(dir)s/dav>
  Dav On
  AuthType Basic
  AuthName eingang
  AuthUserFile %(dir)s/users
  Require valid-user
</Directory>
IncludeOptional %(dir)s/more.con[f]
"""
MODULES = ('mpm_event authn_core authn_file auth_basic authz_core authz_user dav dav_fs ssl alias '
           'socache_shmcb')


def play_webdav(town_of):
    port, folder = free_port(), os.getcwd()
    certificate('host', 'subjectAltName=IP:127.0.0.1')
    for name in ('dav', 'dav/eingang', 'locks'):
        os.mkdir(name)
        if os.getuid() == 0:
            shutil.chown(name, 'www-data')
    os.chmod('.', 0o711)
    with open('apache.conf', 'w') as f:
        for name in MODULES.split():
            f.write('LoadModule %s_module /usr/lib/apache2/modules/mod_%s.so\n' % (name, name))
        f.write(APACHE % {'dir': folder, 'port': port})

    def users_write(password):
        made = subprocess.run(['openssl', 'passwd', '-apr1', password], check=True,
                              capture_output=True, text=True).stdout
        with open('users', 'w') as f:
            f.write('gateway:' + made)

    def more_write(text):
        server.down()
        with open('more.conf', 'w') as f:
            f.write(text)
        server.up()
    with open('password', 'w') as f:
        f.write('geheim\n')
    os.chmod('password', 0o600)
    users_write('geheim')
    server, line = Program(port, '/usr/sbin/apache2', '-DFOREGROUND', '-f',
                           folder + '/apache.conf'), Line(port)
    town = town_of("""  - name: there
    timeout_seconds: 20
    webdav:
      url: https://127.0.0.1:%d/eingang
      user: gateway
      password_file: password
      marker: .ok
""" % line.port)
    town.check()
    town.up()
    count = play_folder(town, folder + '/dav/eingang', server, line, 'D-1303')

    def troubled(code, make, mend):
        make()
        name = town.drop({'a.txt': b'a'})
        town.wait_code(name, code)
        mend()
        town.wait_state(name, 'delivered')
    try:
        troubled('D-1337', lambda: users_write('anders'), lambda: users_write('geheim'))
        for code, status in (('D-2208', 507), ('D-2206', 403), ('D-2207', 404), ('D-2200', 423),
                             ('D-2200', 503)):
            troubled(code, lambda s=status: more_write('Redirect %d /\n' % s),
                     lambda: more_write(''))
        town.end()
    finally:
        server.down()
    print('webdav: delivered %d, once each' % (count + 6))


KINDS = {'command': play_command, 'mail': play_mail, 'sftp': play_sftp, 'webdav': play_webdav}


def main():
    bin_folder, kind = os.path.abspath(sys.argv[1]), sys.argv[2]
    keep, folder, towns = os.getcwd(), tempfile.mkdtemp(prefix='depesche-targets.'), []
    os.chdir(folder)
    signal.signal(signal.SIGTERM, lambda *_: sys.exit(1))

    def town_of(target):
        towns.append(Town(bin_folder, target))
        return towns[-1]
    try:
        authority_make()
        KINDS[kind](town_of)
    except BaseException:
        if os.path.exists('depesched.log'):
            with open('depesched.log', errors='replace') as f:
                sys.stderr.write(''.join(x[:400] for x in f.readlines()[-25:]))
        raise
    finally:
        for town in towns:
            town.end(signal.SIGKILL)
        for program in PROGRAMS:
            program.down()
        os.chdir(keep)
        shutil.rmtree(folder)


if __name__ == '__main__':
    main()
