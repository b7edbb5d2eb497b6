// SPDX-License-Identifier: Apache-2.0
#include "backends/file/manifest.h"

#include <string>

#include "backends/codec/json.h"
#include "backends/codec/yaml_events.h"
#include "tests/support/file_secrets_world.h"

namespace tantalus {
namespace {

/// All objects and values as one line, or the problem's place and words.
std::string read(std::string_view text, bool json = false) {
  const std::unique_ptr<Arena> arena = test::arena_of(std::size_t{1} << 20U);
  ManifestReader reader(*arena, "s", {.objects = 8, .values = 64});
  std::string room(text);
  room.resize(text.size() + json::padding);
  json::EventStream as_json(room, 64);
  yaml::EventStream as_yaml(text, 64, arena.get());
  while (true) {
    const Parsed<ParseEvent> event = json ? as_json.next() : as_yaml.next();
    std::optional<Problem> problem = event ? reader.on(*event) : std::optional(event.error());
    if (problem) {
      return std::to_string(problem->at.line) + ":" + std::to_string(problem->at.column) + " " + problem->what;
    }
    if (event->kind == ParseEvent::Kind::stream_end) {
      break;
    }
  }
  const Manifests made = std::move(reader).take();
  std::string all;
  for (const ManifestObject& object : made.objects) {
    all += object.name + "{";
    for (const auto& [key, value] : object.values) {
      all += key + "=" + test::text_of(value) + ";";
    }
    all += "}";
  }
  for (const std::string& skipped : made.skipped) {
    all += "|" + skipped;
  }
  return all;
}

bool has(std::string_view text, std::string_view part) {
  return text.find(part) != std::string_view::npos;
}

TEST_CASE("fields may stand in any order, and unknown ones are ignored", "[trap-127][trap-128]") {
  const std::string manifest = R"(stringData: {b: plain}
data:
  a: aGVsbG8=
  empty:
unknown: {deep: [1, {x: y}]}
type: Opaque
immutable: true
metadata:
  annotations:
    kubectl.kubernetes.io/last-applied-configuration: |
      {"data":{"a":"b2xk"}}
  labels: {velero.io/backup-name: x}
  managedFields: [{manager: kubectl, fieldsV1: {"f:data": {}}}]
  name: s-a
  namespace: anywhere
kind: Secret
apiVersion: v1
)";
  CHECK(read(manifest) == "s-a{a=hello;b=plain;empty=;}");
}

TEST_CASE("stringData wins over data", "[trap-128]") {
  CHECK(read("kind: Secret\nmetadata: {name: s}\nstringData: {a: new}\ndata: {a: b2xk, b: b2xk}\n") ==
        "s{a=new;b=old;}");
  CHECK(read("kind: Secret\nmetadata: {name: s}\ndata: {a: b2xk, b: b2xk}\nstringData: {a: new}\n") ==
        "s{a=new;b=old;}");
}

TEST_CASE("data may be absent, null, empty or binary", "[trap-79]") {
  CHECK(read("kind: Secret\nmetadata: {name: s}\n") == "s{}");
  CHECK(read("kind: Secret\nmetadata: {name: s}\ndata:\nstringData: ~\n") == "s{}");
  CHECK(read("kind: Secret\nmetadata: {name: s}\ndata: {a: ''}\n") == "s{a=;}");
  CHECK(read("kind: Secret\nmetadata: {name: s}\ndata: {a: AAECAw==}\n") == std::string("s{a=\0\1\2\3;}", 10));
  CHECK(read("kind: Secret\nmetadata: {name: s}\ndata:\n  a: |\n    aGVs\n    bG8=\n") == "s{a=hello;}");
}

TEST_CASE("a scalar of stringData is taken as it is written") {
  CHECK(read("kind: Secret\nmetadata: {name: s}\nstringData: {a: 0777, b: 'null', c: yes, d: 1e3, e: \"x\\ny\"}\n") ==
        "s{a=0777;b=null;c=yes;d=1e3;e=x\ny;}");
  CHECK(
      read(
          "kind: Secret\nmetadata: {name: s}\nstringData:\n  a: |\n    one\n    two\n  b: >-\n    three\n    four\n") ==
      "s{a=one\ntwo\n;b=three four;}");
  CHECK(read("kind: Secret\nmetadata: {name: s}\nstringData: {a: !!binary aGk=, b: !!str 1, c: !!str null}\n") ==
        "s{a=hi;b=1;c=null;}");
}

TEST_CASE("several documents, lists and lists of Secrets are read") {
  CHECK(read("---\n# nothing\n---\nkind: Secret\nmetadata: {name: s-a}\n...\n---\nkind: Secret\nmetadata: {name: "
             "s-b}\n") == "s-a{}s-b{}");
  CHECK(
      read("items:\n- kind: Secret\n  metadata: {name: s-a}\n  data: {k: dg==}\n- kind: ConfigMap\n  metadata: {name: "
           "s-b}\nkind: List\napiVersion: v1\n") == "s-a{k=v;}|5:3: other kind: `ConfigMap` `s-b`");
  CHECK(read(R"({"kind":"SecretList","apiVersion":"v1","items":[{"metadata":{"name":"s-a"},"data":{"k":"dg=="}}]})",
             true) == "s-a{k=v;}");
  CHECK(read("kind: List\nitems:\n") == "");
  CHECK(read("") == "");
}

TEST_CASE("JSON gives what the same YAML gives, several texts in a row too") {
  CHECK(read(R"({"kind":"Secret","metadata":{"name":"s"},"stringData":{"a":"x\ty","b":12,"c":null}}
             {"kind":"Secret","metadata":{"name":"s-b"}})",
             true) == "s{a=x\ty;b=12;c=;}s-b{}");
}

