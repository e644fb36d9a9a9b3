"""Keys and values on a device: all layers in one array, and no question that stalls it.

The same arrays as :class:`~kvlsp.model.keyvalues.KeyValues`, as views of one, so that moved keys of every layer are
rotated in one call. Which slots are live is remembered on the host: the highest one is known without asking the
device. (On a CPU one array per layer is quicker, and asking costs nothing.)
"""

from __future__ import annotations

import numpy as np
import numpy.typing as npt
import torch

from kvlsp.model.keyvalues import FREE, NOBODY, KeyValues


class DeviceKeyValues(KeyValues):
    """Layers must be of one shape, rotated, keys as wide as values.

    ``whole``: (layers, 3 * kv_heads, capacity, width) with the parts keys, truth, values.
    """

    _live: npt.NDArray[np.bool_]

    def _allocate(self, slots: int) -> None:
        shape, heads = self.shapes[0], self.shapes[0].kv_heads
        device = self.device
        with torch.inference_mode(False):
            self.position = torch.full((slots,), FREE, dtype=torch.int64, device=device)
            self.owner = torch.full((slots,), NOBODY, dtype=torch.int32, device=device)
            self.whole = torch.zeros(
                (len(self.shapes), 3 * heads, slots, shape.key_width), dtype=self.dtype, device=device
            )
            layers = self.whole.unbind(0)
        self.rows = list(layers)
        self.keys = [layer[:heads] for layer in layers]
        self.truth = [layer[heads : 2 * heads] for layer in layers]
        self.values = [layer[2 * heads :] for layer in layers]
        live = np.zeros(slots, np.bool_)
        if self.used:
            live[: self.used] = self._live[: self.used]
        self._live = live

    @torch.inference_mode()
    def release(self, slots: torch.Tensor) -> None:
        """Free slots (int64). Their keys stay in memory, seen by nobody, until they are written again."""
        if slots.numel() == 0:
            return
        there = on_device(slots, self.device)
        self.position.index_fill_(0, there, FREE)
        self.owner.index_fill_(0, there, NOBODY)
        self._live[slots.numpy(force=True)] = False
        live = np.flatnonzero(self._live[: self.used])
        self.used = int(live[-1]) + 1 if len(live) else 0

    def clear(self) -> None:
        """Free every slot."""
        super().clear()
        self._live[:] = False

    def extend(self, slots: torch.Tensor) -> None:
        """Let ``used`` reach over slots that are about to be written. Slots of the CPU cost the device nothing.

        Raises :class:`IndexError` for a slot that is not there: on the device it could not be caught any more.
        """
        if slots.numel():
            known = slots.numpy(force=True)
            self._live[known] = True
            self.used = max(self.used, int(known.max()) + 1)


def on_device(numbers: torch.Tensor, device: torch.device) -> torch.Tensor:
    """A copy on a device that does not wait for what the device is doing (pinned memory, in stream order)."""
    if numbers.device == device:
        return numbers
    if device.type == "cuda" and numbers.device.type == "cpu":
        # torch's pinned memory is not given out again before the copy is done
        return numbers.pin_memory().to(device, non_blocking=True)
    return numbers.to(device)
