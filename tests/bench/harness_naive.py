"""The loop that everybody writes first: paho on both sides, acknowledged as it comes, kept in memory.

python harness_naive.py PORT_IN PORT_OUT
"""

import sys

import paho.mqtt.client as mqtt


def main(port_in, port_out):
    up = mqtt.Client(mqtt.CallbackAPIVersion.VERSION2, "naive-out", clean_session=False)
    up.connect_async("127.0.0.1", port_out)
    up.reconnect_delay_set(1, 2)
    up.loop_start()
    down = mqtt.Client(mqtt.CallbackAPIVersion.VERSION2, "naive-in", clean_session=False)
    down.reconnect_delay_set(1, 2)
    down.on_connect = lambda client, *_: client.subscribe("o2o/in/#", 1)
    down.on_message = lambda _c, _u, message: up.publish(message.topic, message.payload, 1)
    down.connect("127.0.0.1", port_in)
    down.loop_forever()


if __name__ == "__main__":
    main(int(sys.argv[1]), int(sys.argv[2]))
