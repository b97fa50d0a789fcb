"""town_world.py - two towns that write to each other, for the tests of keys"""
import json
import subprocess

from demo_world import Daemon, Local, build, wait_for
from e2e_backup import WORKING
from e2e_reload import ask
from e2e_rollover import CALLED, TOWNS

EX_CONFIG = 78


class Town:
    def __init__(self, who):
        self.who, self.sent = who, 0
        self.start()

    def start(self):
        """Until it answers: what its log says may be of a start before."""
        self.daemon = Daemon(self.who)
        wait_for('an answer', lambda: self.daemon.depesche('status').returncode == 0)

    def send(self):
        self.sent += 1
        subject = '%s-%d' % (self.who, self.sent)
        body = ('--b\r\nContent-Disposition: form-data; name="meta"\r\n\r\n{"endpoint": "bauamt", '
                '"recipient": "%s", "subject": "%s"}\r\n--b\r\nContent-Disposition: form-data; '
                'name="file"; filename="a.txt"\r\n\r\n%s\r\n--b--\r\n'
                % (CALLED[TOWNS[self.who]], subject, subject * 100)).encode()
        code, text = ask(Local(self.daemon.socket), 'POST', '/v1/messages', body,
                         {'Content-Type': 'multipart/form-data; boundary=b'})
        assert code == 202, (code, text)
        return subject

    def rows(self, box):
        done = self.daemon.depesche('--json', 'list', box, '--limit', '100000')
        assert done.returncode == 0, done
        return json.loads(done.stdout)

    def state(self, subject):
        return [r for r in self.rows('outbox') if r['subject'] == subject][0]


def arrived(towns, who, subject):
    """Delivered, says the sender; once and readable, says the inbox."""
    wait_for(subject, lambda: towns[who].state(subject)['state'] not in WORKING, 0.3)
    assert towns[who].state(subject)['state'] == 'delivered', towns[who].state(subject)
    there = [r for r in towns[TOWNS[who]].rows('inbox') if r['subject'] == subject]
    assert len(there) == 1 and there[0]['state'] != 'quarantined', there


def exchange(towns, count):
    subjects = [(who, towns[who].send()) for who in towns for _ in range(count)]
    for who, subject in subjects:
        arrived(towns, who, subject)


def start_refused(who, code):
    """The process ends by itself, says why, and systemd does not try again."""
    done = subprocess.run([build + '/depesched', '--config', who + '.yaml'], capture_output=True,
                          text=True, timeout=60)
    assert done.returncode == EX_CONFIG, done
    assert code in done.stdout + done.stderr, done
