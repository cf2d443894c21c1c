//! Turns a specification into plain JSON Schema.

use serde_json::{Map, Value, json};

/// Words that carry examples rather than schemas.
const DATA: [&str; 5] = ["example", "examples", "default", "enum", "const"];

/// What a specification says in prose only.
pub(super) fn amend(vendor: &str, document: &mut Value) {
    if vendor == "elasticsearch" {
        // `_source` may be a name or a list of names as a short form of `includes`.
        let schemas = &mut document["components"]["schemas"];
        let long = schemas["_global.search._types.SourceFilter"].take();
        schemas["_global.search._types.SourceFilter"] =
            json!({"anyOf": [{"$ref": "#/components/schemas/_types.Fields"}, long]});
    }
    if vendor == "okta" {
        // The copy of the specification lacks this operation (`listUsersWithRoleAssignments`): it pages in its body.
        document["paths"]["/api/v1/iam/assignees/users"]["get"] = json!({
            "parameters": [
                {"in": "query", "name": "after", "schema": {"type": "string"}},
                {"in": "query", "name": "limit", "schema": {"type": "integer"}},
            ],
            "responses": {"200": {"content": {"application/json": {"schema": {
                "type": "object", "required": ["value"],
                "properties": {
                    "value": {"type": "array", "items": {
                        "type": "object", "required": ["id"],
                        "properties": {"id": {"type": "string"}, "orn": {"type": "string"}, "_links": {"type": "object"}},
                    }},
                    "_links": {"type": "object", "properties": {
                        "next": {"type": "object", "required": ["href"], "properties": {"href": {"type": "string"}}},
                    }},
                },
            }}}}},
        });
    }
    if vendor == "keycloak" {
        // The copy of the specification lacks this operation (Client Role Mappings: effective roles of a user).
        let role = json!({
            "type": "object", "required": ["name"], "additionalProperties": false,
            "properties": {
                "id": {"type": "string"}, "name": {"type": "string"}, "description": {"type": "string"},
                "composite": {"type": "boolean"}, "clientRole": {"type": "boolean"},
                "containerId": {"type": "string"},
            },
        });
        let path =
            "/admin/realms/{realm}/users/{user-id}/role-mappings/clients/{client-id}/composite";
        document["paths"][path]["get"] = json!({
            "parameters": [
                {"in": "query", "name": "briefRepresentation", "schema": {"type": "boolean"}},
            ],
            "responses": {"200": {"content": {"application/json": {"schema": {"type": "array", "items": role}}}}},
        });
    }
    if vendor == "keycloak" {
        // Nor has it the request that takes a linked account away (Users: remove a social login provider).
        let path = "/admin/realms/{realm}/users/{user-id}/federated-identity/{provider}";
        document["paths"][path]["delete"] =
            json!({"responses": {"204": {"description": "No Content"}}});
    }
    if vendor == "okta" {
        // The example of this answer is a list, as its title says; the schema names one record.
        let schema = "/paths/~1api~1v1~1users~1{userId}~1authenticator-enrollments/get/responses/200/content/application~1json/schema";
        if let Some(schema) = document.pointer_mut(schema) {
            *schema = json!({"type": "array", "items": schema.take()});
        }
    }
    if vendor == "google-directory" {
        // The words of the method say that a field set to null is cleared; the schema has no null.
        for way in ["recoveryEmail", "recoveryPhone"] {
            document["components"]["schemas"]["User"]["properties"][way]["type"] =
                json!(["string", "null"]);
        }
    }
    if vendor == "entra" {
        amend_graph(document);
    }
    if vendor == "thehive" {
        // The label of a query is documented outside of the specification.
        document["paths"]["/api/v1/query"]["post"]["parameters"] =
            json!([{"in": "query", "name": "name", "schema": {"type": "string"}}]);
    }
}

/// Puts the version before every path of Microsoft Graph, and adds what the trimmed copy of its description lacks: three
/// lists of directory objects, which are documented, and the token that the link to a next page carries.
fn amend_graph(document: &mut Value) {
    let paths = document["paths"].take();
    let mut all = Map::new();
    for (path, item) in paths.as_object().into_iter().flatten() {
        all.insert(format!("/v1.0{path}"), item.clone());
    }
    let lists = all.get("/v1.0/users/{user-id}/memberOf").cloned();
    for path in [
        "/v1.0/users/{user-id}/transitiveMemberOf",
        "/v1.0/servicePrincipals/{servicePrincipal-id}/transitiveMemberOf",
        "/v1.0/directoryRoles/{directoryRole-id}/members",
    ] {
        all.insert(path.to_owned(), lists.clone().unwrap_or_default());
    }
    let token = json!({"in": "query", "name": "$skiptoken", "schema": {"type": "string"}});
    for (path, item) in &mut all {
        // Only the list of changes declares it itself.
        let parameters = item
            .pointer_mut("/get/parameters")
            .and_then(Value::as_array_mut);
        if let Some(parameters) = parameters.filter(|_| !path.ends_with("delta()")) {
            parameters.push(token.clone());
        }
    }
    document["paths"] = Value::Object(all);
}

/// Turns OpenAPI's own words into JSON Schema; `names` says that the keys are names of properties.
pub(super) fn lower(value: &mut Value, names: bool) {
    match value {
        Value::Array(list) => list.iter_mut().for_each(|part| lower(part, false)),
        Value::Object(map) => {
            for (key, part) in map.iter_mut() {
                if names || !DATA.contains(&key.as_str()) {
                    lower(part, !names && key == "properties");
                }
            }
            if !names {
                lower_schema(map);
            }
        }
        _ => {}
    }
}

fn lower_schema(map: &mut Map<String, Value>) {
    if matches!(map.get("oneOf"), Some(Value::Array(_)))
        && let Some(list) = map.remove("oneOf")
    {
        map.insert("anyOf".to_owned(), list);
    }
    let nullable = [map.remove("nullable"), map.remove("x-nullable")];
    if !nullable.contains(&Some(Value::Bool(true))) {
        return;
    }
    if let Some(Value::Array(words)) = map.get_mut("enum") {
        words.push(Value::Null);
    }
    if let Some(Value::String(kind)) = map.get("type") {
        let kinds = json!([kind, "null"]);
        map.insert("type".to_owned(), kinds);
    } else if map.contains_key("$ref") || map.contains_key("allOf") {
        let inner = Value::Object(std::mem::take(map));
        map.insert("anyOf".to_owned(), json!([inner, {"type": "null"}]));
    }
}
