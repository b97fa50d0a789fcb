#!/usr/bin/env python3
"""e2e_token.py BUILD - the keys of all three parties are in PKCS#11 tokens (SoftHSM 2)

Messages flow both ways; a token that is drawn holds them up and no longer than that; a wrong PIN is
shown to a token once. The tokens are in the folder of the test.
"""
import glob
import os
import shutil
import subprocess
import sys
import time

from demo_world import Daemon, demo_make, free_ports, run_in_folder, wait_for
from e2e_backup import WORKING
from e2e_rollover import TOWNS, edit, fingerprint, pair_make
from town_world import Town, arrived, exchange, start_refused

PARTIES = ('town-a', 'town-b', 'intermediary')
PINS = {'town-a': '123456', 'town-b': '234567', 'intermediary': '345678'}
MODULES = ['/usr/lib/softhsm/libsofthsm2.so', '/usr/lib64/pkcs11/libsofthsm2.so']
MODULE = next((path for path in MODULES if os.path.exists(path)), None)


# ---- tokens ----

def run(*words):
    return subprocess.run(words, check=True, capture_output=True, text=True).stdout


def token_make(who):
    """Its files lie in a folder of its own, whose name is told."""
    before = set(os.listdir('tokens'))
    run('softhsm2-util', '--init-token', '--free', '--label', who, '--so-pin', '87654321', '--pin',
        PINS[who])
    return 'tokens/' + (set(os.listdir('tokens')) - before).pop()


def key_move(who, kind, number):
    """From the file into the token."""
    path = 'pki/%s-%s.key' % (who, kind)
    run('openssl', 'pkcs8', '-topk8', '-nocrypt', '-in', path, '-out', 'k8')
    run('softhsm2-util', '--import', 'k8', '--token', who, '--label', kind, '--id', number, '--pin',
        PINS[who])
    os.unlink('k8')
    os.unlink(path)


def in_token(who, kind):
    return ("{certificate: pki/%s-%s.pem, key: 'pkcs11:token=%s;object=%s', module: %s, "
            'passphrase_file: pin.%s}' % (who, kind, who, kind, MODULE, who))


def pin_write(who, pin):
    with open('pin.' + who, 'w') as f:
        f.write(pin + '\n')
    os.chmod('pin.' + who, 0o600)


def settings_change(who):
    for kind, number in (('signature', '01'), ('cipher', '02')):
        old = '{certificate: pki/%s-%s.pem, key: pki/%s-%s.key}' % ((who, kind) * 2)
        if who == 'intermediary' and kind == 'signature':
            old = ('\n      certificate: pki/intermediary-signature.pem\n'
                   '      key: pki/intermediary-signature.key')
            edit(who, old, ' ' + in_token(who, kind))
        else:
            edit(who, old, in_token(who, kind))
        key_move(who, kind, number)
    pin_write(who, PINS[who])


# ---- what is shown ----

def doctor(towns, *words):
    text = towns['town-a'].daemon.depesche('doctor').stdout
    for word in words:
        assert word in text, (word, text)


def drawn(towns, folder):
    """Town A's token is away: what is to be signed or opened waits, and goes on by itself."""
    os.rename(folder, 'drawn')
    out = towns['town-a'].send()
    coming = towns['town-b'].send()
    wait_for('the reason', lambda: towns['town-a'].state(out)['state'] in WORKING and
             'D-234' in towns['town-a'].daemon.depesche('why', towns['town-a'].state(out)['id']).stdout,
             0.3)
    doctor(towns, 'D-234')
    time.sleep(5)
    assert towns['town-a'].state(out)['state'] in WORKING, towns['town-a'].state(out)
    assert towns['town-b'].state(coming)['state'] in WORKING, towns['town-b'].state(coming)
    assert not [r for r in towns['town-a'].rows('inbox') if r['subject'] == coming]
    os.rename('drawn', folder)
    arrived(towns, 'town-a', out)
    arrived(towns, 'town-b', coming)


def intermediary_drawn(towns, folder):
    """Nothing that an intermediary cannot open just now is refused for good."""
    os.rename(folder, 'drawn')
    out = towns['town-a'].send()
    time.sleep(4)
    assert towns['town-a'].state(out)['state'] in WORKING, towns['town-a'].state(out)
    os.rename('drawn', folder)
    arrived(towns, 'town-a', out)


