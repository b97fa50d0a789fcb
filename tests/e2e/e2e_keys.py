#!/usr/bin/env python3
"""e2e_keys.py BUILD - the keys of all three parties are in processes of their own (depesched-keys)

Messages flow both ways; no byte of a key is in the memory of depesched, and the scan that says so
finds them where they are; a key process that is killed is started anew, and what could not be
signed or opened meanwhile waits; a wrong passphrase ends a start and refuses a reload; a reload
brings new keys.
"""
import base64
import os
import re
import signal
import threading
import time

from demo_world import Daemon, demo_make, free_ports, run_in_folder, wait_for
from e2e_backup import WORKING
from e2e_rollover import TOWNS, edit, fingerprint, openssl, pair, pair_make
from town_world import Town, arrived, exchange, start_refused

PARTIES = ('town-a', 'town-b', 'intermediary')
SECRET = 'open sesame'


# ---- the key process ----

def key_process(name):
    """The one that was started last and has not ended, by its own log line."""
    with open(name + '.log') as log:
        lines = [line for line in log if 'event=keys.' in line]
    if not lines or 'event=keys.started' not in lines[-1]:
        return None
    return int(re.search(r' pid=(\d+)', lines[-1]).group(1))


def running(name):
    return wait_for('the key process of ' + name, lambda: key_process(name))


def proc(pid, name):
    with open('/proc/%d/%s' % (pid, name)) as f:
        return f.read()


def held(pid):
    """By the kernel: no core, no other calls than those of who computes, nothing to write to."""
    status, limits = proc(pid, 'status'), proc(pid, 'limits')
    assert re.search(r'^Seccomp:\s*2$', status, re.M), status
    assert re.search(r'^NoNewPrivs:\s*1$', status, re.M), status
    assert re.search(r'^Max core file size\s+0\s+0', limits, re.M), limits
    assert re.search(r'^Max open files\s+0\s+0', limits, re.M), limits
    kinds = {os.readlink('/proc/%d/fd/%s' % (pid, fd)).split(':')[0]
             for fd in os.listdir('/proc/%d/fd' % pid)}
    assert kinds <= {'socket', '/dev/null', os.path.abspath('town-a.log')}, kinds


# ---- what memory holds ----

def key_numbers(path):
    """d, p and q of an RSA key, as files and as OpenSSL hold them, and a line of the file."""
    text = openssl('rsa', '-in', path, '-noout', '-text', '-passin', 'pass:' + SECRET).decode()
    needles = []
    for name in ('privateExponent', 'prime1', 'prime2'):
        digits = re.search(name + r':\n((?:\s+[0-9a-f:]+\n)+)', text).group(1)
        number = bytes.fromhex(re.sub(r'[\s:]', '', digits)).lstrip(b'\0')
        # all of it may be cut by the end of a page that was used again: the middle will do
        needles += [number[16:48], number[::-1][16:48]]
    der = openssl('pkcs8', '-topk8', '-nocrypt', '-in', path, '-passin', 'pass:' + SECRET,
                  '-outform', 'DER')
    encoded = base64.b64encode(der)
    return needles + [encoded[256:304], encoded[640:688]]


def found_in(pid, needles):
    """How many of them are somewhere in the memory of the process."""
    found = set()
    with open('/proc/%d/mem' % pid, 'rb', 0) as memory:
        for line in proc(pid, 'maps').splitlines():
            area, rights = line.split()[:2]
            begin, end = (int(x, 16) for x in area.split('-'))
            if 'r' not in rights or line.endswith(('[vvar]', '[vsyscall]', '[vvar_vclock]')):
                continue
            tail = b''
            while begin < end:
                step = min(end - begin, 16 << 20)
                try:
                    memory.seek(begin)
                    piece = tail + memory.read(step)
                except OSError:
                    break
                found |= {n for n in needles if n in piece}
                tail = piece[-64:]
                begin += step
    return len(found)


def memory_look(towns, path):
    """Nothing in depesched, at least the primes in depesched-keys."""
    needles = key_numbers(path)
    there = found_in(running('town-a'), needles)
    assert there >= 2, there
    here = found_in(towns['town-a'].daemon.process.pid, needles)
    assert here == 0, here


# ---- what happens to it ----

def why(town, subject):
    return town.daemon.depesche('why', town.state(subject)['id']).stdout


def killed_once(towns):
    """Nobody notices: the operation is done by the next one."""
    before = running('town-a')
    out, coming = towns['town-a'].send(), towns['town-b'].send()
    os.kill(before, signal.SIGKILL)
    arrived(towns, 'town-a', out)
    arrived(towns, 'town-b', coming)
    assert running('town-a') != before


def killed_always(towns):
    """It never lasts: messages wait, and say why; then they go."""
    over = threading.Event()

    def kill():
        while not over.is_set():
            pid = key_process('town-a')
            try:
                if pid is not None:
                    os.kill(pid, signal.SIGKILL)
            except ProcessLookupError:
                pass
            time.sleep(0.01)
    thread = threading.Thread(target=kill)
    thread.start()
    try:
        out, coming = towns['town-a'].send(), towns['town-b'].send()
        wait_for('the reason', lambda: 'D-2350' in why(towns['town-a'], out), 0.3)
        assert 'D-2350' in towns['town-a'].daemon.depesche('doctor').stdout
        time.sleep(5)
        assert towns['town-a'].state(out)['state'] in WORKING, towns['town-a'].state(out)
        assert towns['town-b'].state(coming)['state'] in WORKING, towns['town-b'].state(coming)
    finally:
        over.set()
        thread.join()
    arrived(towns, 'town-a', out)
    arrived(towns, 'town-b', coming)


