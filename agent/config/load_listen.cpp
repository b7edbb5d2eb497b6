// SPDX-License-Identifier: Apache-2.0
#include <sys/un.h>

#include <array>
#include <string>
#include <utility>

#include "agent/config/names.h"
#include "agent/config/schema.h"
#include "agent/config/units.h"

namespace tantalus {
namespace {

// With its terminating zero it must fit (unix(7)); a longer one would be cut (trap 23).
constexpr std::size_t max_socket_path = sizeof(sockaddr_un::sun_path) - 1;

bool is_socket_path(std::string_view text) {
  return text.size() <= max_socket_path && is_clean_path(text) && text != "/";
}

constexpr std::string_view socket_words = "an absolute path of at most 107 bytes, without empty or dot segments";
static_assert(max_socket_path == 107);

void read_mode(const Value& value, std::uint32_t& into) {
  constexpr std::string_view expected = "a file mode in quotes, such as \"0666\"";
  const std::optional<std::string> text = value.scalar(expected);
  if (!text) {
    return;
  }
  const std::optional<std::uint32_t> mode = parse_mode(*text);
  if (!value.node().quoted) {
    // Unquoted it is a number to YAML, octal or decimal as the reader likes.
    value.refuse_expected(expected, mode ? "Write it in quotes: \"" + *text + "\"" : "");
  } else if (!mode) {
    value.refuse_expected(expected, "It has three octal digits, and a zero before them if you like");
  } else {
    into = *mode;
  }
}

constexpr std::array<Key<ListenConfig>, 7> listen_keys{{
    {"socket", [](const Value& v, ListenConfig& c) { v.read_text(c.socket, socket_words, is_socket_path); }},
    {"mode", [](const Value& v, ListenConfig& c) { read_mode(v, c.mode); }},
    {"debug_socket",
     [](const Value& v, ListenConfig& c) { v.read_text(c.debug_socket, socket_words, is_socket_path); }},
    {"debug_group",
     [](const Value& v, ListenConfig& c) {
       v.read_text_or_empty(c.debug_group, "the name or number of a group", is_account);
     }},
    {"credentials_socket",
     [](const Value& v, ListenConfig& c) { v.read_text_or_empty(c.credentials_socket, socket_words, is_socket_path); }},
    {"metrics",
     [](const Value& v, ListenConfig& c) {
       v.read_text_or_empty(c.metrics, "HOST:PORT, such as 127.0.0.1:9464 or [::1]:9464", is_host_and_port);
     }},
    {"metrics_domains", [](const Value& v, ListenConfig& c) { v.read(c.metrics_domains); }},
}};

std::string_view directory_of(std::string_view path) {
  return path.substr(0, path.rfind('/') + 1);
}

}  // namespace

void read_listen(const Value& value, ListenConfig& into) {
  read_section(value, listen_keys, into);
}

void list_listen(std::vector<std::string>& out, const std::string& path) {
  list_section(out, path, listen_keys);
}

void check_listen(ConfigReading& reading, const ListenConfig& listen) {
  // Pods mount the socket's directory: nothing else may lie in it (trap 129).
  for (const auto& [key, path] : {std::pair("listen.debug_socket", &listen.debug_socket),
                                  std::pair("listen.credentials_socket", &listen.credentials_socket)}) {
    if (!path->empty() && directory_of(*path) == directory_of(listen.socket)) {
      reading.refuse_key(key, "another directory than that of listen.socket, which pods mount");
    }
  }
  if (listen.credentials_socket == listen.debug_socket) {
    reading.refuse_key("listen.credentials_socket", "another path than that of listen.debug_socket");
  }
}

}  // namespace tantalus
