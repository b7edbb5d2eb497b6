// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <string_view>

/// What names may look like (Kubernetes' "Object Names and IDs", systemd.unit(5), useradd(8)).
namespace tantalus {

/// DNS-1123 label: lower-case letters, digits and `-`, 1 to 63 of them, no `-` at an end.
[[nodiscard]] bool is_dns_label(std::string_view text) noexcept;
/// DNS-1123 subdomain, the name of most objects: such labels of any length between dots, at most 253 bytes in all.
[[nodiscard]] bool is_dns_name(std::string_view text) noexcept;
/// The key of a Kubernetes label, its prefix included: `example.com/domain`.
[[nodiscard]] bool is_label_key(std::string_view text) noexcept;
/// A pattern over DNS-1123 names in which `*` stands for any run of characters.
[[nodiscard]] bool is_name_glob(std::string_view text) noexcept;
/// A system unit that processes live in: its name ends in `.service` or `.scope`.
[[nodiscard]] bool is_unit_name(std::string_view text) noexcept;
/// A uid (not 4294967295, which is none), or the name of a user or group.
[[nodiscard]] bool is_account(std::string_view text) noexcept;
/// Begins with `/`, has no empty, `.` or `..` segment and no `/` at its end; `/` itself is one.
[[nodiscard]] bool is_clean_path(std::string_view text) noexcept;
/// A host and a port: `127.0.0.1:9464`, `[::1]:9464`, `localhost:9464`.
[[nodiscard]] bool is_host_and_port(std::string_view text) noexcept;
/// `https://HOST[:PORT][/PATH]`: no user, no query, no fragment, no dot segments.
[[nodiscard]] bool is_https_address(std::string_view text) noexcept;

}  // namespace tantalus
