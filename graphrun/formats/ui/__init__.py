"""ComfyUI's editor (UI) format, 0.4 and 1.0 → executable nodes (workflow-formats.md, 2 and 3).

document and lenient read the file as far as it goes · definitions says what classes take, object_info writes that
down, dump reads it · positions, placing, recorded and widgets give saved values their names · promotion, groups and
scopes open subgraphs · links, virtual and bypass find where a link comes from · client_text is what the editor does to
texts · convert puts it together, update writes new values back. Nothing recurses over the file.
"""

from graphrun.formats.ui.convert import Conversion, convert
from graphrun.formats.ui.definitions import Definitions
from graphrun.formats.ui.dump import read_dump
from graphrun.formats.ui.object_info import dump_definitions, object_info
from graphrun.formats.ui.update import with_values

__all__ = ["Conversion", "Definitions", "convert", "dump_definitions", "object_info", "read_dump", "with_values"]
