"""Hardware, one board a file; nothing else imports `machine`, `socket`, `bluetooth` or their like.

A board offers: ticks_ms() ticks_diff(a, b) random(n) new_id() count_boot() reset_cause() reset(cause)
feed_watchdog() battery_pct() implementation() partition(name) open_stream(host, port, tls)
serial_into(buf) serial_write(data) serial_baud(baud) restart_gnss() allow(addresses) listen(radio_pct)
adverts(handler, now_ms) restart_ble() wait(ms). Where there is such a thing: sleep(ms)
restart_network() step_network(now_ms) set_rtc(day, ms) config_on_trial(name) keep_config()
confirm_slot() ring.

count_boot: the number of a start tells one start's ticks from another's. It begins at a random number,
and so again after the memory it is kept in was wiped: were it 1 again, the gateway would date records
by a start of long ago.
"""
