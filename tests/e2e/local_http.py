"""local_http.py - HTTP over a UNIX socket, as all tests in Python speak to a daemon"""
import http.client
import socket

PATIENCE = 600  # seconds


class Local(http.client.HTTPConnection):
    def __init__(self, path, patience=PATIENCE):
        super().__init__('localhost', timeout=patience)
        self.path = path

    def connect(self):
        self.sock = socket.socket(socket.AF_UNIX)
        self.sock.settimeout(self.timeout)
        self.sock.connect(self.path)
