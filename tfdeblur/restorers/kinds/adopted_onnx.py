"""Networks of others that are ONNX files, as `tfdeblur adopt` writes them."""

from pathlib import Path
from typing import TYPE_CHECKING

from tfdeblur.models.place import Place
from tfdeblur.restorers.adopted.description import ONNX_FILE
from tfdeblur.restorers.kinds.adopted import Adopted

if TYPE_CHECKING:
    from tfdeblur.restorers.adopted.network import AdoptedNetwork


class AdoptedOnnx(Adopted):
    """A folder that holds `adopted.json` and an ONNX file; onnxruntime runs it, in float32."""

    name = "adopted ONNX network"
    takes = ("tile", "memory_budget_bytes", "self_ensemble", "passes")

    def recognises(self, place: Place) -> bool:
        """Whether it is such a folder, with an ONNX file."""
        return super().recognises(place) and place.holds(ONNX_FILE)

    def load(self, folder: Path) -> "AdoptedNetwork":
        """See `Adopted`."""
        from tfdeblur.restorers.adopted.onnx.network import load_onnx_network

        return load_onnx_network(folder)
