// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <string>
#include <vector>

#include "agent/config/config.h"
#include "agent/config/reading.h"

/// The schema, a file a section: the table of its keys, and what must hold between them. A key is one line of one
/// table.
namespace tantalus {

/// Every key with its full path, as docs/configuration.md has it: `identity.domains[].user`,
/// `backends.vault.domains.<domain>[].name`.
[[nodiscard]] std::vector<std::string> schema_keys();

void read_config(const Value& root, Config& into);
/// What no single key shows. Only once every key could be read.
void check_config(ConfigReading& reading, const Config& config);

void read_listen(const Value& value, ListenConfig& into);
void list_listen(std::vector<std::string>& out, const std::string& path);
void check_listen(ConfigReading& reading, const ListenConfig& listen);

void read_limits(const Value& value, LimitsConfig& into);
void list_limits(std::vector<std::string>& out, const std::string& path);
void check_limits(ConfigReading& reading, const LimitsConfig& limits);

void read_cache(const Value& value, CacheConfig& into);
void list_cache(std::vector<std::string>& out, const std::string& path);

void read_identity(const Value& value, IdentityConfig& into);
void list_identity(std::vector<std::string>& out, const std::string& path);

/// Rules: `identity.domains` and `identity.admins`.
void read_domain_rules(const Value& value, std::vector<RuleConfig>& into);
void list_domain_rules(std::vector<std::string>& out, const std::string& path);
void read_admin_rules(const Value& value, std::vector<RuleConfig>& into);
void list_admin_rules(std::vector<std::string>& out, const std::string& path);

void read_backends(const Value& value, BackendsConfig& into);
void list_backends(std::vector<std::string>& out, const std::string& path);

void read_vault_domains(const Value& value, VaultConfig& into);
void list_vault_domains(std::vector<std::string>& out, const std::string& path);
void check_vault_domains(ConfigReading& reading, const VaultConfig& vault);

void read_vault_auth(const Value& value, VaultAuthConfig& into);
void list_vault_auth(std::vector<std::string>& out, const std::string& path);

void read_audit(const Value& value, AuditConfig& into);
void list_audit(std::vector<std::string>& out, const std::string& path);

void read_rotation(const Value& value, RotationConfig& into);
void list_rotation(std::vector<std::string>& out, const std::string& path);

void read_log(const Value& value, LogConfig& into);
void list_log(std::vector<std::string>& out, const std::string& path);

/// Every domain that the configuration names has an object of its own (trap 121, 122).
void check_domains(ConfigReading& reading, const Config& config);

}  // namespace tantalus
