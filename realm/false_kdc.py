# SPDX-License-Identifier: Apache-2.0
"""A KDC that is no help: it answers every request in one wrong way, over TCP on loopback.

Run as a script by the keeper, which owns it. `python3 false_kdc.py HOW [PORT]`; PORT is that of the true KDC, which
some ways need. It prints READY and its port once it listens.
"""
import os
import socket
import socketserver
import struct
import sys

READY = b"false KDC listens"
NONCE = b"\xa7"  # [7] of KDC-REQ-BODY (RFC 4120 5.4.1)


def garbage(request, ask):
    return bytes(range(256))


def empty(request, ask):
    return b""


def hang_up(request, ask):
    return None


def cut(request, ask):
    answer = ask(request)
    return answer[:len(answer) // 2]


def own_words(request, ask):
    """The request itself, which is no answer to it."""
    return request


def other_message(request, ask):
    """An answer with the tag of an AP-REP."""
    return b"\x6f" + ask(request)[1:]


def other_nonce(request, ask):
    """An answer to another request: the nonce stands in the clear in an AS-REQ."""
    for at in range(len(request) - 4):
        # [7] INTEGER; its last octet alone, so that the length stays
        if request[at:at + 1] == NONCE and request[at + 2] == 2 and request[at + 1] == request[at + 3] + 2:
            last = at + 3 + request[at + 3]
            return ask(request[:last] + bytes([request[last] ^ 1]) + request[last + 1:])
    return ask(request)


WAYS = {"garbage": garbage, "empty": empty, "hang-up": hang_up, "cut": cut, "own-words": own_words,
        "other-message": other_message, "other-nonce": other_nonce}


def read_message(stream):
    """A message with its four octets of length (RFC 4120 7.2.2), None at the end."""
    head = stream.recv(4, socket.MSG_WAITALL)
    if len(head) < 4:
        return None
    return stream.recv(min(struct.unpack(">I", head)[0], 1 << 20), socket.MSG_WAITALL)


def framed(message):
    return struct.pack(">I", len(message)) + message


class Handler(socketserver.BaseRequestHandler):
    def handle(self):
        request = read_message(self.request)
        if request is None:
            return
        answer = self.server.way(request, self.ask)
        if answer is not None:
            self.request.sendall(framed(answer))

    def ask(self, request):
        with socket.create_connection(("127.0.0.1", self.server.true_port), 10) as stream:
            stream.sendall(framed(request))
            return read_message(stream) or b""


class Server(socketserver.ThreadingTCPServer):
    daemon_threads = True


def main():
    with Server(("127.0.0.1", 0), Handler) as server:
        server.way = WAYS[sys.argv[1]]
        server.true_port = int(sys.argv[2])
        os.write(1, READY + b"\n")
        server.serve_forever()


if __name__ == "__main__":
    main()
