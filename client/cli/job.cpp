// SPDX-License-Identifier: Apache-2.0
#include "client/cli/job.h"

#include <algorithm>
#include <array>
#include <memory>
#include <utility>

#include "client/cli/env_file.h"
#include "client/cli/json.h"
#include "client/src/locked.h"

namespace tantalus::cli {
namespace {

constexpr std::array<std::string_view, 3> nesting{"sparkConfig", "template", "config"};

class JobReader {
 public:
  explicit JobReader(const std::string& what) : what_(what) {}

  Outcome<Job> read(const JsonNode& root) {
    if (!root.is(JsonNode::Kind::object)) {
      return std::unexpected(refuse("", "must be an object"));
    }
    if (std::optional<Problem> problem = read_object(root, ""); problem) {
      return std::unexpected(std::move(*problem));
    }
    return std::move(job_);
  }

 private:
  [[nodiscard]] Problem refuse(const std::string& path, std::string_view why) const {
    return {exit_code::invalid_request, path.empty() ? what_ : what_ + ": " + path, std::string(why), ""};
  }

  std::optional<Problem> read_object(const JsonNode& object, const std::string& path) {
    for (std::size_t i = 0; i < object.names.size(); ++i) {
      const std::string_view name = object.names[i];
      const JsonNode& value = object.children[i];
      const std::string place = path + std::string(name);
      std::optional<Problem> problem;
      if (name == "envSecrets") {
        problem = read_entries(value, place, job_.environment);
      } else if (name == "sparkConfSecrets") {
        problem = read_entries(value, place, job_.spark_conf);
      } else if (name == "storageSecret" && !value.is(JsonNode::Kind::null)) {
        problem = read_storage(value, place);
      } else if (std::ranges::find(nesting, name) != nesting.end() && value.is(JsonNode::Kind::object)) {
        problem = read_object(value, place + ".");
      }
      if (problem) {
        return problem;
      }
    }
    return std::nullopt;
  }

  std::optional<Problem> read_entries(const JsonNode& array, const std::string& path,
                                      std::vector<Job::Entry>& entries) {
    if (array.is(JsonNode::Kind::null)) {
      return std::nullopt;
    }
    if (!array.is(JsonNode::Kind::array)) {
      return refuse(path, "must be an array of {key, secretObject}");
    }
    for (std::size_t i = 0; i < array.children.size(); ++i) {
      const std::string place = path + "[" + std::to_string(i) + "]";
      if (std::optional<Problem> problem = read_entry(array.children[i], place, entries); problem) {
        return problem;
      }
    }
    return std::nullopt;
  }

  std::optional<Problem> read_entry(const JsonNode& entry, const std::string& path, std::vector<Job::Entry>& entries) {
    if (!entry.is(JsonNode::Kind::object)) {
      return refuse(path, "must be an object with key and secretObject");
    }
    const JsonNode* const key = entry.member("key");
    if (key == nullptr || !key->is(JsonNode::Kind::text) || !is_variable_name(key->text)) {
      return refuse(path + ".key", "must be a name");
    }
    const JsonNode* const secret = entry.member("secretObject");
    if (secret == nullptr) {
      return refuse(path + ".secretObject", "must be there once");
    }
    Result<ReferenceText> reference = read_secret_object(*secret);
    if (!reference) {
      return refuse(path + ".secretObject", reference.error().message);
    }
    const std::string name(key->text);
    for (const Job::Entry& known : entries) {
      if (known.name == name) {
        return refuse(path + ".key", name + " stands twice");
      }
    }
    entries.push_back({name, to_argument(*reference)});
    return std::nullopt;
  }

  std::optional<Problem> read_storage(const JsonNode& value, const std::string& path) {
    if (job_.storage) {
      return refuse(path, "stands twice");
    }
    Result<ReferenceText> reference = read_secret_object(value);
    if (!reference) {
      return refuse(path, reference.error().message);
    }
    job_.storage = to_argument(*reference);
    return std::nullopt;
  }

  static Argument to_argument(const ReferenceText& reference) {
    const std::string uri = to_uri(reference.view());
    return {uri, uri, reference};
  }

  const std::string& what_;
  Job job_;
};

}  // namespace

Outcome<Job> parse_job(std::string_view text, const std::string& what) {
  std::shared_ptr<client::LockedHeap> heap = client::LockedHeap::make();
  if (heap == nullptr) {
    return std::unexpected(Problem{exit_code::internal, what, "no memory", ""});
  }
  JsonText json(std::move(heap));
  if (!json.parse(text)) {
    return std::unexpected(Problem{exit_code::invalid_request, what,
                                   "it is not JSON (seen at byte " + std::to_string(json.where()) + ")", ""});
  }
  JobReader reader(what);
  return reader.read(json.root());
}

}  // namespace tantalus::cli
