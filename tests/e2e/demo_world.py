"""demo_world.py - what the tests in Python share that run the daemons of a demo installation

The first word of the command line is the folder of the programs.
"""
import json
import os
import re
import shutil
import signal
import subprocess
import sys
import tempfile
import time

from local_http import PATIENCE, Local
from ports import free_ports  # noqa: F401

build = os.path.abspath(sys.argv[1])
here = os.path.dirname(os.path.abspath(__file__))
root = os.path.dirname(os.path.dirname(here))


def demo_make(*options):
    subprocess.run([build + '/depesche', 'init', '--demo', '.', *options], check=True,
                   stdout=subprocess.DEVNULL)


def run_in_folder(main):
    """main in a folder of its own, which stays where it is when something goes wrong."""
    folder = tempfile.mkdtemp(prefix='depesche-test-')
    os.chdir(folder)
    try:
        main()
    except BaseException:
        for name in sorted(n for n in os.listdir('.') if n.endswith('.log')):
            with open(name, errors='replace') as log:
                print('--- ' + name, *log.read().splitlines()[-25:], sep='\n', file=sys.stderr)
        print('the traces are in ' + folder, file=sys.stderr)
        raise
    os.chdir('/')
    shutil.rmtree(folder)


def wait_for(what, done, pause=0.1):
    """What done() says, once that is something."""
    until = time.time() + PATIENCE
    while True:
        found = done()
        if found:
            return found
        assert time.time() < until, 'waited too long for ' + what
        time.sleep(pause)


class Daemon:
    def __init__(self, name, **environment):
        self.name, self.config = name, name + '.yaml'
        with open(self.config) as f:
            self.socket = re.search(r'^  socket: (.*)$', f.read(), re.M).group(1)
        with open(name + '.log', 'ab') as log:
            self.process = subprocess.Popen([build + '/depesched', '--config', self.config],
                                            env=dict(os.environ, **environment),
                                            stdin=subprocess.DEVNULL, stdout=log, stderr=log)
        wait_for('the start of ' + name, self.started)

    def started(self):
        assert self.process.poll() is None, self.name + ' has ended by itself'
        with open(self.name + '.log', 'rb') as log:
            return b'event=daemon.started' in log.read()

    def ask(self, method, path, body=None, **headers):
        """The answer, not yet read; in the names of headers - is written _."""
        connection = Local(self.socket)
        connection.request(method, path, body, {k.replace('_', '-'): v for k, v in headers.items()},
                           encode_chunked='Transfer_Encoding' in headers)
        return connection.getresponse()

    def depesche(self, *words):
        return subprocess.run([build + '/depesche', '--socket', self.socket, '--lang', 'en', *words],
                              capture_output=True, text=True)

    def reload(self, expected=0):
        done = self.depesche('reload')
        assert done.returncode == expected, (expected, done)
        return done

    def status(self):
        return json.loads(self.depesche('--json', 'status').stdout)

    def peak_mb(self):
        with open('/proc/%d/status' % self.process.pid) as f:
            return int(re.search(r'VmHWM:\s*(\d+)', f.read()).group(1)) // 1024

    def cpu_seconds(self):
        with open('/proc/%d/stat' % self.process.pid) as f:
            fields = f.read().rsplit(')', 1)[1].split()
        return (int(fields[11]) + int(fields[12])) / os.sysconf('SC_CLK_TCK')

    def end(self):
        self.process.send_signal(signal.SIGTERM)
        assert self.process.wait(PATIENCE) == 0

    def kill(self):
        self.process.kill()
        self.process.wait()
