"""What this machine has to make clips with: the engine, the installed LoRAs, the control signals."""

from dataclasses import dataclass

from anyio import to_thread

from ltx_mcp.controls.base import Controls
from ltx_mcp.engine.base import Engine, ModelCard
from ltx_mcp.engine.lora.installed import InstalledLoras
from ltx_mcp.errors import ModelUnavailable
from ltx_mcp.studio.capabilities import Capabilities, ExpectedS, capabilities
from ltx_mcp.types.requests import Control


@dataclass(frozen=True)
class Equipment:
    engine: Engine
    loras: InstalledLoras
    controls: Controls

    async def card(self) -> ModelCard:
        """What the engine is. The first call may look at the device, which takes seconds."""
        return await to_thread.run_sync(lambda: self.engine.card)

    async def capabilities(self, expected_s: ExpectedS) -> Capabilities:
        loras = await to_thread.run_sync(self.loras.all)
        obstacles = await to_thread.run_sync(self._control_obstacles)
        return capabilities(await self.card(), expected_s, loras, obstacles)

    async def lora_names(self) -> list[str]:
        return await to_thread.run_sync(self.loras.names)

    def _control_obstacles(self) -> dict[Control, str]:
        """Each control signal, with why it cannot be made just now, or nothing."""
        obstacles: dict[Control, str] = dict.fromkeys(self.controls, "")
        for control, maker in self.controls.items():
            try:
                maker.ready()
            except ModelUnavailable as missing:
                obstacles[control] = str(missing)
        return obstacles
