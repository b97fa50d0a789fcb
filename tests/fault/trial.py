"""trial.py - one scenario with one order for the shim: kill, restart, drain, balance the account"""
import collections
import datetime
import os
import shutil
import signal
import time

import page
import world

FINE = {'delivered', 'acknowledged', 'archived'}
TOLD = {'failed', 'expired', 'cancelled', 'quarantined', 'rejected'}
LONGEST = 600  # seconds after a restart, as long as anything moves

Result = collections.namedtuple(
    'Result', 'hit exited lost doubled altered told stuck seconds why')


class Place:
    """A folder with both daemons, for trials one after the other."""

    def __init__(self, folder, bin_folder, shim):
        os.makedirs(folder)
        os.chdir(folder)
        self.folder, self.shim = folder, shim
        self.serial = 0
        self.desk = world.Desk()
        world.keys_copy()
        for path in ('taken', 's/amt', 's/state', 'p/amt', 'p/state'):
            os.makedirs(path)
        self.ports = world.settings_write()
        self.shared = page.Shared('page', folder + '/s')
        self.subject = world.Daemon(bin_folder, 's', 's')
        self.peer = world.Daemon(bin_folder, 'p', 'p')
        self.peer.start()
        assert self.peer.wait_ready(), 'the peer does not start: see %s/p.log' % folder
        self.subject.start()
        assert self.subject.wait_ready(), 'the subject does not start: see %s/s.log' % folder
        self.subject.end(signal.SIGTERM)
        shutil.copytree('s', 'clean', symlinks=True)

    def reset(self):
        shutil.rmtree('s')
        shutil.rmtree('s.grave', ignore_errors=True)
        shutil.copytree('clean', 's', symlinks=True)
        self.serial += 1

    def end(self):
        self.subject.end()
        self.peer.end()

    def take(self):
        for who in 'sp':
            self.desk.empty(who + '/amt/in')


class Trial:
    def __init__(self, place, kind):
        self.place = place
        place.reset()
        self.scenario = kind(place)
        self.since = datetime.datetime.now(datetime.timezone.utc).isoformat()[:19] + 'Z'
        self.told = set()
        self.ask_at = 0
        self.states = {}

    def step(self):
        self.scenario.step()
        self.place.take()

    def rows_are_final(self):
        """On both sides; what has ended otherwise than well is remembered as told."""
        for daemon, query in ((self.place.subject, {}), (self.place.peer, {'since': self.since})):
            rows = daemon.messages(**query)
            if rows is None:
                return False
            self.states[daemon.name] = ['%s %s' % (m['box'], m['state']) for m in rows]
            for m in rows:
                if m['state'] in TOLD:
                    self.told.add('%s %s: %s' % (daemon.name, m['state'], m.get('last_error')))
                elif m['state'] not in FINE:
                    return False
        return True

    def arrived(self):
        return all(self.place.desk.got.get(n, 0) > 0 for n in self.scenario.names)

    def complete(self):
        """The rows are asked for when all seems well, and else now and then: what ended badly is told."""
        if not self.scenario.acknowledged():
            return False
        if not self.arrived() and time.monotonic() < self.ask_at:
            return False
        self.ask_at = time.monotonic() + 0.5
        return self.rows_are_final() and (self.arrived() or bool(self.told))

    def drain(self, patience, longest=None):
        """True: everything has come to its end. Patience is for a standstill: on a slow machine what
        still moves may take up to longest."""
        begun = moved = time.monotonic()
        seen = None
        while time.monotonic() < min(moved + patience, begun + (longest or patience)):
            if not self.place.subject.is_up():
                return False
            self.step()
            if self.complete():
                return True
            now = (dict(self.states), sum(self.place.desk.got.values()))
            if now != seen:
                seen, moved = now, time.monotonic()
            time.sleep(0.02)
        return False

    def run(self, cut_at_end=False, may_fail=False, during=None, **orders):
        place, begun = self.place, time.monotonic()
        shared, subject = place.shared, place.subject
        phase = orders.pop('phase', 1)
        shared.order(**orders)
        if phase == 0:
            self.scenario.begin()
        subject.start(place.shim, shared.path)
        if subject.wait_ready():
            shared.page.phase = phase
            if phase != 0:
                self.scenario.begin()
            if during is not None:
                during(self)
        elif phase != 0:
            self.scenario.begin()
        done = self.drain(self.scenario.seconds)
        died = exited = not subject.is_up()
        if not died and done and cut_at_end:
            shared.page.power = page.POWER_ALL
            shared.page.cut = 1
            self.wait_dead(10)
            died = True
        if died:
            done = self.recover()
        elif not done:
            # a harmed process may be stuck; a new one may not be
            done = self.recover()
        self.rows = None if done else subject.messages()
        subject.end()
        return self.balance(done, exited, time.monotonic() - begun, may_fail)

    def wait_dead(self, seconds):
        until = time.monotonic() + seconds
        while self.place.subject.is_up() and time.monotonic() < until:
            time.sleep(0.02)

    def recover(self):
        self.place.subject.end()
        self.told.clear()
        self.place.subject.start()
        if not self.place.subject.wait_ready():
            return False
        return self.drain(self.scenario.seconds, LONGEST)

    def balance(self, done, exited, seconds, may_fail):
        got, names = self.place.desk.got, self.scenario.names
        lost = [n for n in names if got.get(n, 0) == 0]
        doubled = sum(got.get(n, 0) - 1 for n in names if got.get(n, 0) > 1)
        strange, self.place.desk.strange = self.place.desk.strange, []
        why = []
        if lost and self.told and may_fail:
            lost = []  # and somebody was told
        if lost or doubled or strange or not done or self.scenario.trouble:
            rows = self.rows
            why = ['lost %s' % lost, 'doubled %d' % doubled, 'altered %s' % strange,
                   'rows %s' % rows, 'states %s' % self.states, 'told %s' % self.told,
                   'trouble %s' % self.scenario.trouble,
                   'acknowledged %s' % self.scenario.acknowledged()]
        return Result(self.place.shared.page.hit, exited, len(lost), doubled, len(strange),
                      sorted(self.told), not done or bool(self.scenario.trouble), seconds, why)
