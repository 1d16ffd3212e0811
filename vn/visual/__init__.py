"""The visual path: compression, memory, position, projector. Pure torch and numpy."""
