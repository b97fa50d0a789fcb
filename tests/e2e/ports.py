"""ports.py - ports that no other test of this machine has, until this process ends (lib.sh's)"""
import os
import subprocess

here = os.path.dirname(os.path.abspath(__file__))


def free_ports():
    """The first of eight in a row, as text."""
    return subprocess.run(['sh', '-c', 'e2e=%s; . "%s/lib.sh"; free_ports' % (here, here)],
                          check=True, capture_output=True, text=True,
                          env=dict(os.environ, PORTS_OWNER=str(os.getpid()))).stdout.strip()


def free_port():
    return int(free_ports())
