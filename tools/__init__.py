"""The `o2o` command: the demo, decoders, simulators and everything else a person starts by hand.

Only tests import tools; nothing that is deployed depends on it.
"""

import ar_picking
import firmware
import gateway
import protocols
from protocols.compat import one_parent

if not one_parent(
    __file__, ar_picking.__file__, firmware.__file__, gateway.__file__, protocols.__file__
):
    raise ImportError(
        "tools, gateway, ar_picking, firmware, protocols come from different folders: "
        "use one virtual environment for this project alone"
    )
