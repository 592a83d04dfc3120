# Whether an OpenAPI document is one, and whether its examples are what its schemas say. Standard input: the document. Standard output:
# {examples, findings}.
import json
import sys

from jsonschema import Draft202012Validator
from openapi_spec_validator import OpenAPIV31SpecValidator

document = json.load(sys.stdin)
findings = [error.message for error in OpenAPIV31SpecValidator(document).iter_errors()]
examples = 0


def check(where, schema, example):
    global examples
    examples += 1
    # The whole document besides, so that references lead somewhere.
    validator = Draft202012Validator({**schema, "components": document["components"]})
    findings.extend(f"{where}: {error.message}" for error in validator.iter_errors(example))


for name, schema in document["components"]["schemas"].items():
    for example in schema.get("examples", []):
        check(name, schema, example)

for path, item in document["paths"].items():
    for method, operation in item.items():
        for status, answer in operation["responses"].items():
            for media_type, content in answer.get("content", {}).items():
                told = [example["value"] for example in content.get("examples", {}).values()]
                told += [content["example"]] if "example" in content else []
                for example in told:
                    check(f"{method} {path} {status} {media_type}", content["schema"], example)

json.dump({"examples": examples, "findings": findings}, sys.stdout)
