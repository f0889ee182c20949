"""From pydantic's JSON schema to the structural OpenAPI v3 schema that a CRD needs.

A structural schema has no `$ref`, no `anyOf` with null and a type at every node (Kubernetes: "Specifying a
structural schema"). What is absent is simply not there: null never appears in a stored object.
"""

from typing import Any

from pydantic import BaseModel

from crds.meta import WITH_DEFAULT

Schema = dict[str, Any]
_DROPPED = frozenset({"title", "default", "$defs", WITH_DEFAULT})
_TYPE_META: Schema = {
    "apiVersion": {
        "description": "Group and version of the schema of this object.",
        "type": "string",
    },
    "kind": {"description": "The resource that this object represents.", "type": "string"},
    "metadata": {"type": "object"},
}


def structural(model: type[BaseModel]) -> Schema:
    """The structural schema of one model, references and optional values resolved.

    Raises:
        ValueError: the model uses a construct that has no structural form.
    """
    schema = model.model_json_schema(by_alias=True)
    return _node(schema, schema.get("$defs", {}))


def object_schema(
    description: str, spec: type[BaseModel] | None, status: type[BaseModel] | None, *, spec_required: bool
) -> Schema:
    """The schema of a whole object: type, metadata, and the parts it has of `spec` and `status`."""
    properties = dict(_TYPE_META)
    if spec is not None:
        properties["spec"] = structural(spec)
    if status is not None:
        properties["status"] = structural(status)
    required = {"required": ["spec"]} if spec_required else {}
    return {"description": description, "type": "object", "properties": properties, **required}


def _node(schema: Schema, definitions: Schema) -> Schema:
    schema = _without_null(_resolved(schema, definitions))
    schema = _resolved(schema, definitions)
    node = {key: value for key, value in schema.items() if key not in _DROPPED}
    if "type" not in node:
        raise ValueError(f"no structural form: {sorted(node)}")
    if WITH_DEFAULT in schema:
        node["default"] = schema[WITH_DEFAULT]
    if not node.get("properties", True):
        # The API server drops what is empty, hence applying the same manifest again would seem a change.
        del node["properties"]
    if "properties" in node:
        node["properties"] = {name: _node(each, definitions) for name, each in node["properties"].items()}
    for inner in ("items", "additionalProperties"):
        if inner in node:
            node[inner] = _node(node[inner], definitions)
    if "description" in node:
        node["description"] = " ".join(node["description"].split())
    return node


def _resolved(schema: Schema, definitions: Schema) -> Schema:
    """Put the definition in place of `$ref`; what stands beside it, a description, wins."""
    if "$ref" not in schema:
        return schema
    beside = {key: value for key, value in schema.items() if key != "$ref"}
    definition: Schema = definitions[schema["$ref"].removeprefix("#/$defs/")]
    return definition | beside


def _without_null(schema: Schema) -> Schema:
    """Put the one real alternative in place of `anyOf: [it, null]`."""
    if "anyOf" not in schema:
        return schema
    alternatives = [each for each in schema["anyOf"] if each.get("type") != "null"]
    if len(alternatives) != 1:
        raise ValueError(f"no structural form: a choice of {len(alternatives)} types")
    beside = {key: value for key, value in schema.items() if key != "anyOf"}
    only: Schema = alternatives[0]
    return only | beside
