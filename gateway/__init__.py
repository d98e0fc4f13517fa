"""The gateway: device frames in, committed, acknowledged, and out again as the backend's feed."""

import firmware
import protocols
from protocols.compat import one_parent

if not one_parent(__file__, firmware.__file__, protocols.__file__):
    raise ImportError(
        "gateway, firmware, protocols come from different folders: "
        "use one virtual environment for this project alone"
    )
