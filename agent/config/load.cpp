// SPDX-License-Identifier: Apache-2.0
#include "agent/config/load.h"

#include <fcntl.h>
#include <sys/stat.h>
#include <unistd.h>

#include <algorithm>
#include <array>
#include <cerrno>
#include <cstdlib>
#include <system_error>
#include <utility>

#include "agent/config/schema.h"
#include "backends/codec/yaml.h"

namespace tantalus {
namespace {

constexpr std::size_t max_shown = 20;

std::unexpected<Error> cannot_read(const std::string& path, const std::string& why) {
  return fail(Code::misconfigured, path + ": can't be read: " + why);
}

/// The whole file, up to a byte more than is read as YAML.
Result<std::string> read_file(const std::string& path) {
  const int fd = ::open(path.c_str(), O_RDONLY | O_CLOEXEC | O_NONBLOCK | O_NOCTTY);
  if (fd < 0) {
    return cannot_read(path, std::generic_category().message(errno));
  }
  struct stat status{};
  if (::fstat(fd, &status) != 0 || !S_ISREG(status.st_mode)) {
    ::close(fd);
    return cannot_read(path, "it is no regular file");
  }
  std::string text;
  std::array<char, 16384> part;
  while (text.size() <= yaml::Limits{}.bytes) {
    const ssize_t size = ::read(fd, part.data(), part.size());
    if (size < 0 && errno == EINTR) {
      continue;
    }
    if (size < 0) {
      const int error = errno;
      ::close(fd);
      return cannot_read(path, std::generic_category().message(error));
    }
    if (size == 0) {
      break;
    }
    text.append(part.data(), static_cast<std::size_t>(size));
  }
  ::close(fd);
  return text;
}

std::string to_message(const std::vector<ConfigRefusal>& refusals, const std::string& path) {
  std::string message;
  for (std::size_t i = 0; i < std::min(refusals.size(), max_shown); ++i) {
    message += (i == 0 ? "" : "\n") + to_text(refusals[i], path);
  }
  if (refusals.size() > max_shown) {
    message += "\n" + path + ": and " + std::to_string(refusals.size() - max_shown) + " more";
  }
  return message;
}

}  // namespace

Result<LoadedConfig> load_config(const std::string& path) {
  return load_config(path, process_environment());
}

Result<LoadedConfig> load_config(const std::string& path, const Environment& environment) {
  Result<std::string> text = read_file(path);
  if (!text) {
    return std::unexpected(std::move(text.error()));
  }
  std::expected<Config, std::vector<ConfigRefusal>> config = parse_config(*text, environment);
  if (!config) {
    return fail(Code::misconfigured, to_message(config.error(), path));
  }
  const std::uint64_t fingerprint = fingerprint_of(*text);
  return LoadedConfig{std::move(*config), {path, fingerprint, std::move(*text)}};
}

std::expected<Config, std::vector<ConfigRefusal>> parse_config(std::string_view text, const Environment& environment) {
  const Parsed<yaml::Node> root = yaml::parse_document(text);
  if (!root) {
    return std::unexpected(std::vector{ConfigRefusal{root.error().at, "", root.error().what}});
  }
  ConfigReading reading(environment);
  Config config;
  read_config(Value(reading, *root, ""), config);
  std::vector<ConfigRefusal> refusals = reading.take_refusals();
  if (refusals.empty()) {
    check_config(reading, config);
    refusals = reading.take_refusals();
  }
  if (!refusals.empty()) {
    return std::unexpected(std::move(refusals));
  }
  return config;
}

std::string to_text(const ConfigRefusal& refusal, std::string_view path) {
  return std::string(path) + ":" + std::to_string(refusal.at.line) + ":" + std::to_string(refusal.at.column) + ": " +
         (refusal.key.empty() ? "" : refusal.key + ": ") + refusal.what;
}

Environment process_environment() {
  return [](const std::string& name) -> std::optional<std::string> {
    const char* value = std::getenv(name.c_str());
    return value == nullptr ? std::nullopt : std::optional<std::string>(value);
  };
}

std::vector<std::string> config_diff_needs_restart(const Config& before, const Config& after) {
  std::vector<std::string> keys;
  const auto compare = [&keys](bool same, const char* key) {
    if (!same) {
      keys.emplace_back(key);
    }
  };
  compare(before.listen.socket == after.listen.socket, "listen.socket");
  compare(before.listen.mode == after.listen.mode, "listen.mode");
  compare(before.listen.debug_socket == after.listen.debug_socket, "listen.debug_socket");
  compare(before.listen.debug_group == after.listen.debug_group, "listen.debug_group");
  compare(before.listen.credentials_socket == after.listen.credentials_socket, "listen.credentials_socket");
  compare(before.listen.metrics == after.listen.metrics, "listen.metrics");
  compare(before.listen.metrics_domains == after.listen.metrics_domains, "listen.metrics_domains");
  compare(before.cache.memory == after.cache.memory, "cache.memory");
  compare(before.backends.kubernetes.kubeconfig == after.backends.kubernetes.kubeconfig,
          "backends.kubernetes.kubeconfig");
  return keys;
}

std::uint64_t fingerprint_of(std::string_view text) noexcept {
  // FNV-1a: tells an edit from none; nobody is kept from forging it, who could edit the file anyway.
  std::uint64_t hash = 14695981039346656037U;
  for (const char c : text) {
    hash = (hash ^ static_cast<unsigned char>(c)) * 1099511628211U;
  }
  return hash;
}

}  // namespace tantalus
