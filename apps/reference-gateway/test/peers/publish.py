"""publish.py HOST PORT: publishes what stands on standard input, one {"topic", "payload"} a line, with paho at QoS 1.

Prints a line when the PUBACK of a message is here.
"""

import json
import sys

import paho.mqtt.client as mqtt


def client():
    try:  # paho 2 asks which callbacks are meant; Debian 12 has 1.6
        return mqtt.Client(mqtt.CallbackAPIVersion.VERSION1, client_id="paho")
    except AttributeError:
        return mqtt.Client(client_id="paho")


def main(host, port):
    publisher = client()
    publisher.connect(host, int(port))
    publisher.loop_start()
    for line in sys.stdin:
        message = json.loads(line)
        sent = publisher.publish(message["topic"], json.dumps(message["payload"]), qos=1)
        sent.wait_for_publish(timeout=120)
        if not sent.is_published():
            sys.exit("no PUBACK for " + message["topic"])
        print(message["topic"], flush=True)
    publisher.disconnect()
    publisher.loop_stop()


main(*sys.argv[1:])
