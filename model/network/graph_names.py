"""Names of a graph's operations that are the same whenever it is made."""

from typing import TYPE_CHECKING

if TYPE_CHECKING:
    import openvino as ov

KEPT = ("MatMul", "Parameter", "Result")
"""Types of operations that keep their names: matrix products have those of Keras's layers."""


def name_by_place(graph: "ov.Model") -> None:
    """Renames a graph's operations by type and place, so that equal graphs have equal files.

    Keras, OpenVINO's converter and NNCF number what they add for as long as the process lives.
    """
    for number, operation in enumerate(graph.get_ordered_ops()):
        if operation.get_type_name() not in KEPT:
            operation.set_friendly_name(f"{operation.get_type_name()}_{number}")
