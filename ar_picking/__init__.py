"""The picking guide: a store's map, the camera's pose in it, the way to the next bin, the picks."""

import firmware
import protocols
from protocols.compat import one_parent

if not one_parent(__file__, firmware.__file__, protocols.__file__):
    raise ImportError(
        "ar_picking, firmware, protocols come from different folders: "
        "use one virtual environment for this project alone"
    )
