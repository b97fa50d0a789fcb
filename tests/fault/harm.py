"""harm.py - what lies on the disk is harmed between a kill and the next start

Three messages are accepted while nobody can be reached; the subject is killed; its files are harmed.
Then each message must arrive, once and unchanged, or be named: its id in the log, or its own row
saying which file is the matter. A start that is refused must name the index, and after the index is
put back from a copy all must arrive. A message that comes later arrives in any case.
"""
import glob
import os
import shutil
import time

import scenarios
import trial


class Waiting(scenarios.Drop):
    name, kinds = 'harm', ('drop', 'drop', 'drop')
    door = 'damage at rest'


def payloads():
    """Of all three, contents and what is sealed already."""
    return sorted(glob.glob('s/state/payload/*/*/*'))


def flip(path, offset, count=1):
    with open(path, 'r+b') as f:
        f.seek(offset)
        old = f.read(count)
        f.seek(offset)
        f.write(bytes(b ^ 0x55 for b in old))


def payload_gone(n):
    os.unlink(payloads()[n % len(payloads())])


def payload_cut(n):
    os.truncate(payloads()[n % len(payloads())], 100)


def payload_empty(n):
    os.truncate(payloads()[n % len(payloads())], 0)


def payload_changed(n):
    flip(payloads()[n % len(payloads())], 17 * (n + 1))


def payload_longer(n):
    with open(payloads()[n % len(payloads())], 'ab') as f:
        f.write(b'more')


def folder_gone(n):
    shutil.rmtree(os.path.dirname(payloads()[n % len(payloads())]))


def stranger(n):
    folder = 's/state/payload/%02x/018bcfe5-6800-7000-8000-0000000000%02x' % (n, n)
    os.makedirs(folder)
    with open(folder + '/payload-x-1', 'wb') as f:
        f.write(b'whose?')


def tmp_left(n):
    os.makedirs('s/state/tmp/left.%d' % n)
    with open('s/state/tmp/left.%d/x' % n, 'wb') as f:
        f.write(b'x')


def wal_cut(n):
    path = 's/state/index.db-wal'
    os.truncate(path, os.path.getsize(path) * n // 8)


def wal_changed(n):
    path = 's/state/index.db-wal'
    flip(path, os.path.getsize(path) * n // 8, 8)


def wal_gone(_):
    os.unlink('s/state/index.db-wal')


def index_gone(_):
    for path in glob.glob('s/state/index.db*'):
        os.unlink(path)


def index_changed(n):
    path = 's/state/index.db'
    flip(path, os.path.getsize(path) * n // 12 + 8, 200)


def index_cut(n):
    path = 's/state/index.db'
    os.truncate(path, os.path.getsize(path) * n // 4)


# what is harmed, how, and how often with another place each time
HARMS = [(payload_gone, 4), (payload_cut, 4), (payload_empty, 2), (payload_changed, 6),
         (payload_longer, 2), (folder_gone, 3), (stranger, 2), (tmp_left, 1), (wal_cut, 8),
         (wal_changed, 8), (wal_gone, 1), (index_gone, 1), (index_changed, 12), (index_cut, 4)]
BY_NAME = {h.__name__: h for h, _ in HARMS}


class Harm(trial.Trial):
    def __init__(self, place):
        super().__init__(place, Waiting)
        self.refused = self.named = False

    def log_since(self, mark):
        with open('s.log', encoding='utf-8', errors='replace') as f:
            f.seek(mark)
            return f.read()

    def wait(self, what, seconds=60):
        until = time.monotonic() + seconds
        while time.monotonic() < until:
            if what():
                return True
            time.sleep(0.05)
        return False

    def accept(self):
        """The ids of the three, and the subject is dead."""
        subject = self.place.subject
        subject.start()
        assert subject.wait_ready(), 'the subject does not start'
        self.scenario.begin()
        assert self.wait(lambda: len(subject.messages() or []) == 3), 'not accepted'
        rows = subject.messages()
        time.sleep(0.1)
        subject.end()
        return {m['source_name']: m['id'] for m in rows}

    def start(self):
        """Also when the index has to be put back first, as an operator would."""
        subject = self.place.subject
        mark = os.path.getsize('s.log')
        subject.start()
        if subject.wait_ready():
            return True
        self.refused = True
        said = self.log_since(mark)
        if 'index' not in said:
            return False
        for path in glob.glob('s/state/index.db*'):
            os.unlink(path)
        for path in glob.glob('index.copy/*'):
            shutil.copy(path, 's/state')
        subject.start()
        return subject.wait_ready()

    @staticmethod
    def names_file(row, said):
        """By its own name or the one it has in the store, with the id."""
        lines = [line for line in said.split('\n') if row['id'] in line] + [row['last_error']['en']]
        return any('payload/' in line or row['source_name'] in line for line in lines)

    def settled(self, ids, mark):
        """Every message has arrived or is named, and nothing else is on its way."""
        self.step()
        rows = self.place.subject.messages()
        if rows is None or any(m['state'] not in trial.FINE | trial.TOLD for m in rows):
            return False
        said = self.log_since(mark)
        told = {m['id'] for m in rows if m['state'] in trial.TOLD and m.get('last_error')
                and self.names_file(m, said)}
        self.missing = [name for name, i in ids.items()
                        if not self.place.desk.got.get(name) and i not in told
                        and ('event=store.aside id=%s' % i) not in said]
        self.named = self.named or bool(told) or 'event=store.aside' in said or self.refused
        return not self.missing

    def run_harm(self, harm, n):
        place, begun = self.place, time.monotonic()
        place.peer.end()
        ids = self.accept()
        shutil.rmtree('index.copy', ignore_errors=True)
        os.makedirs('index.copy')
        for path in glob.glob('s/state/index.db*'):
            shutil.copy(path, 'index.copy')
        harm(n)
        place.peer.start()
        mark = os.path.getsize('s.log')
        up = place.peer.wait_ready() and self.start()
        done = up and self.wait(lambda: self.settled(ids, mark))
        missing = [] if done else getattr(self, 'missing', list(ids))
        if up:  # the rest flows
            later = self.scenario
            later.kinds = ('drop',)
            before = len(later.names)
            later.begin()
            done = self.wait(lambda: self.settled({later.names[before]: ''}, mark)) and done
        place.subject.end()
        got = place.desk.got
        doubled = sum(got.get(name, 0) - 1 for name in self.scenario.names if got.get(name, 0) > 1)
        strange, place.desk.strange = place.desk.strange, []
        why = []
        if missing or doubled or strange or not done:
            why = ['unnamed %s' % missing, 'doubled %d' % doubled, 'altered %s' % strange,
                   'refused %s' % self.refused, self.log_since(mark)[-1500:]]
        told = ['refused'] if self.refused else ['named'] if self.named else []
        return trial.Result(1, False, len(missing), doubled, len(strange), told, not done,
                            time.monotonic() - begun, why)