TEST_CASE("what is no Secret of this store is skipped, whatever it holds") {
  CHECK(read("kind: ConfigMap\nmetadata: {name: s}\ndata: {a: not base64}\nbinaryData: [1]\n") ==
        "|1:1: other kind: `ConfigMap` `s`");
  CHECK(read("data: {a: not base64}\nmetadata: {name: [s]}\nkind: ConfigMap\n") == "|1:1: other kind: `ConfigMap`");
  CHECK(read("kind: Secret\napiVersion: bitnami.com/v1\nmetadata: {name: s}\nitems: 5\n") ==
        "|1:1: other kind: `Secret` `s`");
  CHECK(read("kind: Secret\nmetadata: {name: sx}\n---\nkind: Secret\nmetadata: {name: other}\n") ==
        "|1:1: other store: `Secret` `sx`|4:1: other store: `Secret` `other`");
}

TEST_CASE("a bad manifest is refused at its place, in words that hold nothing of it", "[trap-137]") {
  struct Row {
    std::string_view text;
    std::string_view problem;
  };
  const Row rows[] = {
      {"hunter2\n", "1:1 a manifest is expected"},
      {"- hunter2\n", "1:1 a manifest is expected"},
      {"metadata: {name: s}\n", "1:1 no `kind`"},
      {"kind: Secret\n", "1:1 no `metadata.name`"},
      {"kind: Secret\nmetadata: {generateName: s-}\n", "1:1 no `metadata.name`"},
      {"kind: Secret\nmetadata: {name: Hunter2!}\n", "2:18 `metadata.name` is no name"},
      {"kind: Secret\nmetadata: {name: }\n", "2:"},
      {"kind: Secret\nmetadata: {name: {a: b}}\n", "2:18 a single value is expected"},
      {"kind: Secret\nmetadata: hunter2\n", "2:11 a mapping is expected"},
      {"kind: Secret\nmetadata: {name: s}\ndata: [hunter2]\n", "3:7 a mapping is expected"},
      {"kind: Secret\nmetadata: {name: s}\ndata:\n  k: hunter2\n", "4:6 the value is not base64; plain text"},
      {"kind: Secret\nmetadata: {name: s}\ndata: {k: [hunter2]}\n", "3:11 a single value is expected"},
      {"kind: Secret\nmetadata: {name: s}\nstringData: {k: {hunter2: x}}\n", "3:17 a single value is expected"},
      {"kind: Secret\nmetadata: {name: s}\nstringData: {hunter2 x: y}\n", "3:14 a key must be 1 to 253"},
      {"kind: Secret\nmetadata: {name: s}\nstringData: {k: a, k: b}\n", "3:20 duplicate key"},
      {"kind: Secret\nkind: Secret\n", "2:1 duplicate key"},
      {"kind: Secret\nmetadata: {name: s, labels: {a: b, a: c}}\n", "2:36 duplicate key"},
      {"kind: Secret\nmetadata: {name: s}\n[hunter2]: x\n", "3:1 a key must be a word"},
      {"kind: Secret\nmetadata: {name: s}\ndata: {k: !!binary aGk=}\n", "3:20 `data` is base64 already"},
      {"kind: Secret\nmetadata: {name: s}\nstringData: {k: !!binary hunter2}\n", "3:26 the value is not base64"},
      {"kind: Secret\nmetadata: {name: s}\nstringData: {k: &a x, l: *a}\n", "3:18 anchors and aliases"},
      {"kind: Secret\nmetadata: {name: s}\n---\nkind: Secret\nmetadata: {name: s}\n",
       "4:1 the object `s` stands twice, first in line 1"},
      {"kind: List\nitems: {a: hunter2}\n", "2:8 `items` must be a list"},
      {"kind: List\nitems: [hunter2]\n", "2:9 `items` must be a list"},
      {"kind: List\nitems: [{metadata: {name: s}}]\n", "2:9 no `kind`"},
      {"kind: Secret\nmetadata: {name: s}\nstringData: {k: hunter2", "4:1 a ',' is missing"},
      {"{a: b}: c\n", "1:"},
  };
  for (const Row& row : rows) {
    INFO(row.text);
    const std::string problem = read(row.text);
    INFO(problem);
    CHECK(problem.starts_with(row.problem));
    CHECK_FALSE(has(problem, "unter2"));
  }
}

TEST_CASE("objects, values and depth of one file are bounded") {
  std::string objects;
  for (int i = 0; i < 9; ++i) {
    objects += "---\nkind: Secret\nmetadata: {name: s-" + std::to_string(i) + "}\n";
  }
  CHECK(has(read(objects), "too many objects in one file"));
  std::string list = "kind: List\nitems:\n";
  for (int i = 0; i < 9; ++i) {
    list += "- {kind: ConfigMap}\n";
  }
  CHECK(has(read(list), "too many objects in one file"));
  std::string values = "kind: Secret\nmetadata: {name: s}\nstringData:\n";
  for (int i = 0; i < 65; ++i) {
    values += "  k" + std::to_string(i) + ": v\n";
  }
  CHECK(has(read(values), "too many values in one file"));
  CHECK(has(read("a: " + std::string(65, '[')), "nested too deeply"));
  CHECK(has(read("{\"a\":" + std::string(65, '['), true), "nested too deeply"));
}

}  // namespace
}  // namespace tantalus
