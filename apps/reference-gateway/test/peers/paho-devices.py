"""paho-devices.py: MQTT devices on orders, {"device", "order", "do", …} a line on standard input; their words a line each on standard output.

{"device", "order", "told"} answers an order, {"device", "command"} is a command that reached the device, {"device", "closed"} the end of
its connection. Bytes are base64. A device does not come back by itself.
"""

import base64
import json
import socket
import sys
import threading

import paho.mqtt
import paho.mqtt.client as mqtt

PAHO_2 = hasattr(mqtt, "CallbackAPIVersion")
printing = threading.Lock()


def say(**words):
    with printing:
        print(json.dumps(words), flush=True)


class Client(mqtt.Client):
    """paho 1.6 reads the reason of a PUBACK and keeps it to itself."""

    reason = 0

    def _handle_pubackcomp(self, cmd):
        packet = self._in_packet["packet"]
        self.reason = packet[2] if len(packet) > 2 else 0
        return super()._handle_pubackcomp(cmd)


class Device:
    def __init__(self, name):
        self.name = name
        self.orders = {}
        self.lock = threading.Lock()

    def connect(self, order, port, version, user, key, commands):
        options = {"client_id": self.name, "reconnect_on_failure": False}
        options["protocol"] = mqtt.MQTTv5 if version == 5 else mqtt.MQTTv311
        if PAHO_2:
            options["callback_api_version"] = mqtt.CallbackAPIVersion.VERSION1
        self.client = Client(**options)
        self.client.username_pw_set(user, key)

        def connected(client, _data, _flags, code, *_):
            if code == 0:
                client.subscribe(commands, qos=1)
            else:
                say(device=self.name, order=order, told="refused")

        self.client.on_connect = connected
        self.client.on_subscribe = lambda *_: say(device=self.name, order=order, told="connected")
        self.client.on_disconnect = lambda *_: say(device=self.name, closed=True)
        self.client.on_publish = self.published
        self.client.on_message = lambda _client, _data, message: say(
            device=self.name, command=base64.b64encode(message.payload).decode()
        )
        self.client.connect("127.0.0.1", port)
        self.client.loop_start()

    def publish(self, order, topic, payload):
        sent = self.client.publish(topic, base64.b64decode(payload), qos=1)
        self.pair(sent.mid, order=order)

    def published(self, client, _data, mid):
        self.pair(mid, told="refused" if client.reason >= 0x80 else "ack")

    def pair(self, mid, **words):
        """A PUBACK may be here before `publish` has told the id."""
        with self.lock:
            known = self.orders.setdefault(mid, {})
            known.update(words)
            if len(known) == 2:
                del self.orders[mid]
                say(device=self.name, **known)

    def raw(self, order, payload):
        self.client.socket().sendall(base64.b64decode(payload))
        say(device=self.name, order=order, told="sent")

    def cut(self, order):
        connection = self.client.socket()
        if connection is not None:
            connection.shutdown(socket.SHUT_RDWR)
        say(device=self.name, order=order, told="cut")

    def close(self, order):
        self.client.disconnect()
        say(device=self.name, order=order, told="closed")


devices = {}
say(paho=paho.mqtt.__version__)
for line in sys.stdin:
    wanted = json.loads(line)
    name, do = wanted.pop("device"), wanted.pop("do")
    try:
        getattr(devices.setdefault(name, Device(name)), do)(**wanted)
    except Exception as error:  # a port where nobody listens, a connection that is gone
        say(device=name, order=wanted["order"], told="failed", error=repr(error))