def pin_wrong(towns):
    """It is shown once, and the right one works afterwards."""
    towns['town-a'].daemon.end()
    pin_write('town-a', '999999')
    start_refused('town-a', 'D-2343')
    os.unlink('pin.town-a')
    start_refused('town-a', 'D-1209')
    pin_write('town-a', PINS['town-a'])
    os.chmod('pin.town-a', 0o644)
    start_refused('town-a', 'D-1210')
    os.chmod('pin.town-a', 0o600)
    towns['town-a'].start()


def settings_refused():
    """Each is told by its code, and nothing has to be asked of a token that is not named."""
    with open('town-a.yaml') as f:
        good = f.read()
    signature, first = in_token('town-a', 'signature'), "'pkcs11:token=town-a;object=signature'"
    for code, old, new in (
            ('D-2340', first, "'pkcs11:token=town-a'"),
            ('D-2340', first, "'pkcs11:token=town-a;object=signature;banana=1'"),
            ('D-2340', first, "'pkcs11:token=town-a;object=signature?pin-value=1'"),
            ('D-1204', signature, signature.replace(' module: %s,' % MODULE, '')),
            ('D-2341', 'module: ' + MODULE, 'module: pki/ca.pem'),
            ('D-2345', first, "'pkcs11:token=town-a;object=none'"),
            ('D-1507', first, "'pkcs11:token=town-a;object=cipher'"),
            ('D-2343', ', passphrase_file: pin.town-a', '')):
        assert old in good, old
        with open('town-a.yaml', 'w') as f:
            f.write(good.replace(old, new, 1))
        start_refused('town-a', code)
    with open('town-a.yaml', 'w') as f:
        f.write(good)


def rollover(towns, now):
    """The next cipher pair is in the token as well, its certificate too."""
    key_move('town-a', 'cipher2', '03')
    run('pkcs11-tool', '--module', MODULE, '--token-label', 'town-a', '--login', '--pin',
        PINS['town-a'], '--write-object', 'pki/town-a-cipher2.pem', '--type', 'cert', '--label',
        'cipher2', '--id', '03')
    old = '    cipher: ' + in_token('town-a', 'cipher') + '\n'
    pair = in_token('town-a', 'cipher2').replace('pki/town-a-cipher2.pem',
                                                 "'pkcs11:token=town-a;object=cipher2;type=cert'")
    edit('town-a', old, old + '    next: [{from: "%s", cipher: %s}]\n' % (now, pair))
    edit('intermediary', '  mailboxes:\n', '  mailboxes:\n    - {name: Stadt Ahausen 2, '
         'cipher_certificate: pki/town-a-cipher2.pem}\n')
    line = '    cipher_certificate: pki/town-a-cipher.pem\n'
    edit('town-b', line, '    cipher_certificate: pki/town-a-cipher2.pem\n')


def main():
    demo_make('--ports', free_ports())
    pair_make('town-a-cipher2', 'cipher')
    os.mkdir('tokens')
    with open('softhsm2.conf', 'w') as f:
        f.write('directories.tokendir = %s\nobjectstore.backend = file\nlog.level = ERROR\n'
                % os.path.abspath('tokens'))
    os.environ['SOFTHSM2_CONF'] = os.path.abspath('softhsm2.conf')
    folders = {who: token_make(who) for who in PARTIES}
    for who in PARTIES:
        settings_change(who)
    assert not glob.glob('pki/town-?-signature.key') and not glob.glob('pki/town-?-cipher.key')
    intermediary = Daemon('intermediary')
    towns = {who: Town(who) for who in TOWNS}
    exchange(towns, 5)
    doctor(towns, 'the key computes where it lies')
    drawn(towns, folders['town-a'])
    intermediary_drawn(towns, folders['intermediary'])
    exchange(towns, 2)
    pin_wrong(towns)
    towns['town-a'].daemon.end()
    settings_refused()
    rollover(towns, '2026-01-01')
    towns['town-a'].start()
    intermediary.reload()
    towns['town-b'].daemon.reload()
    exchange(towns, 2)
    assert fingerprint('town-a-cipher2') in intermediary.depesche('--json', 'mailboxes').stdout
    for town in towns.values():
        town.daemon.end()
    intermediary.end()
    print('keys in tokens: %d messages' % sum(town.sent for town in towns.values()))


if MODULE is None or shutil.which('pkcs11-tool') is None:
    print('e2e_token: softhsm2 or opensc is missing', file=sys.stderr)
    sys.exit(1)
run_in_folder(main)
