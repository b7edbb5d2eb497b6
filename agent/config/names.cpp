// SPDX-License-Identifier: Apache-2.0
#include "agent/config/names.h"

#include <arpa/inet.h>

#include <algorithm>
#include <array>
#include <cstddef>
#include <cstdint>

#include "agent/config/units.h"

namespace tantalus {
namespace {

constexpr std::size_t max_dns_label = 63;
constexpr std::size_t max_dns_name = 253;

bool is_digit(char c) noexcept {
  return c >= '0' && c <= '9';
}
bool is_lower(char c) noexcept {
  return c >= 'a' && c <= 'z';
}
bool is_alnum(char c) noexcept {
  return is_digit(c) || is_lower(c) || (c >= 'A' && c <= 'Z');
}

bool is_of(std::string_view text, std::string_view also) noexcept {
  return std::ranges::all_of(text, [also](char c) { return is_alnum(c) || also.find(c) != std::string_view::npos; });
}

/// Calls `accepts` for each part between separators.
bool each_part(std::string_view text, char separator, auto accepts) noexcept {
  while (true) {
    const std::size_t end = text.find(separator);
    if (!accepts(text.substr(0, end))) {
      return false;
    }
    if (end == std::string_view::npos) {
      return true;
    }
    text.remove_prefix(end + 1);
  }
}

/// A DNS-1123 label of any length: Kubernetes bounds those of a subdomain by the whole alone (IsDNS1123Subdomain).
bool is_dns_part(std::string_view text) noexcept {
  return !text.empty() && text.front() != '-' && text.back() != '-' &&
         std::ranges::all_of(text, [](char c) { return is_digit(c) || is_lower(c) || c == '-'; });
}

bool is_ip(int family, std::string_view text) noexcept {
  std::array<char, INET6_ADDRSTRLEN> terminated{};
  if (text.size() >= terminated.size()) {
    return false;
  }
  std::ranges::copy(text, terminated.begin());
  std::array<unsigned char, 16> address{};
  return inet_pton(family, terminated.data(), address.data()) == 1;
}

bool is_port(std::string_view text) noexcept {
  const auto port = parse_number(text);
  return port && *port >= 1 && *port <= UINT16_MAX;
}

/// A name, an IPv4 address, or an IPv6 address in brackets (trap 71).
bool is_host(std::string_view text) noexcept {
  if (text.starts_with('[') && text.ends_with(']')) {
    return is_ip(AF_INET6, text.substr(1, text.size() - 2));
  }
  if (!text.empty() && text.find_first_not_of("0123456789.") == std::string_view::npos) {
    return is_ip(AF_INET, text);
  }
  std::array<char, max_dns_name> lower{};
  if (text.size() > lower.size()) {
    return false;
  }
  std::ranges::transform(text, lower.begin(),
                         [](char c) { return c >= 'A' && c <= 'Z' ? static_cast<char>(c + 32) : c; });
  return is_dns_name({lower.data(), text.size()});
}

/// Where `:PORT` begins; npos: there is none.
std::size_t port_begin(std::string_view authority) noexcept {
  const std::size_t colon = authority.rfind(':');
  const std::size_t bracket = authority.rfind(']');
  return colon != std::string_view::npos && bracket != std::string_view::npos && colon < bracket
             ? std::string_view::npos
             : colon;
}

}  // namespace

bool is_dns_label(std::string_view text) noexcept {
  return text.size() <= max_dns_label && is_dns_part(text);
}

bool is_dns_name(std::string_view text) noexcept {
  return text.size() <= max_dns_name && each_part(text, '.', is_dns_part);
}

bool is_label_key(std::string_view text) noexcept {
  if (const std::size_t slash = text.find('/'); slash != std::string_view::npos) {
    if (!is_dns_name(text.substr(0, slash))) {
      return false;
    }
    text.remove_prefix(slash + 1);
  }
  return !text.empty() && text.size() <= max_dns_label && is_alnum(text.front()) && is_alnum(text.back()) &&
         is_of(text, "-_.");
}

bool is_name_glob(std::string_view text) noexcept {
  return !text.empty() && text.size() <= max_dns_name && std::ranges::all_of(text, [](char c) {
    return is_digit(c) || is_lower(c) || c == '-' || c == '.' || c == '*';
  });
}

bool is_unit_name(std::string_view text) noexcept {
  constexpr std::size_t max_unit_name = 255;
  const bool has_kind =
      (text.ends_with(".service") && text.size() > 8) || (text.ends_with(".scope") && text.size() > 6);
  return has_kind && text.size() <= max_unit_name && is_of(text, ":-_.\\@");
}

bool is_account(std::string_view text) noexcept {
  if (!text.empty() && text.find_first_not_of("0123456789") == std::string_view::npos) {
    const auto id = parse_number(text);
    return id && *id < UINT32_MAX;
  }
  constexpr std::size_t max_account = 32;
  return !text.empty() && text.size() <= max_account && (is_alnum(text.front()) || text.front() == '_') &&
         is_of(text.substr(0, text.size() - 1), "-_.") && is_of(text.substr(text.size() - 1), "-_.$");
}

bool is_clean_path(std::string_view text) noexcept {
  if (!text.starts_with('/')) {
    return false;
  }
  return text == "/" || each_part(text.substr(1), '/', [](std::string_view segment) {
           return !segment.empty() && segment != "." && segment != "..";
         });
}

bool is_host_and_port(std::string_view text) noexcept {
  const std::size_t colon = port_begin(text);
  return colon != std::string_view::npos && is_host(text.substr(0, colon)) && is_port(text.substr(colon + 1));
}

bool is_https_address(std::string_view text) noexcept {
  constexpr std::string_view scheme = "https://";
  if (!text.starts_with(scheme)) {
    return false;
  }
  text.remove_prefix(scheme.size());
  std::string_view authority = text.substr(0, text.find('/'));
  const std::string_view path = text.substr(authority.size());
  if (!path.empty() && path != "/" && !(is_clean_path(path) && is_of(path, "/-_."))) {
    return false;
  }
  if (const std::size_t colon = port_begin(authority); colon != std::string_view::npos) {
    if (!is_port(authority.substr(colon + 1))) {
      return false;
    }
    authority = authority.substr(0, colon);
  }
  return is_host(authority);
}

}  // namespace tantalus
