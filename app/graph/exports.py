"""Parts of the support graph as files for other programs: GraphML, GeoJSON and CSV.

Files hold what a person may see and no more: they are written of a neighbourhood.
"""

import json
import re
from collections.abc import Iterator
from typing import Any, Final

import networkx as nx

from app.files.csv_writing import csv_of
from app.graph.kinds import Edge, Node
from app.graph.paths import Neighbourhood
from app.graph.view import View
from app.graph.words import told
from models.vocabulary import HALF_DAYS_PER_DAY

GRAPHML: Final = "application/graphml+xml"
GEOJSON: Final = "application/geo+json"
EDGE_COLUMNS: Final = (
    *("from", "from_name", "to", "to_name", "kind", "reference", "state", "starts", "ends"),
    *("days", "period", "expertise", "result", "sentence"),
)
_NOT_XML: Final = re.compile("[^\t\n\r\x20-\ud7ff\ue000-\ufffd\U00010000-\U0010ffff]")
"""What no XML file can hold, whatever escapes it."""


def csv_of_edges(view: View, part: Neighbourhood) -> str:
    """A row for each edge."""
    return csv_of(list(EDGE_COLUMNS), [row_of(view, edge) for edge in part.edges])


def row_of(view: View, edge: Edge) -> dict[str, Any]:
    kind = edge.kind_on(view.day)
    return {
        "from": edge.giver,
        "from_name": view.node(edge.giver).name,
        "to": edge.taker,
        "to_name": view.node(edge.taker).name,
        "kind": None if kind is None else kind.value,
        "reference": edge.reference,
        "state": edge.state or None,
        "starts": None if edge.starts is None else edge.starts.isoformat(),
        "ends": None if edge.ends is None else edge.ends.isoformat(),
        "days": None if edge.half_days is None else edge.half_days / HALF_DAYS_PER_DAY,
        "period": edge.period,
        "expertise": edge.expertise,
        "result": edge.result,
        "sentence": told(view, edge),
    }


def graphml(view: View, part: Neighbourhood) -> str:
    """The nodes and edges with all that is known of them, as networkx writes GraphML."""
    graph: nx.MultiDiGraph[str] = nx.MultiDiGraph()
    for each in part.reached:
        graph.add_node(_text(each.node.key), **_filled(_of_node(each.node)), steps=each.steps)
    for number, edge in enumerate(part.edges):
        row = _filled(row_of(view, edge))
        ends = _text(row.pop("from")), _text(row.pop("to"))
        graph.add_edge(*ends, key=number, **row)
    lines: Iterator[str] = nx.generate_graphml(graph)  # type: ignore[no-untyped-call]
    return '<?xml version="1.0" encoding="utf-8"?>\n' + "\n".join(lines) + "\n"


def geojson(view: View, part: Neighbourhood) -> str:
    """Nodes with a known location as points, and edges between such as lines."""
    places = {
        each.node.key: [each.node.longitude, each.node.latitude]
        for each in part.reached
        if each.node.longitude is not None and each.node.latitude is not None
    }
    features = [
        _feature("Point", places[each.node.key], each.node.key, _of_node(each.node))
        for each in part.reached
        if each.node.key in places
    ]
    features += [
        _feature(
            "LineString",
            [places[edge.giver], places[edge.taker]],
            ":".join(map(str, edge.key)),
            row_of(view, edge),
        )
        for edge in part.edges
        if edge.giver in places and edge.taker in places
    ]
    return json.dumps({"type": "FeatureCollection", "features": features}, ensure_ascii=False)


def _feature(kind: str, where: list[Any], number: str, properties: dict[str, Any]) -> Any:
    geometry = {"type": kind, "coordinates": where}
    return {"type": "Feature", "id": number, "geometry": geometry, "properties": properties}


def _of_node(node: Node) -> dict[str, Any]:
    return {
        "name": node.name,
        "kind": node.kind.value,
        "local_authority": node.local_authority,
        "region": node.region,
        "latitude": node.latitude,
        "longitude": node.longitude,
        "in_scope": node.in_scope,
    }


def _filled(values: dict[str, Any]) -> dict[str, Any]:
    """GraphML has no value for what is not known, and XML no control characters."""
    return {
        name: _text(value) if isinstance(value, str) else value
        for name, value in values.items()
        if value is not None
    }


def _text(value: str) -> str:
    return _NOT_XML.sub("", value)
