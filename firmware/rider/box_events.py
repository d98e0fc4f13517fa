"""Events of a cold box as records, with words for riders and customers.

Only events need this file: a board loads it for one and forgets it (rider.trips).
"""

from protocols import messages
from protocols.absent import NONE
from protocols.compat import const

_ADVERTS = const(1)  # of rider.sensor, again: private ones cost a board no heap

# what|Chinese|English; {} is the sensor's name. One string: a table would take more of a board's heap.
_WORDS = """
door_open|冷箱开着太久：{}|Box open for too long: {}
door_closed|冷箱已关好：{}|Box closed again: {}
shock|冷箱受到撞击：{}|Box was knocked: {}
tilt|冷箱倾斜，请扶正：{}|Box is tilted, set it upright: {}
low_battery|传感器电量低：{}|Sensor battery is low: {}
sensor_swapped|传感器可能被调换：{}|Sensor may have been exchanged: {}
sensor_lost|温度传感器{}失联|Temperature sensor {} is silent
sensor_found|温度传感器{}已恢复|Temperature sensor {} is heard again
slew|温度变化异常，请检查传感器：{}|Temperature jumped with the box shut, check sensor: {}
counter|传感器数据未通过校验：{}|Sensor data failed its check: {}
in|温度正常|Temperature is fine
warn|温度接近限值，请检查冷箱是否关好|Temperature near its limit: check that the box is shut
out|温度超限，请联系调度|Temperature out of limits: call dispatch
latched|温度曾超限，商品需要处理|Temperature was out of limits: goods need attention
"""


def put_event(journal, trips, what: str, sensor, name, value) -> None:
    """Record an INTEGRITY event of a sensor, with one field `name` unless that is None or `value` NONE.

    A lost sensor is a TEMP record and an alert besides. The order is named where the sensor serves one.
    """
    zh, en = texts(what)
    zh, en = zh.format(sensor.name), en.format(sensor.name)
    if what == "sensor_lost":
        journal.record(
            messages.TEMP,
            {"sensor": sensor.address, "state": "lost", "adverts": sensor.state[_ADVERTS]},
        )
        journal.record(
            messages.ALERT,
            {"alert": "sensor_lost", "sensor": sensor.address, "text_zh": zh, "text_en": en},
        )
    values = {"what": what, "sensor": sensor.address, "text_zh": zh, "text_en": en}
    if name is not None and value != NONE:
        values[name] = value
    orders = [trip.order for trip in trips if trip.sensor is sensor]
    if len(orders) == 1:
        values["order"] = orders[0]
    journal.record(messages.INTEGRITY, values)


def texts(word: str):
    """Return (Chinese, English) for an INTEGRITY word, or a state: in, warn, out, latched.

    {} in them stands for the sensor's name. ("", "") for another word.
    """
    at = _WORDS.find("\n" + word + "|") + 1
    if not at:
        return "", ""
    return _WORDS[at + len(word) + 1 : _WORDS.find("\n", at)].split("|")