def files_changed(towns):
    """Started anew it does not sign with what nobody has taken over."""
    path = 'pki/town-a-signature.key'
    os.rename(path, 'kept')
    os.rename('pki/other.key', path)
    os.kill(running('town-a'), signal.SIGKILL)
    out = towns['town-a'].send()
    wait_for('the reason', lambda: 'D-2351' in why(towns['town-a'], out), 0.3)
    done = towns['town-a'].daemon.depesche('reload')
    assert done.returncode != 0 and 'D-1507' in done.stdout + done.stderr, done
    assert towns['town-a'].state(out)['state'] in WORKING, towns['town-a'].state(out)
    os.rename(path, 'pki/other.key')
    os.rename('kept', path)
    towns['town-a'].daemon.reload()
    arrived(towns, 'town-a', out)


def secret_write(text):
    with open('secret', 'w') as f:
        f.write(text + '\n')
    os.chmod('secret', 0o600)


def passphrase_wrong(towns):
    """A reload is refused and the old keys go on; a start ends."""
    secret_write('not sesame')
    done = towns['town-a'].daemon.depesche('reload')
    assert done.returncode != 0 and 'D-1506' in done.stdout + done.stderr, done
    exchange(towns, 1)
    towns['town-a'].daemon.end()
    start_refused('town-a', 'D-1506')
    secret_write(SECRET)
    towns['town-a'].start()


def rollover(now):
    edit('town-a', '    cipher: ' + pair('town-a-cipher') + '\n',
         '    cipher: %s\n    next: [{from: "%s", cipher: %s}]\n'
         % (pair('town-a-cipher'), now, pair('town-a-cipher2')))
    edit('intermediary', '  mailboxes:\n', '  mailboxes:\n    - {name: Stadt Ahausen 2, '
         'cipher_certificate: pki/town-a-cipher2.pem}\n')
    line = '    cipher_certificate: pki/town-a-cipher.pem\n'
    edit('town-b', line, '    cipher_certificate: pki/town-a-cipher2.pem\n')


def signature_close():
    """Town A's signature key gets a passphrase."""
    path = 'pki/town-a-signature.key'
    openssl('pkcs8', '-topk8', '-in', path, '-out', 'closed', '-v2', 'aes-256-cbc', '-passout',
            'pass:' + SECRET)
    os.rename('closed', path)
    os.chmod(path, 0o600)
    secret_write(SECRET)
    edit('town-a', 'key: ' + path, 'key: ' + path + ', passphrase_file: secret')


def cipher_pack(who):
    """A cipher pair as PKCS#12."""
    path = 'pki/%s-cipher' % who
    openssl('pkcs12', '-export', '-inkey', path + '.key', '-in', path + '.pem', '-out',
            path + '.p12', '-passout', 'pass:' + SECRET)
    os.chmod(path + '.p12', 0o600)
    edit(who, pair('%s-cipher' % who), '{pkcs12: %s.p12, passphrase_file: secret}' % path)


def main():
    demo_make('--ports', free_ports())
    pair_make('town-a-cipher2', 'cipher')
    openssl('genrsa', '-out', 'pki/other.key', '2048')
    os.chmod('pki/other.key', 0o600)
    signature_close()
    cipher_pack('town-b')
    intermediary = Daemon('intermediary')
    towns = {who: Town(who) for who in TOWNS}
    # the scan finds a key in the memory of one that reads it itself
    assert found_in(towns['town-a'].daemon.process.pid,
                    key_numbers('pki/town-a-signature.key')) >= 2
    for town in towns.values():
        town.daemon.end()
    intermediary.end()
    for who in PARTIES:
        with open(who + '.yaml', 'a') as f:
            f.write('security:\n  key_process: true\n')
    intermediary = Daemon('intermediary')
    towns = {who: Town(who) for who in TOWNS}
    held(running('town-a'))
    exchange(towns, 5)
    memory_look(towns, 'pki/town-a-signature.key')
    memory_look(towns, 'pki/town-a-cipher.key')
    killed_once(towns)
    killed_always(towns)
    os.kill(running('intermediary'), signal.SIGKILL)
    exchange(towns, 2)
    files_changed(towns)
    passphrase_wrong(towns)
    rollover('2026-01-01')
    before = running('town-a')
    towns['town-a'].daemon.reload()
    wait_for('the new key process', lambda: key_process('town-a') not in (None, before))
    intermediary.reload()
    towns['town-b'].daemon.reload()
    exchange(towns, 2)
    memory_look(towns, 'pki/town-a-cipher2.key')
    assert fingerprint('town-a-cipher2') in intermediary.depesche('--json', 'mailboxes').stdout
    last = [running(name) for name in PARTIES]
    for town in towns.values():
        town.daemon.end()
    intermediary.kill()
    wait_for('their end', lambda: not any(os.path.exists('/proc/%d' % pid) for pid in last))
    print('keys in processes: %d messages' % sum(town.sent for town in towns.values()))


run_in_folder(main)
