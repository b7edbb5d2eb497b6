// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <memory>
#include <optional>
#include <string>
#include <vector>

#include "agent/config/config.h"
#include "agent/log/log.h"
#include "agent/policy/policy.h"
#include "agent/server/service.h"
#include "cache/cache.h"
#include "cache/freshness.h"

/// What the parts are told of a configuration.
namespace tantalus {

[[nodiscard]] Cache::Options cache_options(const Config& config);
[[nodiscard]] FreshnessRules freshness_rules(const Config& config);
[[nodiscard]] Service::Options service_options(const Config& config);
[[nodiscard]] std::unique_ptr<const Policy> make_policy(const Config& config);
[[nodiscard]] Log::Level log_level(const Config& config) noexcept;
[[nodiscard]] Log::Format log_format(const Config& config) noexcept;
/// What this build has no code for is refused where the file asks for it, and off where only a default does.
[[nodiscard]] std::optional<std::string> refuse_unbuilt(const Config& config);
/// All that is wrong with a configuration beyond its schema, as the daemon would find at its start.
[[nodiscard]] std::optional<std::string> refuse(const Config& config);
/// The directories in which a change can give `path` another content: its own, and those that its links lead to.
[[nodiscard]] std::vector<std::string> directories_of(const std::string& path);

}  // namespace tantalus
