"""Hardware, one board a file; nothing else imports `machine`, `socket`, `bluetooth` or their like.

A board offers: ticks_ms() ticks_diff(a, b) random(n) new_id() count_boot() implementation()
partition(name) open_stream(host, port) serial_into(buf) adverts(handler, now_ms) wait(ms).
"""
