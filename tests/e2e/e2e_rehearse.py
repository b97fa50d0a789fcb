#!/usr/bin/env python3
"""e2e_rehearse.py BUILD - depesche certs rehearse, as an operator types it

A town gets new certificates from its CA. What is right is rehearsed from the file to a message there
and back; what is wrong is named by its step. The town's own folders stay as they were.
"""
import json
import os
import subprocess

from demo_world import build, demo_make, free_ports, run_in_folder

GOOD = ['pair', 'validity', 'chain', 'algorithms', 'sign', 'encrypt', 'older', 'there', 'back']


def openssl(*words):
    subprocess.run(['openssl'] + list(words), check=True, capture_output=True)


def issue(name, password, usage, days='700'):
    """NAME.p12 and NAME.txt with its password, of the demo's CA."""
    with open('usage.cnf', 'w') as f:
        f.write('keyUsage=critical,%s\n' % usage)
    openssl('req', '-newkey', 'rsa:3072', '-noenc', '-keyout', name + '.key', '-out', name + '.csr',
            '-subj', '/O=Stadt Ahausen/CN=' + name)
    openssl('x509', '-req', '-in', name + '.csr', '-CA', 'pki/ca.pem', '-CAkey', 'pki/ca.key', '-days', days,
            '-extfile', 'usage.cnf', '-out', name + '.pem')
    openssl('pkcs12', '-export', '-in', name + '.pem', '-inkey', name + '.key', '-out', name + '.p12',
            '-passout', 'pass:' + password)
    os.chmod(name + '.p12', 0o600)
    with open(os.open(name + '.txt', os.O_WRONLY | os.O_CREAT, 0o600), 'w') as f:
        f.write(password + '\n')


def rehearse(*words, expected=0):
    done = subprocess.run([build + '/depesche', '--config', 'town-a.yaml', 'certs', 'rehearse'] + list(words),
                          capture_output=True, text=True)
    assert done.returncode == expected, done
    return done.stdout


def steps(text):
    return {row['step']: row['result'] for row in json.loads(text)}


def files():
    return sorted(os.path.join(at, name) for at, _, names in os.walk('town-a') for name in names)


def main():
    demo_make('--ports', str(int(free_ports())))
    os.mkdir('tmp')
    os.environ['TMPDIR'] = os.path.abspath('tmp')
    before = files()
    issue('new', 'geheim', 'digitalSignature,nonRepudiation,keyEncipherment')
    issue('signs', 'geheim', 'digitalSignature,nonRepudiation')
    told = rehearse('new.p12', '--passphrase-file', 'new.txt', '--json')
    assert steps(told) == {step: 'good' for step in GOOD}, told
    told = rehearse('signs.p12', '--passphrase-file', 'signs.txt', '--lang', 'de')
    assert 'Verschlüsseln' in told and 'ausgelassen' in told and 'Fehler' not in told, told
    assert 'Eine Nachricht kam von dort und ist gelesen.' in told, told

    with open('wrong.txt', 'w') as f:
        f.write('falsch\n')
    told = steps(rehearse('new.p12', '--passphrase-file', 'wrong.txt', '--json', expected=65))
    assert told['pair'] == 'failed' and told['back'] == 'skipped', told
    told = steps(rehearse('signs.p12', '--passphrase-file', 'signs.txt', '--as', 'cipher', '--json', expected=65))
    assert told['pair'] == 'failed', told
    os.chmod('new.p12', 0o644)  # which depesched itself refuses
    told = json.loads(rehearse('new.p12', '--passphrase-file', 'new.txt', '--json', expected=65))
    assert told[-2]['result'] == 'failed' and 'new.p12' in told[-2]['en'], told
    rehearse('none.p12', expected=66)
    rehearse('new.p12', '--tenant', 'Nirgendwo', expected=64)
    rehearse('new.p12', '--as', 'both', expected=64)
    assert files() == before, (before, files())
    assert os.listdir('tmp') == [], os.listdir('tmp')


if __name__ == '__main__':
    run_in_folder(main)
